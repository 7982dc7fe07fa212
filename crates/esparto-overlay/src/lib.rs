//! Runs code from storage on ESP32-class chips: programs larger than the flash.
//!
//! An overlay is a library that was linked with the firmware, taken out of it and kept on storage.
//! [`Overlays`] brings it into a *slot* of executable memory when it is called and lets it go when
//! the slot is wanted for another one, the one that was not asked for longest first. Its data stays.
//!
//! ```text
//!  call ─▶ stub ─▶ mapped? ─yes─▶ the function
//!                    │no
//!                    ▼
//!            miss path: Store ─▶ bounce buffer ─▶ checksum ─▶ (relocate) ─▶ Writer ─▶ sync ─▶ mapped
//! ```
//!
//! | room | holds |
//! |---|---|
//! | `overlays` | the front: load, call, pin, unload, prefetch |
//! | `load`, `stream`, `place` | from a file to words in a slot |
//! | `store` | where files are: memory, this machine, FAT, LittleFS, flash |
//! | `writer` | executable memory, by 32-bit words, as each kind of chip wants it |
//! | `platform` | what the firmware answers: interrupts, tasks, stack, time |
//! | `tables` | the packer's tables in the firmware |
//! | `error`, `fault` | what was refused, and how it is told |
//! | `state`, `returns`, `restore` | what is where, and who must return to what |
//! | `handle`, `function`, `symbol` | pins, typed functions, names |
//! | `unload` | destructors and the end |
//! | `trust` | the signed manifest (feature `signed`) |
//! | `miss`, `frame`, `gdb` | what stubs and the debugger are linked with |
//!
//! How it meets the packer is in `docs/overlays.md`, the files byte by byte in `docs/format.md`.
#![no_std]
// The assembly of these cores is not stable; their compilers are nightly ones.
#![cfg_attr(target_arch = "xtensa", feature(asm_experimental_arch))]

mod error;
mod fault;
#[cfg(any(target_arch = "riscv32", all(target_arch = "xtensa", not(target_feature = "sext"))))]
mod frame;
// No condition tells register windows; of the family's Xtensa cores those with them have this
// instruction, and the LX106 has neither.
#[cfg(all(target_arch = "xtensa", target_feature = "sext"))]
#[path = "frame_windowed.rs"]
mod frame;
mod function;
mod gdb;
mod handle;
mod load;
#[cfg(any(target_arch = "riscv32", target_arch = "xtensa"))]
mod miss;
mod overlays;
mod place;
mod platform;
mod restore;
mod returns;
mod state;
mod stats;
pub mod store;
mod stream;
mod symbol;
mod tables;
#[cfg(feature = "signed")]
mod trust;
mod unload;
mod writer;

pub use error::LoadError;
#[cfg(feature = "signed")]
pub use esparto_image::manifest::PublicKey;
pub use function::{Bound, Function};
pub use gdb::_ovly_debug_event;
pub use handle::{Loader, Pin};
pub use overlays::Overlays;
pub use platform::Platform;
pub use restore::{Missed, Resolved};
pub use stats::{Event, Stats};
pub use store::{MemoryStore, Store, StoreError};
#[cfg(target_pointer_width = "32")]
pub use tables::Resident;
pub use tables::{Identity, Tables};
#[cfg(feature = "signed")]
pub use trust::Seal;
pub use writer::{Alias, Cached, Direct, Inverted, Writer, sync_instructions};
