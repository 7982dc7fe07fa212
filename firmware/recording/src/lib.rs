//! What every recorded firmware here has in common: a [`Memory`](esparto::Memory) over all of the
//! board's regions, and its trace on the way to a file on the host.
//!
//! ```text
//!  allocations ──▶ Recorder (ring) ──software interrupt──▶ Encoder ──▶ file on the host
//! ```
//!
//! The ring is emptied as a device would do it, by an interrupt that is asked for while the
//! ring fills, takes the events out in batches and encodes them outside the heap's own work. Nothing here allocates.
//!
//! [`start`] once, [`snapshot`] where the account should be proved, [`health`] for how pools, bus and
//! stacks fare, [`finish`] at the end;
//! [`run_on_own_stack`] for work that needs more stack than a boot stack has.
#![no_std]

mod probe;
mod session;
mod stack;
mod stream;

pub use board_virt::Told;
pub use esparto_trace::Recorder;
pub use probe::Core;
pub use session::{
    Names, RECORDED_REGIONS, Traced, TracedSink, finish, health, name_overlay, overlay, snapshot,
    start,
};
pub use stack::run_on_own_stack;
