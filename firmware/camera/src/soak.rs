//! Holds the figures of the rest of the time to those of the start.

use board_virt::println;
use esparto::monitor::Source;

use crate::marks::Marks;
use crate::plan::Plan;

/// What was seen in the quiet moments between two frames.
#[derive(Debug, Default)]
pub(crate) struct Soak {
    /// After so many frames it was looked last.
    seen_count: usize,
    /// The most while the device warmed up.
    most: Marks,
    /// When that was over.
    warm: Option<Marks>,
}

impl Soak {
    /// Looks, when no frame is under way and `frame_count` of them have been through all stages.
    ///
    /// # Panics
    /// Something has grown.
    pub(crate) fn look(
        &mut self,
        plan: &Plan,
        now_ms: u32,
        frame_count: usize,
        sources: &[&dyn Source],
    ) {
        if !plan.has_marks() || self.seen_count == frame_count {
            return;
        }
        let marks = Marks::take(sources);
        let tell = |what: &str| println!("{what} at {now_ms} ms, {frame_count} frames\n{marks}");
        // From the first look on all of this is called: it is in the marks of its own stack.
        if self.seen_count == 0 {
            tell("cold");
        }
        self.seen_count = frame_count;
        let mut growth = marks.growth_since(&self.most);
        let Some(warm) = &self.warm else {
            self.most.raise(&marks);
            if frame_count >= plan.warm_up_count {
                tell("warm");
                self.warm = Some(marks);
            }
            return;
        };
        if frame_count == plan.frame_count {
            tell("end");
            // The same scenes, the same log: not even more than at that very moment.
            growth = growth.or(marks.growth_since(warm));
        }
        if let Some(name) = growth {
            tell("grown");
            println!("the most while it warmed up\n{}", self.most);
            panic!("{name} has grown");
        }
    }
}
