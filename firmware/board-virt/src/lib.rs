//! Board support for QEMU's RISC-V `virt` machine, dressed as an ESP32-C3 with PSRAM; and, with
//! `ESPARTO_CHIP=sifive_u`, for the machine of that name, which has an SD card.
//!
//! - [`memory`]: which memory there is, what of it is taken before `main`, and what is Esparto's.
//! - [`stack`]: a stack of one's own, from any allocator, with its high-water mark.
//! - [`task`]: tasks on stacks of their own, preempted by interrupts. [`timer`]: the interrupt that
//!   comes by itself.
//! - [`frames`]: the return addresses that led here, by the chain of frame pointers.
//! - [`counter`]: instructions retired. [`doorbell`]: an interrupt on request.
//! - [`uart`], [`println!`]: lines for people. [`channel`]: bytes for a file on the host.
//! - [`cache`]: the switch of the cache in front of flash and PSRAM.
//! - [`hint`]: what a firmware tells the simulator's memcheck; [`Told`]: a sink that does it.
//! - [`exit`]: the end of the program, with a verdict for the host.
//!
//! Start-up and traps are `riscv-rt`'s; the critical section is that of the `riscv` crate for one
//! hart. Both are linked in by using this crate.
#![no_std]

pub mod cache;
pub mod channel;
pub mod counter;
pub mod doorbell;
pub mod exit;
pub mod frames;
pub mod hint;
mod machine;
pub mod memory;
pub mod stack;
pub mod task;
pub mod timer;
mod told;
mod trap;
pub mod uart;

pub use riscv_rt::entry;
pub use told::Told;
