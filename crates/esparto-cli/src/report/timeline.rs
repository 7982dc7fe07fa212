//! How much was in use when: a time series of bounded length for every region.
//!
//! The axis is the number of events. A *bucket* covers `stride` events; when all buckets are
//! full, neighbours merge and the stride doubles, so that a trace of any length keeps between
//! [`BUCKETS`]`/2` and [`BUCKETS`] of them.

/// The most buckets that are kept. Even, so that merging leaves none over.
pub(crate) const BUCKETS: usize = 512;

/// One region within one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The least that was live.
    pub(crate) live_min_bytes: u64,
    /// The most that was live.
    pub(crate) live_max_bytes: u64,
    /// Live at the end of the bucket.
    pub(crate) live_bytes: u64,
    /// Bookkeeping as last told by a snapshot.
    pub(crate) bookkeeping_bytes: u64,
    /// The longest stretch without a live block at the end of the bucket, where it was measured.
    pub(crate) largest_gap_bytes: Option<u64>,
    /// Requests that this region could have served and that failed.
    pub(crate) failure_count: u64,
}

impl Point {
    fn starting_at(live_bytes: u64, bookkeeping_bytes: u64) -> Self {
        Self {
            live_min_bytes: live_bytes,
            live_max_bytes: live_bytes,
            live_bytes,
            bookkeeping_bytes,
            largest_gap_bytes: None,
            failure_count: 0,
        }
    }

    fn merged_with(self, later: Self) -> Self {
        Self {
            live_min_bytes: self.live_min_bytes.min(later.live_min_bytes),
            live_max_bytes: self.live_max_bytes.max(later.live_max_bytes),
            live_bytes: later.live_bytes,
            bookkeeping_bytes: later.bookkeeping_bytes,
            largest_gap_bytes: later.largest_gap_bytes.or(self.largest_gap_bytes),
            failure_count: self.failure_count + later.failure_count,
        }
    }
}

/// The end of a bucket on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Events so far.
    pub(crate) event_count: u64,
    /// Time in ticks.
    pub(crate) time_ticks: u64,
}

/// The series of all regions, on one axis.
#[derive(Debug)]
pub(crate) struct Timeline {
    stride: u64,
    next_end: u64,
    moments: Vec<Moment>,
    closed: Vec<Vec<Point>>,
    open: Vec<Point>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            stride: 1,
            next_end: 1,
            moments: Vec::with_capacity(BUCKETS),
            closed: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Adds a region; it was empty until now.
    pub(crate) fn add_region(&mut self, bookkeeping_bytes: u64) {
        let empty = Point::starting_at(0, bookkeeping_bytes);
        let mut closed = Vec::with_capacity(BUCKETS);
        closed.resize(self.moments.len(), empty);
        self.closed.push(closed);
        self.open.push(empty);
    }

    /// Takes note of what is live in `region` now.
    #[inline]
    pub(crate) fn set_live(&mut self, region: usize, live_bytes: u64) {
        let point = &mut self.open[region];
        point.live_bytes = live_bytes;
        point.live_min_bytes = point.live_min_bytes.min(live_bytes);
        point.live_max_bytes = point.live_max_bytes.max(live_bytes);
    }

    pub(crate) fn set_bookkeeping(&mut self, region: usize, bookkeeping_bytes: u64) {
        self.open[region].bookkeeping_bytes = bookkeeping_bytes;
    }

    pub(crate) fn add_failure(&mut self, region: usize) {
        self.open[region].failure_count += 1;
    }

    /// Does the bucket end with event number `event_count`?
    #[inline]
    pub(crate) fn is_due(&self, event_count: u64) -> bool {
        event_count >= self.next_end
    }

    /// Ends the bucket. `largest_gap_bytes` has one entry per region, or none if not measured.
    pub(crate) fn close(&mut self, moment: Moment, largest_gap_bytes: Option<&[u64]>) {
        for (region, point) in self.open.iter_mut().enumerate() {
            point.largest_gap_bytes = largest_gap_bytes.map(|gaps| gaps[region]);
            self.closed[region].push(*point);
            *point = Point::starting_at(point.live_bytes, point.bookkeeping_bytes);
        }
        self.moments.push(moment);
        if self.moments.len() == BUCKETS {
            self.halve();
        }
        self.next_end = moment.event_count + self.stride;
    }

    /// Ends the last bucket, whatever it covers.
    pub(crate) fn finish(&mut self, moment: Moment, largest_gap_bytes: &[u64]) {
        // A closing bucket with no event of its own would be a copy of the last one, but for the
        // gap, which may not have been measured there.
        if self.moments.last().is_some_and(|last| last.event_count == moment.event_count) {
            for (points, &gap) in self.closed.iter_mut().zip(largest_gap_bytes) {
                if let Some(last) = points.last_mut() {
                    last.largest_gap_bytes = Some(gap);
                }
            }
        } else {
            self.close(moment, Some(largest_gap_bytes));
        }
    }

    fn halve(&mut self) {
        self.stride *= 2;
        for points in &mut self.closed {
            let merged = points.chunks(2).map(|pair| match *pair {
                [first, second] => first.merged_with(second),
                _ => pair[0],
            });
            *points = merged.collect();
            points.reserve(BUCKETS - points.len());
        }
        let ends: Vec<_> = self.moments.chunks(2).map(|pair| pair[pair.len() - 1]).collect();
        self.moments = ends;
    }

    /// Events per bucket.
    pub(crate) fn stride(&self) -> u64 {
        self.stride
    }

    /// The ends of the buckets.
    pub(crate) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The buckets of a region.
    pub(crate) fn points(&self, region: usize) -> &[Point] {
        &self.closed[region]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_stay_bounded_and_keep_extremes_and_sums() {
        let mut timeline = Timeline::new();
        timeline.add_region(0);
        let total = 100_000_u64;
        for event in 1..=total {
            let live = if event == 70_001 { 9_999 } else { event % 100 };
            timeline.set_live(0, live);
            if event % 1000 == 0 {
                timeline.add_failure(0);
            }
            if timeline.is_due(event) {
                timeline.close(Moment { event_count: event, time_ticks: event * 3 }, None);
            }
        }
        timeline.finish(Moment { event_count: total, time_ticks: total * 3 }, &[7]);
        let points = timeline.points(0);
        assert!(points.len() <= BUCKETS && points.len() >= BUCKETS / 2, "{}", points.len());
        assert_eq!(points.len(), timeline.moments().len());
        assert_eq!(points.iter().map(|point| point.live_max_bytes).max(), Some(9_999));
        assert_eq!(points.iter().map(|point| point.failure_count).sum::<u64>(), 100);
        assert_eq!(points.last().unwrap().largest_gap_bytes, Some(7));
        assert!(
            timeline.moments().windows(2).all(|pair| pair[0].event_count < pair[1].event_count)
        );
        assert_eq!(timeline.moments().last().unwrap().event_count, total);
    }
}
