//! What memcheck finds.

use std::fmt;

/// What is wrong with an access, a call or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Flaw {
    /// A load or store in a block that was freed.
    UseAfterFree,
    /// A load or store of an allocator's memory that is in no block.
    OutOfBounds,
    /// A branch, an address or a jump depends on bytes that were never written.
    Uninitialised,
    /// A block is freed a second time.
    DoubleFree,
    /// What is freed is the start of no block.
    ForeignFree,
    /// The stack goes below its end.
    StackOverflow,
    /// A load, store or jump into an overlay that was evicted.
    EvictedOverlay,
    /// Memory that an interrupt handler must not touch is touched in one.
    InterruptAccess,
    /// Memory behind the cache is touched while that is off.
    CacheOff,
    /// An atomic instruction in memory that cannot do them.
    Atomic,
    /// A buffer for DMA where DMA cannot reach.
    Dma,
}

impl Flaw {
    /// May an allocator do this in memory that it manages?
    pub(super) const fn is_allocators(self) -> bool {
        matches!(self, Self::OutOfBounds | Self::UseAfterFree | Self::Uninitialised)
    }

    /// The name, for suppressions and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UseAfterFree => "use-after-free",
            Self::OutOfBounds => "out-of-bounds",
            Self::Uninitialised => "uninitialised",
            Self::DoubleFree => "double-free",
            Self::ForeignFree => "foreign-free",
            Self::StackOverflow => "stack-overflow",
            Self::EvictedOverlay => "evicted-overlay",
            Self::InterruptAccess => "interrupt-access",
            Self::CacheOff => "cache-off",
            Self::Atomic => "atomic",
            Self::Dma => "dma",
        }
    }
}

/// Writes what happened.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UseAfterFree => "use of a block after it was freed",
            Self::OutOfBounds => "access outside of any block",
            Self::Uninitialised => "decision by bytes that were never written",
            Self::DoubleFree => "block freed twice",
            Self::ForeignFree => "free of what is no block",
            Self::StackOverflow => "stack overflow",
            Self::EvictedOverlay => "access to an overlay that was evicted",
            Self::InterruptAccess => "access in an interrupt to memory that is not safe there",
            Self::CacheOff => "access to memory behind the cache while that is off",
            Self::Atomic => "atomic instruction in memory that cannot do them",
            Self::Dma => "buffer for DMA where DMA cannot reach",
        })
    }
}

/// The block that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFound {
    /// Its first address.
    pub addr: u32,
    /// Its size in bytes.
    pub size_bytes: u32,
    /// Who allocated it: return addresses, innermost first.
    pub allocated_by: Vec<u32>,
    /// Who freed it, if it was.
    pub freed_by: Option<Vec<u32>>,
    /// The name of whom it was allocated for, if that was told.
    pub owner: Option<String>,
}

/// One thing that is wrong. Each place in the program tells of each flaw once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub flaw: Flaw,
    /// The address that was accessed, freed or jumped to.
    pub addr: u32,
    /// Where in the program: the instruction, then return addresses, innermost first.
    pub at: Vec<u32>,
    /// The block it concerns, if one is known.
    pub block: Option<BlockFound>,
    /// The name of the task whose stack was in use, if that was told.
    pub task: Option<String>,
    /// The first address and the size of the stack that overflowed.
    pub stack: Option<(u32, u32)>,
}

/// Blocks that nothing points to any more, allocated at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Who allocated them.
    pub allocated_by: Vec<u32>,
    /// How many.
    pub block_count: u32,
    /// Their sizes together.
    pub size_bytes: u64,
}
