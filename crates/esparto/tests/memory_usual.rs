//! A memory with a usual heap, beside regions under others: contents, leads, the account, late figures, and
//! what the trace is told when somebody listens.

use std::alloc::Layout;
use std::ptr::NonNull;

use esparto::heap::tag::Preset;
use esparto::{
    AllocError, Caps, Cursor, Event, Heap, LinkedList, Memory, Owner, Progress, Realtime, Region,
    RegionId, Sink, UsualHeap, usual,
};

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD);
/// Every byte is written and read, which takes an interpreter its time.
const SIZE_LIMIT: usize = if cfg!(miri) { 60 } else { 300 };
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

#[derive(Default)]
struct Log {
    is_on: bool,
    events: Vec<Event>,
}

impl Sink for Log {
    const USUAL: Option<UsualHeap> = Some(usual::<Heap>);

    fn is_deaf(&self) -> bool {
        !self.is_on
    }

    fn record(&mut self, _: Owner, event: Event) {
        assert!(self.is_on, "told although deaf");
        self.events.push(event);
    }
}

/// The usual heap, twice, and one that has no lead.
fn memory() -> Memory<3, Log> {
    let memory = Memory::with_sink(Log::default());
    for (name, len, caps) in [("sram", 8192, SRAM), ("psram", 16384, PSRAM)] {
        let bytes = NonNull::from(crate::kept::bytes(len)).cast::<u8>();
        let region = Region::new(name, NonNull::slice_from_raw_parts(bytes, len), caps).trimmed();
        // SAFETY: the memory is kept for ever and nobody else's; the heap is the usual one.
        unsafe { memory.add_usual::<Heap>(region) }.unwrap();
    }
    memory.add_static::<LinkedList>("rtc", crate::kept::bytes(4096), SRAM | Caps::RTC).unwrap();
    memory
}

fn assert_account(memory: &Memory<3, Log>, live_count: usize) {
    let mut live = 0;
    for id in [RegionId(0), RegionId(1), RegionId(2)] {
        let checked = memory.check(id, &mut Cursor::default(), usize::MAX);
        assert_eq!(checked, Some(Ok(Progress::Done)));
        let stats = memory.region_stats(id).unwrap();
        assert_eq!(stats.live_bytes + stats.free_bytes + stats.bookkeeping_bytes, stats.size_bytes);
        live += stats.live_count;
    }
    assert_eq!(live, live_count);
}

struct Block {
    ptr: NonNull<u8>,
    layout: Layout,
    seed: u8,
}

impl Block {
    fn fill(&self) {
        for at in 0..self.layout.size() {
            // SAFETY: the block is live and this long.
            unsafe { self.ptr.add(at).write(self.seed.wrapping_add(at as u8)) };
        }
    }

    fn assert_filled(&self, len: usize) {
        assert!(self.ptr.addr().get().is_multiple_of(self.layout.align()));
        for at in 0..len {
            // SAFETY: the block is live, this long and filled.
            let byte = unsafe { self.ptr.add(at).read() };
            assert_eq!(byte, self.seed.wrapping_add(at as u8), "byte {at}");
        }
    }
}

#[test]
fn blocks_of_every_size_and_alignment_keep_what_is_in_them() {
    let memory = memory();
    let mut blocks: Vec<Block> = Vec::new();
    let mut state = 1_u32;
    let mut random = |limit: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % limit
    };
    for step in 0..if cfg!(miri) { 120 } else { 400 } {
        let caps = [SRAM, PSRAM, SRAM | Caps::RTC][random(3)];
        let layout = Layout::from_size_align(1 + random(SIZE_LIMIT), 1 << random(8)).unwrap();
        if blocks.is_empty() || random(8) < 3 {
            let Ok(ptr) = memory.allocate(layout, caps) else { continue };
            blocks.push(Block { ptr, layout, seed: step as u8 });
            blocks.last().unwrap().fill();
        } else if random(5) < 2 {
            let at = random(blocks.len());
            let old = &blocks[at];
            let (ptr, was) = (old.ptr, old.layout);
            let by_size = random(2) == 0;
            let new = if by_size {
                Layout::from_size_align(layout.size(), was.align()).unwrap()
            } else {
                layout
            };
            // SAFETY: a live block of this layout.
            let Ok(ptr) = (unsafe { memory.resize(ptr, was, new, caps) }) else { continue };
            blocks[at].ptr = ptr;
            blocks[at].layout = new;
            blocks[at].assert_filled(was.size().min(new.size()));
            blocks[at].fill();
        } else {
            let block = blocks.swap_remove(random(blocks.len()));
            block.assert_filled(block.layout.size());
            assert_eq!(memory.sized_len_bytes(block.ptr), Some(block.layout.size()));
            if step % 2 == 0 {
                // SAFETY: live, and nobody uses it any more.
                unsafe { memory.deallocate(block.ptr, block.layout) };
            } else {
                // SAFETY: live, and nobody uses it any more; then refused.
                unsafe {
                    assert_eq!(memory.deallocate_sized(block.ptr), Ok(block.layout.size()));
                    assert!(memory.deallocate_sized_apart(block.ptr).is_err());
                }
            }
        }
    }
    assert!(blocks.len() > 3, "{} blocks", blocks.len());
    for block in &blocks {
        block.assert_filled(block.layout.size());
    }
    assert_account(&memory, blocks.len());
    for block in blocks {
        // SAFETY: live, and nobody uses it any more.
        unsafe { memory.deallocate_sized_apart(block.ptr) }.unwrap();
    }
    assert_account(&memory, 0);
}

#[test]
fn a_lead_is_one_granule_at_any_alignment() {
    let memory = memory();
    for align in [1, 2, 4, 8, 16, 64, 256] {
        let before = memory.region_stats(RegionId(0)).unwrap().live_bytes;
        let layout = Layout::from_size_align(96, align).unwrap();
        let block = memory.allocate(layout, SRAM).unwrap();
        assert!(block.addr().get().is_multiple_of(align));
        let took = memory.region_stats(RegionId(0)).unwrap().live_bytes - before;
        // On a core of 32 bits: four bytes in front, one of tag, rounded to four.
        assert_eq!(took, 96 + 2 * Realtime::GRANULE_BYTES, "at {align}");
        // SAFETY: live, and nobody uses it.
        unsafe { memory.deallocate(block, layout) };
    }
    assert_account(&memory, 0);
}

#[test]
fn a_failure_finds_its_figures_when_it_is_asked_for_them() {
    let memory = memory();
    let refused = memory.allocate_sized_apart(20_000, 4, Caps::INTERNAL);
    assert!(matches!(refused, Err(AllocError::TooLarge { requested_bytes: 20_004, .. })));
    let held = memory.allocate_sized(6000, 4, Caps::INTERNAL).unwrap();
    let refused = memory.allocate_sized(5000, 4, Caps::INTERNAL);
    assert!(matches!(refused, Err(AllocError::Exhausted { largest_free_bytes: 0, .. })));
    let Some(AllocError::Exhausted { requested_bytes, largest_free_bytes, free_bytes, .. }) =
        memory.last_failure()
    else {
        panic!("{:?}", memory.last_failure())
    };
    assert_eq!(requested_bytes, 5004);
    assert!(
        largest_free_bytes > 3000 && largest_free_bytes < 5004 && free_bytes > largest_free_bytes
    );
    // Once found they stay.
    // SAFETY: live, and nobody uses it.
    unsafe { memory.deallocate_sized(held) }.unwrap();
    assert!(matches!(
        memory.last_failure(),
        Some(AllocError::Exhausted { largest_free_bytes: same, .. }) if same == largest_free_bytes
    ));
    assert_eq!(memory.region_stats(RegionId(0)).unwrap().failure_count, 2);
    assert_account(&memory, 0);
}

#[test]
fn who_listens_is_told_what_was_asked_for() {
    let memory = memory();
    // SAFETY: nobody uses the block.
    unsafe { memory.deallocate_sized(memory.allocate_sized(8, 4, SRAM).unwrap()) }.unwrap();
    memory.with_sink_mut(|log| log.is_on = true);
    let layout = Layout::from_size_align(40, 32).unwrap();
    let block = memory.allocate(layout, PSRAM).unwrap();
    assert!(memory.allocate_sized(1 << 20, 4, SRAM).is_err());
    // SAFETY: live, and nobody uses it.
    unsafe { memory.deallocate(block, layout) };
    memory.with_sink_mut(|log| {
        let addr = block.addr().get();
        assert!(matches!(
            log.events[..],
            [
                Event::Allocate { region: RegionId(1), addr: from, size_bytes: 40, align_log2: 5, .. },
                Event::Failure { size_bytes: 0x10_0000, .. },
                Event::Deallocate { region: RegionId(1), addr: to, size_bytes: 40 },
            ] if from == addr && to == addr
        ), "{:?}", log.events);
    });
}
