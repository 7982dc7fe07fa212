//! What the lock of a memory protects.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::AllocError;
use super::slot::Slot;
use crate::heap::{Corruption, Cursor, ExtendError, Extent, InitError, Progress, RawHeap};
use crate::{Caps, Event, Owner, Policy, Region, RegionError, RegionId, RegionStats, Sink};

/// A request that no heap could serve as they are now.
#[derive(Clone, Copy)]
pub(super) struct Refused {
    /// What the heaps were asked for.
    pub(super) layout: Layout,
    /// What the caller asked for, and the trace is told.
    pub(super) told: Layout,
    pub(super) policy: Policy,
}

#[derive(Debug)]
pub(super) struct State<const N: usize, S> {
    slots: [Option<Slot>; N],
    pub(super) owner: Owner,
    pub(super) global_policy: Policy,
    pub(super) foreign_free_count: usize,
    pub(super) refused_free_count: usize,
    pub(super) last_failure: Option<AllocError>,
    pub(super) sink: S,
}

impl<const N: usize, S: Sink> State<N, S> {
    pub(super) const fn new(sink: S) -> Self {
        Self {
            slots: [const { None }; N],
            owner: Owner(0),
            global_policy: Policy::GLOBAL,
            foreign_free_count: 0,
            refused_free_count: 0,
            last_failure: None,
            sink,
        }
    }

    /// The regions; the places behind them are empty.
    pub(super) fn slots(&self) -> impl Iterator<Item = (RegionId, &Slot)> {
        (0..).map(RegionId).zip(self.slots.iter().map_while(Option::as_ref))
    }

    fn slots_mut(&mut self) -> impl Iterator<Item = (RegionId, &mut Slot)> {
        (0..).map(RegionId).zip(self.slots.iter_mut().map_while(Option::as_mut))
    }

    #[inline]
    pub(super) fn slot_of(&mut self, ptr: NonNull<u8>) -> Option<(RegionId, &mut Slot)> {
        let addr = ptr.addr().get();
        self.slots_mut().find(|(_, slot)| slot.region.contains_addr(addr))
    }

    /// The same without its number, which costs something at each region passed.
    #[inline(always)]
    pub(super) fn slot_at(&mut self, ptr: NonNull<u8>) -> Option<&mut Slot> {
        let addr = ptr.addr().get();
        let mut slots = self.slots.iter_mut().map_while(Option::as_mut);
        slots.find(|slot| slot.region.contains_addr(addr))
    }

    /// The number of the region in a place.
    #[inline(always)]
    pub(super) fn id_of(&self, slot: *const Slot) -> RegionId {
        let offset_bytes = slot.addr().wrapping_sub(self.slots.as_ptr().addr());
        RegionId((offset_bytes / size_of::<Option<Slot>>()) as u8)
    }

    // Inlined, and so are those that tell: the sink then knows the kind of event at each place, and
    // a trace costs half as many instructions where the compiler goes for size.
    #[inline(always)]
    pub(super) fn tell(&mut self, owner: Option<Owner>, event: Event) {
        self.sink.record(owner.unwrap_or(self.owner), event);
    }

    /// # Safety
    /// As for `Memory::add`.
    pub(super) unsafe fn add<H: RawHeap + 'static>(
        &mut self,
        region: Region,
    ) -> Result<RegionId, RegionError> {
        region.validate()?;
        for (with, slot) in self.slots() {
            let start_addr = region.start_addr();
            let other_start_addr = slot.region.start_addr();
            if start_addr == other_start_addr && region.len_bytes() == slot.region.len_bytes() {
                return Err(RegionError::Duplicate { with, start_addr });
            }
            if region.overlaps(&slot.region) {
                return Err(RegionError::Overlaps { with, start_addr, other_start_addr });
            }
        }
        let index = self.slots().count();
        if index == N {
            return Err(RegionError::TooMany { limit_count: N });
        }

        let control = Layout::new::<H>();
        let (place, memory) = if region.caps().contains(Caps::INTERNAL) {
            let (place, memory) = split_control(&region, control)?;
            (Some(place), memory)
        } else {
            (None, region.memory())
        };
        // SAFETY: the memory was handed over by the caller; the part of the control block is not
        // in it.
        let heap = unsafe { H::init(memory) }
            .map_err(|error| region_error(error, region.len_bytes() - memory.len()))?;
        let place = match place {
            Some(place) => place,
            None => self.allocate_control(control)?,
        }
        .cast::<H>();
        // SAFETY: the place is free memory of the control block's size and alignment, and ours.
        unsafe { place.write(heap) };
        let mut slot = Slot {
            region,
            heap: place,
            live_bytes: 0,
            live_count: 0,
            peak_bytes: 0,
            bookkeeping_bytes: 0,
            failure_count: 0,
            change_count: 0,
        };
        // Nothing is live yet: what is not free is bookkeeping.
        slot.bookkeeping_bytes = region.len_bytes() - slot.free().bytes;
        // Not by index: a panic that cannot be would bring all of its text along.
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        Ok(RegionId(index as u8))
    }

    /// Gives a region's heap the memory behind it.
    ///
    /// # Safety
    /// As for `Memory::extend`; `whole` is the region with this memory.
    pub(super) unsafe fn lengthen(
        &mut self,
        id: RegionId,
        whole: Region,
        added: NonNull<[u8]>,
    ) -> Result<(), ExtendError> {
        let Some(slot) = self.slots[id.index()].as_mut() else {
            return Err(ExtendError::Unsupported);
        };
        // SAFETY: passed on.
        let gained_bytes = unsafe { slot.heap_mut().extend(added) }?;
        slot.region = whole;
        slot.bookkeeping_bytes += added.len() - gained_bytes;
        Ok(())
    }

    /// Takes memory for the control block of an external region's heap.
    fn allocate_control(&mut self, control: Layout) -> Result<NonNull<u8>, RegionError> {
        self.slots_mut()
            .filter(|(_, slot)| slot.region.caps().contains(Caps::INTERNAL))
            .find_map(|(_, slot)| {
                let grant = slot.heap_mut().allocate(control)?;
                slot.bookkeeping_bytes += grant.taken_bytes;
                Some(grant.ptr)
            })
            .ok_or(RegionError::NoInternalMemory { needed_bytes: control.size() })
    }

    pub(super) fn allocate(
        &mut self,
        owner: Option<Owner>,
        layout: Layout,
        policy: Policy,
    ) -> Result<NonNull<u8>, Refused> {
        let (region, ptr) = self.allocate_untold(layout, policy)?;
        self.tell_allocate(owner, region, ptr, layout, policy);
        Ok(ptr)
    }

    pub(super) fn allocate_untold(
        &mut self,
        layout: Layout,
        policy: Policy,
    ) -> Result<(RegionId, NonNull<u8>), Refused> {
        let (require, prefer) = (policy.required(), policy.preferred(layout.size()));
        if layout.size() != 0 {
            if !prefer.is_empty()
                && let Some(done) =
                    self.allocate_where(layout, |caps| caps.contains(require | prefer))
            {
                return Ok(done);
            }
            // Preferred regions were tried already, unless nothing is preferred.
            if let Some(done) = self.allocate_where(layout, |caps| {
                caps.contains(require) && (prefer.is_empty() || !caps.contains(prefer))
            }) {
                return Ok(done);
            }
        }
        Err(Refused { layout, told: layout, policy })
    }

    /// From what the policy likes best, or nothing, in the fewest instructions: what nearly every
    /// request gets. The size is not zero.
    #[inline(always)]
    pub(super) fn allocate_first(
        &mut self,
        layout: Layout,
        policy: Policy,
    ) -> Option<(RegionId, NonNull<u8>)> {
        let wanted = policy.required() | policy.preferred(layout.size());
        self.allocate_where(layout, |caps| caps.contains(wanted))
    }

    /// Does one bounded step of the work that a heap put off, if a heap that may serve the request
    /// has any and bytes enough: worth asking again then.
    pub(super) fn settle(&mut self, refused: &Refused) -> bool {
        let size_bytes = refused.layout.size();
        let required = refused.policy.required();
        size_bytes != 0
            && self.slots_mut().any(|(_, slot)| {
                slot.region.caps().contains(required)
                    && size_bytes <= slot.limit_bytes().saturating_sub(slot.live_bytes)
                    && slot.heap_mut().settle()
            })
    }

    /// Gives up: tells, and says which figure stood in the way.
    #[cold]
    pub(super) fn refuse(&mut self, owner: Option<Owner>, refused: &Refused) -> AllocError {
        let error = self.explain(refused.layout, refused.policy.required());
        self.last_failure = Some(error);
        self.tell_failure(owner, refused.told, refused.policy);
        error
    }

    #[inline]
    fn allocate_where(
        &mut self,
        layout: Layout,
        wanted: impl Fn(Caps) -> bool,
    ) -> Option<(RegionId, NonNull<u8>)> {
        for (id, slot) in self.slots_mut() {
            if wanted(slot.region.caps())
                && let Some(grant) = slot.heap_mut().allocate(layout)
            {
                slot.account(0, grant.taken_bytes);
                slot.live_count += 1;
                return Some((id, grant.ptr));
            }
        }
        None
    }

    /// The figure that stood in the way.
    fn explain(&mut self, layout: Layout, required: Caps) -> AllocError {
        if layout.size() == 0 {
            return AllocError::ZeroSize;
        }
        let (mut present, mut limit_bytes, mut free_bytes) = (Caps::empty(), None, 0);
        let mut largest = (0, RegionId(0));
        for (id, slot) in self.slots_mut() {
            present |= slot.region.caps();
            if !slot.region.caps().contains(required) {
                continue;
            }
            slot.failure_count += 1;
            limit_bytes = limit_bytes.max(Some(slot.limit_bytes()));
            free_bytes += slot.limit_bytes() - slot.live_bytes;
            let largest_free_bytes = slot.heap().largest_free(layout.align());
            if largest_free_bytes >= largest.0 {
                largest = (largest_free_bytes, id);
            }
        }
        let requested_bytes = layout.size();
        match limit_bytes {
            None => AllocError::NoRegion { required, present },
            Some(limit_bytes) if requested_bytes > limit_bytes => {
                AllocError::TooLarge { requested_bytes, limit_bytes }
            }
            Some(_) => AllocError::Exhausted {
                requested_bytes,
                align_bytes: layout.align(),
                largest_free_bytes: largest.0,
                region: largest.1,
                free_bytes,
            },
        }
    }

    #[inline(always)]
    pub(super) fn tell_allocate(
        &mut self,
        owner: Option<Owner>,
        region: RegionId,
        ptr: NonNull<u8>,
        layout: Layout,
        policy: Policy,
    ) {
        self.tell(
            owner,
            Event::Allocate {
                region,
                addr: ptr.addr().get(),
                size_bytes: layout.size(),
                align_log2: align_log2(layout),
                require: policy.required(),
                prefer: policy.preferred(layout.size()),
            },
        );
    }

    fn tell_failure(&mut self, owner: Option<Owner>, layout: Layout, policy: Policy) {
        self.tell(
            owner,
            Event::Failure {
                size_bytes: layout.size(),
                align_log2: align_log2(layout),
                require: policy.required(),
                prefer: policy.preferred(layout.size()),
            },
        );
    }

    /// Gives a block back without telling; returns its region.
    ///
    /// # Safety
    /// As for `Memory::deallocate`.
    #[inline(always)]
    pub(super) unsafe fn deallocate_untold(
        &mut self,
        ptr: NonNull<u8>,
        layout: Layout,
    ) -> Option<RegionId> {
        let Some((region, slot)) = self.slot_of(ptr) else {
            self.foreign_free_count += 1;
            return None;
        };
        // SAFETY: as promised by the caller; the region was found by the block's address.
        unsafe { slot.take_back(ptr, layout) }.then_some(region)
    }

    /// # Safety
    /// As for `Memory::deallocate`.
    pub(super) unsafe fn deallocate(
        &mut self,
        owner: Option<Owner>,
        ptr: NonNull<u8>,
        layout: Layout,
    ) {
        // SAFETY: passed on.
        if let Some(region) = unsafe { self.deallocate_untold(ptr, layout) } {
            let addr = ptr.addr().get();
            self.tell(owner, Event::Deallocate { region, addr, size_bytes: layout.size() });
        }
    }

    /// # Safety
    /// As for `Memory::resize`.
    pub(super) unsafe fn resize_in_place(
        &mut self,
        owner: Option<Owner>,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> bool {
        // SAFETY: passed on.
        let Some(region) = (unsafe { self.resize_untold(ptr, old, new) }) else { return false };
        let addr = ptr.addr().get();
        self.tell_resize(owner, region, (addr, old), (addr, new));
        true
    }

    /// Resizes a block where it lies without telling; returns its region.
    ///
    /// # Safety
    /// As for `Memory::resize`.
    #[inline(always)]
    pub(super) unsafe fn resize_untold(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<RegionId> {
        // What a block takes may depend on its alignment, so another alignment means moving.
        if old.align() != new.align() || new.size() == 0 {
            return None;
        }
        let (region, slot) = self.slot_of(ptr)?;
        // SAFETY: as promised by the caller.
        let old_taken_bytes = unsafe { slot.heap().taken_bytes(ptr, old) };
        // SAFETY: as promised by the caller.
        let taken_bytes = unsafe {
            if new.size() >= old.size() {
                slot.heap_mut().grow(ptr, old, new.size())
            } else {
                slot.heap_mut().shrink(ptr, old, new.size())
            }
        }?;
        slot.account(old_taken_bytes, taken_bytes);
        Some(region)
    }

    /// The second half of a move: gives the old block back and tells of both.
    ///
    /// # Safety
    /// As for `Memory::resize`; `new_ptr` is a block of `new` that nobody was told of.
    pub(super) unsafe fn finish_move(
        &mut self,
        owner: Option<Owner>,
        (ptr, old): (NonNull<u8>, Layout),
        (new_ptr, new): (NonNull<u8>, Layout),
        policy: Policy,
    ) {
        // SAFETY: passed on.
        let is_back = unsafe { self.deallocate_untold(ptr, old) }.is_some();
        if let Some((region, _)) = self.slot_of(new_ptr) {
            let (from, to) = (ptr.addr().get(), new_ptr.addr().get());
            if is_back {
                self.tell_resize(owner, region, (from, old), (to, new));
            } else {
                // The old block was refused and stays: there is one more now.
                self.tell_allocate(owner, region, new_ptr, new, policy);
            }
        }
    }

    #[inline(always)]
    pub(super) fn tell_resize(
        &mut self,
        owner: Option<Owner>,
        region: RegionId,
        (old_addr, old): (usize, Layout),
        (addr, new): (usize, Layout),
    ) {
        self.tell(
            owner,
            Event::Resize {
                region,
                old_addr,
                addr,
                old_size_bytes: old.size(),
                size_bytes: new.size(),
                align_log2: align_log2(new),
            },
        );
    }

    pub(super) fn region_caps(&self, id: RegionId) -> Option<Caps> {
        Some(self.slots.get(id.index())?.as_ref()?.region.caps())
    }

    pub(super) fn region_stats(&self, id: RegionId) -> Option<RegionStats> {
        let slot = self.slots.get(id.index())?.as_ref()?;
        let free = slot.free();
        Some(RegionStats {
            id,
            name: slot.region.name(),
            caps: slot.region.caps(),
            start_addr: slot.region.start_addr(),
            size_bytes: slot.region.len_bytes(),
            free_bytes: free.bytes,
            live_bytes: slot.live_bytes,
            bookkeeping_bytes: slot.bookkeeping_bytes,
            peak_bytes: slot.peak_bytes,
            live_count: slot.live_count,
            free_count: free.count,
            smallest_free_bytes: free.smallest_bytes,
            largest_free_bytes: slot.heap().largest_free(1),
            failure_count: slot.failure_count,
        })
    }

    pub(super) fn stretch_at(&self, id: RegionId, from_addr: usize) -> Option<Extent> {
        let slot = self.slots.get(id.index())?.as_ref()?;
        slot.stretch_at(from_addr)
    }

    pub(super) fn check(
        &self,
        id: RegionId,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Option<Result<Progress, Corruption>> {
        let slot = self.slots.get(id.index())?.as_ref()?;
        if cursor.change_count != slot.change_count {
            *cursor = Cursor::default();
        }
        let progress = slot.heap().check(cursor, max_steps);
        cursor.change_count = slot.change_count;
        if progress == Ok(Progress::Done) {
            let expected_bytes = slot.region.len_bytes();
            let actual_bytes = cursor
                .free_bytes
                .wrapping_add(slot.live_bytes)
                .wrapping_add(slot.bookkeeping_bytes);
            if expected_bytes != actual_bytes {
                return Some(Err(Corruption::Account { expected_bytes, actual_bytes }));
            }
        }
        Some(progress)
    }
}

/// Divides an internal region into the place of its control block and the memory behind it.
fn split_control(
    region: &Region,
    control: Layout,
) -> Result<(NonNull<u8>, NonNull<[u8]>), RegionError> {
    let len_bytes = region.len_bytes();
    let control_bytes = control.size().next_multiple_of(Region::ALIGN_BYTES);
    if control.align() > Region::ALIGN_BYTES || len_bytes <= control_bytes {
        let needed_bytes = control_bytes + Region::ALIGN_BYTES;
        return Err(RegionError::TooSmall { len_bytes, needed_bytes });
    }
    let start = region.memory().cast::<u8>();
    // SAFETY: the region is longer than its control block, so this stays inside it.
    let rest = unsafe { start.add(control_bytes) };
    Ok((start, NonNull::slice_from_raw_parts(rest, len_bytes - control_bytes)))
}

/// A heap's refusal, in terms of the region with its control block.
fn region_error(error: InitError, control_bytes: usize) -> RegionError {
    match error {
        InitError::TooSmall { len_bytes, needed_bytes } => RegionError::TooSmall {
            len_bytes: len_bytes + control_bytes,
            needed_bytes: needed_bytes + control_bytes,
        },
        InitError::TooLarge { len_bytes, limit_bytes } => RegionError::TooLarge {
            len_bytes: len_bytes + control_bytes,
            limit_bytes: limit_bytes + control_bytes,
        },
    }
}

fn align_log2(layout: Layout) -> u8 {
    layout.align().trailing_zeros() as u8
}
