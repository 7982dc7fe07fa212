//! Memory for ESP32-class microcontrollers: regions by capability, heaps over them, and a clear
//! picture of what happens inside.
//!
//! - [`Region`]: a stretch of memory with [capabilities](Caps).
//! - [`Memory`]: all regions behind one lock. A request names what it needs ([`Policy`]), never an
//!   address. It is a global allocator, hands out [handles](Handle) for collections and
//!   [blocks](Block) that give themselves back.
//! - [`RawHeap`]: what every heap can do; [`LinkedList`] is the first of them.
//! - [`WordHeap`]: instruction memory that takes nothing but 32-bit stores, managed out of band.
//! - [`Pool`] and [`BlockPool`]: equal blocks in constant time, for whom the type says;
//!   [`Tiers`]: several sizes of them, and a heap behind.
//! - [`Bus`]: services post events, subscribers share one copy, from tasks and interrupt handlers.
//! - [`Stack`]: painted, with high-water mark, canary and guard, in a table of the [tasks](stack).
//! - [`guard`]: who holds which block since when, and who wrote where nothing was theirs.
//! - [`monitor`]: how memory fares, per region and per capability, and who is told.
//! - [`Event`] and [`Sink`]: everything that happens, for whoever wants to know;
//!   [`RegionStats`] and [`CapsStats`]: the state at a moment.
//!
//! The crate is `no_std`, uses no allocator itself, names no chip and does no I/O.
#![no_std]
#[cfg(test)]
extern crate std;

pub mod bus;
mod caps;
pub mod guard;
pub mod heap;
mod lock;
mod memory;
pub mod monitor;
mod policy;
pub mod pool;
mod region;
pub mod stack;
mod stats;
mod stores;
pub mod tiers;
mod trace;
mod word;

pub use bus::Bus;
pub use caps::Caps;
pub use heap::{Corruption, Cursor, Heap, LinkedList, Progress, RawHeap, Realtime, Throughput};
pub use memory::{AllocError, Block, GrowError, Handle, Memory, SizedError, UsualHeap, usual};
pub use policy::{Policy, Use};
pub use pool::{BlockPool, Pool, PoolBox, PoolStats};
pub use region::{Region, RegionError, RegionId};
pub use stack::Stack;
pub use stats::{CapsStats, RegionStats, fragmentation_percent};
pub use tiers::{Class, Tiers};
pub use trace::{Event, Owner, PoolEvent, Silent, Sink};
pub use word::{WordBlock, WordError, WordHeap};
