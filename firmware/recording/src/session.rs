//! The life of a recording: regions in, snapshots proved, totals out.

use board_virt::{Told, counter, hint, memory, println};
use esparto::monitor::Source;
use esparto::{Cursor, Heap, Memory, Owner, Progress, RegionId, RegionStats};
use esparto_trace::{BuildId, Header, OverlayEvent, Recorder, RegionDefinition};

use crate::{Core, stream};

/// Regions that a recorded memory has: those of [`board_virt::memory::regions`].
pub const RECORDED_REGIONS: usize = memory::REGION_COUNT;

/// A memory that records: `SLOTS` events wait in its ring, each with up to `FRAMES` return
/// addresses. The simulator's memcheck is told of them as well.
pub type Traced<const SLOTS: usize, const FRAMES: usize> =
    Memory<RECORDED_REGIONS, TracedSink<SLOTS, FRAMES>>;

/// What takes note of the events of such a memory.
pub type TracedSink<const SLOTS: usize, const FRAMES: usize> = Told<Recorder<Core, SLOTS, FRAMES>>;

/// What owners and marks are called in the trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// Owners.
    pub owners: &'a [(Owner, &'static str)],
    /// Marks.
    pub marks: &'a [(u32, &'a str)],
}

/// Hands all of the board's memory to `memory`, prints who has it, and starts the trace.
///
/// # Panics
/// The memory refuses a region, or the trace's file cannot be created.
pub fn start<const SLOTS: usize, const FRAMES: usize>(
    memory: &'static Traced<SLOTS, FRAMES>,
    names: Names<'_>,
) {
    for region in memory::regions() {
        // SAFETY: the linker placed nothing in these regions, and they are added only here.
        let id = unsafe { memory.add::<Heap>(region) }.expect("a region is refused");
        println!("region {} {region:?}", id.0);
        let stats = memory.region_stats(id).expect("the region was added");
        hint::heap(stats.start_addr, stats.size_bytes, stats.caps);
    }
    for &(owner, name) in names.owners {
        hint::name(owner.0, name);
    }
    let account = memory::account();
    println!(
        "account flash={} code={} constants={} free={}",
        account.flash_size_bytes,
        account.code_bytes,
        account.constants_bytes,
        account.flash_size_bytes - account.code_bytes - account.constants_bytes,
    );
    println!(
        "account sram={} statics={} boot_stack={} esparto={}",
        account.sram_size_bytes,
        account.statics_bytes,
        account.boot_stack_bytes,
        account.sram_heap_bytes,
    );

    // QEMU's machine is divided as this chip is.
    let chip = if memory::chip() == "virt" { "esp32c3" } else { memory::chip() };
    let mut header = Header::new(chip, "realtime", Core::TICK_HZ);
    header.build_id = BuildId::new(memory::build_id());
    header.frame_count = FRAMES as u8;
    let definitions = stats(memory).map(|stats| RegionDefinition::from(&stats));
    stream::start(memory, |write| {
        let mut encoder = stream::TraceEncoder::new(write, &header, definitions);
        for &(owner, name) in names.owners {
            encoder.define_owner(owner, name);
        }
        for &(id, name) in names.marks {
            encoder.define_mark(id, name);
        }
        encoder
    });
}

/// Proves the account of every region and writes its figures into the trace.
///
/// # Panics
/// In some region, free bytes (counted by walking the heap), live bytes and bookkeeping do not
/// add up to its size, or its bookkeeping is unsound.
pub fn snapshot<const SLOTS: usize, const FRAMES: usize>(memory: &Traced<SLOTS, FRAMES>) {
    stream::with_encoder(|encoder| {
        let stats = stats(memory);
        for region in &stats {
            assert_eq!(
                region.free_bytes + region.live_bytes + region.bookkeeping_bytes,
                region.size_bytes,
                "region {}: free {} + live {} + bookkeeping {} is not its size",
                region.name,
                region.free_bytes,
                region.live_bytes,
                region.bookkeeping_bytes,
            );
            let checked = memory.check(region.id, &mut Cursor::default(), usize::MAX);
            assert_eq!(checked, Some(Ok(Progress::Done)), "region {} is unsound", region.name);
        }
        encoder.snapshot(counter::busy(), &stats);
    });
}

/// Writes how everything that `sources` read fares into the trace.
pub fn health(sources: &[&dyn Source]) {
    stream::with_encoder(|encoder| encoder.health(counter::busy(), sources));
}

/// Gives an overlay a name in the trace.
pub fn name_overlay(overlay: u16, name: &str) {
    stream::with_encoder(|encoder| encoder.define_overlay(overlay, name));
}

/// Writes what happened to an overlay into the trace.
pub fn overlay(event: &OverlayEvent) {
    stream::with_encoder(|encoder| encoder.overlay(counter::busy(), event));
}

/// A last snapshot, the totals, and the end of the trace.
///
/// # Panics
/// As [`snapshot`]; or the ring overflowed, which would leave the trace incomplete.
pub fn finish<const SLOTS: usize, const FRAMES: usize>(memory: &Traced<SLOTS, FRAMES>) {
    snapshot(memory);
    for region in stats(memory) {
        println!(
            "total {} size={} peak={} live={} blocks={} free={} largest={} bookkeeping={} failures={}",
            region.name,
            region.size_bytes,
            region.peak_bytes,
            region.live_bytes,
            region.live_count,
            region.free_bytes,
            region.largest_free_bytes,
            region.bookkeeping_bytes,
            region.failure_count,
        );
    }
    let lost_count = memory.with_sink_mut(|recorder| recorder.lost_total_count());
    match stream::finish() {
        Some(written_bytes) => println!("trace bytes={written_bytes}"),
        None => println!("trace none (name its file with `-- -append FILE`)"),
    }
    assert_eq!(lost_count, Some(0), "the ring of {SLOTS} events was too small");
}

fn stats<const SLOTS: usize, const FRAMES: usize>(
    memory: &Traced<SLOTS, FRAMES>,
) -> [RegionStats; RECORDED_REGIONS] {
    core::array::from_fn(|id| {
        memory.region_stats(RegionId(id as u8)).expect("all regions were added at the start")
    })
}
