//! The five heap schemes of FreeRTOS, by their names and with their habits, for whoever moves from
//! there or must behave as a program there does. For anything else [`Heap`](super::Heap) is faster,
//! tighter and bounded.
//!
//! | Scheme | Here | Free list | Fit | Neighbours |
//! |---|---|---|---|---|
//! | heap_1 | [`Heap1`] | none: never frees | next | |
//! | heap_2 | [`Heap2`] | by size | best: the first that is large enough | never merged |
//! | heap_3 | [`Heap3`] | the wrapped allocator's | | |
//! | heap_4 | [`Heap4`] | by address | first | merged at the free |
//! | heap_5 | [`Heap5`] | by address, over several stretches | first | merged, within a stretch |
//!
//! Blocks of heap_2, 4 and 5 carry a header, so that a free needs no size:
//!
//! ```text
//!   ┌──────┬──────┬──────────────┐┌──────┬──────┬────────────┐
//!   │ mark │ size │ live payload ││ next │ size │    free    │
//!   └──────┴──────┴──────────────┘└──────┴──────┴────────────┘
//!     4      4      a multiple of 8
//! ```
//!
//! - The top bit of the size is set iff the block is live, and iff so the word in front is the mark
//!   of that very place, not a link. A free that finds another mark there is refused.
//! - Blocks lie one behind the other without a hole, so a check sees live headers too.
//! - A block is divided when more than 16 bytes, two headers, would be left; else they stay with
//!   the block. An alignment above 8 leaves a free block in front, never a hole.
//! - Links and sizes have 32 bits on every target: a 64-bit host places every block where a chip
//!   does. All of a scheme's memory together is below 2 GiB.
//!
//! Allocating is O(free blocks) in all of them, freeing as well: each takes its place in the order.
//! Sizes in the [statistics](HeapStats) count headers, as those of FreeRTOS do. There is no end
//! marker in the memory, so that a heap here starts with one header more to give.
//!
//! None of them locks; a [`Memory`](crate::Memory) does, and so does [`Heap3`] around any of them:
//!
//! ```
//! use core::mem::MaybeUninit;
//! use core::ptr::NonNull;
//! use esparto::heap::freertos::{Heap3, Heap5};
//!
//! static HEAP: Heap3<Heap5<2>> = Heap3::new(Heap5::new());
//!
//! let sram = Box::leak(Box::new([MaybeUninit::<u8>::uninit(); 4096]));
//! let memory = NonNull::slice_from_raw_parts(NonNull::from(sram).cast(), 4096);
//! // SAFETY: nobody else has the buffer, for ever.
//! HEAP.with(|heap| unsafe { heap.add(memory) }).unwrap()?;
//!
//! let block = HEAP.malloc(100).unwrap();
//! // SAFETY: the block is not used again.
//! assert!(unsafe { HEAP.free(block) });
//! # Ok::<(), esparto::heap::freertos::AddError>(())
//! ```

mod audit;
mod error;
mod malloc;
mod order;
mod scheme;
mod stats;
mod stretch;

pub use self::error::AddError;
pub use self::malloc::{Heap3, Malloc};
pub use self::order::{ByAddress, BySize, Order};
pub use self::scheme::Scheme;
pub use self::stats::HeapStats;
pub use super::Bump as Heap1;

/// Best fit, never merged: for programs that ask for few different sizes. FreeRTOS calls it
/// obsolete and recommends heap_4.
pub type Heap2 = Scheme<BySize, 1>;

/// First fit, neighbours merged at the free.
pub type Heap4 = Scheme<ByAddress, 1>;

/// heap_4 over up to `N` stretches of memory. A block never spans two, even if they touch.
pub type Heap5<const N: usize> = Scheme<ByAddress, N>;
