//! Which blocks were where when: the history behind the heap map.
//!
//! The map has *frames*: the state after 0, `stride`, 2 · `stride` … events, and after the last.
//! A frame is exact: every block live at that moment is kept. A block that lived and died between
//! two frames is not. When there are too many frames or blocks, the stride doubles and what is
//! no longer in any frame is dropped, so that memory stays bounded by the frames and the live
//! blocks, however long the trace.

use super::timeline::Moment;

/// The most frames that are kept.
pub(crate) const FRAMES: usize = 1024;
/// The stride doubles when more lives than this are kept, as long as that helps.
pub(crate) const LIVES: usize = 120_000;

/// A block at one place with one size, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The region it lay in.
    pub(crate) region: u8,
    /// Its owner.
    pub(crate) owner: u16,
    /// The site that asked for it.
    pub(crate) site: u32,
    /// Its first address.
    pub(crate) addr: u64,
    /// Its size as asked for.
    pub(crate) size_bytes: u64,
    /// When it was allocated, in ticks (a resize does not make a block younger).
    pub(crate) born_ticks: u64,
    /// The event that put it there.
    pub(crate) first_event: u64,
    /// The event that took it away; `u64::MAX` while it is live.
    pub(crate) end_event: u64,
}

impl Life {
    /// Is there a frame at a multiple of `stride` in which the block is live?
    fn is_in_a_frame(&self, stride: u64) -> bool {
        // The stride is a power of two.
        (self.first_event + stride - 1) & !(stride - 1) < self.end_event
    }
}

/// The lives that some frame shows, and the frames.
#[derive(Debug)]
pub(crate) struct History {
    stride: u64,
    life_limit: usize,
    frames: Vec<Moment>,
    lives: Vec<Life>,
    dropped_count: u64,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            stride: 1,
            life_limit: LIVES,
            frames: vec![Moment { event_count: 0, time_ticks: 0 }],
            lives: Vec::new(),
            dropped_count: 0,
        }
    }

    /// Takes note of the time after event number `event_count`.
    #[inline]
    pub(crate) fn advance(&mut self, event_count: u64, time_ticks: u64) {
        if event_count & (self.stride - 1) == 0 {
            self.frames.push(Moment { event_count, time_ticks });
            if self.frames.len() > FRAMES {
                self.coarsen();
            }
        }
    }

    /// Keeps the life of a block that ended, if a frame shows it.
    #[inline]
    pub(crate) fn keep(&mut self, life: Life) {
        if !life.is_in_a_frame(self.stride) {
            self.dropped_count += 1;
            return;
        }
        self.lives.push(life);
        if self.lives.len() > self.life_limit {
            while self.lives.len() > LIVES && self.frames.len() > 2 {
                self.coarsen();
            }
            // Each round doubles the stride, so rounds are few. With so many blocks live at once
            // that coarser frames no longer help, room for as many again makes the next one
            // worth its cost.
            if self.lives.len() > LIVES {
                self.life_limit = 2 * self.lives.len();
            }
        }
    }

    fn coarsen(&mut self) {
        self.stride *= 2;
        let stride = self.stride;
        self.frames.retain(|frame| frame.event_count % stride == 0);
        let before = self.lives.len();
        self.lives.retain(|life| life.is_in_a_frame(stride));
        self.dropped_count += (before - self.lives.len()) as u64;
    }

    /// Adds the blocks that are still live and the frame after the last event.
    pub(crate) fn finish(&mut self, last: Moment, live: impl Iterator<Item = Life>) {
        if self.frames.last().is_none_or(|frame| frame.event_count != last.event_count) {
            self.frames.push(last);
        }
        self.lives.extend(live);
    }

    /// Events between two frames.
    pub(crate) fn stride(&self) -> u64 {
        self.stride
    }

    /// The moments of the frames, the first before any event.
    pub(crate) fn frames(&self) -> &[Moment] {
        &self.frames
    }

    /// The lives that some frame shows.
    pub(crate) fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// Lives that no frame shows.
    pub(crate) fn dropped_count(&self) -> u64 {
        self.dropped_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(first_event: u64, end_event: u64) -> Life {
        Life {
            region: 0,
            owner: 0,
            site: 0,
            addr: first_event * 16,
            size_bytes: 16,
            born_ticks: first_event,
            first_event,
            end_event,
        }
    }

    #[test]
    fn every_frame_is_exact_however_coarse() {
        // A block per event, freed after a while: the oracle is the list of all of them.
        let mut history = History::new();
        let total = 300_000_u64;
        let mut all = Vec::new();
        for event in 1..=total {
            let lifetime = (event * 7919) % 5000 + 1;
            if event > lifetime {
                all.push(life(event - lifetime, event));
                history.keep(life(event - lifetime, event));
            }
            history.advance(event, event);
        }
        history.finish(Moment { event_count: total, time_ticks: total }, std::iter::empty());
        assert!(history.frames().len() <= FRAMES + 1);
        assert!(history.lives().len() <= LIVES);
        assert_eq!(history.dropped_count() + history.lives().len() as u64, all.len() as u64);
        // The frame after the last event holds only blocks still live, of which there are none.
        let (_, frames) = history.frames().split_last().unwrap();
        assert!(frames.len() > 2);
        for frame in frames {
            let shows = |life: &&Life| {
                life.first_event <= frame.event_count && frame.event_count < life.end_event
            };
            let mut expected: Vec<_> = all.iter().filter(shows).map(|life| life.addr).collect();
            let mut kept: Vec<_> =
                history.lives().iter().filter(shows).map(|life| life.addr).collect();
            expected.sort_unstable();
            kept.sort_unstable();
            assert_eq!(kept, expected, "frame after {} events", frame.event_count);
        }
    }
}
