//! How many frames there are, and when.

use pipeline::{FRAME_COUNT, Log, Outbox, PHOTOGRAPHS, Photograph, Stage};

/// What a program of the camera does.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// All frames.
    pub frame_count: usize,
    /// After so many of them nothing grows any more: figures taken then have to be those at the
    /// end. None when it is all of them.
    pub warm_up_count: usize,
    /// The number of the first frame. It is part of the report, whose length it must not change.
    pub first_number: usize,
    /// So many frames show the same scene before there is another.
    pub scene_frames: usize,
    /// Time between two frames at first.
    pub warm_up_frame_ms: u32,
    /// Time between two frames after that.
    pub frame_ms: u32,
    /// Time between two lines about health.
    pub health_ms: u32,
    /// Tells when each stage is over, not only each second.
    pub tells_stages: bool,
}

impl Plan {
    /// Every photograph once, as fast as it goes.
    pub const PHOTOGRAPHS: Self = Self {
        frame_count: FRAME_COUNT,
        warm_up_count: FRAME_COUNT,
        first_number: 0,
        scene_frames: 1,
        warm_up_frame_ms: 100,
        frame_ms: 100,
        health_ms: 1000,
        tells_stages: true,
    };

    /// An hour: a frame each half second for a minute, then each 5.9 s. The network sees four scenes
    /// of 15 frames in turn, so that as many frames in a row are alike as the log keeps.
    pub const HOUR: Self = Self {
        frame_count: 120 + 600,
        warm_up_count: 120,
        first_number: 1000,
        scene_frames: 15,
        warm_up_frame_ms: 500,
        frame_ms: 5910,
        health_ms: 300_000,
        tells_stages: false,
    };

    /// Less than half a minute of the same.
    pub const SHORT: Self = Self {
        frame_count: 16 + 8,
        warm_up_count: 16,
        scene_frames: 2,
        health_ms: 5000,
        frame_ms: 1000,
        ..Self::HOUR
    };

    /// When frame `index` is due, in milliseconds from the start.
    pub(crate) fn due_ms(&self, index: usize) -> u32 {
        let warm = index.min(self.warm_up_count) as u32;
        let late = index as u32 - warm;
        self.warm_up_frame_ms * (warm + 1) + self.frame_ms * late
    }

    /// What frame `index` shows.
    pub(crate) fn scene(&self, index: usize) -> Photograph {
        PHOTOGRAPHS[index / self.scene_frames % PHOTOGRAPHS.len()]
    }

    /// How often a stage is over.
    pub(crate) fn pass_count(&self) -> usize {
        self.frame_count * Stage::ALL.len()
    }

    /// Figures are compared.
    pub(crate) fn has_marks(&self) -> bool {
        self.warm_up_count < self.frame_count
    }

    /// Marks are taken when the scenes have all been there, and log and outbox are full of the same.
    const fn is_sound(&self) -> bool {
        let round = self.scene_frames * FRAME_COUNT;
        self.warm_up_count == self.frame_count
            || (self.warm_up_count.is_multiple_of(round)
                && self.frame_count.is_multiple_of(round)
                && self.warm_up_count >= Log::ENTRY_COUNT + Outbox::KEPT_COUNT)
    }
}

const _: () = assert!(Plan::HOUR.is_sound() && Plan::SHORT.is_sound());
