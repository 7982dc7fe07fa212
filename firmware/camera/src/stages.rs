//! The tasks: the trigger, and one for each stage.

use core::sync::atomic::{AtomicUsize, Ordering};

use board_virt::println;
use pipeline::{Frame, Stage, Station};

use crate::desk::DESK;
use crate::events::{self, BUS, Post, READING_MS, light_at};
use crate::guard::Guard;
use crate::memory::{FRAMES, FrameMemory, MEMORY};
use crate::plan::Plan;
use crate::soak::Soak;
use crate::sources::{Sources, plain};

/// Stages that are over, and frames.
static PASSED_COUNT: AtomicUsize = AtomicUsize::new(0);
static FRAME_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Frames that have been through all stages.
pub(crate) fn frame_count() -> usize {
    FRAME_COUNT.load(Ordering::Relaxed)
}

/// Takes the sensor's readings, and a frame whenever one is due and there is room for it. Ends it all
/// after the last one.
pub(crate) fn trigger(plan: &Plan, mut post: Post, sources: Sources<'_>) {
    let (mut taken_count, mut last_ms, mut soak) = (0, 0, Soak::default());
    while let Some(reading) = post.receive() {
        let now_ms = reading_ms(&reading);
        drop(reading);
        assert_eq!(now_ms, last_ms + READING_MS, "a reading was lost");
        last_ms = now_ms;
        if taken_count < plan.frame_count && now_ms >= plan.due_ms(taken_count) {
            let (number, scene) = (plan.first_number + taken_count, plan.scene(taken_count));
            if let Some(place) = DESK.add(|| Frame::new(number, scene)) {
                taken_count += 1;
                post.hand_over(Stage::Decode, place);
            }
        }
        // Nothing is under way, not even a second that health has not heard of.
        if DESK.is_empty() && BUS.stats().alive_count == 0 {
            soak.look(plan, now_ms, frame_count(), &plain(sources));
            if frame_count() == plan.frame_count {
                events::stop();
            }
        }
    }
}

/// When the reading was taken.
fn reading_ms(reading: &[u8]) -> u32 {
    let [a, b, c, d, e, f, g, h] = *reading else { panic!("a reading has 8 bytes") };
    let now_ms = u32::from_le_bytes([a, b, c, d]);
    assert_eq!(u32::from_le_bytes([e, f, g, h]), light_at(now_ms), "the reading is whole");
    now_ms
}

/// Takes frames through `stage`, and hands them on.
pub(crate) fn work(plan: &Plan, guard: &dyn Guard, stage: Stage, mut post: Post) {
    let mut station = Station::<FrameMemory>::new(&FRAMES);
    while let Some(message) = post.receive() {
        let place = message.value().expect("the number of a place");
        drop(message);
        let mut frame = DESK.take(place).expect("the frame is on the desk");
        MEMORY.mark(stage as u32);
        let number = frame.number();
        guard.enter(stage);
        let passed = frame.pass(stage, &mut station);
        guard.leave(stage);
        let result = match passed {
            Ok(result) => result,
            Err(error) => panic!("frame {number}: {error}"),
        };
        let passed_count = count_one(&PASSED_COUNT);
        if plan.tells_stages {
            recording::snapshot(&MEMORY);
            let total_count = plan.pass_count();
            println!("progress {passed_count}/{total_count} frame {number} {}", stage.name());
        }
        if let Some(result) = result.filter(|_| plan.tells_stages) {
            println!("{result}");
        }
        if let Some(next) = stage.next() {
            DESK.put(place, frame);
            post.hand_over(next, place);
        } else {
            drop(frame);
            count_one(&FRAME_COUNT);
            DESK.free(place);
        }
    }
}

/// Counts one more and returns how many that makes. There may be no atomic instructions, so this is
/// a load and a store that nobody comes between.
fn count_one(count: &AtomicUsize) -> usize {
    critical_section::with(|_| {
        let sum = count.load(Ordering::Relaxed) + 1;
        count.store(sum, Ordering::Relaxed);
        sum
    })
}
