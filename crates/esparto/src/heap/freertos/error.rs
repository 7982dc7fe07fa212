//! Why a stretch of memory was refused.

use core::fmt;

use crate::heap::InitError;

/// Why a scheme cannot take a stretch of memory. It is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// Too small for one block, or more than the links reach.
    Init(InitError),
    /// Every place for a stretch is taken.
    TooMany {
        /// The number of places.
        limit_count: usize,
    },
    /// Some byte belongs to another stretch already.
    Overlaps {
        /// The start of the refused stretch.
        start_addr: usize,
        /// The start of the other.
        other_start_addr: usize,
    },
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Init(error) => error.fmt(f),
            Self::TooMany { limit_count } => {
                write!(
                    f,
                    "all {limit_count} places for stretches are taken: make the heap's N larger"
                )
            }
            Self::Overlaps { start_addr, other_start_addr } => write!(
                f,
                "stretch at {start_addr:#010x} overlaps the one at {other_start_addr:#010x}: give each byte once"
            ),
        }
    }
}

impl core::error::Error for AddError {}
