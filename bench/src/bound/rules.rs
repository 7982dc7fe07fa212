//! What the machine code does not say of itself: how often its loops go round, and what cannot be.

use super::code::Function;

/// What is asked of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// An alignment of no more than a granule.
    Plain,
    /// Any other; and operations that have none.
    Aligned,
}

/// A loop, as the code shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop<'a> {
    pub(super) function: &'a Function,
    /// The first and the last step.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Asked at the end, so that the jump back is taken once less than the loop goes round.
    pub(super) asks_last: bool,
}

/// How often the loops of a kind go round.
struct LoopRule {
    is_it: fn(Loop<'_>) -> bool,
    /// Rounds in one call: on an arena to 64 KiB, and to 32 MiB.
    rounds: [u32; 2],
}

/// The longest loop of the logarithm, in steps.
const LOGARITHM_STEPS: usize = 6;

fn shifts_by(one: Loop<'_>, bits: i32) -> bool {
    let steps = &one.function.steps[one.from..=one.to];
    steps.len() <= LOGARITHM_STEPS && steps.iter().any(|step| step.shift == Some(bits))
}

/// Every loop of allocate, free, grow, shrink and settle.
const LOOPS: [LoopRule; 4] = [
    // The logarithm in steps of four: from 2^8 to 2^14 granules, or to 2^23.
    LoopRule { is_it: |one| shifts_by(one, 4), rounds: [1, 3] },
    // The logarithm in steps of one: what the steps of four leave is below 2^4.
    LoopRule { is_it: |one| shifts_by(one, 1), rounds: [3, 3] },
    // Cache lists looked at for a block to give back: `DRAIN_LOOKS`.
    LoopRule { is_it: |one| one.function.name.contains("drain"), rounds: [4, 4] },
    // All 35 of them.
    LoopRule { is_it: |one| one.function.name.contains("settle"), rounds: [35, 35] },
];

/// Its loops share one count, of blocks looked at and lists left, together; it starts at one more when
/// there is no gap for an alignment. The code is followed with the count's value.
const PROBE: &str = "take_probed";

/// More jumps back than the count allows in [`PROBE`], in case it is not followed rightly.
const PROBE_JUMPS: u32 = 8;

/// Where only requests go that are aligned to more than a granule.
const ALIGNED_ONLY: [&str; 2] = ["take_aligned", "take_drained_aligned"];

/// Where none of them goes.
const PLAIN_ONLY: &str = "take_drained";

/// What takes a piece out of a block; for an aligned request with a gap in front and a rest behind.
const CARVE: &str = "carve";

/// The rules for one kind of operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    request: Request,
    arena: usize,
}

impl Rules {
    pub(super) fn new(request: Request, arena_bytes: u32) -> Self {
        Self { request, arena: usize::from(arena_bytes > 64 << 10) }
    }

    /// How often the jump back of a loop is taken in one call, at the most; nothing for a loop that
    /// no rule is about.
    pub(super) fn jumps_back(&self, one: Loop<'_>) -> Option<u32> {
        let rule = LOOPS.iter().find(|rule| (rule.is_it)(one))?;
        Some(rule.rounds[self.arena] - u32::from(one.asks_last))
    }

    /// In a function whose loops share a count: what a question for zero answers there, from which the
    /// count starts (is there no gap?), and how often they can jump back at the very most.
    pub(super) fn count(&self, function: &Function) -> Option<(i32, u32)> {
        let has_no_gap = i32::from(self.request == Request::Plain);
        function.name.contains(PROBE).then_some((has_no_gap, PROBE_JUMPS))
    }

    /// Does this operation never get into a function?
    pub(super) fn never_enters(&self, function: &Function) -> bool {
        let is_aligned_only = ALIGNED_ONLY.iter().any(|name| function.name.contains(name));
        match self.request {
            Request::Plain => is_aligned_only,
            Request::Aligned => !is_aligned_only && function.name.contains(PLAIN_ONLY),
        }
    }

    /// In a function where nothing lies behind the piece taken, since an unaligned request takes the
    /// end: are the two registers that it compares, what was found and what it uses, always equal?
    pub(super) fn compares_equal(&self, function: &Function) -> bool {
        self.request == Request::Plain && function.name.contains(CARVE)
    }
}
