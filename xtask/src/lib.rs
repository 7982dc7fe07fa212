//! The development commands of Esparto, behind `cargo xtask`.
//!
//! `demo` shows the product at work, `test` is everything that CI runs, `bench` measures, `record`
//! makes the traces of `traces/` anew, `fuzz` attacks what reads untrusted bytes, `lint` and `fmt`
//! are two steps of `test` for the impatient. Each command installs what it needs, or says exactly
//! what to install.

mod arduino;
mod c;
mod card;
mod cli;
mod demo;
mod emulator;
mod esp_hal;
mod esp_idf;
mod exec;
mod firmware;
mod freertos;
mod heavy;
mod library;
mod loader;
mod memcheck;
mod miri;
mod overlay_scale;
mod platformio;
mod program;
mod python;
mod race;
mod readme;
mod repo;
mod silent;
mod sim_soak;
mod steps;
mod streamed;
mod tally;
mod test;
pub mod tidy;
mod tools;
mod traces;
mod windowed;
mod xtensa;

pub use cli::main;
pub use repo::Repo;
