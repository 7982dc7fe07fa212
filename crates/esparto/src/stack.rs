//! Stacks: painted, with a high-water mark, a canary and a range to guard in hardware; the table of
//! the tasks that run on them; pools of stacks and of driver nodes.
//!
//! ```text
//!   end ──▶ ┌──────────┐  the stack pointer starts here and goes down
//!           │ in use   │
//!           ├──────────┤ ◀── high-water mark: the lowest word that is no longer painted
//!           │ painted  │
//!           ├──────────┤
//!           │ guard    │  optional: a watchpoint or a PMP entry traps the store that gets here
//!           │ canary   │  four words, looked at on demand or at a switch
//! start ──▶ └──────────┘
//! ```
//!
//! The canary is a check in software: it finds an overrun after it happened. A
//! [guard](StackSpan::guard) is hardware: it stops the overrun itself. They are two things, and a
//! stack can have both. What arms the hardware is the chip's, and not here.
//!
//! FreeRTOS counts the room left on a stack in words of four bytes, ESP-IDF in bytes:
//! [`StackUnit`] says which, and converts.

mod error;
mod guard;
mod node;
mod pool;
mod span;
mod table;
mod unit;

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;

pub use error::{GuardError, StackBreach, StackError, TableError};
pub use guard::GuardRange;
pub use node::{Node, NodePool, NodePoolError};
pub use pool::{StackPool, StackPoolError};
pub use span::StackSpan;
pub use table::{Task, TaskStats, TaskTable};
pub use unit::StackUnit;

use crate::memory::Block;
use crate::pool::{Access, BlockPool, PoolBlock};
use crate::{Memory, Policy, Sink};

/// What keeps the memory of an adopted stack: a borrow, and nothing at run time.
pub type Adopted<'m> = PhantomData<&'m mut [MaybeUninit<u8>]>;

/// A stack that owns its memory, by way of `K`: a borrow ([`Adopted`]), a [`Block`] or a
/// [`PoolBlock`], which goes back when the stack is dropped.
///
/// Everything that can be asked of a stack is asked of its [`StackSpan`], which it derefs to.
///
/// ```
/// use esparto::stack::{Stack, StackUnit};
///
/// let memory = Box::leak(Box::new([core::mem::MaybeUninit::uninit(); 2048]));
/// let stack = Stack::adopt("sensor", memory)?;
/// assert_eq!(stack.check(), Ok(()));
/// assert_eq!(stack.unused(StackUnit::FREERTOS), stack.unused_bytes() / 4);
/// # Ok::<(), esparto::stack::StackError>(())
/// ```
pub struct Stack<K = Adopted<'static>> {
    span: StackSpan,
    _keeper: K,
}

impl<'m> Stack<Adopted<'m>> {
    /// Takes over `memory`, cut to [`StackSpan::ALIGN_BYTES`], and paints it. No heap is involved.
    /// O(length).
    ///
    /// # Errors
    /// [`StackError::TooSmall`].
    pub fn adopt(
        name: &'static str,
        memory: &'m mut [MaybeUninit<u8>],
    ) -> Result<Self, StackError> {
        Self::new(name, bytes_of(memory), PhantomData)
    }
}

impl<'m, const N: usize, S: Sink> Stack<Block<'m, N, S>> {
    /// Takes a stack of `size_bytes`, rounded up to [`StackSpan::ALIGN_BYTES`], from where `policy`
    /// allows, and paints it. O(length).
    ///
    /// # Errors
    /// [`StackError::NoMemory`]; [`StackError::TooSmall`].
    pub fn allocate(
        name: &'static str,
        memory: &'m Memory<N, S>,
        policy: impl Into<Policy>,
        size_bytes: usize,
    ) -> Result<Self, StackError> {
        StackSpan::ensure_size(name, size_bytes)?;
        let layout = Layout::from_size_align(size_bytes, StackSpan::ALIGN_BYTES)
            .map_err(|_| StackError::TooLarge { name, len_bytes: size_bytes })?
            .pad_to_align();
        let mut block = memory.take(layout, policy).map_err(|error| StackError::NoMemory {
            name,
            len_bytes: layout.size(),
            error,
        })?;
        let bytes = bytes_of(&mut block);
        Self::new(name, bytes, block)
    }
}

impl<'p, A: Access> Stack<PoolBlock<'p, A>> {
    /// Takes a block of a pool for a stack, cut to [`StackSpan::ALIGN_BYTES`], and paints it.
    /// [`StackPool`] is a pool made for this.
    ///
    /// # Errors
    /// [`StackError::Pool`]; [`StackError::TooSmall`].
    pub fn take(name: &'static str, pool: &'p BlockPool<A>) -> Result<Self, StackError> {
        let mut block = pool.take().map_err(|error| StackError::Pool { name, error })?;
        let bytes = bytes_of(&mut block);
        Self::new(name, bytes, block)
    }
}

impl<K> Stack<K> {
    fn new(name: &'static str, bytes: NonNull<[u8]>, keeper: K) -> Result<Self, StackError> {
        // SAFETY: the keeper has the bytes for itself, and keeps them as long as it lives.
        let span = unsafe { StackSpan::paint(name, bytes)? };
        Ok(Self { span, _keeper: keeper })
    }
}

impl<K> Deref for Stack<K> {
    type Target = StackSpan;

    fn deref(&self) -> &StackSpan {
        &self.span
    }
}

impl<K> fmt::Debug for Stack<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span.fmt(f)
    }
}

fn bytes_of(memory: &mut [MaybeUninit<u8>]) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(NonNull::from(&mut *memory).cast(), memory.len())
}
