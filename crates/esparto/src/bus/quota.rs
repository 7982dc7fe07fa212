//! A quota at work: a bucket that time fills.

use super::Quota;

/// What a service may still post.
#[derive(Debug)]
pub(super) struct Bucket {
    quota: Quota,
    left_count: u16,
    /// The moment up to which time has been turned into events.
    filled_ms: u32,
}

impl Bucket {
    pub(super) const fn full(quota: Quota, now_ms: u32) -> Self {
        Self { quota, left_count: quota.burst_count, filled_ms: now_ms }
    }

    /// Takes one. The error is how long it is until there is one. O(1).
    pub(super) fn take(&mut self, now_ms: u32) -> Result<(), u32> {
        if self.quota.interval_ms == 0 {
            return Ok(());
        }
        self.fill(now_ms);
        if self.left_count == 0 {
            let since_ms = now_ms.wrapping_sub(self.filled_ms);
            return Err(self.quota.interval_ms.saturating_sub(since_ms));
        }
        self.left_count -= 1;
        Ok(())
    }

    /// Gives one back that was not used after all.
    pub(super) fn refund(&mut self) {
        if self.left_count < self.quota.burst_count {
            self.left_count += 1;
        }
    }

    fn fill(&mut self, now_ms: u32) {
        let passed_ms = now_ms.wrapping_sub(self.filled_ms);
        // More than half the range of the clock is a clock that went back.
        if passed_ms > u32::MAX / 2 {
            self.filled_ms = now_ms;
            return;
        }
        let count = passed_ms / self.quota.interval_ms;
        let room_count = u32::from(self.quota.burst_count - self.left_count);
        if count >= room_count {
            self.left_count = self.quota.burst_count;
            // A full bucket saves nothing up.
            self.filled_ms = now_ms;
        } else {
            self.left_count += count as u16;
            self.filled_ms = self.filled_ms.wrapping_add(count * self.quota.interval_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_each_interval_whatever_the_clock_reads() {
        for start_ms in [0, 1, u32::MAX - 50, u32::MAX / 2] {
            let mut bucket = Bucket::full(Quota::new(3, 100), start_ms);
            let at = |ms: u32| start_ms.wrapping_add(ms);
            for _ in 0..3 {
                assert_eq!(bucket.take(at(10)), Ok(()));
            }
            assert_eq!(bucket.take(at(30)), Err(80), "filled up to 10");
            assert_eq!(bucket.take(at(109)), Err(1));
            assert_eq!(bucket.take(at(110)), Ok(()));
            assert_eq!(bucket.take(at(110)), Err(100));
            // Two and a half intervals: the half is not lost.
            assert_eq!([bucket.take(at(360)), bucket.take(at(360))], [Ok(()), Ok(())]);
            assert_eq!(bucket.take(at(360)), Err(50));
            // A long while fills it, and no more than that.
            let later = at(1_000_000);
            let taken = (0..10).filter(|_| bucket.take(later).is_ok()).count();
            assert_eq!(taken, 3);
        }
    }

    #[test]
    fn a_refund_never_makes_more_than_a_burst_and_time_may_go_back() {
        let mut bucket = Bucket::full(Quota::new(2, 100), 1000);
        bucket.refund();
        assert_eq!([bucket.take(1000), bucket.take(1000)], [Ok(()), Ok(())]);
        bucket.refund();
        assert_eq!(bucket.take(1000), Ok(()));
        assert_eq!(bucket.take(500), Err(100), "a clock that went back gives nothing");
        assert_eq!(bucket.take(600), Ok(()));
    }

    #[test]
    fn no_interval_is_no_limit_and_no_burst_is_nothing() {
        let mut free = Bucket::full(Quota::new(0, 0), 0);
        assert!((0..100).all(|_| free.take(0).is_ok()));
        let mut closed = Bucket::full(Quota::new(0, 10), 0);
        assert!((0..100).all(|ms| closed.take(ms * 10).is_err()));
    }
}
