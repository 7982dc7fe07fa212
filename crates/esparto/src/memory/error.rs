//! Why a request failed.

use core::fmt;

use crate::{Caps, RegionId};

/// Why a request failed, with the figure that stood in the way. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// A block of no bytes was asked for.
    ZeroSize,
    /// No region has what the request requires.
    NoRegion {
        /// What it requires.
        required: Caps,
        /// What all regions together have.
        present: Caps,
    },
    /// The request is larger than every region that it may use.
    TooLarge {
        /// The size asked for.
        requested_bytes: usize,
        /// The largest region, bookkeeping taken off.
        limit_bytes: usize,
    },
    /// No region that the request may use has a free block for it now.
    Exhausted {
        /// The size asked for.
        requested_bytes: usize,
        /// The alignment asked for.
        align_bytes: usize,
        /// The largest size that could be had at this alignment.
        largest_free_bytes: usize,
        /// The region where that is.
        region: RegionId,
        /// The free bytes of all regions that the request may use.
        free_bytes: usize,
    },
    /// The call came from inside another operation of the same memory.
    Reentered,
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZeroSize => f.write_str("a block of 0 bytes was asked for"),
            Self::NoRegion { required, present } => {
                write!(f, "no region has {required}: there is {present}")
            }
            Self::TooLarge { requested_bytes, limit_bytes } => write!(
                f,
                "{requested_bytes} bytes asked for, but no region that fits holds more than {limit_bytes}"
            ),
            Self::Exhausted {
                requested_bytes,
                align_bytes,
                largest_free_bytes,
                region,
                free_bytes,
            } => write!(
                f,
                "{requested_bytes} bytes aligned to {align_bytes} asked for: {free_bytes} are free, the largest block is {largest_free_bytes} in region {}",
                region.0
            ),
            Self::Reentered => f.write_str("called from inside another operation of this memory"),
        }
    }
}

impl core::error::Error for AllocError {}
