//! The monitor: how memory fares, per region and per capability, and who is told when it does not.
//!
//! Everything that can be looked at is a [`Source`] of [`Reading`]s: a memory, tiers, a task table,
//! a stack, and with a name ([`Named`]) a pool, a bus, a capability or a guard's log. What nobody
//! names is not linked. [`Snapshot`] writes them all; a [`Monitor`] compares them with
//! [`Thresholds`] and tells what began and what is over, when no lock is held. Memory of different
//! kinds is never summed up into one figure.
//!
//! ```
//! use esparto::monitor::{Monitor, Named, Snapshot, Thresholds};
//! use esparto::{Caps, LinkedList, Memory};
//!
//! static MEMORY: Memory<2> = Memory::new();
//! # let sram = Box::leak(Box::new([core::mem::MaybeUninit::uninit(); 65_536]));
//! let caps = Caps::INTERNAL | Caps::BYTE | Caps::DMA;
//! MEMORY.add_static::<LinkedList>("sram", sram, caps)?;
//!
//! let stats = MEMORY.heap_stats(Caps::INTERNAL).expect("there is internal memory");
//! assert!(stats.health(&Thresholds::DEFAULT).is_ok());
//! println!("{}", stats.log(&Thresholds::DEFAULT));
//! println!("{}", MEMORY.info().log(Some("my_service")));
//! println!("{}", MEMORY.usage());
//!
//! let dma = Named::new("dma", &MEMORY).with_caps(Caps::DMA);
//! println!("{}", Snapshot(&[&MEMORY, &dma]));
//! let mut monitor = Monitor::<8>::new(Thresholds::DEFAULT);
//! monitor.poll(&[&MEMORY, &dma], |finding| println!("{finding}"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod diagnosis;
mod health;
mod info;
mod reading;
mod size;
mod source;
mod watch;

pub use diagnosis::Diagnosis;
pub use health::{HeapStats, Thresholds, Unhealthy};
pub use info::{MemoryInfo, MemoryUsage, Usage};
pub use reading::{Reading, Snapshot};
pub use source::{Named, OfCaps, Source};
pub use watch::{Finding, Monitor, Polled, Trouble};
