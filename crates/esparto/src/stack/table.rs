//! The tasks, their stacks, and what each of them costs.

use core::fmt;

use super::{StackBreach, StackSpan, TableError};
use crate::Owner;
use crate::guard::OwnerHeap;

/// A task as the table knows it.
#[derive(Clone, Copy, Debug)]
pub struct Task<'m> {
    owner: Owner,
    stack: &'m StackSpan,
    control_bytes: usize,
}

impl<'m> Task<'m> {
    /// The task for which requests are made as `owner`, on `stack`, whose name is the task's.
    #[must_use]
    pub const fn new(owner: Owner, stack: &'m StackSpan) -> Self {
        Self { owner, stack, control_bytes: 0 }
    }

    /// The same, with a control block of this size.
    #[must_use]
    pub const fn with_control_bytes(self, control_bytes: usize) -> Self {
        Self { control_bytes, ..self }
    }

    /// For whom its requests are made.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.stack.name()
    }

    /// What it runs on.
    #[must_use]
    pub const fn stack(&self) -> &'m StackSpan {
        self.stack
    }

    /// What it costs, but for its heap.
    #[must_use]
    pub fn stats(&self) -> TaskStats {
        TaskStats {
            owner: self.owner,
            name: self.name(),
            control_bytes: self.control_bytes,
            stack_bytes: self.stack.len_bytes(),
            stack_unused_bytes: self.stack.unused_bytes(),
            heap: OwnerHeap::default(),
        }
    }
}

/// What a task costs at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStats {
    /// For whom its requests are made.
    pub owner: Owner,
    /// Its name.
    pub name: &'static str,
    /// Its control block.
    pub control_bytes: usize,
    /// Its stack, the canary included.
    pub stack_bytes: usize,
    /// What of the stack was never used.
    pub stack_unused_bytes: usize,
    /// Its live blocks.
    pub heap: OwnerHeap,
}

impl TaskStats {
    /// The same, with its live blocks: what a [`Ledger`](crate::guard::Ledger) knows of its owner.
    #[must_use]
    pub const fn with_heap(self, heap: OwnerHeap) -> Self {
        Self { heap, ..self }
    }

    /// Control block, stack and heap.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        self.control_bytes + self.stack_bytes + self.heap.live_bytes
    }
}

/// Writes `NAME: 3280 bytes: control block 192, stack 2048 (1712 never used), heap 1040 in 3 blocks`.
impl fmt::Display for TaskStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} bytes: control block {}, stack {} ({} never used), heap {} in {} blocks",
            self.name,
            self.total_bytes(),
            self.control_bytes,
            self.stack_bytes,
            self.stack_unused_bytes,
            self.heap.live_bytes,
            self.heap.live_count
        )
    }
}

/// Up to `N` tasks with their stacks.
///
/// Knows no lock: whoever shares it between tasks locks it. Every operation is O(N) at the most,
/// beside what it looks at in the stacks.
#[derive(Debug)]
pub struct TaskTable<'m, const N: usize> {
    tasks: [Option<Task<'m>>; N],
    overhead_bytes: usize,
}

impl<const N: usize> Default for TaskTable<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'m, const N: usize> TaskTable<'m, N> {
    /// What a task of FreeRTOS on an ESP32 costs of its own stack before it does anything: the
    /// context saved at a switch and the frames of printing.
    pub const OVERHEAD_BYTES: usize = 768;

    /// A table without tasks that expects [`OVERHEAD_BYTES`](Self::OVERHEAD_BYTES) of each stack to
    /// go to the system.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_overhead(Self::OVERHEAD_BYTES)
    }

    /// A table for a system that takes `overhead_bytes` of each stack; 0 for none.
    #[must_use]
    pub const fn with_overhead(overhead_bytes: usize) -> Self {
        Self { tasks: [None; N], overhead_bytes }
    }

    /// The length of a stack for a task whose deepest chain of calls needs `frame_bytes`.
    #[must_use]
    pub const fn needed_bytes(&self, frame_bytes: usize) -> usize {
        self.overhead_bytes
            .saturating_add(frame_bytes)
            .saturating_add(StackSpan::CANARY_BYTES)
            .saturating_add(StackSpan::ALIGN_BYTES - 1)
            & !(StackSpan::ALIGN_BYTES - 1)
    }

    /// Takes a task into the table.
    ///
    /// # Errors
    /// [`TableError`]; among others, a stack that the system alone would fill.
    pub fn add(&mut self, task: Task<'m>) -> Result<(), TableError> {
        let (name, usable_bytes) = (task.name(), task.stack.usable_bytes());
        let overhead_bytes = self.overhead_bytes;
        if usable_bytes <= overhead_bytes {
            let needed_bytes = self.needed_bytes(StackSpan::ALIGN_BYTES);
            return Err(TableError::StackTooSmall {
                name,
                usable_bytes,
                overhead_bytes,
                needed_bytes,
            });
        }
        for other in self.tasks() {
            if other.owner == task.owner {
                return Err(TableError::Duplicate { owner: other.owner, name: other.name() });
            }
            let (ours, theirs) = (task.stack.addrs(), other.stack.addrs());
            if ours.start < theirs.end && theirs.start < ours.end {
                return Err(TableError::SharedStack { name, with: other.name() });
            }
        }
        let Some(place) = self.tasks.iter_mut().find(|place| place.is_none()) else {
            return Err(TableError::Full { limit_count: N });
        };
        *place = Some(task);
        Ok(())
    }

    /// Takes a task that has ended out of the table; `None` if there is none of this owner.
    pub fn remove(&mut self, owner: Owner) -> Option<Task<'m>> {
        self.tasks
            .iter_mut()
            .find(|place| place.is_some_and(|task| task.owner == owner))
            .and_then(Option::take)
    }

    /// The task of an owner.
    #[must_use]
    pub fn get(&self, owner: Owner) -> Option<&Task<'m>> {
        self.tasks().find(|task| task.owner == owner)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Task<'m>> {
        self.tasks.iter().flatten()
    }

    /// Looks at the canary of every stack.
    ///
    /// # Errors
    /// The first [`StackBreach`], which names the task.
    pub fn check(&self) -> Result<(), StackBreach> {
        self.tasks().try_for_each(|task| task.stack.check())
    }

    /// Looks at the stack of the task that is switched away from, with its stack pointer. For the
    /// hook of the scheduler. Of an owner without a task nothing is known.
    ///
    /// # Errors
    /// The [`StackBreach`], which names the task.
    pub fn check_switch(&self, owner: Owner, sp_addr: usize) -> Result<(), StackBreach> {
        self.get(owner).map_or(Ok(()), |task| task.stack.check_at(sp_addr))
    }

    /// What all tasks cost, with what `heap` knows of each owner.
    pub fn total_bytes(&self, mut heap: impl FnMut(Owner) -> OwnerHeap) -> usize {
        self.tasks().map(|task| task.stats().with_heap(heap(task.owner)).total_bytes()).sum()
    }
}

/// Writes a line a task.
impl<const N: usize> fmt::Display for TaskTable<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks:")?;
        self.tasks().try_for_each(|task| write!(f, "\n  {}", task.stats()))
    }
}
