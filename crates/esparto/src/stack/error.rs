//! Why there is no stack, and what is wrong with one.

use core::fmt;

use crate::pool::TakeError;
use crate::{AllocError, Owner};

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// Less than a canary and one frame.
    TooSmall {
        /// The task.
        name: &'static str,
        /// The length given, alignment taken off.
        len_bytes: usize,
        /// The least that works.
        needed_bytes: usize,
    },
    /// More than the address space.
    TooLarge {
        /// The task.
        name: &'static str,
        /// The length asked for.
        len_bytes: usize,
    },
    /// No region has room.
    NoMemory {
        /// The task.
        name: &'static str,
        /// The length asked for.
        len_bytes: usize,
        /// What stood in the way.
        error: AllocError,
    },
    /// The pool has no stack left, or is not live.
    Pool {
        /// The task.
        name: &'static str,
        /// What stood in the way.
        error: TakeError,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooSmall { name, len_bytes, needed_bytes } => write!(
                f,
                "stack of task {name}: {len_bytes} bytes are too few, give it {needed_bytes} at least"
            ),
            Self::TooLarge { name, len_bytes } => {
                write!(f, "stack of task {name}: {len_bytes} bytes are more than the address space")
            }
            Self::NoMemory { name, len_bytes, error } => {
                write!(f, "stack of task {name}, {len_bytes} bytes: {error}")
            }
            Self::Pool { name, error } => write!(f, "stack of task {name}: {error}"),
        }
    }
}

impl core::error::Error for StackError {}

/// A stack that was run over. Names the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackBreach {
    /// A word of the canary was written over: found in software, after it happened.
    Canary {
        /// The task.
        name: &'static str,
        /// The word's address.
        addr: usize,
        /// What it must be.
        expected: u32,
        /// What it is.
        actual: u32,
    },
    /// The stack pointer left the stack.
    Pointer {
        /// The task.
        name: &'static str,
        /// Where it points.
        sp_addr: usize,
        /// The least that it may be.
        limit_addr: usize,
        /// The most that it may be.
        end_addr: usize,
    },
    /// The hardware trapped an access to the guard: nothing was overwritten.
    Guard {
        /// The task.
        name: &'static str,
        /// The address of the access.
        addr: usize,
        /// The guard's first address.
        start_addr: usize,
        /// The guard's size.
        size_bytes: usize,
    },
}

impl StackBreach {
    /// The task whose stack it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match *self {
            Self::Canary { name, .. } | Self::Pointer { name, .. } | Self::Guard { name, .. } => {
                name
            }
        }
    }
}

impl fmt::Display for StackBreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        write!(f, "task {name} overran its stack: ")?;
        match *self {
            Self::Canary { addr, expected, actual, .. } => write!(
                f,
                "the canary at {addr:#010x} is {actual:#010x}, expected {expected:#010x}"
            )?,
            Self::Pointer { sp_addr, limit_addr, end_addr, .. } => write!(
                f,
                "its stack pointer is {sp_addr:#010x}, expected {limit_addr:#010x} to {end_addr:#010x}"
            )?,
            Self::Guard { addr, start_addr, size_bytes, .. } => write!(
                f,
                "it reached {addr:#010x} in the guard of {size_bytes} bytes at {start_addr:#010x}"
            )?,
        }
        f.write_str("; give it a larger one")
    }
}

impl core::error::Error for StackBreach {}

/// Why a range of a stack cannot be guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardError {
    /// Not a power of two, or less than hardware covers.
    Size {
        /// The size asked for.
        size_bytes: usize,
        /// The least that works.
        min_bytes: usize,
    },
    /// More than half of the stack would be lost to it.
    TooLarge {
        /// The size asked for.
        size_bytes: usize,
        /// The stack's.
        stack_bytes: usize,
    },
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Size { size_bytes, min_bytes } => write!(
                f,
                "a guard of {size_bytes} bytes cannot be set: take a power of two of {min_bytes} at least"
            ),
            Self::TooLarge { size_bytes, stack_bytes } => write!(
                f,
                "a guard of {size_bytes} bytes, aligned, takes more than half of a stack of {stack_bytes}"
            ),
        }
    }
}

impl core::error::Error for GuardError {}

/// Why a task was not taken into the table. The table is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// Every place is taken.
    Full {
        /// The number of places.
        limit_count: usize,
    },
    /// There is a task with this owner.
    Duplicate {
        /// Which.
        owner: Owner,
        /// Its name.
        name: &'static str,
    },
    /// The system alone would fill the stack.
    StackTooSmall {
        /// The task.
        name: &'static str,
        /// What a task may use of the stack.
        usable_bytes: usize,
        /// What the system takes of it.
        overhead_bytes: usize,
        /// The least length that leaves the task a frame.
        needed_bytes: usize,
    },
    /// Another task runs on memory of this stack.
    SharedStack {
        /// The task.
        name: &'static str,
        /// The other.
        with: &'static str,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Full { limit_count } => {
                write!(f, "all {limit_count} places for tasks are taken: make the table larger")
            }
            Self::Duplicate { owner, name } => {
                write!(f, "owner {} is task {name} already: give each task its own", owner.0)
            }
            Self::StackTooSmall { name, usable_bytes, overhead_bytes, needed_bytes } => write!(
                f,
                "task {name} can use {usable_bytes} bytes of stack and the system takes {overhead_bytes}: give it {needed_bytes} at least"
            ),
            Self::SharedStack { name, with } => {
                write!(f, "task {name} would run on the stack of task {with}")
            }
        }
    }
}

impl core::error::Error for TableError {}
