//! Why tiers refused.

use core::fmt;

use crate::pool::ShapeError;

/// Why tiers did not go live. Nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitError {
    /// They are live, or about to be: nothing that they have was touched.
    AlreadyInitialised,
    /// A class cannot be.
    Class {
        /// Its name.
        name: &'static str,
        /// Why.
        error: ShapeError,
    },
    /// There is no memory for a class.
    NoMemory {
        /// Its name.
        name: &'static str,
        /// Why.
        error: crate::AllocError,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AlreadyInitialised => f.write_str("the tiers are live: deinit them first"),
            Self::Class { name, error } => write!(f, "class {name}: {error}"),
            Self::NoMemory { name, error } => write!(
                f,
                "no memory for class {name}: {error}: make it smaller, or 0 to turn it off"
            ),
        }
    }
}

impl core::error::Error for InitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::AlreadyInitialised => None,
            Self::Class { error, .. } => Some(error),
            Self::NoMemory { error, .. } => Some(error),
        }
    }
}

/// Why tiers did not end. They go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeinitError {
    /// They are not live.
    NotInitialised,
    /// Some blocks are in use.
    InUse {
        /// How many of the pools.
        block_count: usize,
        /// How many of the heap.
        fallback_count: usize,
    },
}

impl fmt::Display for DeinitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the tiers are not live: init them first"),
            Self::InUse { block_count, fallback_count } => write!(
                f,
                "{block_count} blocks of the pools and {fallback_count} of the heap are in use: give them back first"
            ),
        }
    }
}

impl core::error::Error for DeinitError {}

/// Why tiers gave no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocError {
    /// They are not live.
    NotInitialised,
    /// No pool had one, and the heap neither.
    Heap(crate::AllocError),
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the tiers are not live: init them first"),
            Self::Heap(error) => write!(f, "no pool has a block, and of the heap: {error}"),
        }
    }
}

impl core::error::Error for AllocError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NotInitialised => None,
            Self::Heap(error) => Some(error),
        }
    }
}
