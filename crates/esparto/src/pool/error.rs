//! Why a pool refused. Nothing changed but a counter.

use core::fmt;

/// Why a pool did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError {
    /// It is live: nothing that it has was touched.
    AlreadyInitialised,
    /// The memory starts where no block can.
    Misaligned {
        /// Where it starts.
        start_addr: usize,
        /// What that must be a multiple of.
        align_bytes: usize,
    },
    /// The memory is too short.
    TooSmall {
        /// Its length, alignment taken off.
        len_bytes: usize,
        /// The least that works.
        needed_bytes: usize,
    },
    /// The memory that was to give it has none.
    NoMemory(crate::AllocError),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AlreadyInitialised => f.write_str("the pool is live: deinit it first"),
            Self::Misaligned { start_addr, align_bytes } => {
                write!(f, "pool memory at {start_addr:#010x} is not aligned to {align_bytes}")
            }
            Self::TooSmall { len_bytes, needed_bytes } => {
                write!(f, "pool memory of {len_bytes} bytes is too short: {needed_bytes} needed")
            }
            Self::NoMemory(error) => write!(f, "no memory for the pool: {error}"),
        }
    }
}

impl core::error::Error for InitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NoMemory(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a pool did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeinitError {
    /// It is not live.
    NotInitialised,
    /// Some blocks are in use.
    InUse {
        /// How many.
        used_count: usize,
    },
}

impl fmt::Display for DeinitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the pool is not live: init it first"),
            Self::InUse { used_count } => {
                write!(f, "{used_count} blocks are in use: give them back first")
            }
        }
    }
}

impl core::error::Error for DeinitError {}

/// Why a pool gave no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// It is not live.
    NotInitialised,
    /// All blocks are in use.
    Exhausted {
        /// How many there are.
        block_count: usize,
    },
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the pool is not live: init it first"),
            Self::Exhausted { block_count } => {
                write!(f, "all {block_count} blocks are in use")
            }
        }
    }
}

impl core::error::Error for TakeError {}

/// Why a pool took a pointer for none of its blocks. Nothing changed but a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreeError {
    /// The pool is not live, or not any more.
    NotInitialised,
    /// It points outside of the pool.
    Foreign {
        /// Where it points.
        addr: usize,
    },
    /// It points into a block, not at its start.
    Interior {
        /// Where it points.
        addr: usize,
        /// How far that is behind the block's start.
        offset_bytes: usize,
    },
    /// The block is free: given back already, or never handed out.
    Repeated {
        /// Where it points.
        addr: usize,
    },
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the pool is not live: nothing can be given back"),
            Self::Foreign { addr } => write!(f, "{addr:#010x} is not of this pool"),
            Self::Interior { addr, offset_bytes } => write!(
                f,
                "{addr:#010x} is {offset_bytes} bytes inside a block: give back its start"
            ),
            Self::Repeated { addr } => write!(f, "block {addr:#010x} is free already"),
        }
    }
}

impl core::error::Error for FreeError {}

/// The pool is full, and this is the value that found no place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all blocks of the pool are in use")
    }
}

impl<T> core::error::Error for Full<T> {}
