//! The figures and the health of tiers at one moment.

use core::fmt::{self, Write};

use crate::pool::Refused;

/// A class at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassStats {
    /// Its name.
    pub name: &'static str,
    /// A block's size, as asked for.
    pub block_bytes: usize,
    /// How many blocks there are; 0 when it is off.
    pub block_count: usize,
    /// How many are in use.
    pub used_count: usize,
    /// The most that were in use at once since the last reset.
    pub peak_count: usize,
    /// Blocks handed out since the last reset.
    pub alloc_count: u32,
    /// Blocks taken back since the last reset.
    pub free_count: u32,
    /// Requests of this class that went on to the heap since the last reset.
    pub failure_count: u32,
    /// Pointers that were refused when they were given back.
    pub refused: Refused,
    /// How often its free list was found written over and given up.
    pub corruption_count: u32,
}

impl ClassStats {
    /// How many blocks are free.
    #[must_use]
    pub const fn unused_count(&self) -> usize {
        self.block_count.saturating_sub(self.used_count)
    }
}

/// Tiers at one moment. [`Display`](fmt::Display) writes one line a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TiersStats<const CLASSES: usize> {
    /// Are they live?
    pub is_initialised: bool,
    /// The classes, in the order given.
    pub classes: [ClassStats; CLASSES],
    /// Requests larger than every class, or aligned more, since the last reset.
    pub oversize_count: u32,
    /// Blocks of the heap that are in use.
    pub fallback_count: usize,
}

/// What is wrong with tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unhealthy {
    /// They are not live.
    NotInitialised,
    /// More than nine tenths of a class are in use.
    Full {
        /// Which class.
        name: &'static str,
        /// How many blocks are in use.
        used_count: usize,
        /// How many there are.
        block_count: usize,
    },
    /// Requests of a class went on to the heap.
    Failures {
        /// Which class.
        name: &'static str,
        /// How many.
        failure_count: u32,
    },
    /// A block was written to after it was given back.
    Corrupt {
        /// Of which class.
        name: &'static str,
    },
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInitialised => f.write_str("the tiers are not live"),
            Self::Full { name, used_count, block_count } => {
                write!(f, "class {name} has {used_count} of {block_count} blocks in use")
            }
            Self::Failures { name, failure_count } => {
                write!(f, "{failure_count} requests of class {name} went on to the heap")
            }
            Self::Corrupt { name } => {
                write!(f, "a block of class {name} was written to after it was given back")
            }
        }
    }
}

impl core::error::Error for Unhealthy {}

impl<const CLASSES: usize> TiersStats<CLASSES> {
    /// Is all well? Classes that are off always are.
    ///
    /// # Errors
    /// The first thing that is [`Unhealthy`].
    pub fn health(&self) -> Result<(), Unhealthy> {
        if !self.is_initialised {
            return Err(Unhealthy::NotInitialised);
        }
        for class in self.classes.iter().filter(|class| class.block_count != 0) {
            let ClassStats { name, used_count, block_count, failure_count, .. } = *class;
            if class.corruption_count != 0 {
                return Err(Unhealthy::Corrupt { name });
            }
            // A pool has at most 65,534 blocks.
            if used_count * 10 > block_count * 9 {
                return Err(Unhealthy::Full { name, used_count, block_count });
            }
            if failure_count != 0 {
                return Err(Unhealthy::Failures { name, failure_count });
            }
        }
        Ok(())
    }
}

impl<const CLASSES: usize> fmt::Display for TiersStats<CLASSES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Names and sizes up to this length leave the figures in one column.
        const COLUMN: usize = 14;
        f.write_str("Memory Pool Statistics:")?;
        // A class of no size is a place without one.
        for class in self.classes.iter().filter(|class| class.block_bytes != 0) {
            let mut label = Counted { f, count: 0 };
            match class.block_bytes {
                bytes if bytes >= 1024 && bytes.is_multiple_of(1024) => {
                    write!(label, "\n  {} ({}KB):", class.name, bytes / 1024)?;
                }
                bytes => write!(label, "\n  {} ({bytes}B):", class.name)?,
            }
            // The line break and the indent are no part of the label.
            let pad = (COLUMN + 1).saturating_sub(label.count - 3).max(1);
            write!(
                f,
                "{:pad$}{}/{} used, {} heap fallbacks",
                "", class.used_count, class.block_count, class.failure_count
            )?;
        }
        Ok(())
    }
}

/// Counts what it passes on.
struct Counted<'w, 'f> {
    f: &'w mut fmt::Formatter<'f>,
    count: usize,
}

impl Write for Counted<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.count += text.chars().count();
        self.f.write_str(text)
    }
}
