//! What the lock of tiers protects.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{AllocError, Class, ClassStats, DeinitError, InitError, Spill, TiersStats};
use crate::pool::{BlockState, FreeError, InitError as PoolInitError, Shape, Storage, Taken};
use crate::{Memory, Policy, Sink};

/// A pool of each class; that of a class that is off is not live.
#[derive(Debug)]
pub(super) struct Pools<const CLASSES: usize>([BlockState; CLASSES]);

impl<const CLASSES: usize> Pools<CLASSES> {
    const NEW: Self = Self([const { BlockState::NEW }; CLASSES]);

    /// Takes the memory of all classes, or of none.
    pub(super) fn take<const N: usize, S: Sink>(
        memory: &Memory<N, S>,
        policy: Policy,
        classes: &[Class; CLASSES],
    ) -> Result<Self, InitError> {
        let mut pools = Self::NEW;
        for (pool, class) in pools.0.iter_mut().zip(classes) {
            if let Err(error) = Self::take_one(pool, memory, policy, class) {
                // SAFETY: nobody has seen a block of these pools.
                unsafe { pools.give_back(memory) };
                return Err(error);
            }
        }
        Ok(pools)
    }

    /// Where the blocks of a class that is on begin, and what they are.
    pub(super) fn shape(&self, class: usize) -> Option<(usize, Shape)> {
        self.0.get(class)?.place()
    }

    fn take_one<const N: usize, S: Sink>(
        pool: &mut BlockState,
        memory: &Memory<N, S>,
        policy: Policy,
        class: &Class,
    ) -> Result<(), InitError> {
        let name = class.name;
        let shape = class.shape().map_err(|error| InitError::Class { name, error })?;
        let Some(shape) = shape else { return Ok(()) };
        let (blocks, table) =
            (shape.blocks_layout(), BlockState::table_layout(shape.block_count()));
        let taken = Storage::take(memory, policy, blocks, table).and_then(|storage| {
            // SAFETY: just taken for this pool.
            unsafe { pool.init(storage, shape) }
        });
        taken.map_err(|error| match error {
            PoolInitError::NoMemory(error) => InitError::NoMemory { name, error },
            // Not for a new pool on memory of the right size.
            _ => InitError::AlreadyInitialised,
        })
    }

    /// # Safety
    /// Nobody uses any block.
    pub(super) unsafe fn give_back<const N: usize, S: Sink>(mut self, memory: &Memory<N, S>) {
        for pool in &mut self.0 {
            if let (Some(shape), Ok(storage)) = (pool.shape(), pool.deinit(true)) {
                let table = BlockState::table_layout(shape.block_count());
                // SAFETY: taken from this memory with these layouts; not used, says the caller.
                unsafe { storage.give_back(memory, shape.blocks_layout(), table) };
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Down,
    Starting,
    Live,
}

#[derive(Debug)]
pub(super) struct State<const CLASSES: usize> {
    pools: Pools<CLASSES>,
    stage: Stage,
    /// Requests of each class that went on to the heap.
    failure_counts: [u32; CLASSES],
    oversize_count: u32,
    fallback_count: usize,
}

impl<const CLASSES: usize> State<CLASSES> {
    pub(super) const NEW: Self = Self {
        stage: Stage::Down,
        pools: Pools::NEW,
        failure_counts: [0; CLASSES],
        oversize_count: 0,
        fallback_count: 0,
    };

    /// Lets the first caller start.
    pub(super) fn start(&mut self) -> bool {
        let is_first = self.stage == Stage::Down;
        if is_first {
            self.stage = Stage::Starting;
        }
        is_first
    }

    pub(super) fn finish_start(
        &mut self,
        pools: Result<Pools<CLASSES>, InitError>,
    ) -> Result<(), InitError> {
        *self = Self::NEW;
        self.pools = pools?;
        self.stage = Stage::Live;
        Ok(())
    }

    pub(super) fn stop(&mut self, forced: bool) -> Result<Pools<CLASSES>, DeinitError> {
        if self.stage != Stage::Live {
            return Err(DeinitError::NotInitialised);
        }
        let (block_count, fallback_count) = (self.used_count(), self.fallback_count);
        if !forced && (block_count, fallback_count) != (0, 0) {
            return Err(DeinitError::InUse { block_count, fallback_count });
        }
        Ok(core::mem::replace(self, Self::NEW).pools)
    }

    pub(super) fn shape(&self, class: usize) -> Option<(usize, Shape)> {
        self.pools.shape(class)
    }

    fn used_count(&self) -> usize {
        self.pools.0.iter().map(BlockState::used_count).sum()
    }

    /// A block of the class that `layout` belongs to (or one that it spills into); `None` when it
    /// must go on to the heap.
    ///
    /// The way of nearly every request is short and inlined: in a row of classes that ascends, the
    /// first that does is the smallest. A pool that is not live has no block.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        layout: Layout,
        classes: &Classes<CLASSES>,
        spill: Spill,
    ) -> Result<Option<NonNull<u8>>, AllocError> {
        let fit = if layout.align() <= align_of::<usize>() {
            classes.of(layout.size())
        } else {
            smallest(&classes.row, layout, 0)
        };
        if let Some(at) = fit
            && let Some(block) = self.pools.0[at].allocate()
        {
            return Ok(Some(block));
        }
        self.take_elsewhere(fit, layout, &classes.row, spill)
    }

    /// A block that an owner keeps, with the number of its class; `None`, and nothing changed, if the
    /// class that does has had none back.
    #[inline(always)]
    pub(super) fn take_owned(
        &mut self,
        size_bytes: usize,
        classes: &Classes<CLASSES>,
    ) -> Option<(Taken, usize)> {
        let at = classes.of(size_bytes)?;
        // SAFETY: the ladder has the places of the row, which is as long as the pools are many.
        let pool = unsafe { self.pools.0.get_unchecked_mut(at) };
        pool.take_listed().map(|taken| (taken, at))
    }

    /// # Safety
    /// The block came from `take_owned` with this class, and is not used any more.
    #[inline(always)]
    pub(super) unsafe fn give_owned(&mut self, taken: Taken, at: usize) {
        debug_assert!(at < CLASSES);
        // SAFETY: promised by the caller.
        unsafe { self.pools.0.get_unchecked_mut(at).give(taken.block, taken.link) };
    }

    /// The same once the class that does, if there is one, has nothing.
    #[cold]
    #[inline(never)]
    fn take_elsewhere(
        &mut self,
        fit: Option<usize>,
        layout: Layout,
        classes: &[Class; CLASSES],
        spill: Spill,
    ) -> Result<Option<NonNull<u8>>, AllocError> {
        if self.stage != Stage::Live {
            return Err(AllocError::NotInitialised);
        }
        let Some(first) = fit else {
            self.oversize_count = self.oversize_count.wrapping_add(1);
            return Ok(None);
        };
        let mut at = first;
        // Each turn takes a larger class: at most `CLASSES` turns.
        while spill == Spill::NextClass
            && let Some(larger) = smallest(classes, layout, classes[at].block_bytes + 1)
        {
            if let Some(block) = self.pools.0[larger].allocate() {
                return Ok(Some(block));
            }
            at = larger;
        }
        self.failure_counts[first] = self.failure_counts[first].wrapping_add(1);
        Ok(None)
    }

    #[inline(always)]
    pub(super) fn give(&mut self, block: NonNull<u8>) -> Result<(), FreeError> {
        // A pool that is not live, and so of tiers that are not, has no block in use.
        if self.pools.0.iter_mut().any(|pool| pool.deallocate(block)) {
            return Ok(());
        }
        Err(self.refuse(block))
    }

    /// What a pointer is that no pool took back.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, block: NonNull<u8>) -> FreeError {
        if self.stage != Stage::Live {
            return FreeError::NotInitialised;
        }
        match self.pools.0.iter_mut().find(|pool| pool.contains(block)) {
            Some(pool) => pool.refuse(block),
            None => FreeError::Foreign { addr: block.addr().get() },
        }
    }

    pub(super) fn contains(&self, ptr: NonNull<u8>) -> bool {
        self.pools.0.iter().any(|pool| pool.contains(ptr))
    }

    pub(super) fn count_fallback(&mut self) {
        self.fallback_count += 1;
    }

    pub(super) fn uncount_fallback(&mut self) {
        self.fallback_count = self.fallback_count.saturating_sub(1);
    }

    pub(super) fn reset(&mut self) {
        self.oversize_count = 0;
        self.failure_counts = [0; CLASSES];
        self.pools.0.iter_mut().for_each(BlockState::reset_marks);
    }

    pub(super) fn stats(&self, classes: &[Class; CLASSES]) -> TiersStats<CLASSES> {
        TiersStats {
            is_initialised: self.stage == Stage::Live,
            classes: core::array::from_fn(|index| {
                let (class, state) = (&classes[index], &self.pools.0[index]);
                let (pool, [alloc_count, free_count]) = (state.stats(), state.counts_since_reset());
                ClassStats {
                    name: class.name,
                    block_bytes: class.block_bytes,
                    block_count: pool.block_count,
                    used_count: pool.used_count,
                    peak_count: state.peak_since_reset(),
                    alloc_count,
                    free_count,
                    failure_count: self.failure_counts[index],
                    refused: pool.refused,
                    corruption_count: pool.corruption_count,
                }
            }),
            oversize_count: self.oversize_count,
            fallback_count: self.fallback_count,
        }
    }
}

/// The classes, in the order given and by size.
#[derive(Debug)]
pub(super) struct Classes<const CLASSES: usize> {
    pub(super) row: [Class; CLASSES],
    /// The smallest first: the first that does is the smallest that does.
    ladder: [Rung; CLASSES],
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    block_bytes: usize,
    /// The class's place in the row.
    at: usize,
}

impl<const CLASSES: usize> Classes<CLASSES> {
    pub(super) const fn new(row: [Class; CLASSES]) -> Self {
        let mut ladder = [Rung { block_bytes: 0, at: 0 }; CLASSES];
        let mut count = 0;
        while count < CLASSES {
            let rung = Rung { block_bytes: row[count].block_bytes, at: count };
            // Equals stay in the order given.
            let mut place = count;
            while place > 0 && ladder[place - 1].block_bytes > rung.block_bytes {
                ladder[place] = ladder[place - 1];
                place -= 1;
            }
            ladder[place] = rung;
            count += 1;
        }
        Self { row, ladder }
    }

    /// The smallest class with room for so many bytes, aligned to a word: every class is.
    #[inline(always)]
    fn of(&self, size_bytes: usize) -> Option<usize> {
        self.ladder.iter().find(|rung| size_bytes <= rung.block_bytes).map(|rung| rung.at)
    }
}

/// The smallest class of at least `from_bytes` that does for `layout`.
fn smallest(classes: &[Class], layout: Layout, from_bytes: usize) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (index, class) in classes.iter().enumerate() {
        let is_smaller = best.is_none_or(|best| class.block_bytes < classes[best].block_bytes);
        if class.fits(layout) && class.block_bytes >= from_bytes && is_smaller {
            best = Some(index);
        }
    }
    best
}
