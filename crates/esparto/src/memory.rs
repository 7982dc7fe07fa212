//! All regions behind one lock, asked by capability.

mod block;
mod error;
mod global;
mod grow;
mod handle;
mod sized;
mod slot;
mod state;
mod ways;

use core::alloc::Layout;
use core::cell::{RefCell, RefMut};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use critical_section::{CriticalSection, Mutex};

pub use block::Block;
pub use error::AllocError;
pub use grow::GrowError;
pub use handle::Handle;
pub use sized::SizedError;
pub use ways::{UsualHeap, usual};

use crate::heap::{Corruption, Cursor, Extent, Progress, RawHeap, carry};
use crate::lock::Section;
use crate::{
    Caps, CapsStats, Event, Owner, Policy, Region, RegionError, RegionId, RegionStats, Silent, Sink,
};
use state::{Refused, State};

/// The one front door to all memory: up to `N` regions, each under a heap of its own, behind one
/// lock.
///
/// Made for a `static`: it is const-constructible, regions are added at start-up or later. A
/// request names what it needs ([`Policy`] or plain [`Caps`]) and never an address; freed blocks
/// find their region by their address. With a [`Sink`] every operation is recorded; without one
/// ([`Silent`]) no instruction of it is there.
///
/// The lock is a critical section, so tasks and interrupt handlers may both call. Copies (of a
/// block that moves) happen outside of it.
///
/// ```
/// use core::alloc::Layout;
/// use core::mem::MaybeUninit;
/// use esparto::{Caps, LinkedList, Memory};
///
/// static MEMORY: Memory<8> = Memory::new();
///
/// let sram = Box::leak(Box::new([MaybeUninit::uninit(); 4096]));
/// let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC;
/// MEMORY.add_static::<LinkedList>("sram", sram, caps)?;
///
/// let block = MEMORY.allocate(Layout::new::<[u32; 16]>(), Caps::INTERNAL)?;
/// // SAFETY: the block came from this memory with this layout.
/// unsafe { MEMORY.deallocate(block, Layout::new::<[u32; 16]>()) };
///
/// // There is no external memory, and the error says so.
/// let error = MEMORY.allocate(Layout::new::<u32>(), Caps::EXTERNAL).unwrap_err();
/// assert_eq!(error.to_string(), "no region has EXTERNAL: there is INTERNAL | BYTE | WORD | ATOMIC");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Memory<const N: usize, S: Sink = Silent> {
    state: Mutex<RefCell<State<N, S>>>,
}

/// What a memory's lock protects, while nobody else uses it.
struct Inside<'m, const N: usize, S: Sink> {
    // In front of the section, and so let go before it ends.
    state: RefMut<'m, State<N, S>>,
    _section: Section,
}

/// The most steps of put-off work that one request waits for: far more than any cache holds, so
/// that others who free meanwhile cannot keep it here for ever.
const SETTLE_LIMIT_COUNT: usize = 1 << 16;

impl<const N: usize> Memory<N> {
    /// A memory without regions and without a trace.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_sink(Silent)
    }
}

impl<const N: usize> Default for Memory<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, S: Sink> Memory<N, S> {
    const _PLACES: () = assert!(N >= 1 && N <= 32, "a memory has 1 to 32 places for regions");

    /// A memory without regions that tells `sink` what happens.
    #[must_use]
    pub const fn with_sink(sink: S) -> Self {
        let () = Self::_PLACES;
        Self { state: Mutex::new(RefCell::new(State::new(sink))) }
    }

    /// Runs `f` inside the lock; `None` when the lock is held by a caller further up (a sink or a
    /// heap that called back).
    fn locked<R>(&self, f: impl FnOnce(&mut State<N, S>) -> R) -> Option<R> {
        critical_section::with(|cs| {
            self.state.borrow(cs).try_borrow_mut().ok().map(|mut s| f(&mut s))
        })
    }

    /// [`locked`](Self::locked) for as long as the result lives: where a closure might become a call.
    #[inline(always)]
    fn enter(&self) -> Option<Inside<'_, N, S>> {
        let section = Section::enter();
        // SAFETY: the section ends with the value, behind the last use of the token.
        let token = unsafe { CriticalSection::new() };
        let state = self.state.borrow(token).try_borrow_mut().ok()?;
        Some(Inside { state, _section: section })
    }

    /// Runs `ask` inside the lock, and again after each step of what the heaps had put off, until it
    /// is served or nothing is left that could help. The lock is let go between the steps, so
    /// interrupts wait for one attempt and one step at the most.
    fn served<T>(
        &self,
        owner: Option<Owner>,
        mut ask: impl FnMut(&mut State<N, S>) -> Result<T, Refused>,
    ) -> Result<T, AllocError> {
        let mut step_count = 0;
        loop {
            match self.locked(&mut ask) {
                Some(Ok(served)) => return Ok(served),
                Some(Err(refused)) => {
                    let is_last = step_count == SETTLE_LIMIT_COUNT;
                    if let Some(error) = self.settle_or_refuse(owner, &refused, is_last) {
                        return Err(error);
                    }
                    step_count += 1;
                }
                None => return Err(AllocError::Reentered),
            }
        }
    }

    /// Does one step of what the heaps had put off, or gives a request up.
    #[inline(never)]
    fn settle_or_refuse(
        &self,
        owner: Option<Owner>,
        refused: &Refused,
        is_last: bool,
    ) -> Option<AllocError> {
        self.locked(|state| {
            (is_last || !state.settle(refused)).then(|| state.refuse(owner, refused))
        })
        .unwrap_or(Some(AllocError::Reentered))
    }

    /// Adds a region under a heap of type `H`. The order in which regions are added is the order
    /// in which they are tried.
    ///
    /// The heap's control block lives at the start of an internal region; that of an external
    /// region is taken from the first internal one with room, because external memory goes away
    /// with the cache and may lack atomics.
    ///
    /// # Errors
    /// [`RegionError`]; nothing changed then.
    ///
    /// # Safety
    /// The region's memory is valid for reads and writes and belongs to this `Memory` alone, for
    /// as long as it or any block of it is used.
    pub unsafe fn add<H: RawHeap + 'static>(
        &self,
        region: Region,
    ) -> Result<RegionId, RegionError> {
        self.locked(|state| {
            // SAFETY: the caller hands the region's memory over.
            unsafe { state.add::<H>(region, false) }
        })
        .unwrap_or(Err(RegionError::Reentered))
    }

    /// Adds a region under the usual heap of this memory ([`Sink::USUAL`]): what walks and checks such a heap
    /// is linked into programs alone that ask for it.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    ///
    /// # Safety
    /// As for [`add`](Self::add), and [`Sink::USUAL`] is of the type `H`.
    pub unsafe fn add_usual<H: RawHeap + 'static>(
        &self,
        region: Region,
    ) -> Result<RegionId, RegionError> {
        const { assert!(S::USUAL.is_some(), "this memory has no usual heap") };
        self.locked(|state| {
            // SAFETY: passed on.
            unsafe { state.add::<H>(region, true) }
        })
        .unwrap_or(Err(RegionError::Reentered))
    }

    /// Adds a static buffer as a region, cut to [`Region::ALIGN_BYTES`]. See [`add`](Self::add).
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn add_static<H: RawHeap + 'static>(
        &self,
        name: &'static str,
        memory: &'static mut [MaybeUninit<u8>],
        caps: Caps,
    ) -> Result<RegionId, RegionError> {
        // SAFETY: an exclusive borrow for ever is exactly the ownership asked for.
        unsafe { self.add::<H>(Region::from_static(name, memory, caps)) }
    }

    /// Allocates. The block is uninitialised.
    ///
    /// A heap that keeps freed blocks aside gives them up before a request is refused for want of
    /// them: one block a lock ([`RawHeap::settle`]), so that no lock is longer for it.
    ///
    /// # Errors
    /// [`AllocError`] says which figure stood in the way.
    pub fn allocate(
        &self,
        layout: Layout,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        self.allocate_for(None, layout, policy.into())
    }

    fn allocate_for(
        &self,
        owner: Option<Owner>,
        layout: Layout,
        policy: Policy,
    ) -> Result<NonNull<u8>, AllocError> {
        if State::<N, S>::LED {
            // One way for all blocks is less code; whom it is for is said by `set_owner` there.
            return self.allocate_sized_else(layout.size(), layout.align(), policy);
        }
        self.served(owner, |state| state.allocate::<false>(owner, layout, policy))
    }

    /// Gives a block back to the region that it came from.
    ///
    /// A pointer outside all regions changes nothing but
    /// [`foreign_free_count`](Self::foreign_free_count).
    ///
    /// # Safety
    /// `ptr` came from this memory with this `layout` (as last resized) and is given back once.
    pub unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.deallocate_for(None, ptr, layout) };
    }

    unsafe fn deallocate_for(&self, owner: Option<Owner>, ptr: NonNull<u8>, layout: Layout) {
        if State::<N, S>::LED {
            // SAFETY: passed on.
            let _ = unsafe { self.deallocate_sized_apart(ptr) };
            return;
        }
        self.locked(|state| {
            // SAFETY: as promised by the caller.
            unsafe { state.deallocate(owner, ptr, layout) }
        });
    }

    /// Changes the size of a block, in place if that works, else by moving it to wherever
    /// `policy` allows.
    ///
    /// # Errors
    /// [`AllocError`]; the block is as it was then.
    ///
    /// # Safety
    /// As for [`deallocate`](Self::deallocate) with `old`. The old pointer is dead afterwards,
    /// unless the same one is returned.
    pub unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        policy: impl Into<Policy>,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: passed on.
        unsafe { self.resize_for(None, ptr, old, new, policy.into()) }
    }

    unsafe fn resize_for(
        &self,
        owner: Option<Owner>,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        policy: Policy,
    ) -> Result<NonNull<u8>, AllocError> {
        if State::<N, S>::LED {
            // SAFETY: passed on.
            return unsafe { self.resize_all_sized(ptr, old, new, policy) };
        }
        let (new_ptr, is_over_old) = self.served(owner, |state| {
            // SAFETY: passed on.
            if unsafe { state.resize_in_place(owner, ptr, old, new) } {
                return Ok((ptr, false));
            }
            // Not told yet: the move is one event, told when it is over.
            // SAFETY: passed on; it was just refused where it lies.
            if let Some(moved) = unsafe { state.grow_moving(ptr, old, new, policy) } {
                return Ok((moved.grant.ptr, moved.is_over_old));
            }
            state.allocate_untold::<false>(new, policy).map(|(_, new_ptr)| (new_ptr, false))
        })?;
        if new_ptr != ptr {
            // SAFETY: both blocks are the caller's and at least this long; the new one is another, or begins
            // in front of the old one.
            unsafe { carry(ptr, new_ptr, old.size().min(new.size())) };
            self.locked(|state| {
                let (from, to) = ((ptr, old), (new_ptr, new));
                // SAFETY: passed on; the contents were carried.
                unsafe { state.finish_move(owner, from, to, policy, is_over_old) }
            });
        }
        Ok(new_ptr)
    }

    /// Allocates a block that owns itself: it goes back when it is dropped.
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate).
    pub fn take(
        &self,
        layout: Layout,
        policy: impl Into<Policy>,
    ) -> Result<Block<'_, N, S>, AllocError> {
        Block::new(self, layout, policy.into())
    }

    /// A handle for collections: `Vec::new_in(MEMORY.with(Caps::EXTERNAL))`.
    pub fn with(&self, policy: impl Into<Policy>) -> Handle<'_, N, S> {
        Handle::new(self, policy.into())
    }

    /// What the global allocator asks for. Starts as [`Policy::GLOBAL`].
    ///
    /// With a policy that does not require [`Caps::ATOMIC`], safe code can put an `Arc` or a lock
    /// into memory where atomics do not work; only say so when none ever goes there.
    pub fn set_global_policy(&self, policy: Policy) {
        self.locked(|state| state.global_policy = policy);
    }

    /// Says for whom requests are made from now on; returns for whom they were until now.
    pub fn set_owner(&self, owner: Owner) -> Owner {
        self.locked(|state| core::mem::replace(&mut state.owner, owner)).unwrap_or_default()
    }

    /// Marks this moment in the trace.
    pub fn mark(&self, id: u32) {
        self.locked(|state| state.tell(None, Event::Mark { id }));
    }

    /// Runs `f` on the sink, inside the lock.
    pub fn with_sink_mut<R>(&self, f: impl FnOnce(&mut S) -> R) -> Option<R> {
        self.locked(|state| f(&mut state.sink))
    }

    /// How many regions there are.
    pub fn region_count(&self) -> usize {
        self.locked(|state| state.slots().count()).unwrap_or(0)
    }

    /// What one region can do. O(1).
    pub fn region_caps(&self, id: RegionId) -> Option<Caps> {
        self.locked(|state| state.region_caps(id)).flatten()
    }

    /// The regions that have `caps`, in their order.
    pub(crate) fn regions_with(&self, caps: Caps) -> impl Iterator<Item = RegionId> {
        let ids = (0..self.region_count() as u8).map(RegionId);
        ids.filter(move |&id| self.region_caps(id).is_some_and(|has| has.contains(caps)))
    }

    /// One region's figures. Walks its free blocks inside the lock.
    pub fn region_stats(&self, id: RegionId) -> Option<RegionStats> {
        self.locked(|state| state.region_stats(id)).flatten()
    }

    /// The stretch of a region at an address, from there on: a free block, or all that lies between two
    /// of them (live blocks and bookkeeping). 0 is where the region begins; `None` behind its end, and
    /// when there is no such region. Walks its free blocks inside the lock.
    pub fn stretch_at(&self, id: RegionId, from_addr: usize) -> Option<Extent> {
        self.locked(|state| state.stretch_at(id, from_addr)).flatten()
    }

    /// The figures of all regions that have `caps`. One lock a region, so that interrupts wait for
    /// one walk at the most.
    pub fn caps_stats(&self, caps: Caps) -> CapsStats {
        let mut stats = CapsStats::default();
        for region in self.regions_with(caps).filter_map(|id| self.region_stats(id)) {
            stats.add(&region);
        }
        stats
    }

    /// Counts every region's peak anew from now on (and with it the least that was ever free), to see
    /// what a part of the program needs. False, and nothing changes, if that is so already.
    pub fn start_peaks_anew(&self) -> bool {
        self.locked(|state| state.count_peaks_anew(true)).unwrap_or(false)
    }

    /// Ends what [`start_peaks_anew`](Self::start_peaks_anew) began: peaks are those since the regions
    /// were added again. False, and nothing changes, if it was not begun.
    pub fn end_peaks_anew(&self) -> bool {
        self.locked(|state| state.count_peaks_anew(false)).unwrap_or(false)
    }

    /// Frees that named a pointer outside all regions.
    pub fn foreign_free_count(&self) -> usize {
        self.locked(|state| state.foreign_free_count).unwrap_or(0)
    }

    /// Why the last failed request failed, for callers that saw only a null pointer.
    pub fn last_failure(&self) -> Option<AllocError> {
        self.locked(State::last_failure).flatten()
    }

    /// Checks a part of one region's bookkeeping, at most `max_steps` free blocks, and its account
    /// when the end is reached. `None` when there is no such region.
    ///
    /// # Errors
    /// The first [`Corruption`] found.
    pub fn check(
        &self,
        id: RegionId,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Option<Result<Progress, Corruption>> {
        self.locked(|state| state.check(id, cursor, max_steps)).flatten()
    }
}
