//! How many blocks of which size.

use core::alloc::Layout;
use core::fmt;

/// How many blocks of which size and alignment a [`BlockPool`](super::BlockPool) has. One that
/// exists is one that works.
///
/// ```
/// use esparto::pool::{Shape, ShapeError};
///
/// let shape = Shape::new(30, 100)?;
/// assert_eq!(shape.block_bytes(), 32, "rounded up to the alignment");
/// assert!(matches!(Shape::new(1, 100), Err(ShapeError::BlockTooSmall { block_bytes: 1, .. })));
/// # Ok::<(), ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    block_bytes: usize,
    block_count: usize,
    align_bytes: usize,
}

#[cfg(target_has_atomic = "32")]
const _: () = assert!(Shape::LIMIT_COUNT <= super::atomic::Tag::LIMIT);

impl Shape {
    /// A block is at least as large as a pointer.
    pub const MIN_BLOCK_BYTES: usize = size_of::<*mut u8>();
    /// The most blocks of a pool: 65,534. Links and tags count in 16 bits.
    pub const LIMIT_COUNT: usize = u16::MAX as usize - 1;

    /// Small things that come often: sensor values, short messages. 32 bytes × 200.
    pub const SMALL: Self = Self::preset(32, 200);
    /// Medium ones: UART buffers, JSON objects. 256 bytes × 50.
    pub const MEDIUM: Self = Self::preset(256, 50);
    /// Large ones: file buffers, network packets. 1024 bytes × 10.
    pub const LARGE: Self = Self::preset(1024, 10);
    /// What interrupt handlers use. 64 bytes × 20.
    pub const ISR: Self = Self::preset(64, 20);

    /// `block_count` blocks of `block_bytes`, rounded up to the [usual alignment](Self::align_for).
    ///
    /// # Errors
    /// [`ShapeError`]; in particular, a product that overflows is refused.
    pub const fn new(block_bytes: usize, block_count: usize) -> Result<Self, ShapeError> {
        Self::with_align(block_bytes, block_count, Self::align_for(block_bytes))
    }

    /// What blocks of a size are aligned to if nothing else is said: as a pointer, or to 8 if the size
    /// is a multiple of 8.
    #[must_use]
    pub const fn align_for(block_bytes: usize) -> usize {
        if block_bytes.is_multiple_of(8) { 8 } else { align_of::<*mut u8>() }
    }

    /// The same blocks, aligned to `align_bytes`, the size rounded up to a multiple of it.
    ///
    /// # Errors
    /// [`ShapeError`]: among others, an alignment that is larger than the block.
    pub const fn aligned_to(self, align_bytes: usize) -> Result<Self, ShapeError> {
        Self::with_align(self.block_bytes, self.block_count, align_bytes)
    }

    /// `block_count` blocks of `block_bytes`, rounded up to a multiple of `align_bytes`.
    ///
    /// # Errors
    /// As for [`new`](Self::new) and [`aligned_to`](Self::aligned_to).
    pub const fn with_align(
        block_bytes: usize,
        block_count: usize,
        align_bytes: usize,
    ) -> Result<Self, ShapeError> {
        if block_bytes == 0 || block_count == 0 {
            return Err(ShapeError::Zero { block_bytes, block_count });
        }
        if !align_bytes.is_power_of_two() || align_bytes < align_of::<u32>() {
            return Err(ShapeError::Align { align_bytes });
        }
        let min_bytes =
            if align_bytes > Self::MIN_BLOCK_BYTES { align_bytes } else { Self::MIN_BLOCK_BYTES };
        if block_bytes < min_bytes {
            return Err(ShapeError::BlockTooSmall { block_bytes, min_bytes });
        }
        let too_large = Err(ShapeError::TooLarge { block_bytes, block_count });
        let Some(rounded_bytes) = block_bytes.checked_next_multiple_of(align_bytes) else {
            return too_large;
        };
        let limit_bytes = (isize::MAX as usize) / 2;
        match rounded_bytes.checked_mul(block_count) {
            Some(bytes) if bytes <= limit_bytes => {}
            _ => return too_large,
        }
        if block_count > Self::LIMIT_COUNT {
            let limit_count = Self::LIMIT_COUNT;
            return Err(ShapeError::TooMany { block_count, limit_count });
        }
        Ok(Self { block_bytes: rounded_bytes, block_count, align_bytes })
    }

    pub(crate) const fn preset(block_bytes: usize, block_count: usize) -> Self {
        match Self::new(block_bytes, block_count) {
            Ok(shape) => shape,
            Err(_) => panic!("a preset is a shape that works"),
        }
    }

    /// A block's size, a multiple of its alignment.
    #[must_use]
    pub const fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// How many blocks.
    #[must_use]
    pub const fn block_count(&self) -> usize {
        self.block_count
    }

    /// A block's alignment.
    #[must_use]
    pub const fn align_bytes(&self) -> usize {
        self.align_bytes
    }

    /// The size of all blocks.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        self.block_bytes * self.block_count
    }

    /// What all blocks need.
    #[must_use]
    pub fn blocks_layout(&self) -> Layout {
        // SAFETY: `with_align` holds the alignment to a power of two and the total, which is a
        // multiple of it, to less than `isize::MAX`.
        unsafe { Layout::from_size_align_unchecked(self.total_bytes(), self.align_bytes) }
    }
}

/// Why there can be no such blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// No bytes, or no blocks.
    Zero {
        /// The size asked for.
        block_bytes: usize,
        /// The count asked for.
        block_count: usize,
    },
    /// Smaller than a pointer, or than its own alignment.
    BlockTooSmall {
        /// The size asked for.
        block_bytes: usize,
        /// The least that works.
        min_bytes: usize,
    },
    /// Not a power of two, or less than 4.
    Align {
        /// The alignment asked for.
        align_bytes: usize,
    },
    /// More blocks than a pool counts.
    TooMany {
        /// The count asked for.
        block_count: usize,
        /// The most that works.
        limit_count: usize,
    },
    /// All blocks together are more than the address space.
    TooLarge {
        /// The size asked for.
        block_bytes: usize,
        /// The count asked for.
        block_count: usize,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Zero { block_bytes, block_count } => {
                write!(f, "{block_count} blocks of {block_bytes} bytes: neither may be 0")
            }
            Self::BlockTooSmall { block_bytes, min_bytes } => {
                write!(f, "blocks of {block_bytes} bytes are too small: make them {min_bytes}")
            }
            Self::Align { align_bytes } => {
                write!(f, "alignment {align_bytes} is not a power of two of at least 4")
            }
            Self::TooMany { block_count, limit_count } => {
                write!(f, "{block_count} blocks are too many: a pool counts {limit_count}")
            }
            Self::TooLarge { block_bytes, block_count } => write!(
                f,
                "{block_count} blocks of {block_bytes} bytes are more than the address space"
            ),
        }
    }
}

impl core::error::Error for ShapeError {}
