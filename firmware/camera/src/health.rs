//! The task that watches memory, pools, bus and stacks.

use board_virt::{println, timer};
use esparto::monitor::{Monitor, Thresholds};

use crate::events::Post;
use crate::memory::MEMORY;
use crate::plan::Plan;
use crate::sources::{Sources, plain};
use crate::stages;

/// All that there is to watch, with some to spare.
const PLACES: usize = 24;

/// Looks each second: tells what began and what is over, and now and then how much is left.
pub(crate) fn watch(plan: &Plan, mut post: Post, sources: Sources<'_>) {
    let mut monitor = Monitor::<PLACES>::new(Thresholds::DEFAULT);
    let mut told_ms = 0;
    while let Some(second) = post.receive() {
        drop(second);
        let sources = plain(sources);
        let polled = monitor.poll(&sources, |finding| println!("health {finding}"));
        assert_eq!(polled.beyond_count, 0, "every reading has a place");
        recording::snapshot(&MEMORY);
        recording::health(&sources);
        let now_ms = timer::now_ms();
        if now_ms - told_ms >= plan.health_ms {
            told_ms = now_ms;
            let (seconds, frames) = (now_ms / 1000, stages::frame_count());
            println!("health {seconds} s, {frames} frames: {}", MEMORY.info().log(None));
            if !plan.tells_stages {
                println!("progress {frames}/{} frames, {seconds} s", plan.frame_count);
            }
        }
    }
}
