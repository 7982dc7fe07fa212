//! The front door: regions, requests, reasons, the account, and what a sink is told.

use std::alloc::{GlobalAlloc, Layout};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use esparto::heap::ExtentKind;
use esparto::heap::linked_list::{BestFit, LinkedList, Merging};
use esparto::{
    AllocError, Caps, Cursor, Event, Heap, Memory, Owner, Policy, Progress, Region, RegionError,
    RegionId, Sink, Use,
};

const SRAM: Caps = Caps::INTERNAL
    .union(Caps::BYTE)
    .union(Caps::WORD)
    .union(Caps::ATOMIC)
    .union(Caps::ISR_SAFE)
    .union(Caps::DMA);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

/// Keeps every event.
#[derive(Default)]
struct Log(Vec<(Owner, Event)>);

impl Sink for Log {
    fn record(&mut self, owner: Owner, event: Event) {
        self.0.push((owner, event));
    }
}

fn bytes<const LEN: usize>() -> &'static mut [MaybeUninit<u8>] {
    crate::kept::bytes(LEN)
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn chip() -> Memory<8, Log> {
    let memory = Memory::with_sink(Log::default());
    memory.add_static::<LinkedList>("sram", bytes::<4096>(), SRAM).unwrap();
    memory.add_static::<LinkedList<BestFit, Merging>>("psram", bytes::<8192>(), PSRAM).unwrap();
    memory
}

fn events<const N: usize>(memory: &Memory<N, Log>) -> Vec<(Owner, Event)> {
    memory.with_sink_mut(|log| std::mem::take(&mut log.0)).unwrap()
}

fn region_of<const N: usize>(memory: &Memory<N, Log>, ptr: NonNull<u8>) -> RegionId {
    (0..memory.region_count() as u8)
        .map(RegionId)
        .find(|&id| {
            let stats = memory.region_stats(id).unwrap();
            (stats.start_addr..stats.start_addr + stats.size_bytes).contains(&ptr.addr().get())
        })
        .unwrap()
}

/// free + live + bookkeeping = size, and the heap's own check agrees.
fn assert_exact<const N: usize, S: Sink>(memory: &Memory<N, S>) {
    for id in 0..memory.region_count() as u8 {
        let stats = memory.region_stats(RegionId(id)).unwrap();
        assert_eq!(
            stats.free_bytes + stats.live_bytes + stats.bookkeeping_bytes,
            stats.size_bytes,
            "{stats:?}"
        );
        let checked = memory.check(RegionId(id), &mut Cursor::default(), usize::MAX);
        assert_eq!(checked, Some(Ok(Progress::Done)));
    }
}

#[test]
fn a_request_gets_what_it_requires_and_what_it_prefers_while_there_is_any() {
    let memory = chip();
    let (sram, psram) = (RegionId(0), RegionId(1));
    let get = |size, policy: Policy| {
        region_of(&memory, memory.allocate(layout(size, 4), policy).unwrap())
    };
    assert_eq!(get(16, Policy::ANY), sram);
    assert_eq!(get(16, Policy::require(Caps::EXTERNAL)), psram);
    assert_eq!(get(16, Policy::prefer(Caps::EXTERNAL)), psram);
    assert_eq!(get(4000, Policy::prefer(Caps::INTERNAL)), sram);
    assert_eq!(get(4000, Policy::prefer(Caps::INTERNAL)), psram, "sram is full: fall back");
    let sized = Policy::prefer(Caps::INTERNAL).prefer_from(100, Caps::EXTERNAL);
    assert_eq!(get(99, Policy::ANY), psram);
    assert_eq!(get(100, sized), psram);
    assert_eq!(get(32, sized), sram);
    assert_exact(&memory);
}

#[test]
fn the_decision_tree_places_each_use() {
    let memory = chip();
    let get = |size, kind| {
        memory.allocate(layout(size, 4), Policy::for_use(kind)).map(|ptr| region_of(&memory, ptr))
    };
    let (sram, psram) = (Ok(RegionId(0)), Ok(RegionId(1)));
    assert_eq!(get(64, Use::Event), sram);
    assert_eq!(get(1000, Use::System), sram);
    assert_eq!(get(500, Use::Application), sram);
    assert_eq!(get(Policy::LARGE_FROM_BYTES, Use::Application), psram);
    assert_eq!(get(512, Use::Dma), sram);
    assert_eq!(get(512, Use::Isr), sram);
    // Neither interrupt data nor DMA buffers ever fall back to PSRAM.
    assert!(matches!(get(3000, Use::Isr), Err(AllocError::Exhausted { .. })));
    assert!(matches!(get(6000, Use::Dma), Err(AllocError::TooLarge { .. })));
    assert_exact(&memory);
}

#[test]
fn the_global_allocator_keeps_out_of_memory_without_atomics_unless_told() {
    let memory = chip();
    let large = layout(6000, 8);
    // SAFETY: the size is not zero.
    let ptr = unsafe { memory.alloc(large) };
    assert!(ptr.is_null(), "only psram has 6000 bytes, and it cannot do atomics");
    assert!(matches!(
        memory.last_failure(),
        Some(AllocError::TooLarge { requested_bytes: 6000, .. })
    ));
    memory.set_global_policy(Policy::ANY);
    // SAFETY: the size is not zero.
    let ptr = unsafe { memory.alloc(large) };
    assert_eq!(region_of(&memory, NonNull::new(ptr).unwrap()), RegionId(1));
    // SAFETY: the live block with its layout.
    let ptr = unsafe { memory.realloc(ptr, large, 7000) };
    assert!(!ptr.is_null());
    // SAFETY: the live block with its layout as last changed.
    unsafe { memory.dealloc(ptr, layout(7000, 8)) };
    assert_exact(&memory);
}

#[test]
fn a_failure_says_which_figure_stood_in_the_way() {
    let memory = chip();
    let fail = |size, align, caps: Caps| memory.allocate(layout(size, align), caps).unwrap_err();
    assert_eq!(fail(0, 1, SRAM), AllocError::ZeroSize);
    assert_eq!(
        fail(8, 1, Caps::RTC),
        AllocError::NoRegion { required: Caps::RTC, present: SRAM | PSRAM }
    );
    let stats = memory.region_stats(RegionId(1)).unwrap();
    assert_eq!(
        fail(9000, 1, Caps::EXTERNAL),
        AllocError::TooLarge {
            requested_bytes: 9000,
            limit_bytes: stats.size_bytes - stats.bookkeeping_bytes
        }
    );
    let limit = isize::MAX as usize - 7;
    assert!(matches!(fail(limit, 8, Caps::BYTE), AllocError::TooLarge { .. }));
    memory.allocate(layout(8000, 4), Caps::EXTERNAL).unwrap();
    let left = memory.region_stats(RegionId(1)).unwrap().free_bytes;
    assert_eq!(
        fail(1000, 4, Caps::EXTERNAL),
        AllocError::Exhausted {
            requested_bytes: 1000,
            align_bytes: 4,
            largest_free_bytes: left,
            region: RegionId(1),
            free_bytes: left,
        }
    );
    // An alignment beyond the region: nothing of it can be had.
    assert!(matches!(
        fail(8, 1 << 30, Caps::INTERNAL),
        AllocError::Exhausted { largest_free_bytes: 0, align_bytes, .. } if align_bytes == 1 << 30
    ));
    assert_exact(&memory);
}

/// What is free lies in front of the block, and is too little for another one beside it.
#[test]
fn a_block_that_cannot_grow_where_it_lies_takes_in_what_is_free_in_front_of_it() {
    let memory: Memory<2, Log> = Memory::with_sink(Log::default());
    let sram = memory.add_static::<Heap>("sram", bytes::<8192>(), SRAM).unwrap();
    memory.add_static::<Heap>("psram", bytes::<8192>(), PSRAM).unwrap();
    let internal = Policy::require(Caps::INTERNAL);
    let take = |size| memory.allocate(layout(size, 4), internal).unwrap();
    let (front, block) = (take(2000), take(1200));
    let behind_bytes = memory.region_stats(sram).unwrap().largest_free_bytes;
    let behind = take(behind_bytes);
    // SAFETY: live, of this size; `front` is not used any more.
    unsafe {
        for at in 0..1200 {
            block.add(at).write(at as u8);
        }
        memory.deallocate(front, layout(2000, 4));
    }
    let _ = events(&memory);
    // SAFETY: live, and not used any more under this pointer.
    let grown =
        unsafe { memory.resize(block, layout(1200, 4), layout(3100, 4), internal) }.unwrap();
    assert!(grown < block, "{grown:?} {block:?}");
    // SAFETY: live, of this size.
    assert!((0..1200).all(|at| unsafe { grown.add(at).read() } == at as u8));
    let told = events(&memory);
    let [(_, Event::Resize { old_addr, addr, old_size_bytes: 1200, size_bytes: 3100, .. })] =
        told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((old_addr, addr), (block.addr().get(), grown.addr().get()));
    assert_exact(&memory);
    // A policy that would have it elsewhere is followed, though there is room here.
    let away = Policy::prefer(Caps::EXTERNAL);
    // SAFETY: as above.
    unsafe {
        let moved = memory.resize(grown, layout(3100, 4), layout(3150, 4), away).unwrap();
        assert_eq!(region_of(&memory, moved), RegionId(1));
        memory.deallocate(moved, layout(3150, 4));
        memory.deallocate(behind, layout(behind_bytes, 4));
    }
    assert_exact(&memory);
    assert_eq!(memory.region_stats(sram).unwrap().live_bytes, 0);
}

#[test]
fn bad_regions_are_refused_by_name_and_nothing_changes() {
    let memory: Memory<2> = Memory::new();
    let buffer = bytes::<1024>();
    let start = NonNull::from(buffer).cast::<u8>();
    let part = |offset: usize, len| {
        let memory = NonNull::slice_from_raw_parts(
            start.map_addr(|addr| addr.checked_add(offset).unwrap()),
            len,
        );
        Region::new("part", memory, SRAM)
    };
    // SAFETY: parts of a leaked buffer; those that do not lie in it are refused unread.
    let add = |region| unsafe { memory.add::<LinkedList>(region) };
    let start_addr = start.addr().get();
    assert_eq!(add(part(0, 0)), Err(RegionError::Empty { start_addr }));
    assert_eq!(
        add(part(4, 512)),
        Err(RegionError::Misaligned { start_addr: start_addr + 4, len_bytes: 512, align_bytes: 8 })
    );
    assert_eq!(
        add(part(0, 511)),
        Err(RegionError::Misaligned { start_addr, len_bytes: 511, align_bytes: 8 })
    );
    let wrapping = (usize::MAX - start_addr + 1) & !7;
    assert!(matches!(add(part(0, wrapping)), Err(RegionError::Wraps { .. })));
    assert!(matches!(add(part(0, 8)), Err(RegionError::TooSmall { len_bytes: 8, .. })));
    assert_eq!(memory.region_count(), 0);

    assert_eq!(add(part(0, 512)), Ok(RegionId(0)));
    assert_eq!(add(part(0, 512)), Err(RegionError::Duplicate { with: RegionId(0), start_addr }));
    for (offset, len) in [(0, 256), (256, 512), (504, 64), (0, 1024)] {
        assert_eq!(
            add(part(offset, len)),
            Err(RegionError::Overlaps {
                with: RegionId(0),
                start_addr: start_addr + offset,
                other_start_addr: start_addr
            })
        );
    }
    let word_only = Region::new("iram", part(512, 512).memory(), Caps::WORD | Caps::EXEC);
    assert!(matches!(add(word_only), Err(RegionError::NotByteAddressable { .. })));
    assert_eq!(add(part(512, 256)), Ok(RegionId(1)), "neighbours do not overlap");
    assert_eq!(add(part(768, 256)), Err(RegionError::TooMany { limit_count: 2 }));
    assert_eq!(memory.region_count(), 2);
    assert_exact(&memory);
}

#[test]
fn the_control_block_of_external_memory_lives_in_internal_memory() {
    let memory: Memory<4> = Memory::new();
    let first = memory.add_static::<LinkedList>("psram", bytes::<1024>(), PSRAM);
    assert!(matches!(first, Err(RegionError::NoInternalMemory { .. })));
    memory.add_static::<LinkedList>("sram", bytes::<1024>(), SRAM).unwrap();
    let before = memory.region_stats(RegionId(0)).unwrap().bookkeeping_bytes;
    let id = memory.add_static::<LinkedList>("psram", bytes::<1024>(), PSRAM).unwrap();
    assert_eq!(memory.region_stats(id).unwrap().bookkeeping_bytes, 0);
    assert!(memory.region_stats(RegionId(0)).unwrap().bookkeeping_bytes > before);
    assert_exact(&memory);
}

#[test]
fn eight_regions_and_more_at_run_time() {
    let memory: Memory<9> = Memory::new();
    for id in 0..9 {
        assert_eq!(memory.add_static::<LinkedList>("bank", bytes::<256>(), SRAM), Ok(RegionId(id)));
        memory.allocate(layout(200, 4), Caps::INTERNAL).unwrap();
    }
    assert!(memory.allocate(layout(200, 4), Caps::INTERNAL).is_err());
    assert_exact(&memory);
}

#[test]
fn a_sink_is_told_everything_and_by_whose_request() {
    let memory = chip();
    memory.set_owner(Owner(3));
    let block = memory.allocate(layout(40, 8), Caps::INTERNAL).unwrap();
    let other = memory.with(Caps::INTERNAL).owned_by(Owner(9)).allocate(layout(8, 4)).unwrap();
    let addr = block.addr().get();
    // The neighbour is live: the block must move.
    let moved =
        // SAFETY: the live block with its layout.
        unsafe { memory.resize(block, layout(40, 8), layout(80, 8), Caps::INTERNAL) }.unwrap();
    assert_ne!(block, moved);
    let shrunk =
        // SAFETY: the live block with its layout.
        unsafe { memory.resize(moved, layout(80, 8), layout(48, 8), Caps::INTERNAL) }.unwrap();
    assert_eq!(moved, shrunk);
    memory.allocate(layout(9, 1), Caps::RTC).unwrap_err();
    memory.mark(7);
    assert_eq!(memory.set_owner(Owner(4)), Owner(3));
    // SAFETY: the live block with its layout as last changed.
    unsafe { memory.deallocate(moved, layout(48, 8)) };
    let region = RegionId(0);
    let (moved_addr, none) = (moved.addr().get(), Caps::empty());
    let (size_bytes, align_log2) = (40, 3);
    assert_eq!(
        events(&memory),
        [
            (
                Owner(3),
                Event::Allocate {
                    region,
                    addr,
                    size_bytes,
                    align_log2,
                    require: Caps::INTERNAL,
                    prefer: none
                }
            ),
            (
                Owner(9),
                Event::Allocate {
                    region,
                    addr: other.cast::<u8>().addr().get(),
                    size_bytes: 8,
                    align_log2: 2,
                    require: Caps::INTERNAL,
                    prefer: none
                }
            ),
            (
                Owner(3),
                Event::Resize {
                    region,
                    old_addr: addr,
                    addr: moved_addr,
                    old_size_bytes: 40,
                    size_bytes: 80,
                    align_log2
                }
            ),
            (
                Owner(3),
                Event::Resize {
                    region,
                    old_addr: moved_addr,
                    addr: moved_addr,
                    old_size_bytes: 80,
                    size_bytes: 48,
                    align_log2
                }
            ),
            (
                Owner(3),
                Event::Failure { size_bytes: 9, align_log2: 0, require: Caps::RTC, prefer: none }
            ),
            (Owner(3), Event::Mark { id: 7 }),
            (Owner(4), Event::Deallocate { region, addr: moved_addr, size_bytes: 48 }),
        ]
    );
    assert_exact(&memory);
}

#[test]
fn a_foreign_free_changes_nothing_but_its_counter() {
    let memory = chip();
    let mut mine = [0u8; 16];
    let before = memory.region_stats(RegionId(0));
    // SAFETY: documented to be harmless outside all regions.
    unsafe { memory.deallocate(NonNull::from(&mut mine).cast(), layout(16, 1)) };
    assert_eq!(memory.foreign_free_count(), 1);
    assert_eq!(memory.region_stats(RegionId(0)), before);
    assert!(events(&memory).is_empty());
}

#[test]
fn blocks_go_back_by_themselves_and_keep_their_contents() {
    let memory = chip();
    let mut block = memory.take(layout(100, 4), Caps::EXTERNAL).unwrap();
    let _wall = memory.take(layout(8, 4), Caps::EXTERNAL).unwrap();
    for (index, byte) in block.iter_mut().enumerate() {
        byte.write(index as u8);
    }
    block.resize(400).unwrap();
    assert_eq!(block.len(), 400);
    for (index, byte) in block[..100].iter().enumerate() {
        // SAFETY: written above, and moved along.
        assert_eq!(unsafe { byte.assume_init() }, index as u8);
    }
    assert!(matches!(block.resize(1 << 20), Err(AllocError::TooLarge { .. })));
    assert!(matches!(block.resize(usize::MAX), Err(AllocError::TooLarge { .. })));
    assert_eq!(block.resize(0), Err(AllocError::ZeroSize));
    assert_eq!(block.layout(), layout(400, 4));
    drop(block);
    assert_eq!(memory.region_stats(RegionId(1)).unwrap().live_count, 1);
    assert_exact(&memory);
}

#[test]
fn figures_are_per_region_and_per_capability() {
    let memory = chip();
    memory.allocate(layout(1000, 4), Caps::INTERNAL).unwrap();
    memory.allocate(layout(2000, 4), Caps::EXTERNAL).unwrap();
    let (internal, all) = (memory.caps_stats(Caps::INTERNAL), memory.caps_stats(Caps::BYTE));
    assert_eq!((internal.region_count, internal.live_bytes, internal.size_bytes), (1, 1000, 4096));
    assert_eq!((all.region_count, all.live_bytes, all.size_bytes), (2, 3000, 4096 + 8192));
    // One block never spans two regions.
    assert_eq!(all.largest_free_bytes, memory.caps_stats(Caps::EXTERNAL).largest_free_bytes);
    assert_eq!(internal.fragmentation_percent(), 0);
    assert_eq!(memory.caps_stats(Caps::RTC).fragmentation_percent(), 100, "nothing free: 100");
}

#[test]
fn the_stretches_of_a_region_lie_side_by_side_and_cover_it() {
    let memory = chip();
    let blocks: Vec<_> =
        (0..6).map(|_| memory.allocate(layout(300, 4), Caps::INTERNAL).unwrap()).collect();
    for block in blocks.iter().step_by(2) {
        // SAFETY: from this memory with this layout, and once.
        unsafe { memory.deallocate(*block, layout(300, 4)) };
    }
    let stats = memory.region_stats(RegionId(0)).unwrap();
    let (mut addr, mut free_count, mut free_bytes) = (0, 0, 0);
    let end_addr = stats.start_addr + stats.size_bytes;
    while let Some(stretch) = memory.stretch_at(RegionId(0), addr) {
        let expected_addr = if addr == 0 { stats.start_addr } else { addr };
        assert_eq!(stretch.start_addr, expected_addr);
        assert!(stretch.len_bytes != 0 && stretch.start_addr + stretch.len_bytes <= end_addr);
        if stretch.kind == ExtentKind::Free {
            free_count += 1;
            free_bytes += stretch.len_bytes;
        }
        addr = stretch.start_addr + stretch.len_bytes;
    }
    assert_eq!((addr, free_count, free_bytes), (end_addr, stats.free_count, stats.free_bytes));
    // From inside a stretch on; outside of the region there is none.
    let freed = memory.stretch_at(RegionId(0), blocks[0].addr().get() + 8).unwrap();
    assert!(freed.kind == ExtentKind::Free && freed.len_bytes <= 300);
    assert_eq!(memory.stretch_at(RegionId(0), stats.start_addr - 1), None);
    assert_eq!(memory.stretch_at(RegionId(0), end_addr), None);
    assert_eq!(memory.stretch_at(RegionId(7), 0), None);
}

#[test]
fn a_sink_that_calls_back_is_refused_and_not_undefined() {
    static MEMORY: Memory<2, Nosy> = Memory::with_sink(Nosy(None));
    struct Nosy(Option<Result<NonNull<u8>, AllocError>>);
    // SAFETY: a pointer in an answer, never followed.
    unsafe impl Send for Nosy {}
    impl Sink for Nosy {
        fn record(&mut self, _owner: Owner, _event: Event) {
            self.0 = Some(MEMORY.allocate(Layout::new::<u64>(), Caps::BYTE));
        }
    }
    MEMORY.add_static::<LinkedList>("sram", bytes::<256>(), SRAM).unwrap();
    MEMORY.allocate(Layout::new::<u64>(), Caps::BYTE).unwrap();
    assert_eq!(MEMORY.with_sink_mut(|nosy| nosy.0), Some(Some(Err(AllocError::Reentered))));
}

/// Both releases of the trait, through the collections that come with them.
macro_rules! collections_test {
    ($name:ident, $feature:literal, $api:ident) => {
        #[cfg(feature = $feature)]
        #[test]
        fn $name() {
            let memory = chip();
            {
                let mut frame = $api::vec::Vec::new_in(memory.with(Caps::EXTERNAL));
                let mut lines = $api::vec::Vec::new_in(memory.with(Policy::prefer(Caps::INTERNAL)));
                for index in 0..600u32 {
                    frame.push(index);
                    lines.push(index as u8);
                }
                frame.shrink_to_fit();
                assert!(frame.iter().copied().eq(0..600));
                assert_eq!(memory.caps_stats(Caps::EXTERNAL).live_bytes, 2400);
                let zeros = $api::boxed::Box::new_in([0u8; 0], memory.with(Caps::RTC));
                assert_eq!(zeros.len(), 0, "nothing is asked for nothing");
            }
            assert_eq!(memory.caps_stats(Caps::BYTE).live_bytes, 0);
            assert_exact(&memory);
        }
    };
}
collections_test!(collections_of_api_0_3, "allocator-api2-v0_3", allocator_api2_v0_3);
collections_test!(collections_of_api_0_4, "allocator-api2-v0_4", allocator_api2_v0_4);
