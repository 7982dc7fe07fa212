//! The library behind the host tool `esparto`.
//!
//! One module holds one command: its arguments, what it does, and how it shows the result.
//! [`Cli`] is the command line, [`execute`] carries it out; [`Output`] is where a command writes
//! (text for people, JSON for programs) and [`Failure`] how it ends badly (file, offset, mend,
//! exit code).
#![forbid(unsafe_code)]

pub mod chips;
mod cli;
mod document;
mod failure;
mod lines;
pub mod map;
mod output;
pub mod overlay;
pub mod report;
pub mod run;
pub mod sim;

pub use cli::{Cli, Command, execute};
pub use failure::{Exit, Failure};
pub use output::Output;
