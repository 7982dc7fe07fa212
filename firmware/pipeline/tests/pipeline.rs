//! The pipeline on the host: what is in the photographs is found, and what is missing is said.

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};
use pipeline::{
    FRAME_COUNT, Frame, FrameResult, Log, PHOTOGRAPHS, PipelineError, Rgb, Stage, Station,
};

/// Memory that is full.
#[derive(Clone)]
struct Full;

// SAFETY: it hands out nothing.
unsafe impl Allocator for Full {
    fn allocate(&self, _layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    unsafe fn deallocate(&self, _ptr: NonNull<u8>, _layout: Layout) {}
}

fn results(frame_count: usize) -> Vec<FrameResult> {
    let mut results = Vec::new();
    pipeline::run(frame_count, Global, |result| results.push(result)).unwrap();
    results
}

#[test]
fn people_are_found_where_there_are_people_and_nowhere_else() {
    let results = results(FRAME_COUNT);
    let people: Vec<_> = results
        .iter()
        .filter(|result| result.detection.person > result.detection.nobody)
        .map(|result| result.scene)
        .collect();
    assert_eq!(people, ["astronaut", "camera"]);
}

#[test]
fn the_log_grows_and_packs_and_then_keeps_the_newest() {
    let results = results(Log::ENTRY_COUNT + FRAME_COUNT);
    for pair in results[..Log::ENTRY_COUNT].windows(2) {
        assert!(pair[0].report_bytes < pair[1].report_bytes);
    }
    assert!(results.iter().skip(1).all(|result| result.packed_bytes < result.report_bytes));
    // The frames of a full log have the same scenes; their numbers went from one digit to two.
    let full = &results[Log::ENTRY_COUNT - 1..];
    assert_eq!(full.len(), FRAME_COUNT + 1);
    assert!(full[FRAME_COUNT].report_bytes <= full[0].report_bytes + FRAME_COUNT);
    // The same photograph gives the same pixels, whatever came before it.
    assert_eq!(results[0].pixels_crc, results[FRAME_COUNT].pixels_crc);
    assert_eq!(results[0].detection, results[FRAME_COUNT].detection);
}

#[test]
fn stages_at_stations_of_their_own_give_what_one_station_gives() {
    let mut stations = Stage::ALL.map(|_| Station::new(Global));
    let mut apart = Vec::new();
    for (number, photograph) in PHOTOGRAPHS.into_iter().enumerate() {
        let mut frame = Frame::new(number, photograph);
        for (stage, station) in Stage::ALL.into_iter().zip(&mut stations) {
            apart.extend(frame.pass(stage, station).unwrap());
        }
    }
    assert_eq!(apart, results(FRAME_COUNT));
}

#[test]
fn missing_memory_a_wrong_order_and_a_broken_photograph_are_errors() {
    let size_bytes = 320 * 240 * 3;
    let error = pipeline::run(1, Full, |_| {}).unwrap_err();
    assert_eq!(error, PipelineError::FrameMemory { size_bytes });

    let mut station = Station::new(Global);
    for stage in Stage::ALL.into_iter().skip(1) {
        let mut frame = Frame::new(0, PHOTOGRAPHS[0]);
        assert_eq!(frame.pass(stage, &mut station), Err(PipelineError::Order { stage }));
    }

    let mut broken = PHOTOGRAPHS[0];
    broken.jpeg = &broken.jpeg[..40];
    let error = Rgb::decode(broken, Global).unwrap_err();
    assert_eq!(error, PipelineError::Decode { photograph: "astronaut" });
}
