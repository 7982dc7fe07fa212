//! A pool of driver nodes, each with its buffers.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::pool::{
    Access, BlockPool, Critical, InitError, PoolBlock, PoolStats, Shape, ShapeError, Shared,
    TakeError,
};
use crate::{Memory, Policy, Sink};

/// Nodes of drivers: a value each, with a buffer and a data area behind it in the same block. A node
/// that is dropped, because its driver was removed, is there for the next driver.
///
/// Made for a `static`: live after [`init_in`](Self::init_in) or [`init_static`](Self::init_static).
#[derive(Debug)]
pub struct NodePool<T, A: Access = Critical> {
    pool: BlockPool<A>,
    buffer_bytes: usize,
    data_bytes: usize,
    // Values move in and out, and are not in the pool itself.
    values: PhantomData<fn(T) -> T>,
}

impl<T, A: Access> NodePool<T, A> {
    const _ALIGN: () = assert!(align_of::<T>() <= 8, "blocks of a node pool are aligned to 8");

    /// A pool that is not live, of nodes with buffers of these sizes; either may be 0.
    #[must_use]
    pub const fn new(buffer_bytes: usize, data_bytes: usize) -> Self {
        let () = Self::_ALIGN;
        Self { pool: BlockPool::new(), buffer_bytes, data_bytes, values: PhantomData }
    }

    /// What a node takes, rounded to blocks.
    ///
    /// # Errors
    /// [`NodePoolError::Shape`]; a sum that overflows is [`NodePoolError::TooLarge`].
    pub fn shape(&self, node_count: usize) -> Result<Shape, NodePoolError> {
        let (buffer_bytes, data_bytes) = (self.buffer_bytes, self.data_bytes);
        let node_bytes = size_of::<T>()
            .checked_add(buffer_bytes)
            .and_then(|bytes| bytes.checked_add(data_bytes))
            .and_then(|bytes| bytes.max(Shape::MIN_BLOCK_BYTES).checked_next_multiple_of(8))
            .ok_or(NodePoolError::TooLarge { buffer_bytes, data_bytes })?;
        Shape::new(node_bytes, node_count).map_err(NodePoolError::Shape)
    }

    /// Makes the pool live on memory from where `policy` allows.
    ///
    /// # Errors
    /// [`NodePoolError`]; nothing is kept then.
    pub fn init_in<const N: usize, S: Sink>(
        &self,
        memory: &'static Memory<N, S>,
        policy: impl Into<Policy>,
        node_count: usize,
    ) -> Result<(), NodePoolError> {
        let shape = self.shape(node_count)?;
        self.pool.init_in(memory, policy, shape).map_err(NodePoolError::Init)
    }

    /// Makes the pool live on a static buffer, with no heap.
    ///
    /// # Errors
    /// [`NodePoolError`].
    pub fn init_static(
        &self,
        memory: &'static mut [MaybeUninit<u8>],
        node_count: usize,
    ) -> Result<(), NodePoolError> {
        let shape = self.shape(node_count)?;
        self.pool.init_static(memory, shape).map_err(NodePoolError::Init)
    }

    /// Takes a node for a driver. Its buffer and its data are zero.
    ///
    /// # Errors
    /// [`TakeError`]; `value` is dropped then.
    pub fn take(&self, value: T) -> Result<Node<'_, T, A>, TakeError> {
        let mut block = self.pool.take()?;
        let bytes = block.as_mut_ptr();
        let start = size_of::<T>();
        let len_bytes = self.buffer_bytes + self.data_bytes;
        // SAFETY: the block is ours, aligned to 8 and so long, see `shape`.
        unsafe {
            bytes.cast::<T>().write(value);
            bytes.add(start).write_bytes(0, len_bytes);
        }
        // SAFETY: of a block, so it is not null.
        let start = unsafe { NonNull::new_unchecked(bytes.cast::<u8>()) };
        let (buffer_bytes, data_bytes) = (self.buffer_bytes, self.data_bytes);
        Ok(Node { start, buffer_bytes, data_bytes, _block: block, value: PhantomData })
    }

    /// The figures of the pool.
    pub fn stats(&self) -> PoolStats {
        self.pool.stats()
    }
}

/// The node of a driver. It goes back to its pool when it is dropped.
pub struct Node<'p, T, A: Access = Critical> {
    /// The value, with buffer and data behind it.
    start: NonNull<u8>,
    buffer_bytes: usize,
    data_bytes: usize,
    _block: PoolBlock<'p, A>,
    value: PhantomData<T>,
}

// SAFETY: the node owns its value and its bytes; the pool may be shared.
unsafe impl<T: Send, A: Shared> Send for Node<'_, T, A> {}
// SAFETY: a shared node gives shared access to its value and its bytes.
unsafe impl<T: Sync, A: Access> Sync for Node<'_, T, A> {}

impl<T, A: Access> Node<'_, T, A> {
    /// The buffer.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.bytes().split_at(self.buffer_bytes).0
    }

    /// The buffer, for the driver to fill.
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        self.parts_mut().0
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.bytes().split_at(self.buffer_bytes).1
    }

    /// The data, for the driver to fill.
    pub fn data_mut(&mut self) -> &mut [u8] {
        self.parts_mut().1
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: (node invariant) so many initialised bytes lie behind the value, and are ours.
        unsafe {
            let start = self.start.add(size_of::<T>());
            NonNull::slice_from_raw_parts(start, self.buffer_bytes + self.data_bytes).as_ref()
        }
    }

    fn parts_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        // SAFETY: as in `bytes`, and borrowed by nobody else.
        let bytes = unsafe {
            let start = self.start.add(size_of::<T>());
            NonNull::slice_from_raw_parts(start, self.buffer_bytes + self.data_bytes).as_mut()
        };
        bytes.split_at_mut(self.buffer_bytes)
    }
}

impl<T, A: Access> Deref for Node<'_, T, A> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: (node invariant) a value was written there.
        unsafe { self.start.cast().as_ref() }
    }
}

impl<T, A: Access> DerefMut for Node<'_, T, A> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and borrowed by nobody else.
        unsafe { self.start.cast().as_mut() }
    }
}

impl<T, A: Access> Drop for Node<'_, T, A> {
    fn drop(&mut self) {
        // SAFETY: (node invariant) the value is there, and not used again; the block goes back
        // after this.
        unsafe { self.start.cast::<T>().drop_in_place() }
    }
}

impl<T: fmt::Debug, A: Access> fmt::Debug for Node<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("value", &**self).finish_non_exhaustive()
    }
}

/// Why a pool of nodes did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodePoolError {
    /// A node would be larger than the address space.
    TooLarge {
        /// The buffer asked for.
        buffer_bytes: usize,
        /// The data asked for.
        data_bytes: usize,
    },
    /// There can be no such blocks.
    Shape(ShapeError),
    /// The pool did not start.
    Init(InitError),
}

impl fmt::Display for NodePoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { buffer_bytes, data_bytes } => write!(
                f,
                "nodes with {buffer_bytes} and {data_bytes} bytes are more than the address space"
            ),
            Self::Shape(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NodePoolError {}
