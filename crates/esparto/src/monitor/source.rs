//! Where readings come from.

use super::{HeapStats, Reading};
use crate::bus::{Bus, Payloads};
use crate::guard::ViolationLog;
use crate::pool::{Access, BlockPool, Pool};
use crate::stack::{StackPool, StackSpan, TaskTable};
use crate::tiers::Tiers;
use crate::{Caps, Memory, Sink};

/// Something that has readings.
pub trait Source {
    /// Shows every reading to `take`, holding no lock meanwhile; in the same order every time.
    fn read(&self, take: &mut dyn FnMut(Reading));
}

/// Every region by itself.
impl<const N: usize, S: Sink> Source for Memory<N, S> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        for region in self.regions() {
            let (name, caps, stats) = (region.name, region.caps, HeapStats::from(&region));
            take(Reading::Heap { name, caps, stats });
        }
    }
}

/// Every class that is on.
impl<const CLASSES: usize, const N: usize, S: Sink> Source for Tiers<'_, CLASSES, N, S> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        let stats = self.stats();
        for class in stats.classes.into_iter().filter(|class| class.block_count != 0) {
            take(Reading::Class(class));
        }
    }
}

impl Source for StackSpan {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Stack {
            name: self.name(),
            usable_bytes: self.usable_bytes(),
            unused_bytes: self.unused_bytes(),
            breach: self.check().err(),
        });
    }
}

/// The stack of every task.
impl<const N: usize> Source for TaskTable<'_, N> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        self.tasks().for_each(|task| task.stack().read(take));
    }
}

/// Something that has no name of its own, with one.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a, T> {
    name: &'static str,
    what: &'a T,
}

impl<'a, T> Named<'a, T> {
    /// `what` under `name`.
    #[must_use]
    pub const fn new(name: &'static str, what: &'a T) -> Self {
        Self { name, what }
    }
}

impl<'a, const N: usize, S: Sink> Named<'a, Memory<N, S>> {
    /// All regions that have `caps`, as one reading.
    #[must_use]
    pub const fn with_caps(self, caps: Caps) -> OfCaps<'a, N, S> {
        OfCaps { name: self.name, memory: self.what, caps }
    }
}

impl<T, const N: usize, A: Access> Source for Named<'_, Pool<T, N, A>> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Pool { name: self.name, stats: self.what.stats() });
    }
}

impl<A: Access> Source for Named<'_, BlockPool<A>> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Pool { name: self.name, stats: self.what.stats() });
    }
}

impl<A: Access> Source for Named<'_, StackPool<A>> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Pool { name: self.name, stats: self.what.stats() });
    }
}

impl<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize> Source
    for Named<'_, Bus<P, SERVICES, TYPES, EVENTS>>
{
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Bus { name: self.name, stats: self.what.stats() });
    }
}

impl Source for Named<'_, ViolationLog> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        take(Reading::Guard { name: self.name, violation_count: self.what.count() });
    }
}

/// All regions of a memory that have some capabilities, as one reading.
#[derive(Debug)]
pub struct OfCaps<'a, const N: usize, S: Sink> {
    name: &'static str,
    memory: &'a Memory<N, S>,
    caps: Caps,
}

impl<const N: usize, S: Sink> Source for OfCaps<'_, N, S> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        if let Some(stats) = self.memory.heap_stats(self.caps) {
            take(Reading::Heap { name: self.name, caps: self.caps, stats });
        }
    }
}
