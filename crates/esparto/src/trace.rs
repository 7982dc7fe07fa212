//! What happens in a memory, as it happens.

use crate::memory::UsualHeap;
use crate::{Caps, RegionId};

/// Who a request is made for: a task, a stage, a library. Chosen by the user; 0 is "nobody said".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub u16);

/// One thing that happened. Addresses and sizes are of the target and fit 32 bits there; hosts
/// carry them as `usize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A block was handed out.
    Allocate {
        /// The region it lies in.
        region: RegionId,
        /// Its first address.
        addr: usize,
        /// The size asked for.
        size_bytes: usize,
        /// The alignment asked for, as a power of two.
        align_log2: u8,
        /// What the request required.
        require: Caps,
        /// What the request preferred.
        prefer: Caps,
    },
    /// A block was given back.
    Deallocate {
        /// The region it lay in.
        region: RegionId,
        /// Its first address.
        addr: usize,
        /// Its size as asked for.
        size_bytes: usize,
    },
    /// A block changed its size, in place (`addr` = `old_addr`) or by moving.
    Resize {
        /// The region it lies in now.
        region: RegionId,
        /// Where it was.
        old_addr: usize,
        /// Where it is.
        addr: usize,
        /// The size it had.
        old_size_bytes: usize,
        /// The size it has.
        size_bytes: usize,
        /// The alignment, as a power of two.
        align_log2: u8,
    },
    /// A request could not be met.
    Failure {
        /// The size asked for.
        size_bytes: usize,
        /// The alignment asked for, as a power of two.
        align_log2: u8,
        /// What the request required.
        require: Caps,
        /// What the request preferred.
        prefer: Caps,
    },
    /// The user marked this moment.
    Mark {
        /// The user's number for it.
        id: u32,
    },
}

/// One thing that happened in [`Tiers`](crate::Tiers) over a memory. What goes on to the heap is an
/// [`Event`] like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolEvent {
    /// A class is live.
    SetUp {
        /// Its first block.
        start_addr: usize,
        /// A block's size.
        block_bytes: usize,
        /// How many blocks.
        block_count: usize,
    },
    /// A block was handed out.
    Take {
        /// Its address.
        addr: usize,
        /// The size asked for.
        size_bytes: usize,
    },
    /// A block was taken back.
    Give {
        /// Its address.
        addr: usize,
    },
    /// A pointer into a pool was refused when it was given back.
    Refused {
        /// The pointer.
        addr: usize,
    },
    /// A class has ended.
    End {
        /// What was its first block.
        start_addr: usize,
    },
}

/// Where the events of a [`Memory`](crate::Memory) go.
///
/// `record` runs inside the lock of the memory: it must be short, and must not allocate from the
/// same memory (such a request fails with `Reentered`). A sink is a type, not a value behind a
/// pointer, so that [`Silent`] leaves no instruction behind.
pub trait Sink {
    /// Takes it no note of anything? Then nobody takes a lock to tell it.
    const IS_SILENT: bool = false;

    /// The heap that most regions of a memory with this sink are under
    /// ([`Memory::add_usual`](crate::Memory::add_usual)), for programs that count bytes of code: what asks
    /// how such a heap is comes with those who ask. What such a memory does differently:
    ///
    /// - Every block knows its size, in the heap's lead if it has one: four bytes at any alignment.
    /// - The figures of a failure ([`Memory::last_failure`](crate::Memory::last_failure)) are those of the
    ///   moment at which they are asked for first; errors that are returned say the kind of trouble alone.
    /// - Events are told for the memory's owner ([`Memory::set_owner`](crate::Memory::set_owner)), not for
    ///   that of a handle.
    const USUAL: Option<UsualHeap> = None;

    /// Would it take no note of an event now? Then none is made for it.
    #[inline(always)]
    fn is_deaf(&self) -> bool {
        Self::IS_SILENT
    }

    /// Takes note of one event of `owner`.
    fn record(&mut self, owner: Owner, event: Event);

    /// Takes note of one event of tiers. Those who do not care leave this alone.
    #[inline(always)]
    fn record_pool(&mut self, event: PoolEvent) {
        let _ = event;
    }
}

/// The sink that takes no note. An operation of a silent memory has no instruction of tracing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Sink for Silent {
    const IS_SILENT: bool = true;

    #[inline(always)]
    fn record(&mut self, _owner: Owner, _event: Event) {}
}
