//! A stretch of addresses.

use core::fmt;

/// The addresses from `start_addr` up to, not including, `end_addr`. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddrRange {
    start_addr: u32,
    end_addr: u32,
}

impl AddrRange {
    /// The range from `start_addr` up to, not including, `end_addr`.
    ///
    /// # Panics
    /// If the range is empty or reversed. The maps are constants, so this stops the build.
    #[must_use]
    pub const fn new(start_addr: u32, end_addr: u32) -> Self {
        assert!(start_addr < end_addr, "an address range must hold at least one byte");
        Self { start_addr, end_addr }
    }

    /// The range, or `None` if it holds no byte.
    #[must_use]
    pub const fn checked(start_addr: u32, end_addr: u32) -> Option<Self> {
        if start_addr < end_addr { Some(Self { start_addr, end_addr }) } else { None }
    }

    /// The first address.
    #[must_use]
    pub const fn start_addr(self) -> u32 {
        self.start_addr
    }

    /// The first address after the range.
    #[must_use]
    pub const fn end_addr(self) -> u32 {
        self.end_addr
    }

    /// The length in bytes.
    #[must_use]
    pub const fn len_bytes(self) -> u32 {
        self.end_addr - self.start_addr
    }

    /// Does `addr` lie in the range?
    #[must_use]
    pub const fn contains(self, addr: u32) -> bool {
        self.start_addr <= addr && addr < self.end_addr
    }

    /// Does `other` lie in this range as a whole?
    #[must_use]
    pub const fn contains_range(self, other: Self) -> bool {
        self.start_addr <= other.start_addr && other.end_addr <= self.end_addr
    }

    /// Do the two share an address?
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start_addr < other.end_addr && other.start_addr < self.end_addr
    }

    /// The range cut to its first `limit_bytes`; `None` if nothing is left.
    #[must_use]
    pub const fn first_bytes(self, limit_bytes: u32) -> Option<Self> {
        if limit_bytes >= self.len_bytes() {
            return Some(self);
        }
        Self::checked(self.start_addr, self.start_addr + limit_bytes)
    }
}

/// Writes `0x3fc88000..0x3fcf0000`.
impl fmt::Display for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}..{:#010x}", self.start_addr, self.end_addr)
    }
}
