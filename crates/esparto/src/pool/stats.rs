//! The figures of a pool at one moment.

use core::fmt;

/// A pool at one moment. Its [`Display`](fmt::Display) is a block of lines for a log; see
/// [`titled`](Self::titled) for one with the pool's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// A block's size.
    pub block_bytes: usize,
    /// How many blocks there are.
    pub block_count: usize,
    /// How many are in use.
    pub used_count: usize,
    /// The most that were ever in use at once.
    pub peak_count: usize,
    /// Requests that found no block.
    pub failure_count: u32,
    /// Pointers that were refused when they were given back.
    pub refused: Refused,
    /// How often the free list was found written over and given up. Its blocks count as used.
    pub corruption_count: u32,
}

/// The pointers that a pool refused, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// They pointed outside of the pool.
    pub foreign_count: u32,
    /// They pointed into a block, not at its start.
    pub interior_count: u32,
    /// Their block was free.
    pub repeated_count: u32,
}

impl Refused {
    /// Of all kinds.
    #[must_use]
    pub const fn total_count(&self) -> u32 {
        self.foreign_count.wrapping_add(self.interior_count).wrapping_add(self.repeated_count)
    }
}

impl PoolStats {
    /// How many blocks are free.
    #[must_use]
    pub const fn free_count(&self) -> usize {
        self.block_count.saturating_sub(self.used_count)
    }

    /// The size of all blocks.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        self.block_bytes * self.block_count
    }

    /// The size of the blocks in use.
    #[must_use]
    pub const fn used_bytes(&self) -> usize {
        self.block_bytes * self.used_count
    }

    /// The size of the free blocks.
    #[must_use]
    pub const fn free_bytes(&self) -> usize {
        self.block_bytes * self.free_count()
    }

    /// The part in use, in tenths of a percent, rounded to the nearest; 0 of a pool without blocks.
    #[must_use]
    pub const fn utilization_permille(&self) -> u32 {
        if self.block_count == 0 {
            return 0;
        }
        let count = self.block_count as u64;
        ((self.used_count as u64 * 1000 + count / 2) / count) as u32
    }

    /// The same lines, with a name in the first.
    #[must_use]
    pub const fn titled<'s>(&'s self, name: &'s str) -> impl fmt::Display + 's {
        Titled { stats: self, name }
    }
}

impl fmt::Display for PoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Titled { stats: self, name: "" }.fmt(f)
    }
}

struct Titled<'s> {
    stats: &'s PoolStats,
    name: &'s str,
}

impl fmt::Display for Titled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stats, name) = (self.stats, self.name);
        let space = if name.is_empty() { "" } else { " " };
        let permille = stats.utilization_permille();
        writeln!(f, "=== {name}{space}Pool Statistics ===")?;
        writeln!(f, "Block size: {} bytes", stats.block_bytes)?;
        writeln!(f, "Total blocks: {}", stats.block_count)?;
        writeln!(f, "Free blocks: {}", stats.free_count())?;
        writeln!(f, "Used blocks: {}", stats.used_count)?;
        writeln!(f, "Total memory: {} bytes", stats.total_bytes())?;
        writeln!(f, "Used memory: {} bytes", stats.used_bytes())?;
        writeln!(f, "Free memory: {} bytes", stats.free_bytes())?;
        write!(f, "Utilization: {}.{}%", permille / 10, permille % 10)
    }
}
