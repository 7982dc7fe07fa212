//! A stretch of memory with capabilities.

use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::Caps;

/// `memory` with its ends moved inward to multiples of `align_bytes`, a power of two. May become empty.
pub(crate) fn trimmed(memory: NonNull<[u8]>, align_bytes: usize) -> NonNull<[u8]> {
    let start = memory.cast::<u8>();
    let skip = start.align_offset(align_bytes).min(memory.len());
    let len = (memory.len() - skip) & !(align_bytes - 1);
    // `skip` is at most the length, so the sum stays inside or one past the memory.
    let start = NonNull::new(start.as_ptr().wrapping_add(skip)).unwrap_or(start);
    NonNull::slice_from_raw_parts(start, len)
}

/// A stretch of memory with a name and capabilities.
///
/// A `Region` is a description; it owns nothing. [`Memory::add`](crate::Memory::add) hands the
/// memory over.
#[derive(Clone, Copy)]
pub struct Region {
    name: &'static str,
    memory: NonNull<[u8]>,
    caps: Caps,
}

// SAFETY: a region is an address range and a label; it is never dereferenced on its own.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Start and length of a region are multiples of this, in bytes.
    pub const ALIGN_BYTES: usize = 8;

    /// Describes `memory`. Nothing is checked before the region is added.
    #[must_use]
    pub const fn new(name: &'static str, memory: NonNull<[u8]>, caps: Caps) -> Self {
        Self { name, memory, caps }
    }

    /// Describes a static buffer, cut to [`Self::ALIGN_BYTES`].
    #[must_use]
    pub fn from_static(
        name: &'static str,
        memory: &'static mut [MaybeUninit<u8>],
        caps: Caps,
    ) -> Self {
        let memory =
            NonNull::slice_from_raw_parts(NonNull::from(&mut *memory).cast(), memory.len());
        Self::new(name, memory, caps).trimmed()
    }

    /// Describes a fixed address range, as a memory map gives it.
    ///
    /// The pointer carries exposed provenance: hardware memory was never allocated by Rust.
    /// Returns `None` for address zero.
    #[must_use]
    pub fn at(name: &'static str, start_addr: usize, len_bytes: usize, caps: Caps) -> Option<Self> {
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(start_addr))?;
        Some(Self::new(name, NonNull::slice_from_raw_parts(start, len_bytes), caps))
    }

    /// The same region with its ends moved inward to multiples of [`Self::ALIGN_BYTES`], for
    /// bounds that come from a linker script. May become empty.
    #[must_use]
    pub fn trimmed(self) -> Self {
        Self { memory: trimmed(self.memory, Self::ALIGN_BYTES), ..self }
    }

    /// The name, for people and traces.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The capabilities.
    #[must_use]
    pub const fn caps(&self) -> Caps {
        self.caps
    }

    /// The memory described.
    #[must_use]
    pub const fn memory(&self) -> NonNull<[u8]> {
        self.memory
    }

    /// The first address.
    #[must_use]
    pub fn start_addr(&self) -> usize {
        self.memory.cast::<u8>().addr().get()
    }

    /// The length in bytes.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.memory.len()
    }

    /// Does `addr` lie in the region?
    #[must_use]
    pub fn contains_addr(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.start_addr()) < self.len_bytes()
    }

    /// Checks the description by itself: not empty, aligned, inside the address space, not
    /// word-only.
    ///
    /// # Errors
    /// [`RegionError::Empty`], [`RegionError::Misaligned`], [`RegionError::Wraps`] or
    /// [`RegionError::NotByteAddressable`].
    pub fn validate(&self) -> Result<(), RegionError> {
        let (start_addr, len_bytes) = (self.start_addr(), self.len_bytes());
        if len_bytes == 0 {
            return Err(RegionError::Empty { start_addr });
        }
        if !start_addr.is_multiple_of(Self::ALIGN_BYTES)
            || !len_bytes.is_multiple_of(Self::ALIGN_BYTES)
        {
            return Err(RegionError::Misaligned {
                start_addr,
                len_bytes,
                align_bytes: Self::ALIGN_BYTES,
            });
        }
        // One past the end must be an address too, and pointer offsets are `isize`.
        if start_addr.checked_add(len_bytes).is_none() || isize::try_from(len_bytes).is_err() {
            return Err(RegionError::Wraps { start_addr, len_bytes });
        }
        if !self.caps.contains(Caps::BYTE) {
            return Err(RegionError::NotByteAddressable { caps: self.caps });
        }
        Ok(())
    }

    /// Do the two share a byte? Both must have passed [`validate`](Self::validate).
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start_addr() < other.start_addr() + other.len_bytes()
            && other.start_addr() < self.start_addr() + self.len_bytes()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, len) = (self.start_addr(), self.len_bytes());
        write!(
            f,
            "{} {:#010x}..{:#010x} ({})",
            self.name,
            start,
            start.wrapping_add(len),
            self.caps
        )
    }
}

/// The place of a region in its [`Memory`](crate::Memory), in the order in which regions were
/// added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(pub u8);

impl RegionId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a region was refused. The [`Memory`](crate::Memory) is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionError {
    /// The region has no byte.
    Empty {
        /// Its start.
        start_addr: usize,
    },
    /// Start or length is not a multiple of the alignment.
    Misaligned {
        /// Its start.
        start_addr: usize,
        /// Its length.
        len_bytes: usize,
        /// What both must be a multiple of.
        align_bytes: usize,
    },
    /// The region runs past the end of the address space.
    Wraps {
        /// Its start.
        start_addr: usize,
        /// Its length.
        len_bytes: usize,
    },
    /// The region lacks [`Caps::BYTE`]; a [`WordHeap`](crate::WordHeap) manages such memory.
    NotByteAddressable {
        /// Its capabilities.
        caps: Caps,
    },
    /// The very same range is there already.
    Duplicate {
        /// The region that holds it.
        with: RegionId,
        /// The start of both.
        start_addr: usize,
    },
    /// Some byte belongs to another region already.
    Overlaps {
        /// The region that holds it.
        with: RegionId,
        /// The start of the refused region.
        start_addr: usize,
        /// The start of the other.
        other_start_addr: usize,
    },
    /// Every place for a region is taken.
    TooMany {
        /// The number of places.
        limit_count: usize,
    },
    /// The heap's own bookkeeping does not fit.
    TooSmall {
        /// The length of the region.
        len_bytes: usize,
        /// The least that this heap can start with.
        needed_bytes: usize,
    },
    /// The region is longer than this heap can manage.
    TooLarge {
        /// The length of the region.
        len_bytes: usize,
        /// The most that this heap can manage.
        limit_bytes: usize,
    },
    /// The heap's control block must live in internal memory and none has room for it: add an
    /// internal region first.
    NoInternalMemory {
        /// The size of the control block.
        needed_bytes: usize,
    },
    /// The call came from inside another operation of the same `Memory`.
    Reentered,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty { start_addr } => write!(f, "region at {start_addr:#010x} is empty"),
            Self::Misaligned { start_addr, len_bytes, align_bytes } => write!(
                f,
                "region at {start_addr:#010x} of {len_bytes} bytes: start and length must be multiples of {align_bytes}"
            ),
            Self::Wraps { start_addr, len_bytes } => write!(
                f,
                "region at {start_addr:#010x} of {len_bytes} bytes runs past the end of the address space"
            ),
            Self::NotByteAddressable { caps } => write!(
                f,
                "region has {caps} and lacks BYTE: word-only memory belongs to a WordHeap"
            ),
            Self::Duplicate { with, start_addr } => {
                write!(f, "region at {start_addr:#010x} is region {} already", with.0)
            }
            Self::Overlaps { with, start_addr, other_start_addr } => write!(
                f,
                "region at {start_addr:#010x} overlaps region {} at {other_start_addr:#010x}",
                with.0
            ),
            Self::TooMany { limit_count } => {
                write!(f, "all {limit_count} places for regions are taken")
            }
            Self::TooSmall { len_bytes, needed_bytes } => {
                write!(f, "region of {len_bytes} bytes is too small: the heap needs {needed_bytes}")
            }
            Self::TooLarge { len_bytes, limit_bytes } => {
                write!(
                    f,
                    "region of {len_bytes} bytes is too large: the heap manages {limit_bytes}"
                )
            }
            Self::NoInternalMemory { needed_bytes } => write!(
                f,
                "no internal region has {needed_bytes} bytes for the control block: add one first"
            ),
            Self::Reentered => f.write_str("called from inside another operation of this memory"),
        }
    }
}

impl core::error::Error for RegionError {}
