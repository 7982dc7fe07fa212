//! Who has subscribed to a type of events.

use core::sync::atomic::{AtomicU32, Ordering};

/// A set of services: a bit each, and on top the number of the only one from 1 on, or 0, so that the
/// commonest set is read at once; small cores have no instruction that finds a bit. All zeros is
/// nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscribers(u32);

impl Subscribers {
    /// The most services.
    pub(super) const LIMIT: usize = 27;
    const BITS: u32 = (1 << Self::LIMIT) - 1;

    pub(super) const NONE: Self = Self(0);

    #[inline(always)]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The only one; `None` of none or many.
    #[inline(always)]
    pub(super) const fn only(self) -> Option<usize> {
        match self.0 >> Self::LIMIT {
            0 => None,
            place => Some(place as usize - 1),
        }
    }

    /// A bit each.
    pub(super) const fn mask(self) -> u32 {
        self.0 & Self::BITS
    }

    pub(super) const fn with(self, at: usize, is_wanted: bool) -> Self {
        let bit = 1 << at;
        let mask = if is_wanted { self.mask() | bit } else { self.mask() & !bit };
        match mask.count_ones() {
            1 => Self((mask.trailing_zeros() + 1) << Self::LIMIT | mask),
            _ => Self(mask),
        }
    }
}

/// Such a set, written inside the lock only. Outside of it, it is a hint.
#[derive(Debug)]
pub(super) struct Shared(AtomicU32);

impl Shared {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(Subscribers::NONE.0))
    }

    #[inline(always)]
    pub(super) fn load(&self) -> Subscribers {
        Subscribers(self.0.load(Ordering::Relaxed))
    }

    /// Inside the lock.
    pub(super) fn set(&self, at: usize, is_wanted: bool) {
        self.0.store(self.load().with(at, is_wanted).0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_one_is_known_whatever_came_and_went() {
        let mut set = Subscribers::NONE;
        assert!(set.is_none() && set.only().is_none());
        for at in 0..Subscribers::LIMIT {
            set = set.with(at, true).with(at, true);
            assert_eq!((set.only(), set.mask(), set.is_none()), (Some(at), 1 << at, false));
            for other in (0..Subscribers::LIMIT).filter(|&other| other != at) {
                let both = set.with(other, true);
                assert!(both.only().is_none() && !both.is_none());
                assert_eq!(both.mask(), 1 << at | 1 << other);
                assert_eq!(both.with(at, false).only(), Some(other));
                assert_eq!(both.with(other, false), set);
            }
            set = set.with(at, false);
            assert_eq!(set, Subscribers::NONE);
        }
    }
}
