//! Who may use a pool, as a type.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::Shape;
use super::list::{List, Slots};
use super::state::{BlockState, RawBlocks, Storage};
use crate::heap::{Corruption, Cursor, Progress};
use crate::lock::Section;

/// Who may use a pool: [`Single`], [`Critical`] or, where the target has compare-and-swap,
/// [`LockFree`].
pub trait Access: sealed::Access {}

/// Pools that several contexts may use: [`Critical`] and [`LockFree`].
pub trait Shared: Access {}

/// Pools that do one thing at a time: [`Single`] and [`Critical`].
pub trait Exclusive: Access + sealed::Lock {}

/// One owner: a task, or the part of a program that runs before there are tasks. No lock; the pool
/// is not `Sync`, so nobody else can get hold of it.
#[derive(Debug)]
pub enum Single {}

/// Tasks and interrupt handlers, in a critical section a few instructions long.
#[derive(Debug)]
pub enum Critical {}

/// Tasks and interrupt handlers on all cores, without a lock and with interrupts on.
///
/// Costs two bytes a block for links outside of the blocks, and retries when contexts meet; there
/// is no bound on them, but each means that somebody else got on.
#[cfg(target_has_atomic = "32")]
#[derive(Debug)]
pub enum LockFree {}

impl Access for Single {}
impl Access for Critical {}
impl Exclusive for Single {}
impl Exclusive for Critical {}
impl Shared for Critical {}

/// What a pool counts by itself.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub(super) used_count: usize,
    pub(super) peak_count: usize,
    pub(super) failure_count: u32,
}

pub(super) mod sealed {
    use super::{
        BlockState, Corruption, Counts, Cursor, NonNull, Progress, RawBlocks, Shape, Slots, Storage,
    };

    /// A first value, known to the compiler.
    pub trait Start {
        const START: Self;
    }

    impl Start for () {
        const START: Self = ();
    }

    pub trait Access: Sized + 'static {
        /// Are places counts of blocks, and not of bytes?
        const BY_INDEX: bool;
        /// The head and the counters of a typed pool.
        type List: Start;
        /// What a typed pool has besides, a block each.
        type Links<const N: usize>: Start;
        /// All of a block pool.
        type Blocks: RawBlocks;

        /// # Safety
        /// As for `List::pop`.
        unsafe fn pop<const N: usize>(
            list: &Self::List,
            links: &Self::Links<N>,
            slots: Slots,
        ) -> Option<NonNull<u8>>;

        /// # Safety
        /// As for `List::push`; the block is of these slots.
        unsafe fn push<const N: usize>(
            list: &Self::List,
            links: &Self::Links<N>,
            slots: Slots,
            block: NonNull<u8>,
        );

        fn counts(list: &Self::List, slots: Slots) -> Counts;
    }

    /// How one thing at a time is had.
    pub trait Lock: Access {
        /// Nobody else is there while such a value is.
        type Section;

        fn enter() -> Self::Section;

        /// # Safety
        /// As for `BlockState::live`.
        unsafe fn live(storage: Storage, shape: Shape) -> Self::Blocks;

        /// # Safety
        /// As for `Locked::with`.
        unsafe fn with<R>(blocks: &Self::Blocks, f: impl FnOnce(&mut BlockState) -> R) -> R;

        fn check(
            list: &Self::List,
            slots: Slots,
            cursor: &mut Cursor,
            max_steps: usize,
        ) -> Result<Progress, Corruption>;
    }
}

use sealed::{Lock, Start};

/// A value that is used by one context at a time.
pub struct Locked<L, T> {
    value: UnsafeCell<T>,
    lock: PhantomData<L>,
}

impl<L: Lock, T> Locked<L, T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), lock: PhantomData }
    }

    /// # Safety
    /// `f` calls nothing that comes back to this value.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: passed on.
        f(unsafe { self.lock() }.value)
    }

    /// As [`with`](Self::with), for as long as the result lives: where a closure might become a call.
    ///
    /// # Safety
    /// Nothing comes back to this value meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn lock(&self) -> Inside<'_, L, T> {
        let section = L::enter();
        // SAFETY: no other context is here (the lock; for `Single`, the type is not `Sync`), and
        // this one is here once, as the caller says.
        Inside { value: unsafe { &mut *self.value.get() }, _section: section }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// A value while nobody else uses it.
///
/// Ends with its scope. Handed to a function (`drop` too), its reference would have to stay alone until
/// that returns, and the section ends before.
pub(crate) struct Inside<'v, L: Lock, T> {
    pub(crate) value: &'v mut T,
    _section: L::Section,
}

// SAFETY: a critical section is held whenever the value is used.
unsafe impl<T: Send> Sync for Locked<Critical, T> {}

impl<L: Lock> Start for Locked<L, List> {
    const START: Self = Self::new(List::NEW);
}

impl<L: Lock> Start for Locked<L, BlockState> {
    const START: Self = Self::new(BlockState::NEW);
}

macro_rules! impl_locked_access {
    ($access:ty, $section:ty, $enter:expr) => {
        impl Lock for $access {
            type Section = $section;

            #[inline(always)]
            fn enter() -> $section {
                $enter
            }

            #[inline]
            unsafe fn live(storage: Storage, shape: Shape) -> Self::Blocks {
                // SAFETY: passed on.
                Locked::new(unsafe { BlockState::live(storage, shape) })
            }

            unsafe fn with<R>(blocks: &Self::Blocks, f: impl FnOnce(&mut BlockState) -> R) -> R {
                // SAFETY: passed on.
                unsafe { blocks.with(f) }
            }

            fn check(
                list: &Self::List,
                slots: Slots,
                cursor: &mut Cursor,
                max_steps: usize,
            ) -> Result<Progress, Corruption> {
                // SAFETY: a list calls nothing; a pool has the same slots always.
                unsafe { list.with(|list| list.check(slots, cursor, max_steps, |_| true)) }
            }
        }

        impl sealed::Access for $access {
            const BY_INDEX: bool = false;
            type List = Locked<Self, List>;
            type Links<const N: usize> = ();
            type Blocks = Locked<Self, BlockState>;

            #[inline(always)]
            unsafe fn pop<const N: usize>(
                list: &Self::List,
                (): &(),
                slots: Slots,
            ) -> Option<NonNull<u8>> {
                // SAFETY: passed on; a list calls nothing.
                unsafe { list.with(|list| list.pop(slots)) }
            }

            #[inline(always)]
            unsafe fn push<const N: usize>(
                list: &Self::List,
                (): &(),
                slots: Slots,
                block: NonNull<u8>,
            ) {
                // SAFETY: passed on; a list calls nothing.
                unsafe { list.with(|list| list.push(block, slots.link_of(block))) }
            }

            fn counts(list: &Self::List, slots: Slots) -> Counts {
                // SAFETY: a list calls nothing.
                unsafe {
                    list.with(|list| Counts {
                        used_count: list.used_count(slots),
                        peak_count: list.peak_count(slots),
                        failure_count: list.failure_count(),
                    })
                }
            }
        }
    };
}

impl_locked_access!(Single, (), ());
impl_locked_access!(Critical, Section, Section::enter());

#[cfg(target_has_atomic = "32")]
mod lock_free {
    use super::super::atomic::{AtomicList, Tag};
    use super::super::lock_free::AtomicBlocks;
    use super::super::sync::{AtomicU16, AtomicU32, AtomicWord, Ordering};
    use super::sealed::{self, Start};
    use super::{Access, Counts, LockFree, NonNull, Shared, Slots};

    impl Access for LockFree {}
    impl Shared for LockFree {}

    impl Start for AtomicList {
        const START: Self = Self {
            head: AtomicWord::new(0),
            used: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        };
    }

    impl<const N: usize> Start for [AtomicU16; N] {
        const START: Self = [const { AtomicU16::new(0) }; N];
    }

    impl sealed::Access for LockFree {
        const BY_INDEX: bool = true;
        type List = AtomicList;
        type Links<const N: usize> = [AtomicU16; N];
        type Blocks = AtomicBlocks;

        #[inline(always)]
        unsafe fn pop<const N: usize>(
            list: &Self::List,
            links: &Self::Links<N>,
            slots: Slots,
        ) -> Option<NonNull<u8>> {
            let index = list.pop(links, const { Tag::new(N as u16) })?;
            // SAFETY: the list has the indices below `N` only.
            Some(unsafe { slots.at(u32::from(index) + 1) })
        }

        #[inline(always)]
        unsafe fn push<const N: usize>(
            list: &Self::List,
            links: &Self::Links<N>,
            slots: Slots,
            block: NonNull<u8>,
        ) {
            let index = slots.link_of(block).wrapping_sub(1) as u16;
            list.push(links, const { Tag::new(N as u16) }, index);
        }

        fn counts(list: &Self::List, _slots: Slots) -> Counts {
            Counts {
                used_count: list.used.load(Ordering::Relaxed) as usize,
                peak_count: list.peak.load(Ordering::Relaxed) as usize,
                failure_count: list.failures.load(Ordering::Relaxed),
            }
        }
    }
}
