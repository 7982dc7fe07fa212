//! Regions that become longer.

use core::fmt;
use core::ptr::NonNull;

use super::Memory;
use super::state::State;
use crate::heap::ExtendError;
use crate::{Region, RegionError, RegionId, Sink};

/// Why a region did not become longer. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrowError {
    /// There is no such region.
    NoRegion {
        /// The one named.
        id: RegionId,
        /// How many there are.
        region_count: usize,
    },
    /// The memory is not where the region ends. A region is one stretch.
    NotBehind {
        /// Where the memory starts.
        start_addr: usize,
        /// Where the region ends.
        expected_addr: usize,
    },
    /// The memory cannot be part of any region.
    Region(RegionError),
    /// The region's heap cannot take it.
    Heap(ExtendError),
}

impl fmt::Display for GrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoRegion { id, region_count } => {
                write!(f, "there is no region {}: there are {region_count}", id.0)
            }
            Self::NotBehind { start_addr, expected_addr } => write!(
                f,
                "memory at {start_addr:#010x} is not where the region ends, {expected_addr:#010x}: add it as a region of its own"
            ),
            Self::Region(error) => error.fmt(f),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GrowError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Region(error) => Some(error),
            Self::Heap(error) => Some(error),
            Self::NoRegion { .. } | Self::NotBehind { .. } => None,
        }
    }
}

impl<const N: usize, S: Sink> Memory<N, S> {
    /// Makes a region longer by the memory right behind it, whatever is live in it: memory that
    /// was lent to something else at start-up, or that is mapped later. Memory that lies elsewhere
    /// is added as a region of its own. The lists of a heap are made for the length it starts with:
    /// single blocks can be about as large as then, however much is added. A trace states each region's size where it names the
    /// region, so name them again afterwards.
    ///
    /// # Errors
    /// [`GrowError`]; nothing changed then.
    ///
    /// # Safety
    /// As for [`add`](Self::add); and the pointers to the region's memory and to this come from one
    /// that may access both, as those made of addresses do ([`Region::at`]). Two statics do not
    /// qualify.
    pub unsafe fn extend(&self, id: RegionId, memory: NonNull<[u8]>) -> Result<(), GrowError> {
        self.locked(|state| {
            // SAFETY: passed on.
            unsafe { state.extend(id, memory) }
        })
        .unwrap_or(Err(GrowError::Region(RegionError::Reentered)))
    }
}

impl<const N: usize, S: Sink> State<N, S> {
    /// # Safety
    /// As for `Memory::extend`.
    unsafe fn extend(&mut self, id: RegionId, memory: NonNull<[u8]>) -> Result<(), GrowError> {
        let region_count = self.slots().count();
        let none = GrowError::NoRegion { id, region_count };
        let region = *self.slots().find(|(other, _)| *other == id).ok_or(none)?.1.region();
        let added = Region::new(region.name(), memory, region.caps());
        added.validate().map_err(GrowError::Region)?;
        let start_addr = added.start_addr();
        // The region's end is an address: it was valid when it was added.
        let expected_addr = region.start_addr() + region.len_bytes();
        if start_addr != expected_addr {
            return Err(GrowError::NotBehind { start_addr, expected_addr });
        }
        for (with, slot) in self.slots() {
            if added.overlaps(slot.region()) {
                let other_start_addr = slot.region().start_addr();
                let error = RegionError::Overlaps { with, start_addr, other_start_addr };
                return Err(GrowError::Region(error));
            }
        }
        let len_bytes = region.len_bytes() + added.len_bytes();
        let whole = NonNull::slice_from_raw_parts(region.memory().cast(), len_bytes);
        let whole = Region::new(region.name(), whole, region.caps());
        whole.validate().map_err(GrowError::Region)?;
        // SAFETY: passed on; the memory is in no region yet.
        unsafe { self.lengthen(id, whole, memory) }.map_err(GrowError::Heap)
    }
}
