//! Tiers: several pools, and a heap behind them.
//!
//! A request takes a block of the smallest class that it fits; if that class is off or exhausted,
//! or no class is large enough, it goes on to the heap, by itself. One
//! [`deallocate`](Tiers::deallocate) serves both: where a block goes back to is told by its address
//! alone, and nothing in front of it is ever read.

#[cfg(any(feature = "allocator-api2-v0_3", feature = "allocator-api2-v0_4"))]
mod allocator;
mod block;
mod class;
mod error;
mod sized;
mod state;
mod stats;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

pub use block::TiersBlock;
pub use class::{Class, Spill};
pub use error::{AllocError, DeinitError, InitError};
pub use stats::{ClassStats, TiersStats, Unhealthy};

use crate::pool::{Critical, FreeError, Locked, Taken};
use crate::{Caps, Memory, Policy, PoolEvent, Silent, Sink, Use};
use state::{Classes, Pools, State};

/// Pools of `CLASSES` block sizes over a [`Memory`], which is the heap behind them too.
///
/// Made for a `static`: const-constructible, live after [`init`](Self::init). Tasks and interrupt
/// handlers may use it (a critical section each). Taking and giving back a pool block is O(CLASSES),
/// whatever the number of blocks; a fallback costs what the heap costs.
///
/// ```
/// use core::alloc::Layout;
/// use esparto::{Caps, Class, LinkedList, Memory, Tiers};
///
/// static MEMORY: Memory<4> = Memory::new();
/// static TIERS: Tiers<4, 4> = Tiers::new(&MEMORY, Class::SERVICE);
///
/// # let sram = Box::leak(Box::new([core::mem::MaybeUninit::uninit(); 120_000]));
/// let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
/// MEMORY.add_static::<LinkedList>("sram", sram, caps)?;
/// TIERS.init()?;
///
/// let layout = Layout::new::<[u32; 10]>();
/// let block = TIERS.allocate(layout)?;
/// assert_eq!(TIERS.stats().classes[0].used_count, 1, "40 bytes go to the 64-byte blocks");
/// // SAFETY: from these tiers, with this layout.
/// unsafe { TIERS.deallocate(block.as_ptr(), layout)? };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tiers<'m, const CLASSES: usize, const N: usize, S: Sink = Silent> {
    memory: &'m Memory<N, S>,
    classes: Classes<CLASSES>,
    storage_policy: Policy,
    fallback_policy: Policy,
    spill: Spill,
    state: Locked<Critical, State<CLASSES>>,
}

impl<'m, const CLASSES: usize, const N: usize, S: Sink> Tiers<'m, CLASSES, N, S> {
    /// Tiers that are not live. Pools lie in internal memory that interrupt handlers can reach;
    /// what goes on to the heap goes where data of events belongs too ([`Use::Event`]).
    #[must_use]
    pub const fn new(memory: &'m Memory<N, S>, classes: [Class; CLASSES]) -> Self {
        Self {
            memory,
            classes: Classes::new(classes),
            storage_policy: Policy::for_use(Use::Event),
            fallback_policy: Policy::for_use(Use::Event),
            spill: Spill::Heap,
            state: Locked::new(State::NEW),
        }
    }

    /// The same, with the pools where `policy` says.
    #[must_use]
    pub const fn stored_in(mut self, policy: Policy) -> Self {
        self.storage_policy = policy;
        self
    }

    /// Where the pools are.
    #[must_use]
    pub const fn storage_policy(&self) -> Policy {
        self.storage_policy
    }

    /// May interrupt handlers touch blocks of the pools at any time?
    #[must_use]
    pub const fn is_for_isr(&self) -> bool {
        self.storage_policy.required().contains(Caps::INTERNAL.union(Caps::ISR_SAFE))
    }

    /// The same, with the heap behind the pools being what `policy` allows.
    #[must_use]
    pub const fn falling_back_to(mut self, policy: Policy) -> Self {
        self.fallback_policy = policy;
        self
    }

    /// The same, with what an exhausted class does.
    #[must_use]
    pub const fn spilling(mut self, spill: Spill) -> Self {
        self.spill = spill;
        self
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut State<CLASSES>) -> R) -> R {
        // SAFETY: the state calls nothing outside of itself.
        unsafe { self.state.with(f) }
    }

    /// Takes the memory of all classes and goes live.
    ///
    /// # Errors
    /// [`InitError::AlreadyInitialised`] on live tiers, which go on undisturbed;
    /// [`InitError::Class`] for one that cannot be; [`InitError::NoMemory`]. Nothing is kept then.
    pub fn init(&self) -> Result<(), InitError> {
        if !self.with(State::start) {
            return Err(InitError::AlreadyInitialised);
        }
        // Outside of the lock: this takes from the heap.
        let pools = Pools::take(self.memory, self.storage_policy, &self.classes.row);
        self.with(|state| state.finish_start(pools))?;
        self.tell_shapes(|start_addr, block_bytes, block_count| PoolEvent::SetUp {
            start_addr,
            block_bytes,
            block_count,
        });
        Ok(())
    }

    /// Tells the memory's sink. A silent one leaves no instruction of it.
    #[inline(always)]
    fn tell(&self, event: PoolEvent) {
        if !S::IS_SILENT {
            self.memory.with_sink_mut(|sink| sink.record_pool(event));
        }
    }

    fn tell_ends(&self, pools: &Pools<CLASSES>) {
        if !S::IS_SILENT {
            for (start_addr, _) in (0..CLASSES).filter_map(|class| pools.shape(class)) {
                self.tell(PoolEvent::End { start_addr });
            }
        }
    }

    /// Tells something of every class that is live.
    fn tell_shapes(&self, event: impl Fn(usize, usize, usize) -> PoolEvent) {
        if !S::IS_SILENT {
            for class in 0..CLASSES {
                if let Some((start_addr, shape)) = self.with(|state| state.shape(class)) {
                    self.tell(event(start_addr, shape.block_bytes(), shape.block_count()));
                }
            }
        }
    }

    /// Ends the tiers and gives their memory back. What is given back after this is refused.
    ///
    /// # Errors
    /// [`DeinitError::NotInitialised`]; [`DeinitError::InUse`] while any block is, the heap's
    /// included: the tiers go on then.
    pub fn deinit(&self) -> Result<(), DeinitError> {
        let pools = self.with(|state| state.stop(false))?;
        self.tell_ends(&pools);
        // SAFETY: no block was in use, and none can be had any more.
        unsafe { pools.give_back(self.memory) };
        Ok(())
    }

    /// Ends the tiers even if blocks are in use. Those of the heap stay there.
    ///
    /// # Errors
    /// [`DeinitError::NotInitialised`].
    ///
    /// # Safety
    /// Nobody uses any block of the pools any more.
    pub unsafe fn deinit_forced(&self) -> Result<(), DeinitError> {
        let pools = self.with(|state| state.stop(true))?;
        self.tell_ends(&pools);
        // SAFETY: passed on.
        unsafe { pools.give_back(self.memory) };
        Ok(())
    }

    /// Takes a block, from a pool or from the heap. It is uninitialised.
    ///
    /// # Errors
    /// [`AllocError::NotInitialised`]; [`AllocError::Heap`] if the heap has nothing either, and for
    /// a size of zero.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if layout.size() == 0 {
            return Err(AllocError::Heap(crate::AllocError::ZeroSize));
        }
        let taken = self.with(|state| {
            let taken = state.take(layout, &self.classes, self.spill)?;
            if taken.is_none() {
                // Before there is one, so that nobody ends the tiers in between.
                state.count_fallback();
            }
            Ok(taken)
        })?;
        match taken {
            Some(block) => {
                self.tell(PoolEvent::Take { addr: block.addr().get(), size_bytes: layout.size() });
                Ok(block)
            }
            None => self.allocate_fallback(layout),
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_fallback(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.memory.allocate(layout, self.fallback_policy).map_err(|error| {
            self.with(State::uncount_fallback);
            AllocError::Heap(error)
        })
    }

    /// Gives a block back to where it came from. Null is given back to nowhere.
    ///
    /// A pointer into a pool that is not a block in use is refused and counted, and does no harm.
    ///
    /// # Errors
    /// [`FreeError::NotInitialised`] of tiers that are not live (any more): the pointer is left
    /// alone. [`FreeError::Interior`] or [`FreeError::Repeated`].
    ///
    /// # Safety
    /// A block in use is the caller's to give back. One that is the heap's came from these tiers with
    /// this `layout`, and is given back once.
    pub unsafe fn deallocate(&self, ptr: *mut u8, layout: Layout) -> Result<(), FreeError> {
        let Some(block) = NonNull::new(ptr) else { return Ok(()) };
        // SAFETY: passed on.
        match unsafe { self.deallocate_block(ptr) } {
            Err(FreeError::Foreign { .. }) => {
                self.with(State::uncount_fallback);
                // SAFETY: not a pool's, so it is the heap's, as the caller says.
                unsafe { self.memory.deallocate(block, layout) };
                Ok(())
            }
            done => done,
        }
    }

    /// Takes a block that gives itself back, from a pool or from the heap.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn take(&self, layout: Layout) -> Result<TiersBlock<'_, CLASSES, N, S>, AllocError> {
        TiersBlock::new(self, layout)
    }

    /// Takes a block from a pool, and never from the heap; `None` when a request of this layout
    /// would go there, which is counted. For callers with a heap of their own behind.
    ///
    /// # Errors
    /// [`AllocError::NotInitialised`].
    #[inline]
    pub fn allocate_block(&self, layout: Layout) -> Result<Option<NonNull<u8>>, AllocError> {
        let taken = self.with(|state| state.take(layout, &self.classes, self.spill))?;
        if let Some(block) = taken {
            self.tell(PoolEvent::Take { addr: block.addr().get(), size_bytes: layout.size() });
        }
        Ok(taken)
    }

    /// Takes a block for an owner who keeps the number of its class: of the smallest class that does,
    /// and if it has had one back.
    #[inline(always)]
    pub(crate) fn take_owned(&self, size_bytes: usize) -> Option<(Taken, usize)> {
        let taken = {
            // SAFETY: the state calls nothing outside of itself.
            let inside = unsafe { self.state.lock() };
            inside.value.take_owned(size_bytes, &self.classes)
        };
        if !S::IS_SILENT
            && let Some((Taken { block, .. }, _)) = taken
        {
            self.tell(PoolEvent::Take { addr: block.addr().get(), size_bytes });
        }
        taken
    }

    /// Takes such a block back.
    ///
    /// # Safety
    /// It came from [`take_owned`](Self::take_owned) and is not used any more.
    #[inline(always)]
    pub(crate) unsafe fn give_owned(&self, taken: Taken, class: usize) {
        // In front, so that nobody is told to have the block before it is told to be back.
        self.tell(PoolEvent::Give { addr: taken.block.addr().get() });
        // SAFETY: passed on; the state calls nothing outside of itself.
        unsafe { self.state.lock().value.give_owned(taken, class) };
    }

    /// Gives a block of a pool back, if it is one. Null is given back to nowhere.
    ///
    /// # Errors
    /// [`FreeError::Foreign`] for a pointer into no pool (it is not counted: it may be the heap's);
    /// else as for [`deallocate`](Self::deallocate).
    ///
    /// # Safety
    /// Any pointer is checked; but that of a block in use must be the caller's to give back.
    pub unsafe fn deallocate_block(&self, ptr: *mut u8) -> Result<(), FreeError> {
        let Some(block) = NonNull::new(ptr) else { return Ok(()) };
        let given = self.with(|state| state.give(block));
        match given {
            Ok(()) => {
                self.tell(PoolEvent::Give { addr: ptr.addr() });
            }
            // It may be the heap's.
            Err(FreeError::Foreign { .. }) => {}
            Err(_) => {
                self.tell(PoolEvent::Refused { addr: ptr.addr() });
            }
        }
        given
    }

    /// Does the address lie in one of the pools?
    pub fn contains(&self, ptr: *const u8) -> bool {
        NonNull::new(ptr.cast_mut()).is_some_and(|ptr| self.with(|state| state.contains(ptr)))
    }

    /// The figures of all classes at one moment. O(CLASSES).
    pub fn stats(&self) -> TiersStats<CLASSES> {
        self.with(|state| state.stats(&self.classes.row))
    }

    /// Sets the counters to zero and the high-water marks to what is in use.
    pub fn reset_stats(&self) {
        self.with(State::reset);
    }
}

impl<const CLASSES: usize, const N: usize, S: Sink> fmt::Debug for Tiers<'_, CLASSES, N, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiers").field("classes", &self.classes.row).finish_non_exhaustive()
    }
}
