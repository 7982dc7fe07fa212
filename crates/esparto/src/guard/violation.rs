//! What a guard found, and where it is kept until somebody asks.

use core::cell::RefCell;
use core::fmt;

use critical_section::Mutex;

/// What a guarded heap found. The heap itself is unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Somebody wrote behind the end of a block.
    Overrun {
        /// The block.
        block_addr: usize,
        /// Its size as asked for.
        size_bytes: usize,
        /// The first byte that was written over.
        at_addr: usize,
        /// What it must be.
        expected: u8,
        /// What it is.
        actual: u8,
    },
    /// Somebody wrote in front of the start of a block.
    Underrun {
        /// The block.
        block_addr: usize,
        /// The byte nearest to the block that was written over.
        at_addr: usize,
        /// What it must be.
        expected: u8,
        /// What it is.
        actual: u8,
    },
    /// Somebody wrote further in front of a block, over what the guard keeps there.
    Header {
        /// The block.
        block_addr: usize,
        /// What is where its size was.
        size_word: u32,
        /// What is behind it and does not agree.
        check_word: u32,
    },
    /// Somebody wrote to a block after it was given back.
    WrittenAfterFree {
        /// The block.
        block_addr: usize,
        /// Its size as asked for.
        size_bytes: usize,
        /// The first byte that was written over.
        at_addr: usize,
        /// What it must be.
        expected: u8,
        /// What it is.
        actual: u8,
    },
    /// A block was given back that is free. Refused.
    Repeated {
        /// The block.
        block_addr: usize,
    },
    /// A pointer into a block was given back. Refused.
    Interior {
        /// The pointer.
        addr: usize,
        /// The block that it points into.
        block_addr: usize,
        /// Its size as asked for.
        size_bytes: usize,
    },
    /// A pointer was given back that is of no live block. Refused.
    Foreign {
        /// The pointer.
        addr: usize,
    },
    /// A block was given back, or resized, with another layout than it was asked for with. It was
    /// done with the true one.
    Layout {
        /// The block.
        block_addr: usize,
        /// Its size as asked for.
        expected_bytes: usize,
        /// The size given now.
        actual_bytes: usize,
        /// Its alignment as asked for.
        expected_align: usize,
        /// The alignment given now.
        actual_align: usize,
    },
}

impl Violation {
    /// The block that it is about; of a foreign pointer, the pointer.
    #[must_use]
    pub const fn block_addr(&self) -> usize {
        match *self {
            Self::Overrun { block_addr, .. }
            | Self::Underrun { block_addr, .. }
            | Self::Header { block_addr, .. }
            | Self::WrittenAfterFree { block_addr, .. }
            | Self::Repeated { block_addr }
            | Self::Interior { block_addr, .. }
            | Self::Layout { block_addr, .. } => block_addr,
            Self::Foreign { addr } => addr,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Overrun { block_addr, size_bytes, at_addr, expected, actual } => write!(
                f,
                "written behind the end of block {block_addr:#010x} ({size_bytes} bytes): {at_addr:#010x} is {actual:#04x}, expected {expected:#04x}"
            ),
            Self::Underrun { block_addr, at_addr, expected, actual } => write!(
                f,
                "written in front of block {block_addr:#010x}: {at_addr:#010x} is {actual:#04x}, expected {expected:#04x}"
            ),
            Self::Header { block_addr, size_word, check_word } => write!(
                f,
                "written in front of block {block_addr:#010x}: the guard's words there are {size_word:#010x} and {check_word:#010x}, which do not agree"
            ),
            Self::WrittenAfterFree { block_addr, size_bytes, at_addr, expected, actual } => write!(
                f,
                "written after the free of block {block_addr:#010x} ({size_bytes} bytes): {at_addr:#010x} is {actual:#04x}, expected {expected:#04x}"
            ),
            Self::Repeated { block_addr } => {
                write!(f, "block {block_addr:#010x} was given back twice: refused")
            }
            Self::Interior { addr, block_addr, size_bytes } => write!(
                f,
                "{addr:#010x} was given back, which is inside block {block_addr:#010x} ({size_bytes} bytes): refused"
            ),
            Self::Foreign { addr } => {
                write!(f, "{addr:#010x} was given back, which is no live block: refused")
            }
            Self::Layout {
                block_addr,
                expected_bytes,
                actual_bytes,
                expected_align,
                actual_align,
            } => write!(
                f,
                "block {block_addr:#010x} of {expected_bytes} bytes aligned to {expected_align} was given back as {actual_bytes} aligned to {actual_align}"
            ),
        }
    }
}

impl core::error::Error for Violation {}

/// The violations found, until somebody takes them: the first [`LIMIT_COUNT`](Self::LIMIT_COUNT)
/// are kept, all are counted.
#[derive(Debug)]
pub struct ViolationLog {
    inner: Mutex<RefCell<Inner>>,
}

#[derive(Debug)]
struct Inner {
    kept: [Option<Violation>; ViolationLog::LIMIT_COUNT],
    count: u32,
    lost_count: u32,
}

impl Default for ViolationLog {
    fn default() -> Self {
        Self::new()
    }
}

impl ViolationLog {
    /// So many are kept.
    pub const LIMIT_COUNT: usize = 8;

    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        let inner = Inner { kept: [None; Self::LIMIT_COUNT], count: 0, lost_count: 0 };
        Self { inner: Mutex::new(RefCell::new(inner)) }
    }

    fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        critical_section::with(|cs| f(&mut self.inner.borrow_ref_mut(cs)))
    }

    /// Keeps a violation; one that is kept already (a check finds it every time) only counts.
    pub fn put(&self, violation: Violation) {
        self.with(|inner| {
            inner.count = inner.count.wrapping_add(1);
            if inner.kept.contains(&Some(violation)) {
                return;
            }
            match inner.kept.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(violation),
                None => inner.lost_count = inner.lost_count.wrapping_add(1),
            }
        });
    }

    /// Takes the oldest.
    pub fn take(&self) -> Option<Violation> {
        self.with(|inner| {
            let oldest = inner.kept[0].take();
            inner.kept.rotate_left(1);
            oldest
        })
    }

    /// How many were found, those taken included.
    pub fn count(&self) -> u32 {
        self.with(|inner| inner.count)
    }

    /// How many were found while the log was full: take them more often.
    pub fn lost_count(&self) -> u32 {
        self.with(|inner| inner.lost_count)
    }
}
