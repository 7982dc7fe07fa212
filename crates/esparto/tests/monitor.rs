//! The monitor: figures that agree with the heap, verdicts, the documented forms, and findings that
//! are told once, with no lock held.

use std::alloc::Layout;
use std::collections::BTreeSet;
use std::ptr::NonNull;

use crate::kept::bytes;
use esparto::guard::ViolationLog;
use esparto::monitor::{
    Diagnosis, Finding, HeapStats, Monitor, Named, Polled, Reading, Snapshot, Source, Thresholds,
    Trouble, Unhealthy,
};
use esparto::pool::{BlockPool, Critical, Shape};
use esparto::stack::{Stack, StackPool, Task, TaskTable};
use esparto::{Caps, Class, LinkedList, Memory, Owner, Pool, Region, RegionId, Tiers};
use proptest::prelude::*;

const SRAM: Caps = Caps::INTERNAL
    .union(Caps::BYTE)
    .union(Caps::WORD)
    .union(Caps::ATOMIC)
    .union(Caps::ISR_SAFE)
    .union(Caps::DMA);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 4).unwrap()
}

/// 64 KB of internal and 128 KB of external memory.
fn chip() -> &'static Memory<4> {
    let memory = Box::leak(Box::new(Memory::new()));
    memory.add_static::<LinkedList>("sram", bytes(65_536), SRAM).unwrap();
    memory.add_static::<LinkedList>("psram", bytes(131_072), PSRAM).unwrap();
    memory
}

fn take(memory: &Memory<4>, size: usize, caps: Caps) -> NonNull<u8> {
    memory.allocate(layout(size), caps).unwrap()
}

fn give(memory: &Memory<4>, block: NonNull<u8>, size: usize) {
    // SAFETY: from this memory, with this layout.
    unsafe { memory.deallocate(block, layout(size)) };
}

fn heap(free_bytes: usize, largest_free_bytes: usize) -> HeapStats {
    HeapStats { total_bytes: 1 << 20, free_bytes, largest_free_bytes, ..HeapStats::default() }
}

#[test]
fn figures_agree_with_the_regions_and_remember_the_worst() {
    let memory = chip();
    let (sram, psram) = (RegionId(0), RegionId(1));
    let block = take(memory, 40_000, Caps::INTERNAL);
    take(memory, 1000, Caps::EXTERNAL);
    give(memory, block, 40_000);
    take(memory, 2000, Caps::INTERNAL);

    let stats = memory.heap_stats(Caps::INTERNAL).unwrap();
    let region = memory.region_stats(sram).unwrap();
    assert_eq!(stats, HeapStats::from(&region));
    assert_eq!(stats.total_bytes, 65_536);
    assert_eq!(stats.allocated_bytes, 2000);
    assert_eq!(stats.free_bytes + stats.allocated_bytes + region.bookkeeping_bytes, 65_536);
    assert_eq!(stats.min_free_bytes, 65_536 - region.bookkeeping_bytes - 40_000, "ever");
    assert_eq!(stats.largest_free_bytes, stats.free_bytes, "all in one piece");

    let both = memory.heap_stats(Caps::BYTE).unwrap();
    let external = HeapStats::from(&memory.region_stats(psram).unwrap());
    assert_eq!(both.free_bytes, stats.free_bytes + external.free_bytes);
    assert_eq!(both.min_free_bytes, stats.min_free_bytes + external.min_free_bytes);
    assert_eq!(both.largest_free_bytes, external.largest_free_bytes, "no block spans two");
    assert_eq!(memory.heap_stats(Caps::RTC), None);
}

#[test]
fn health_turns_at_30_percent_and_at_10240_bytes() {
    let limits = Thresholds::DEFAULT;
    assert_eq!((limits.fragmentation_percent, limits.free_bytes), (30, 10_240));
    assert_eq!(heap(100_000, 71_000).health(&limits), Ok(()), "29 %");
    assert_eq!(
        heap(100_000, 70_000).health(&limits),
        Err(Unhealthy::Fragmented { percent: 30, limit_percent: 30 })
    );
    assert_eq!(heap(10_240, 10_240).health(&limits), Ok(()));
    assert_eq!(
        heap(10_239, 10_239).health(&limits),
        Err(Unhealthy::LowFree { free_bytes: 10_239, min_bytes: 10_240 })
    );
    assert_eq!(heap(0, 0).fragmentation_percent(), 100);
    // And both are settings.
    let own = Thresholds { fragmentation_percent: 50, free_bytes: 100, ..limits };
    assert_eq!(heap(200, 120).health(&own), Ok(()));
    assert!(heap(200, 100).health(&own).is_err());
    // A small region is not unhealthy for being small.
    assert_eq!(limits.scaled_to(8192).free_bytes, 2048);
    assert_eq!(limits.scaled_to(1 << 20), limits);
}

#[test]
fn a_fragmented_region_does_not_hide_behind_another() {
    let memory = chip();
    let blocks = [(); 15].map(|()| take(memory, 4096, Caps::INTERNAL));
    for block in blocks.iter().step_by(2) {
        give(memory, *block, 4096);
    }
    let limits = Thresholds::DEFAULT;
    let internal = memory.heap_stats(Caps::INTERNAL).unwrap();
    assert!(internal.fragmentation_percent() > 70);
    assert!(internal.health(&limits).is_err());
    assert!(memory.heap_stats(Caps::EXTERNAL).unwrap().health(&limits).is_ok());
    let mut found = Vec::new();
    let polled = Monitor::<4>::new(limits).poll(&[memory], |finding| found.push(finding));
    assert_eq!(polled, Polled { reading_count: 2, trouble_count: 1, beyond_count: 0 });
    assert!(matches!(
        found[..],
        [Finding::Began { name: "sram", trouble: Trouble::Heap(Unhealthy::Fragmented { .. }) }]
    ));
}

#[test]
fn the_heap_log_has_the_documented_form_and_its_figures_agree() {
    let mb = |tenths: usize| tenths * (1 << 20) / 10;
    let stats = HeapStats {
        total_bytes: 8 << 20,
        free_bytes: mb(62),
        largest_free_bytes: mb(48),
        ..HeapStats::default()
    };
    // 100 - 100 * 4.8 / 6.2 is 22.6, rounded up.
    assert_eq!(
        stats.log(&Thresholds::DEFAULT).to_string(),
        "Heap Fragmentation:\n  Total: 8MB\n  Free: 6.2MB\n  Largest block: 4.8MB\n  \
         Fragmentation: 23% HEALTHY"
    );
    let low = HeapStats { total_bytes: 1536, free_bytes: 100, largest_free_bytes: 0, ..stats };
    assert_eq!(
        low.log(&Thresholds::DEFAULT).to_string(),
        "Heap Fragmentation:\n  Total: 1.5KB\n  Free: 100B\n  Largest block: 0B\n  \
         Fragmentation: 100% WARNING"
    );
}

#[test]
fn info_and_usage_have_the_documented_figures() {
    let memory = chip();
    take(memory, 1000, Caps::EXTERNAL);
    let info = memory.info();
    assert!(info.has_external());
    assert_eq!((info.internal.total_bytes, info.external.total_bytes), (65_536, 131_072));
    assert_eq!(info.external.free_bytes, 131_072 - 1000);
    assert_eq!(info.external.min_free_bytes, 131_072 - 1000);
    let internal = memory.region_stats(RegionId(0)).unwrap();
    assert_eq!(info.internal.free_bytes, internal.free_bytes);
    assert_eq!(
        info.log(Some("my_service")).to_string(),
        "[my_service] SRAM: 64KB of 64KB free (min 64KB), PSRAM: 127KB of 128KB free (min 127KB)"
    );
    assert!(info.log(None).to_string().starts_with("SRAM: "));

    let usage = memory.usage();
    assert_eq!(usage.dma.total_bytes, 65_536, "external memory cannot do DMA");
    assert_eq!(usage.internal, info.internal);
    let free = internal.free_bytes;
    assert_eq!(
        usage.to_string(),
        format!(
            "Memory Usage:\n  DMA: {free} of 65536 bytes free\n  Internal: {free} of 65536 bytes free"
        )
    );

    let small: Memory<1> = Memory::new();
    small.add_static::<LinkedList>("sram", bytes(4096), SRAM).unwrap();
    assert!(!small.info().has_external());
    assert!(small.info().log(None).to_string().ends_with(", no PSRAM"));
}

#[test]
fn every_kind_of_trouble_has_a_name_and_a_mend_of_its_own() {
    let memory = chip();
    let region = |start: usize, len| {
        let start = NonNull::without_provenance(start.try_into().unwrap());
        Region::new("bad", NonNull::slice_from_raw_parts(start, len), SRAM)
    };
    // SAFETY: such regions are refused before their memory is touched.
    let add = |region| unsafe { memory.add::<LinkedList>(region) }.unwrap_err();
    let pool: BlockPool<Critical> = BlockPool::new();
    pool.init_static(bytes(256), Shape::new(64, 2).unwrap()).unwrap();
    let blocks = [pool.allocate().unwrap(), pool.allocate().unwrap()];
    let exhausted = pool.allocate().unwrap_err();
    pool.deallocate(blocks[0]).unwrap();
    let stack = Stack::adopt("task", bytes(256)).unwrap();
    // SAFETY: the stack's own memory.
    unsafe { stack.start().write(0) };

    let low = Trouble::Heap(heap(10, 10).health(&Thresholds::DEFAULT).unwrap_err());
    let seen = [
        (low.diagnosis(), "LOW_FREE_HEAP"),
        (Diagnosis::from(add(region(64, 0))), "INIT_FAILURE"),
        (memory.allocate(layout(1 << 20), Caps::BYTE).unwrap_err().into(), "EXHAUSTION"),
        (esparto::Corruption::Cycle { at_addr: 0, limit_count: 1 }.into(), "CORRUPTION"),
        (add(region(65, 8)).into(), "MISALIGNMENT"),
        (stack.check().unwrap_err().into(), "STACK_OVERRUN"),
        (pool.deallocate(blocks[0]).unwrap_err().into(), "WRONG_USE"),
    ];
    for (diagnosis, name) in seen {
        assert_eq!(diagnosis.name(), name);
        assert!(diagnosis.to_string().starts_with(name) && !diagnosis.mend().is_empty());
    }
    let names: BTreeSet<_> = seen.iter().map(|(diagnosis, _)| diagnosis.name()).collect();
    assert_eq!(names.len(), seen.len(), "distinct");
    assert_eq!(Diagnosis::from(exhausted), Diagnosis::Exhaustion);
    assert_eq!(Diagnosis::from(Shape::new(0, 1).unwrap_err()), Diagnosis::InitFailure);
    let align = Shape::new(64, 1).unwrap().aligned_to(3).unwrap_err();
    assert_eq!(Diagnosis::from(align), Diagnosis::Misalignment);
}

#[test]
fn trouble_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let memory = chip();
    let mut monitor = Monitor::<4>::new(Thresholds::DEFAULT);
    let mut poll = || {
        let mut lines = Vec::new();
        let polled = monitor.poll(&[memory], |finding| lines.push(finding.to_string()));
        (lines, polled.trouble_count)
    };
    assert_eq!(poll(), (vec![], 0));
    let block = take(memory, 60_000, Caps::INTERNAL);
    let (lines, count) = poll();
    assert_eq!(count, 1);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("sram: LOW_FREE_HEAP: 5"), "{lines:?}");
    assert_eq!(poll(), (vec![], 1), "still, and told already");
    assert!(memory.allocate(layout(20_000), Caps::INTERNAL).is_err());
    assert!(memory.allocate(layout(20_000), Caps::INTERNAL).is_err());
    let failures = "sram: EXHAUSTION: 2 requests failed since the last look".to_string();
    assert_eq!(poll(), (vec![failures], 1));
    give(memory, block, 60_000);
    assert_eq!(poll(), (vec!["sram: LOW_FREE_HEAP is over".to_string()], 0));
    assert_eq!(poll(), (vec![], 0));
}

#[test]
fn call_backs_hold_no_lock() {
    let memory = chip();
    let block = take(memory, 60_000, Caps::INTERNAL);
    let mut told = 0;
    Monitor::<4>::new(Thresholds::DEFAULT).poll(&[memory], |_| {
        // Would be refused as `Reentered` inside the lock.
        let more = take(memory, 100, Caps::EXTERNAL);
        give(memory, more, 100);
        told += 1;
    });
    assert_eq!(told, 1);
    give(memory, block, 60_000);
}

#[test]
fn readings_beyond_the_places_are_told_every_time() {
    let memory = chip();
    take(memory, 120_000, Caps::EXTERNAL);
    let mut monitor = Monitor::<1>::new(Thresholds { free_bytes: 20_000, ..Thresholds::DEFAULT });
    for _ in 0..3 {
        let mut names = Vec::new();
        let polled = monitor.poll(&[memory], |finding| {
            let Finding::Began { name, .. } = finding else { panic!("{finding}") };
            names.push(name);
        });
        assert_eq!(polled, Polled { reading_count: 2, trouble_count: 1, beyond_count: 1 });
        assert_eq!(names, ["psram"]);
    }
}

#[test]
fn a_snapshot_shows_everything_there_is() {
    let memory = chip();
    let tiers: Tiers<'_, 3, 4> = Tiers::new(
        memory,
        [Class::new("Small", 64, 10), Class::new("Off", 128, 0), Class::new("Big", 512, 2)],
    );
    tiers.init().unwrap();
    let small = tiers.allocate(layout(40)).unwrap();
    let typed: Pool<[u32; 4], 8> = Pool::new();
    let blocks: BlockPool<Critical> = BlockPool::new();
    blocks.init_static(bytes(256), Shape::new(64, 2).unwrap()).unwrap();
    let stacks: &'static StackPool = Box::leak(Box::new(StackPool::new()));
    stacks.init_static(bytes(4096), 1024, 2).unwrap();
    let stack = stacks.take("stage").unwrap();
    let mut tasks = TaskTable::<2>::new();
    tasks.add(Task::new(Owner(1), &stack)).unwrap();
    let log = ViolationLog::new();

    let (dma, none) = (
        Named::new("dma", memory).with_caps(Caps::DMA),
        Named::new("rtc", memory).with_caps(Caps::RTC),
    );
    let (typed, blocks) = (Named::new("typed", &typed), Named::new("blocks", &blocks));
    let (stacks, log) = (Named::new("stacks", stacks), Named::new("guard", &log));
    let sources: [&dyn Source; 9] =
        [memory, &dma, &none, &tiers, &typed, &blocks, &stacks, &tasks, &log];
    let text = Snapshot(&sources).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    for (line, start) in lines.iter().zip([
        "Memory Snapshot:",
        "  heap sram (INTERNAL | DMA | BYTE | WORD | ATOMIC | ISR_SAFE): 6",
        "  heap psram (EXTERNAL | BYTE | WORD): 128KB of 128KB free, min 128KB, largest 128KB, \
         fragmentation 0%, 0 failures",
        "  heap dma (DMA): 6",
        "  class Small (64B): 1/10 used, peak 1, 0 heap fallbacks, 0 frees refused",
        "  class Big (512B): 0/2 used",
        "  pool typed (16B): 0/8 used",
        "  pool blocks (64B): 0/2 used, peak 0, 0 failures, 0 frees refused",
        "  pool stacks (1024B): 1/2 used",
        "  stack stage: 1008 of 1008 bytes never used",
        "  guard guard: 0 violations",
    ]) {
        assert!(line.starts_with(start), "{line:?} is not {start:?}");
    }
    // SAFETY: from these tiers, with this layout.
    unsafe { tiers.deallocate(small.as_ptr(), layout(40)) }.unwrap();
    tiers.deinit().unwrap();
}

#[test]
fn stacks_and_pools_in_trouble_are_named() {
    let stack = Stack::adopt("sampler", bytes(1024)).unwrap();
    let pool: BlockPool<Critical> = BlockPool::new();
    pool.init_static(bytes(256), Shape::new(64, 2).unwrap()).unwrap();
    let named = Named::new("frames", &pool);
    let span: &esparto::stack::StackSpan = &stack;
    let sources: [&dyn Source; 2] = [span, &named];
    let mut monitor = Monitor::<2>::new(Thresholds::DEFAULT);
    let mut poll = || {
        let mut lines = Vec::new();
        monitor.poll(&sources, |finding| lines.push(finding.to_string()));
        lines
    };
    assert!(poll().is_empty());
    // SAFETY: the stack's own memory, as its task writes it.
    unsafe { stack.top().sub(1000).write_bytes(1, 1000) };
    let block = pool.allocate().unwrap();
    pool.deallocate(block).unwrap();
    pool.deallocate(block).unwrap_err();
    assert_eq!(
        poll(),
        [
            "sampler: LOW_STACK: 8 bytes of stack were never used, expected 128",
            "frames: WRONG_USE: 1 frees refused since the last look"
        ]
    );
    // SAFETY: as above.
    unsafe { stack.top().sub(1010).write_bytes(1, 1010) };
    let lines = poll();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("sampler: STACK_OVERRUN: task sampler overran its stack: "));
    assert!(poll().is_empty());
}

#[test]
fn a_reading_knows_its_name() {
    let memory = chip();
    let mut names = Vec::new();
    memory.read(&mut |reading: Reading| names.push(reading.name()));
    assert_eq!(names, ["sram", "psram"]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The least ever free is what a watcher of every step saw.
    #[test]
    fn the_minimum_is_the_least_that_was_ever_free(
        ops in prop::collection::vec((any::<bool>(), 1usize..3000), 1..if cfg!(miri) { 15 } else { 60 }),
    ) {
        let memory = chip();
        let mut live = Vec::new();
        let mut least = memory.heap_stats(Caps::INTERNAL).unwrap().free_bytes;
        for (is_free, size) in ops {
            if is_free && !live.is_empty() {
                let (block, size) = live.swap_remove(size % live.len());
                give(memory, block, size);
            } else if let Ok(block) = memory.allocate(layout(size), Caps::INTERNAL) {
                live.push((block, size));
            }
            let stats = memory.heap_stats(Caps::INTERNAL).unwrap();
            least = least.min(stats.free_bytes);
            prop_assert_eq!(stats.min_free_bytes, least);
        }
    }
}
