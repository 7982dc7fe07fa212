//! A block of 64 bytes, taken and given back.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use esparto::pool::{BlockPool, Critical, Pool, PoolBox, Shape};
use heapless::box_pool;
use heapless::pool::boxed::{Box, BoxBlock};

use crate::timed::pair;

type Words = MaybeUninit<[u32; 16]>;

const BLOCKS: usize = 32;

/// What was taken and is given back next. One context uses it.
struct Held<T>(UnsafeCell<Option<T>>);

// SAFETY: the program has one context.
unsafe impl<T> Sync for Held<T> {}

impl<T> Held<T> {
    const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    #[inline(always)]
    fn set(&self, value: Option<T>) -> bool {
        let is_there = value.is_some();
        // SAFETY: one context, and nothing is borrowed.
        unsafe { *self.0.get() = value };
        is_there
    }

    #[inline(always)]
    fn take(&self) -> Option<T> {
        // SAFETY: one context, and nothing is borrowed.
        unsafe { (*self.0.get()).take() }
    }
}

static TYPED: Pool<Words, BLOCKS, Critical> = Pool::new();
static TYPED_HELD: Held<NonNull<Words>> = Held::new();

#[inline(never)]
fn typed_take() -> bool {
    // SAFETY: any words are a value.
    TYPED_HELD.set(TYPED.take().map(|vacant| PoolBox::into_raw(unsafe { vacant.assume_init() })))
}

#[inline(never)]
fn typed_give() -> bool {
    // SAFETY: taken from this pool by `typed_take`.
    TYPED_HELD.take().map(|block| drop(unsafe { PoolBox::from_raw(&TYPED, block) })).is_some()
}

static CHECKED: BlockPool<Critical> = BlockPool::new();
static CHECKED_HELD: Held<NonNull<u8>> = Held::new();

#[inline(never)]
fn checked_take() -> bool {
    CHECKED_HELD.set(CHECKED.allocate().ok())
}

#[inline(never)]
fn checked_give() -> bool {
    CHECKED_HELD.take().is_some_and(|block| CHECKED.deallocate(block).is_ok())
}

box_pool!(Heapless: Words);
static HEAPLESS_HELD: Held<Box<Heapless>> = Held::new();

#[inline(never)]
fn heapless_take() -> bool {
    HEAPLESS_HELD.set(Heapless.alloc(MaybeUninit::uninit()).ok())
}

#[inline(never)]
fn heapless_give() -> bool {
    HEAPLESS_HELD.take().map(drop).is_some()
}

pub(crate) fn measure() {
    const SHAPE: &str = "there is room";
    static mut MEMORY: [MaybeUninit<u8>; 4096] = [MaybeUninit::uninit(); 4096];
    // SAFETY: taken once, here.
    let memory = unsafe { (&raw mut MEMORY).as_mut() }.expect("a static is somewhere");
    CHECKED.init_static(memory, Shape::new(64, BLOCKS).expect(SHAPE)).expect(SHAPE);
    static mut HEAPLESS: [BoxBlock<Words>; BLOCKS] = [const { BoxBlock::new() }; BLOCKS];
    // SAFETY: taken once, here.
    let blocks = unsafe { (&raw mut HEAPLESS).as_mut() }.expect("a static is somewhere");
    for block in blocks {
        Heapless.manage(block);
    }
    pair("pool", "esparto Pool, critical section", typed_take, typed_give);
    pair("pool", "esparto BlockPool, critical section, checked free", checked_take, checked_give);
    pair(
        "pool",
        "heapless::pool::boxed, atomics by critical section",
        heapless_take,
        heapless_give,
    );
}
