//! What does not add up in a trace.

use super::timeline::Moment;

/// What does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A snapshot contradicts itself or the events.
    Account,
    /// A block was handed out where another is live.
    Overlap,
    /// A block lies outside its region.
    Outside,
    /// A free or resize of a block that is not live.
    Unmatched,
    /// A free or resize with another size than was allocated.
    Size,
    /// A region is unknown or defined twice.
    Region,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Account, Self::Overlap, Self::Outside, Self::Unmatched, Self::Size, Self::Region];

    /// The stable name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Overlap => "overlap",
            Self::Outside => "outside_region",
            Self::Unmatched => "unmatched_free",
            Self::Size => "size_mismatch",
            Self::Region => "unknown_region",
        }
    }
}

/// How often one kind of problem was found, and the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) count: u64,
    pub(crate) first: Moment,
    pub(crate) what: String,
}

/// All problems of a trace, one entry a kind.
#[derive(Debug, Default)]
pub(crate) struct Problems([Option<Problem>; Kind::ALL.len()]);

impl Problems {
    /// Counts a problem; `what` is asked only for the first of its kind.
    #[cold]
    pub(crate) fn add(&mut self, kind: Kind, moment: Moment, what: impl FnOnce() -> String) {
        self.0[kind as usize]
            .get_or_insert_with(|| Problem { kind, count: 0, first: moment, what: what() })
            .count += 1;
    }

    /// The problems found, the gravest kind first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter().flatten()
    }
}
