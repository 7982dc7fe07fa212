//! The pipeline on the host: what is in the photographs is found, and what is missing is said.

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};
use pipeline::{FRAME_COUNT, FrameResult, PHOTOGRAPHS, PipelineError, Platform, Rgb, Stage};

/// A platform that notes where the pipeline was; without a stack to lend if told so.
#[derive(Default)]
struct Desk {
    left: Vec<(usize, Stage)>,
    has_no_stack: bool,
}

impl Platform for Desk {
    fn enter(&mut self, _frame: usize, _stage: Stage) {}

    fn leave(&mut self, frame: usize, stage: Stage) {
        self.left.push((frame, stage));
    }

    fn on_stack(&mut self, _size_bytes: usize, work: &mut dyn FnMut()) {
        if !self.has_no_stack {
            work();
        }
    }
}

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

fn results(frame_count: usize, desk: &mut Desk) -> Vec<FrameResult> {
    let mut results = Vec::new();
    pipeline::run(frame_count, Global, desk, |result| results.push(result)).unwrap();
    results
}

#[test]
fn people_are_found_where_there_are_people_and_nowhere_else() {
    let mut desk = Desk::default();
    let results = results(FRAME_COUNT, &mut desk);
    let people: Vec<_> = results
        .iter()
        .filter(|result| result.detection.person > result.detection.nobody)
        .map(|result| result.scene)
        .collect();
    assert_eq!(people, ["astronaut", "camera"]);
    let stages = (0..FRAME_COUNT).flat_map(|frame| Stage::ALL.map(|stage| (frame, stage)));
    assert!(desk.left.iter().copied().eq(stages), "every stage of every frame, in order");
}

#[test]
fn the_log_grows_and_packs() {
    let results = results(2 * FRAME_COUNT, &mut Desk::default());
    for pair in results.windows(2) {
        assert!(pair[0].report_bytes < pair[1].report_bytes);
    }
    assert!(results.iter().skip(1).all(|result| result.packed_bytes < result.report_bytes));
    // The same photograph gives the same pixels, whatever came before it.
    assert_eq!(results[0].pixels_crc, results[FRAME_COUNT].pixels_crc);
    assert_eq!(results[0].detection, results[FRAME_COUNT].detection);
}

#[test]
fn missing_memory_a_missing_stack_and_a_broken_photograph_are_errors() {
    let fail = |memory_is_full: bool, desk: &mut Desk| {
        if memory_is_full {
            pipeline::run(1, Full, desk, |_| {}).unwrap_err()
        } else {
            pipeline::run(1, Global, desk, |_| {}).unwrap_err()
        }
    };
    let size_bytes = 320 * 240 * 3;
    assert_eq!(fail(true, &mut Desk::default()), PipelineError::FrameMemory { size_bytes });
    let mut stackless = Desk { has_no_stack: true, ..Desk::default() };
    assert_eq!(fail(false, &mut stackless), PipelineError::Stack);

    let mut broken = PHOTOGRAPHS[0];
    broken.jpeg = &broken.jpeg[..40];
    let error = Rgb::decode(broken, Global).unwrap_err();
    assert_eq!(error, PipelineError::Decode { photograph: "astronaut" });
}
