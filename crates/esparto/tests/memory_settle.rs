//! What a heap keeps aside is given up before a request is refused: no refusal while the free
//! memory could serve, one bounded step a lock.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use esparto::heap::{Corruption, Cursor, Extent, Grant, InitError, Progress, RawHeap};
use esparto::{AllocError, Caps, Event, Heap, Memory, Owner, Policy, RegionId, Sink, Throughput};

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC);

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).unwrap()
}

/// Counts failures that were told.
#[derive(Default)]
struct Failures(usize);

impl Sink for Failures {
    fn record(&mut self, _owner: Owner, event: Event) {
        self.0 += usize::from(matches!(event, Event::Failure { .. }));
    }
}

fn memory() -> Memory<1, Failures> {
    let memory = Memory::with_sink(Failures::default());
    memory.add_static::<Heap<Throughput>>("sram", crate::kept::bytes(8192), SRAM).unwrap();
    memory
}

/// Fills the memory with blocks of `sizes`, gives all of them back, and says how many there were.
/// The last of each size stay in the cache.
fn churn(memory: &Memory<1, Failures>, sizes: &[usize]) -> usize {
    let mut blocks = Vec::new();
    // A third of it, so that memory is not scarce, which would empty the cache at once.
    while memory.region_stats(RegionId(0)).unwrap().live_bytes < 2700 {
        let layout = layout(sizes[blocks.len() % sizes.len()]);
        blocks.push((memory.allocate(layout, SRAM).unwrap(), layout));
    }
    for &(ptr, layout) in &blocks {
        // SAFETY: a live block with its layout.
        unsafe { memory.deallocate(ptr, layout) };
    }
    blocks.len()
}

/// The largest size of a block that a heap without a past would hand out.
fn whole() -> usize {
    let memory = memory();
    memory.region_stats(RegionId(0)).unwrap().largest_free_bytes
}

#[test]
fn what_the_cache_holds_is_given_up_before_a_request_is_refused() {
    let memory = memory();
    assert!(churn(&memory, &[8, 24, 40, 56, 72, 100, 132]) > 20);
    let before = memory.region_stats(RegionId(0)).unwrap();
    assert!(before.largest_free_bytes < whole(), "nothing is cached: {before:?}");
    // Nothing is live, so everything can be had in one piece.
    let ptr = memory.allocate(layout(whole()), SRAM).expect("the caches hold the rest");
    assert_eq!(memory.region_stats(RegionId(0)).unwrap().failure_count, 0);
    assert_eq!(memory.with_sink_mut(|sink| sink.0), Some(0));
    assert_eq!(memory.last_failure(), None);
    // SAFETY: the live block with its layout.
    unsafe { memory.deallocate(ptr, layout(whole())) };
}

#[test]
fn every_way_of_asking_settles() {
    let whole = whole();
    let cached = || {
        let memory = memory();
        let sizes = [8, 24, 40, 56, 72, 100, 132];
        churn(&memory, if cfg!(miri) { &sizes[5..] } else { &sizes });
        memory
    };
    let memory = cached();
    memory.set_global_policy(Policy::ANY);
    // SAFETY: the size is not zero.
    assert!(!unsafe { memory.alloc(layout(whole)) }.is_null());

    let memory = cached();
    assert!(memory.with(SRAM).allocate(layout(whole)).is_ok());

    let memory = cached();
    assert!(memory.take(layout(whole), SRAM).is_ok());

    let memory = cached();
    assert!(memory.allocate_sized(whole - 8, 4, SRAM).is_ok());

    // A block that grows over everything: in place or moved, once its neighbours are given up.
    let memory = cached();
    let ptr = memory.allocate(layout(200), SRAM).unwrap();
    // SAFETY: the live block with its layout.
    assert!(unsafe { memory.resize(ptr, layout(200), layout(whole / 2), SRAM) }.is_ok());

    let memory = cached();
    let ptr = memory.allocate_sized(200, 4, SRAM).unwrap();
    // SAFETY: the live block.
    assert!(unsafe { memory.resize_sized(ptr, whole / 2, SRAM) }.is_ok());
}

#[test]
fn a_request_beyond_the_free_bytes_leaves_the_cache_alone() {
    let memory = memory();
    churn(&memory, &[24, 40]);
    let held = memory.allocate(layout(whole() / 2), SRAM).unwrap();
    let before = memory.region_stats(RegionId(0)).unwrap();
    let error = memory.allocate(layout(whole() * 3 / 4), SRAM).unwrap_err();
    assert!(matches!(error, AllocError::Exhausted { .. }), "{error}");
    let after = memory.region_stats(RegionId(0)).unwrap();
    assert_eq!((after.free_count, after.free_bytes), (before.free_count, before.free_bytes));
    assert_eq!(memory.with_sink_mut(|sink| sink.0), Some(1), "one refusal, told once");
    // SAFETY: the live block with its layout.
    unsafe { memory.deallocate(held, layout(whole() / 2)) };
}

#[test]
fn after_any_churn_nothing_is_refused_that_settling_by_hand_could_serve() {
    let mut random = 1_u32;
    let mut next = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random as usize % limit
    };
    let (rounds, steps) = if cfg!(miri) { (1, 40) } else { (200, 300) };
    let mut refused_count = 0;
    for _ in 0..rounds {
        let memory = memory();
        let mut blocks: Vec<(NonNull<u8>, Layout)> = Vec::new();
        for _ in 0..steps {
            if next(100) < 45 && !blocks.is_empty() {
                let (ptr, layout) = blocks.swap_remove(next(blocks.len()));
                // SAFETY: a live block with its layout.
                unsafe { memory.deallocate(ptr, layout) };
                continue;
            }
            let large = next(8) == 0;
            let layout = layout(1 + next(if large { 2000 } else { 130 }));
            match memory.allocate(layout, SRAM) {
                Ok(ptr) => blocks.push((ptr, layout)),
                Err(AllocError::Exhausted { largest_free_bytes, free_bytes, .. }) => {
                    refused_count += 1;
                    // The figure is that of the heap after all was given up, or there are not even
                    // the bytes.
                    assert!(
                        largest_free_bytes < layout.size() || free_bytes < layout.size(),
                        "refused {layout:?}, of {largest_free_bytes} in one piece"
                    );
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(cfg!(miri) || refused_count > 0, "the memory never ran out");
}

/// A heap that always has more to settle and never serves: what a request must not wait for.
struct Endless(Cell<bool>);

static STEPS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands nothing out.
unsafe impl RawHeap for Endless {
    unsafe fn init(_memory: NonNull<[u8]>) -> Result<Self, InitError> {
        Ok(Self(Cell::new(false)))
    }

    fn allocate(&mut self, _layout: Layout) -> Option<Grant> {
        assert!(!self.0.replace(false) || STEPS.load(Ordering::Relaxed) > 0);
        None
    }

    unsafe fn deallocate(&mut self, _ptr: NonNull<u8>, _layout: Layout) -> usize {
        0
    }

    unsafe fn grow(&mut self, _ptr: NonNull<u8>, _old: Layout, _new: usize) -> Option<usize> {
        None
    }

    unsafe fn shrink(&mut self, _ptr: NonNull<u8>, _old: Layout, _new: usize) -> Option<usize> {
        None
    }

    fn footprint_bytes(&self, layout: Layout) -> usize {
        layout.size()
    }

    fn largest_free(&self, _align: usize) -> usize {
        0
    }

    fn walk(&self, _visit: &mut dyn FnMut(Extent)) {}

    fn crumb_bytes(&self) -> usize {
        1000
    }

    fn settle(&mut self) -> bool {
        assert!(!self.0.replace(true), "two steps without asking in between");
        STEPS.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn check(&self, _cursor: &mut Cursor, _max_steps: usize) -> Result<Progress, Corruption> {
        Ok(Progress::Done)
    }
}

#[test]
#[cfg_attr(miri, ignore = "65,536 locks take minutes there, and each is like the one before")]
fn a_request_takes_one_step_a_lock_and_does_not_wait_for_ever() {
    let memory: Memory<1> = Memory::new();
    memory.add_static::<Endless>("endless", crate::kept::bytes(2048), SRAM).unwrap();
    assert!(memory.allocate(layout(16), SRAM).is_err());
    assert!(STEPS.load(Ordering::Relaxed) > 1000);
}
