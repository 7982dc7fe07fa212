//! Esparto for C and C++: regions, heaps, pools, tiers, stacks and figures behind stable names.
//!
//! Build it as a static library and include `esparto/esparto.h`, which is generated from this crate
//! and checked in. Conventions, everywhere:
//!
//! - Functions that can fail return a [`Status`] with a number that never changes; what they hand out
//!   comes back through a pointer, which is written only on success. `malloc` and its relatives return
//!   null instead.
//! - A null pointer where one may not be is an error with a name, and so is a handle that was never
//!   set up, was ended, or is of another kind. Sizes are added and multiplied with checks.
//! - Handles have a known size and lie wherever the caller wants; zeroed ones are not set up yet.
//! - Names are text that lives for ever, with a length: `ESPARTO_NAME("sram")`.
//! - Tasks and interrupt handlers may call, unless a function says otherwise; setting a handle up and
//!   ending it is for one task at a time.
//!
//! On a microcontroller the platform supplies the lock and the last word: `esparto/port.h`.
#![no_std]
#[cfg(not(target_os = "none"))]
extern crate std;

mod bus;
mod caps;
mod compat;
mod cursor;
mod guard;
mod handle;
mod hook;
mod leaks;
mod malloc;
mod monitor;
mod name;
#[cfg(feature = "overlay")]
mod overlay;
mod own_heap;
mod pool;
mod port;
mod region;
mod source;
mod stack;
mod stats;
mod status;
mod system;
mod text;
mod tiers;
mod trace;

pub use bus::*;
pub use caps::*;
pub use compat::*;
pub use cursor::*;
pub use guard::*;
pub use leaks::*;
pub use malloc::*;
pub use monitor::*;
#[cfg(feature = "overlay")]
pub use overlay::*;
pub use own_heap::*;
pub use pool::*;
pub use region::*;
pub use source::*;
pub use stack::*;
pub use stats::*;
pub use status::*;
pub use tiers::*;
pub use trace::*;
