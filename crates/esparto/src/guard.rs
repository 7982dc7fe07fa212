//! Guards: who holds which block since when, and who wrote where nothing was theirs.
//!
//! All of it is types: what nobody names is not linked, and costs nothing.
//!
//! | | [`Ledger`] | [`Guarded`] |
//! |---|---|---|
//! | is | a [`Sink`](crate::Sink) of a memory, or beside a pool ([`TrackedPool`]) | a wrapper for any heap, and a heap itself; for a pool, [`GuardedPool`] |
//! | finds | leaks, by the place that asked | overruns, underruns, writes after the free, frees that are wrong |
//! | knows | owner, file, line and time of each live block | the block, and what is written there instead |
//! | costs | a record a block, in a table of fixed size | [`Guarded::BLOCK_OVERHEAD_BYTES`] a block, a 64th of the heap, a fill a request |
//!
//! Together, a [`Violation`] is told with the block's owner and the place that asked for it:
//! [`Memory::name_violation`](crate::Memory::name_violation).
//!
//! ```
//! use core::alloc::Layout;
//! use esparto::guard::{Guarded, Ledger, Rules, ViolationLog};
//! use esparto::{Caps, LinkedList, Memory};
//!
//! static LOG: ViolationLog = ViolationLog::new();
//! struct Checks;
//! impl Rules for Checks {
//!     fn log() -> &'static ViolationLog {
//!         &LOG
//!     }
//! }
//!
//! static MEMORY: Memory<2, Ledger<100>> = Memory::with_sink(Ledger::new());
//! # let sram = Box::leak(Box::new([core::mem::MaybeUninit::uninit(); 8192]));
//! let caps = Caps::INTERNAL | Caps::BYTE | Caps::ATOMIC;
//! MEMORY.add_static::<Guarded<LinkedList, Checks>>("sram", sram, caps)?;
//!
//! let layout = Layout::new::<[u8; 24]>();
//! let block = MEMORY.allocate_here(layout, Caps::INTERNAL)?;
//! println!("{}", MEMORY.leaks());
//! // SAFETY: the block is live, and the byte behind it is the guard's, which is there to take it.
//! unsafe { block.add(24).write(0) };
//! // SAFETY: from this memory, with this layout.
//! unsafe { MEMORY.deallocate(block, layout) };
//! let violation = LOG.take().expect("one byte too many");
//! println!("{}", MEMORY.name_violation(violation));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod guarded;
mod guarded_pool;
mod leaks;
mod ledger;
mod memory;
mod pool;
mod violation;

pub use guarded::{Guarded, Rules, Standard};
pub use guarded_pool::GuardedPool;
pub use leaks::{LeakReport, SiteLeak};
pub use ledger::{Freed, Ledger, OwnerHeap, Record, Site};
pub use memory::NamedViolation;
pub use pool::TrackedPool;
pub use violation::{Violation, ViolationLog};
