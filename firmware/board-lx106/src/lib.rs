//! Board support for QEMU's Xtensa `sim` machine with an LX106 core, the one of the ESP8266.
//!
//! It is the RISC-V board's twin: the programs of this workspace see the same modules.
//!
//! - [`memory`]: which memory there is, and what of it is Esparto's.
//! - [`stack`]: being on a stack of one's own. [`task`]: tasks on such stacks, preempted by
//!   interrupts. [`timer`]: the interrupt that comes by itself.
//! - [`counter`]: instructions retired. [`doorbell`]: an interrupt on request.
//! - [`uart`], [`println!`]: lines for people. [`exit`]: the end of the program, with a verdict for
//!   the host. [`file`](mod@file): files of the host.
//!
//! A program begins at its `main`, an unmangled `fn() -> !`, and may have an unmangled
//! `fn on_timer()` and `fn on_ring()`. The core has no compare-and-swap; the critical section raises the level of the
//! interrupts that are let through.
#![no_std]
// The assembly of this core is not stable yet.
#![feature(asm_experimental_arch)]

pub mod counter;
mod critical;
pub mod doorbell;
pub mod exit;
pub mod file;
#[path = "../../board-virt/src/hint.rs"]
pub mod hint;
mod machine;
pub mod memory;
pub mod stack;
mod start;
pub mod task;
mod timed;
pub mod timer;
mod trap;
pub mod uart;
