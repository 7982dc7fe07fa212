//! A strict simulator of ESP32-class chips.
//!
//! It runs a firmware ELF on a RISC-V core (RV32IMC or RV32IMAC, machine and user mode) that sits
//! on a chip's memory map, with the map's rules switched on: what the chip would refuse traps,
//! and what it would forgive silently is told. It runs the same ELF as QEMU's `virt` machine, with
//! the same output and the same number of instructions.
//!
//! ```text
//!  ELF ──▶ Program ──▶ Machine ── run ──▶ Stop
//!                        │ core: registers, CSRs, blocks of decoded instructions
//!                        └ bus: pages of memory with what each allows, devices
//! ```
//!
//! What is modelled and what is not is in `docs/sim.md`.
#![forbid(unsafe_code)]

mod board;
mod bus;
mod cache;
mod csr;
mod debug;
mod decode;
mod device;
mod elf;
mod execute;
mod fuse;
mod gdb;
mod inst;
mod isa;
mod machine;
mod memcheck;
mod pmp;
mod runs;
mod semihost;
mod sweep;
mod trap;
mod watch;

pub use board::{Board, ChipOptions};
pub use debug::{WatchedAccess, Watchpoints};
pub use device::{CardError, Medium};
pub use elf::ElfError;
pub use gdb::{Desk, GdbError, Session, debug};
pub use isa::Extensions;
pub use machine::{Machine, StaleFetch, Stop};
pub use memcheck::{BlockFound, Code, CodeMap, Finding, Flaw, Leak, Memcheck};
pub use trap::{Cause, Trap};
