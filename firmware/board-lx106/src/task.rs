//! Tasks: each on a stack of its own, by priority, preempted by interrupts. The crew and its
//! scheduler are the RISC-V board's; the way into a trap and out of it is this core's.

#[path = "../../board-virt/src/task/context.rs"]
mod context;
#[path = "../../board-virt/src/task/crew.rs"]
mod crew;
mod entry;
#[path = "../../board-virt/src/task/scheduler.rs"]
mod scheduler;
mod trap;
#[path = "../../board-virt/src/task/wait.rs"]
mod wait;

pub use crew::{Crew, TASK_LIMIT, Table};
pub(crate) use entry::enter;
pub use scheduler::CONTROL_BYTES;
pub use wait::Blocking;
