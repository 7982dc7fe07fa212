//! A pool of stacks.

use core::fmt;
use core::mem::MaybeUninit;

use super::{Stack, StackError, StackSpan};
use crate::pool::{
    Access, BlockPool, Critical, InitError, PoolBlock, PoolStats, Shape, ShapeError,
};
use crate::{Memory, Policy, Sink};

/// Stacks of one size, for tasks that come and go: a stack that is dropped is there for the next
/// task.
///
/// Made for a `static`: live after [`init_in`](Self::init_in) or [`init_static`](Self::init_static).
///
/// ```
/// use esparto::stack::StackPool;
/// use esparto::{Caps, LinkedList, Memory};
///
/// static MEMORY: Memory<2> = Memory::new();
/// static STACKS: StackPool = StackPool::new();
///
/// # let sram = Box::leak(Box::new([core::mem::MaybeUninit::uninit(); 20_000]));
/// let caps = Caps::INTERNAL | Caps::BYTE | Caps::ATOMIC;
/// MEMORY.add_static::<LinkedList>("sram", sram, caps)?;
/// assert_eq!(STACKS.init_in(&MEMORY, Caps::INTERNAL, 2048, 4)?, 8192);
/// let stack = STACKS.take("uart driver")?;
/// assert_eq!(stack.len_bytes(), 2048);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StackPool<A: Access = Critical> {
    pool: BlockPool<A>,
}

impl<A: Access> Default for StackPool<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Access> StackPool<A> {
    /// A pool that is not live.
    #[must_use]
    pub const fn new() -> Self {
        Self { pool: BlockPool::new() }
    }

    fn shape(stack_bytes: usize, stack_count: usize) -> Result<Shape, StackPoolError> {
        let needed_bytes = StackSpan::MIN_BYTES;
        if stack_bytes < needed_bytes {
            return Err(StackPoolError::TooSmall { stack_bytes, needed_bytes });
        }
        let shape = Shape::new(stack_bytes, stack_count).map_err(StackPoolError::Shape)?;
        shape.aligned_to(StackSpan::ALIGN_BYTES).map_err(StackPoolError::Shape)
    }

    /// Makes the pool live on memory from where `policy` allows, and returns what all stacks take
    /// together.
    ///
    /// # Errors
    /// [`StackPoolError`]; nothing is kept then.
    pub fn init_in<const N: usize, S: Sink>(
        &self,
        memory: &'static Memory<N, S>,
        policy: impl Into<Policy>,
        stack_bytes: usize,
        stack_count: usize,
    ) -> Result<usize, StackPoolError> {
        let shape = Self::shape(stack_bytes, stack_count)?;
        self.pool.init_in(memory, policy, shape).map_err(StackPoolError::Init)?;
        Ok(shape.total_bytes())
    }

    /// Makes the pool live on a static buffer, with no heap, and returns what all stacks take
    /// together.
    ///
    /// # Errors
    /// [`StackPoolError`].
    pub fn init_static(
        &self,
        memory: &'static mut [MaybeUninit<u8>],
        stack_bytes: usize,
        stack_count: usize,
    ) -> Result<usize, StackPoolError> {
        let shape = Self::shape(stack_bytes, stack_count)?;
        self.pool.init_static(memory, shape).map_err(StackPoolError::Init)?;
        Ok(shape.total_bytes())
    }

    /// Takes a stack for the task of this name, and paints it.
    ///
    /// # Errors
    /// [`StackError::Pool`].
    pub fn take(&self, name: &'static str) -> Result<Stack<PoolBlock<'_, A>>, StackError> {
        Stack::take(name, &self.pool)
    }

    /// The figures of the pool; [`total_bytes`](PoolStats::total_bytes) is what all stacks take.
    pub fn stats(&self) -> PoolStats {
        self.pool.stats()
    }
}

/// Why a pool of stacks did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackPoolError {
    /// Such blocks are no stacks.
    TooSmall {
        /// The size asked for.
        stack_bytes: usize,
        /// The least that works.
        needed_bytes: usize,
    },
    /// There can be no such blocks.
    Shape(ShapeError),
    /// The pool did not start.
    Init(InitError),
}

impl fmt::Display for StackPoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { stack_bytes, needed_bytes } => write!(
                f,
                "stacks of {stack_bytes} bytes are too small: give them {needed_bytes} at least"
            ),
            Self::Shape(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StackPoolError {}
