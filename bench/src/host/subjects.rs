//! The allocators, without their locks, each over memory of its own.
#![allow(unsafe_code, reason = "an allocator is called by unsafe functions")]

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use esparto::heap::tag::Preset;
use esparto::heap::{Heap, OnChip, RawHeap, Realtime, Throughput};
use esparto_bench_structures::{Boundary, Coarse, CoarseCached, Segments};
use rlsf::Tlsf;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

use super::actions::Action;

/// The memory of each: much more than is live.
const ARENA_BYTES: usize = 32 << 20;

/// A block as it was asked for; none when it could not be had.
#[derive(Clone, Copy, Default)]
pub(super) struct Block(Option<(NonNull<u8>, Layout)>);

/// An allocator.
pub(super) trait Subject: Sized {
    const NAME: &'static str;

    /// Starts on `arena`, which is aligned to a page.
    fn start(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self>;

    fn allocate_raw(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// # Safety
    /// The block is live and of this layout.
    unsafe fn deallocate_raw(&mut self, ptr: NonNull<u8>, layout: Layout);

    /// Moves the block where it must; none, and the block as it was, when that cannot be.
    ///
    /// # Safety
    /// As for `deallocate_raw`; the new size is not zero.
    unsafe fn resize_raw(
        &mut self,
        ptr: NonNull<u8>,
        layout: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>>;

    #[inline(always)]
    fn allocate(&mut self, layout: Layout) -> Block {
        Block(self.allocate_raw(layout).map(|ptr| (ptr, layout)))
    }

    #[inline(always)]
    fn deallocate(&mut self, block: Block) {
        if let Some((ptr, layout)) = block.0 {
            // SAFETY: a `Block` is live: it was made by `allocate` and is consumed here.
            unsafe { self.deallocate_raw(ptr, layout) }
        }
    }

    #[inline(always)]
    fn resize(&mut self, block: &mut Block, new_size: usize) {
        if let Some((ptr, layout)) = block.0
            && let Ok(new) = Layout::from_size_align(new_size, layout.align())
        {
            // SAFETY: a `Block` is live; sizes are at least 1.
            if let Some(ptr) = unsafe { self.resize_raw(ptr, layout, new) } {
                block.0 = Some((ptr, new));
            }
        }
    }

    /// Takes another block, copies, gives the old one back.
    ///
    /// # Safety
    /// As for `resize_raw`.
    #[inline(always)]
    unsafe fn moved(
        &mut self,
        ptr: NonNull<u8>,
        layout: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        let to = self.allocate_raw(new)?;
        // SAFETY: both are live and at least this long; the old one is given back once.
        unsafe {
            ptr.copy_to_nonoverlapping(to, layout.size().min(new.size()));
            self.deallocate_raw(ptr, layout);
        }
        Some(to)
    }
}

/// A subject with its memory and blocks.
pub(super) trait Runner {
    fn name(&self) -> &'static str;

    /// Starts anew on empty memory.
    fn start(&mut self, slot_count: usize) -> Result<()>;

    /// Does the actions.
    fn run(&mut self, slice: &[Action]);
}

/// Its memory is never given back: it belongs to the subject for as long as the program runs.
struct Arena<S> {
    memory: NonNull<[MaybeUninit<u8>]>,
    subject: Option<S>,
    blocks: Vec<Block>,
}

/// A page, so that every arena begins on one.
#[derive(Clone, Copy)]
#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "used as bytes only")] [MaybeUninit<u8>; 4096]);

impl<S: Subject> Arena<S> {
    fn new() -> Self {
        let pages = vec![Page([MaybeUninit::uninit(); 4096]); ARENA_BYTES / 4096].leak();
        let start = NonNull::from(pages).cast();
        let memory = NonNull::slice_from_raw_parts(start, ARENA_BYTES);
        Self { memory, subject: None, blocks: Vec::new() }
    }
}

impl<S: Subject> Runner for Arena<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn start(&mut self, slot_count: usize) -> Result<()> {
        // The old one and all its blocks are gone before the memory is used again.
        self.subject = None;
        self.blocks.clear();
        self.blocks.resize(slot_count, Block::default());
        // SAFETY: leaked memory that nobody else has; the last subject on it was dropped.
        let arena = unsafe { self.memory.as_mut() };
        let subject = S::start(arena).with_context(|| format!("{} does not start", S::NAME))?;
        self.subject = Some(subject);
        Ok(())
    }

    #[inline(never)]
    fn run(&mut self, slice: &[Action]) {
        if let Some(subject) = &mut self.subject {
            super::act(subject, &mut self.blocks, slice);
        }
    }
}

/// Ours and the peers.
pub(super) fn all() -> Vec<Box<dyn Runner>> {
    vec![
        Box::new(Arena::<Ours<Heap<Realtime>>>::new()),
        Box::new(Arena::<Ours<Heap<Throughput>>>::new()),
        Box::new(Arena::<Talc<Manual, DefaultBinning>>::new()),
        Box::new(Arena::<Rlsf<u16, u16, 12, 16>>::new()),
        Box::new(Arena::<Rlsf<usize, usize, 32, 32>>::new()),
    ]
}

struct Ours<H>(H);

/// The names of the heaps.
trait Named {
    const NAME: &'static str;
}

impl Named for Heap<Realtime> {
    const NAME: &'static str = "esparto_realtime";
}

impl Named for Heap<Throughput> {
    const NAME: &'static str = "esparto_throughput";
}

/// The structures that were tried and not shipped, and the shipped one nearer to what a chip has.
pub(super) fn structures() -> Vec<Box<dyn Runner>> {
    vec![
        Box::new(Arena::<Ours<Boundary<Coarse>>>::new()),
        Box::new(Arena::<Ours<Boundary<CoarseCached>>>::new()),
        Box::new(Arena::<Ours<Segments>>::new()),
        Box::new(Arena::<Ours<Heap<Granule8>>>::new()),
        Box::new(Arena::<Ours<Heap<Granule8Cached>>>::new()),
    ]
}

impl Named for Boundary<Coarse> {
    const NAME: &'static str = "prototype_boundary";
}

impl Named for Boundary<CoarseCached> {
    const NAME: &'static str = "prototype_boundary_cache";
}

impl Named for Segments {
    const NAME: &'static str = "prototype_segments";
}

/// Two words of a chip.
struct Granule8;

impl Preset for Granule8 {
    const GRANULE_BYTES: usize = 8;
}

impl Named for Heap<Granule8> {
    const NAME: &'static str = "prototype_tag_8";
}

/// The same, with the cache of a chip.
struct Granule8Cached;

impl Preset for Granule8Cached {
    const GRANULE_BYTES: usize = 8;
    const CACHE_SIZE_LIMIT_BYTES: usize = OnChip::<Throughput>::CACHE_SIZE_LIMIT_BYTES;
    const CACHE_LIST_BYTES: usize = OnChip::<Throughput>::CACHE_LIST_BYTES;
}

impl Named for Heap<Granule8Cached> {
    const NAME: &'static str = "prototype_tag_8_cache";
}

impl<H: RawHeap + Named> Subject for Ours<H> {
    const NAME: &'static str = H::NAME;

    fn start(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let len = arena.len();
        let memory = NonNull::slice_from_raw_parts(NonNull::from(arena).cast(), len);
        // SAFETY: an exclusive borrow for ever is the ownership asked for; it starts on a page.
        unsafe { H::init(memory) }.ok().map(Self)
    }

    #[inline(always)]
    fn allocate_raw(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate(layout).map(|grant| grant.ptr)
    }

    #[inline(always)]
    unsafe fn deallocate_raw(&mut self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.0.deallocate(ptr, layout) };
    }

    #[inline(always)]
    unsafe fn resize_raw(
        &mut self,
        ptr: NonNull<u8>,
        layout: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        unsafe {
            let taken_bytes = if new.size() >= layout.size() {
                self.0.grow(ptr, layout, new.size())
            } else {
                self.0.shrink(ptr, layout, new.size())
            };
            if taken_bytes.is_some() { Some(ptr) } else { self.moved(ptr, layout, new) }
        }
    }
}

impl Subject for Talc<Manual, DefaultBinning> {
    const NAME: &'static str = "talc";

    fn start(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Self::new(Manual);
        // SAFETY: the arena is the heap's alone.
        unsafe { heap.claim(arena.as_mut_ptr().cast(), arena.len())? };
        Some(heap)
    }

    #[inline(always)]
    fn allocate_raw(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: sizes are at least 1.
        unsafe { Talc::allocate(self, layout) }
    }

    #[inline(always)]
    unsafe fn deallocate_raw(&mut self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { Talc::deallocate(self, ptr.as_ptr(), layout) };
    }

    #[inline(always)]
    unsafe fn resize_raw(
        &mut self,
        ptr: NonNull<u8>,
        layout: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        unsafe {
            if self.try_realloc_in_place(ptr.as_ptr(), layout, new.size()) {
                Some(ptr)
            } else {
                self.moved(ptr, layout, new)
            }
        }
    }
}

struct Rlsf<F: rlsf::int::BinInteger, S: rlsf::int::BinInteger, const FL: usize, const SL: usize>(
    Tlsf<'static, F, S, FL, SL>,
);

impl<F: rlsf::int::BinInteger, S: rlsf::int::BinInteger, const FL: usize, const SL: usize> Subject
    for Rlsf<F, S, FL, SL>
{
    const NAME: &'static str = if FL == 32 { "rlsf_32_32" } else { "rlsf_12_16" };

    fn start(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self> {
        let mut heap = Tlsf::new();
        heap.insert_free_block(arena);
        Some(Self(heap))
    }

    #[inline(always)]
    fn allocate_raw(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate(layout)
    }

    #[inline(always)]
    unsafe fn deallocate_raw(&mut self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.0.deallocate(ptr, layout.align()) };
    }

    #[inline(always)]
    unsafe fn resize_raw(
        &mut self,
        ptr: NonNull<u8>,
        _layout: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        unsafe { self.0.reallocate(ptr, new) }
    }
}
