//! Who is told before anything works, and after.

use pipeline::Stage;

/// Around the work of all, and of each stage.
pub trait Guard: Sync {
    /// There is memory and a trace, and no task yet.
    fn begin(&self) {}

    /// `stage` is about to work on a frame. Called by its task, which may wait here.
    fn enter(&self, stage: Stage);

    /// It has done so.
    fn leave(&self, stage: Stage);

    /// All tasks have ended.
    fn end(&self) {}
}

/// Nobody is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unguarded;

impl Guard for Unguarded {
    fn enter(&self, _: Stage) {}
    fn leave(&self, _: Stage) {}
}
