//! The kinds of trouble, each with a name of its own.

use core::fmt;

use crate::guard::Violation;
use crate::heap::InitError as HeapInitError;
use crate::pool::{FreeError, InitError, ShapeError, TakeError};
use crate::stack::{StackBreach, StackError};
use crate::{AllocError, Corruption, RegionError};

/// What kind of trouble it is, whichever part reported it. [`Display`](fmt::Display) writes the
/// name and what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Less is free than should be.
    LowFreeHeap,
    /// What is free is in too many pieces.
    Fragmentation,
    /// A region, a pool or a stack could not be set up.
    InitFailure,
    /// A request could not be met.
    Exhaustion,
    /// Bookkeeping, or memory that is nobody's, was written over.
    Corruption,
    /// Something starts where it must not.
    Misalignment,
    /// Little of a stack was never used.
    LowStack,
    /// A task ran over the end of its stack.
    StackOverrun,
    /// Something was given back that is no live block, or a request made no sense.
    WrongUse,
    /// Events were lost.
    LostEvents,
}

impl Diagnosis {
    /// The name: distinct, and the same for ever.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowFreeHeap => "LOW_FREE_HEAP",
            Self::Fragmentation => "FRAGMENTATION",
            Self::InitFailure => "INIT_FAILURE",
            Self::Exhaustion => "EXHAUSTION",
            Self::Corruption => "CORRUPTION",
            Self::Misalignment => "MISALIGNMENT",
            Self::LowStack => "LOW_STACK",
            Self::StackOverrun => "STACK_OVERRUN",
            Self::WrongUse => "WRONG_USE",
            Self::LostEvents => "LOST_EVENTS",
        }
    }

    /// What mends it.
    #[must_use]
    pub const fn mend(self) -> &'static str {
        match self {
            Self::LowFreeHeap => "free what is not needed, or move large blocks to external memory",
            Self::Fragmentation => "serve small short-lived blocks from pools",
            Self::InitFailure => "check sizes and counts against the memory there is",
            Self::Exhaustion => "enlarge the pool or the region, and look for leaks",
            Self::Corruption => "run the heap guarded to find who writes where nothing is theirs",
            Self::Misalignment => "align the start to what the error states",
            Self::LowStack => "give the task a larger stack before it overruns",
            Self::StackOverrun => "give the task a larger stack",
            Self::WrongUse => "give each block back once, as it was handed out",
            Self::LostEvents => "receive faster, or make the queue longer",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.mend())
    }
}

impl From<AllocError> for Diagnosis {
    fn from(error: AllocError) -> Self {
        match error {
            AllocError::ZeroSize | AllocError::Reentered => Self::WrongUse,
            AllocError::NoRegion { .. }
            | AllocError::TooLarge { .. }
            | AllocError::Exhausted { .. } => Self::Exhaustion,
        }
    }
}

impl From<RegionError> for Diagnosis {
    fn from(error: RegionError) -> Self {
        match error {
            RegionError::Misaligned { .. } => Self::Misalignment,
            _ => Self::InitFailure,
        }
    }
}

impl From<HeapInitError> for Diagnosis {
    fn from(_: HeapInitError) -> Self {
        Self::InitFailure
    }
}

impl From<InitError> for Diagnosis {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Misaligned { .. } => Self::Misalignment,
            _ => Self::InitFailure,
        }
    }
}

impl From<ShapeError> for Diagnosis {
    fn from(error: ShapeError) -> Self {
        match error {
            ShapeError::Align { .. } => Self::Misalignment,
            _ => Self::InitFailure,
        }
    }
}

impl From<TakeError> for Diagnosis {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::NotInitialised => Self::WrongUse,
            TakeError::Exhausted { .. } => Self::Exhaustion,
        }
    }
}

impl From<FreeError> for Diagnosis {
    fn from(_: FreeError) -> Self {
        Self::WrongUse
    }
}

impl From<Corruption> for Diagnosis {
    fn from(_: Corruption) -> Self {
        Self::Corruption
    }
}

impl From<Violation> for Diagnosis {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Overrun { .. }
            | Violation::Underrun { .. }
            | Violation::Header { .. }
            | Violation::WrittenAfterFree { .. } => Self::Corruption,
            Violation::Repeated { .. }
            | Violation::Interior { .. }
            | Violation::Foreign { .. }
            | Violation::Layout { .. } => Self::WrongUse,
        }
    }
}

impl From<StackError> for Diagnosis {
    fn from(error: StackError) -> Self {
        match error {
            StackError::NoMemory { error, .. } => error.into(),
            StackError::Pool { error, .. } => error.into(),
            StackError::TooSmall { .. } | StackError::TooLarge { .. } => Self::InitFailure,
        }
    }
}

impl From<StackBreach> for Diagnosis {
    fn from(_: StackBreach) -> Self {
        Self::StackOverrun
    }
}
