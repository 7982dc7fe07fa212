//! Board support for QEMU's Xtensa `sim` machine with a core that has register windows: an LX6, as in
//! the ESP32, with what the ESP32-S2 and S3 have in common with it.
//!
//! It is the LX106 board's twin: the programs of this workspace see the same modules. What is
//! this core's own is the start, the way into a trap and out of it, and the way onto another stack:
//! the registers of all callers that are not in memory yet go there first.
//!
//! - [`memory`]: which memory there is, and what of it is Esparto's.
//! - [`stack`]: being on a stack of one's own. [`task`]: tasks on such stacks, preempted by
//!   interrupts. [`timer`]: the interrupt that comes by itself.
//! - [`counter`]: instructions retired, those that spill and fill windows among them.
//! - [`uart`], [`println!`]: lines for people. [`exit`]: the end of the program, with a verdict for
//!   the host. [`file`](mod@file): files of the host.
//!
//! A program begins at its `main`, an unmangled `fn() -> !`, and may have an unmangled
//! `fn on_timer()`.
#![no_std]
// The assembly of this core is not stable yet.
#![feature(asm_experimental_arch)]

#[path = "../../board-lx106/src/counter.rs"]
pub mod counter;
#[path = "../../board-lx106/src/critical.rs"]
mod critical;
#[path = "../../board-lx106/src/exit.rs"]
pub mod exit;
#[path = "../../board-lx106/src/file.rs"]
pub mod file;
#[path = "../../board-virt/src/hint.rs"]
pub mod hint;
mod jump;
mod machine;
#[path = "../../board-lx106/src/memory.rs"]
pub mod memory;
mod spill;
pub mod stack;
mod start;
pub mod task;
mod timed;
#[path = "../../board-lx106/src/timer.rs"]
pub mod timer;
#[path = "../../board-lx106/src/trap.rs"]
mod trap;
#[path = "../../board-lx106/src/uart.rs"]
pub mod uart;
