//! Which memory a request may and would like to have.

use crate::Caps;

/// Which regions a request may use, and which it would rather use.
///
/// A small value, not a function each: what a request *requires* is never given up; what it
/// *prefers* is tried first and given up when no such region has room. The preference may depend
/// on the size.
///
/// ```
/// use esparto::{Caps, Policy};
///
/// // Frame buffers: external memory or nothing.
/// const FRAMES: Policy = Policy::require(Caps::EXTERNAL);
/// // Documents: external memory if there is any left.
/// const DOCUMENTS: Policy = Policy::prefer(Caps::EXTERNAL);
/// // Small things close by, large things far away.
/// const APP: Policy = Policy::prefer(Caps::INTERNAL).prefer_from(4096, Caps::EXTERNAL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    require: Caps,
    prefer: Caps,
    large_prefer: Caps,
    large_from_bytes: usize,
}

impl Policy {
    /// Any byte-addressable memory.
    pub const ANY: Self = Self::require(Caps::BYTE);

    /// What a global allocator starts with: internal memory first, and never memory in which
    /// atomics do not work, because nothing stops a user from putting an `Arc` there.
    pub const GLOBAL: Self =
        Self::require(Caps::BYTE.union(Caps::ATOMIC)).and_prefer(Caps::INTERNAL);

    /// Sizes from here on are large to the [decision tree](Self::for_use).
    pub const LARGE_FROM_BYTES: usize = 4096;

    /// Only regions that have all of `caps`.
    #[must_use]
    pub const fn require(caps: Caps) -> Self {
        Self {
            require: caps,
            prefer: Caps::empty(),
            large_prefer: Caps::empty(),
            large_from_bytes: usize::MAX,
        }
    }

    /// Regions that have all of `caps` first, any other after them.
    #[must_use]
    pub const fn prefer(caps: Caps) -> Self {
        Self::ANY.and_prefer(caps)
    }

    /// The same requirement, with a preference for every size.
    #[must_use]
    pub const fn and_prefer(self, caps: Caps) -> Self {
        Self { prefer: caps, large_prefer: caps, ..self }
    }

    /// The same, but requests of `large_from_bytes` or more prefer `caps` instead.
    #[must_use]
    pub const fn prefer_from(self, large_from_bytes: usize, caps: Caps) -> Self {
        Self { large_prefer: caps, large_from_bytes, ..self }
    }

    /// The decision tree: which memory a kind of use belongs in.
    #[must_use]
    pub const fn for_use(kind: Use) -> Self {
        const NEAR: Caps = Caps::INTERNAL;
        match kind {
            Use::System => Self::GLOBAL,
            Use::Application => {
                Self::ANY.and_prefer(NEAR).prefer_from(Self::LARGE_FROM_BYTES, Caps::EXTERNAL)
            }
            Use::Dma => Self::require(Caps::BYTE.union(NEAR).union(Caps::DMA)),
            Use::Event | Use::Isr => Self::require(Caps::BYTE.union(NEAR).union(Caps::ISR_SAFE)),
        }
    }

    /// What a region must have.
    #[must_use]
    pub const fn required(&self) -> Caps {
        self.require
    }

    /// What a region should have for a request of this size.
    #[must_use]
    pub const fn preferred(&self, size_bytes: usize) -> Caps {
        if size_bytes >= self.large_from_bytes { self.large_prefer } else { self.prefer }
    }
}

/// Capabilities alone are a requirement.
impl From<Caps> for Policy {
    fn from(caps: Caps) -> Self {
        Self::require(caps)
    }
}

/// What memory is used for, as the [decision tree](Policy::for_use) tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Use {
    /// Payloads of events: internal and safe in interrupts. Pools serve them before any heap.
    Event,
    /// Data of system services: internal, with atomics.
    System,
    /// Data of the application: internal when small, external from
    /// [`Policy::LARGE_FROM_BYTES`] on, either when the other is full.
    Application,
    /// Buffers that a DMA controller reads or writes: internal, whatever the size.
    Dma,
    /// What an interrupt handler touches: never external memory, which goes away with the cache.
    Isr,
}
