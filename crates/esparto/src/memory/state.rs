//! What the lock of a memory protects.

mod failure;
mod tell;

use core::alloc::Layout;
use core::ptr::NonNull;

pub(super) use failure::Refused;

use super::AllocError;
use super::slot::Slot;
use super::ways::{Manner, UsualHeap};
use crate::heap::sized::seal;
use crate::heap::{Corruption, Cursor, ExtendError, Extent, InitError, Moved, Progress, RawHeap};
use crate::{Caps, Owner, Policy, Region, RegionError, RegionId, RegionStats, Sink};

#[derive(Debug)]
pub(super) struct State<const N: usize, S> {
    slots: [Option<Slot>; N],
    pub(super) owner: Owner,
    pub(super) global_policy: Policy,
    pub(super) foreign_free_count: usize,
    pub(super) refused_free_count: usize,
    last_failure: Option<AllocError>,
    /// The last refused request, when nobody said yet why it was.
    unexplained: Option<Refused>,
    are_peaks_anew: bool,
    pub(super) sink: S,
}

impl<const N: usize, S: Sink> State<N, S> {
    const USUAL: Option<UsualHeap> = S::USUAL;
    /// Do heaps that can leave their lead in front of each block?
    pub(super) const LED: bool = Self::USUAL.is_some();

    pub(super) const fn new(sink: S) -> Self {
        Self {
            slots: [const { None }; N],
            owner: Owner(0),
            global_policy: Policy::GLOBAL,
            foreign_free_count: 0,
            refused_free_count: 0,
            last_failure: None,
            unexplained: None,
            are_peaks_anew: false,
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
    pub(super) fn slot_of(&mut self, addr: usize) -> Option<(RegionId, &mut Slot)> {
        self.slots_mut().find(|(_, slot)| slot.region.contains_addr(addr))
    }

    /// The same without its number, which costs something at each region passed.
    #[inline(always)]
    pub(super) fn slot_at(&mut self, addr: usize) -> Option<&mut Slot> {
        let mut slots = self.slots.iter_mut().map_while(Option::as_mut);
        slots.find(|slot| slot.region.contains_addr(addr))
    }

    /// The number of the region in a place.
    #[inline(always)]
    pub(super) fn id_of(&self, slot: *const Slot) -> RegionId {
        Self::id_behind(self.slots.as_ptr(), slot)
    }

    #[inline(always)]
    fn id_behind(first: *const Option<Slot>, slot: *const Slot) -> RegionId {
        let offset_bytes = slot.addr().wrapping_sub(first.addr());
        RegionId((offset_bytes / size_of::<Option<Slot>>()) as u8)
    }

    /// # Safety
    /// As for `Memory::add`, and `Memory::add_usual` for a heap that `is_usual`.
    #[inline(always)]
    pub(super) unsafe fn add<H: RawHeap + 'static>(
        &mut self,
        region: Region,
        is_usual: bool,
    ) -> Result<RegionId, RegionError> {
        let index = self.admit(&region)?;
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
        let manner = match (is_usual, Self::LED) {
            (true, _) => Manner::usual(place),
            (false, true) => Manner::led(place),
            (false, false) => Manner::common(place),
        };
        // SAFETY: a heap of this type, which nobody else knows of.
        let mut slot = unsafe { Slot::new(region, manner) };
        if !is_usual {
            slot.count(None);
        }
        // Not by index: a panic that cannot be would bring all of its text along.
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        Ok(RegionId(index as u8))
    }

    /// The place of a region that can be added.
    fn admit(&self, region: &Region) -> Result<usize, RegionError> {
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
        Ok(index)
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
        unsafe { slot.lengthen(whole, added, Self::USUAL) }
    }

    /// Takes memory for the control block of an external region's heap.
    fn allocate_control(&mut self, control: Layout) -> Result<NonNull<u8>, RegionError> {
        self.slots_mut()
            .filter(|(_, slot)| slot.region.caps().contains(Caps::INTERNAL))
            .find_map(|(_, slot)| slot.take_for_control(control))
            .ok_or(RegionError::NoInternalMemory { needed_bytes: control.size() })
    }

    pub(super) fn allocate<const SIZED: bool>(
        &mut self,
        owner: Option<Owner>,
        layout: Layout,
        policy: Policy,
    ) -> Result<NonNull<u8>, Refused> {
        let (region, ptr) = self.allocate_untold::<SIZED>(layout, policy)?;
        self.tell_allocate(owner, region, ptr, layout, policy);
        Ok(ptr)
    }

    /// A block that knows its size is of a layout that [`sized_layout`](super::sized::sized_layout) let in.
    pub(super) fn allocate_untold<const SIZED: bool>(
        &mut self,
        layout: Layout,
        policy: Policy,
    ) -> Result<(RegionId, NonNull<u8>), Refused> {
        let (require, prefer) = (policy.required(), policy.preferred(layout.size()));
        if layout.size() != 0 {
            // What has all that is preferred, and then the rest; unless nothing is preferred.
            if let Some(done) = self.search::<SIZED>(layout, require | prefer, Caps::empty()) {
                return Ok(done);
            }
            if !prefer.is_empty()
                && let Some(done) = self.search::<SIZED>(layout, require, prefer)
            {
                return Ok(done);
            }
        }
        let whole = if SIZED { seal::layout(layout.size(), layout.align()) } else { None };
        let told = layout;
        Err(Refused { layout: whole.map_or(layout, |(whole, _)| whole), told, policy })
    }

    /// From what the policy likes best, or nothing, in the fewest instructions: what nearly every
    /// request gets. The size is not zero.
    #[inline(always)]
    pub(super) fn allocate_first(&mut self, layout: Layout, policy: Policy) -> Option<NonNull<u8>> {
        let wanted = policy.required() | policy.preferred(layout.size());
        let (region, ptr) = self.allocate_where::<true>(layout, wanted, Caps::empty())?;
        self.tell_allocate(None, region, ptr, layout, policy);
        Some(ptr)
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
                    && slot.settle()
            })
    }

    /// From the regions that have these capabilities and not all of those; of which there may be none.
    #[inline(always)]
    fn search<const SIZED: bool>(
        &mut self,
        layout: Layout,
        has: Caps,
        lacks: Caps,
    ) -> Option<(RegionId, NonNull<u8>)> {
        if Self::LED {
            self.search_apart::<SIZED>(layout, has, lacks)
        } else {
            self.allocate_where::<SIZED>(layout, has, lacks)
        }
    }

    /// One copy, for programs that count bytes of code.
    #[inline(never)]
    fn search_apart<const SIZED: bool>(
        &mut self,
        layout: Layout,
        has: Caps,
        lacks: Caps,
    ) -> Option<(RegionId, NonNull<u8>)> {
        self.allocate_where::<SIZED>(layout, has, lacks)
    }

    #[inline(always)]
    fn allocate_where<const SIZED: bool>(
        &mut self,
        layout: Layout,
        has: Caps,
        lacks: Caps,
    ) -> Option<(RegionId, NonNull<u8>)> {
        let first = self.slots.as_ptr();
        for slot in self.slots.iter_mut().map_while(Option::as_mut) {
            let caps = slot.region.caps();
            if !caps.contains(has) || (!lacks.is_empty() && caps.contains(lacks)) {
                continue;
            }
            let block = if Self::LED {
                slot.take::<true, SIZED>(layout)
            } else {
                slot.take::<false, SIZED>(layout)
            };
            if let Some(block) = block {
                return Some((Self::id_behind(first, slot), block));
            }
        }
        None
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
        let Some((region, slot)) = self.slot_of(ptr.addr().get()) else {
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
            self.tell_deallocate(owner, region, ptr, layout);
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
        let (region, slot) = self.slot_of(ptr.addr().get())?;
        // SAFETY: as promised by the caller.
        unsafe { slot.resize(ptr, old, new.size()) }.then_some(region)
    }

    /// Finds a place with room for a block to go on growing, in the region that it is in, if the policy
    /// likes that one; tells of nothing.
    ///
    /// # Safety
    /// As for `Memory::resize`; the block cannot be resized where it lies.
    #[inline(always)]
    pub(super) unsafe fn grow_moving(
        &mut self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        policy: Policy,
    ) -> Option<Moved> {
        if old.align() != new.align() || new.size() <= old.size() {
            return None;
        }
        let (_, slot) = self.slot_of(ptr.addr().get())?;
        let wanted = policy.required() | policy.preferred(new.size());
        if !slot.region.caps().contains(wanted) {
            return None;
        }
        // SAFETY: as promised by the caller.
        unsafe { slot.grow_moving(ptr, old, new.size()) }
    }

    /// The second half of a move: gives the old block back, unless the new one took it in, and tells of both.
    ///
    /// # Safety
    /// As for `Memory::resize`; `new_ptr` is a block of `new` that nobody was told of.
    pub(super) unsafe fn finish_move(
        &mut self,
        owner: Option<Owner>,
        (ptr, old): (NonNull<u8>, Layout),
        (new_ptr, new): (NonNull<u8>, Layout),
        policy: Policy,
        is_over_old: bool,
    ) {
        // SAFETY: passed on.
        let is_back = is_over_old || unsafe { self.deallocate_untold(ptr, old) }.is_some();
        if let Some((region, _)) = self.slot_of(new_ptr.addr().get()) {
            let (from, to) = (ptr.addr().get(), new_ptr.addr().get());
            if is_back {
                self.tell_resize(owner, region, (from, old), (to, new));
            } else {
                // The old block was refused and stays: there is one more now.
                self.tell_allocate(owner, region, new_ptr, new, policy);
            }
        }
    }

    pub(super) fn region_caps(&self, id: RegionId) -> Option<Caps> {
        Some(self.slots.get(id.index())?.as_ref()?.region.caps())
    }

    pub(super) fn region_stats(&mut self, id: RegionId) -> Option<RegionStats> {
        let slot = self.slots.get_mut(id.index())?.as_mut()?;
        slot.count(Self::USUAL);
        let free = slot.free(Self::USUAL);
        Some(RegionStats {
            id,
            name: slot.region.name(),
            caps: slot.region.caps(),
            start_addr: slot.region.start_addr(),
            size_bytes: slot.region.len_bytes(),
            free_bytes: free.bytes,
            live_bytes: slot.live_bytes,
            bookkeeping_bytes: slot.bookkeeping_bytes(),
            peak_bytes: slot.peak_bytes,
            live_count: slot.live_count,
            free_count: free.count,
            smallest_free_bytes: free.smallest_bytes,
            largest_free_bytes: slot.heap(Self::USUAL).largest_free(1),
            failure_count: slot.failure_count,
        })
    }

    /// Counts the peaks from now on, or as if that had never been; false if it is so already.
    pub(super) fn count_peaks_anew(&mut self, anew: bool) -> bool {
        if self.are_peaks_anew == anew {
            return false;
        }
        self.are_peaks_anew = anew;
        for (_, slot) in self.slots_mut() {
            if anew {
                slot.past_peak_bytes = core::mem::replace(&mut slot.peak_bytes, slot.live_bytes);
            } else {
                slot.peak_bytes = slot.peak_bytes.max(slot.past_peak_bytes);
            }
        }
        true
    }

    pub(super) fn stretch_at(&self, id: RegionId, from_addr: usize) -> Option<Extent> {
        let slot = self.slots.get(id.index())?.as_ref()?;
        slot.stretch_at(from_addr, Self::USUAL)
    }

    pub(super) fn check(
        &mut self,
        id: RegionId,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Option<Result<Progress, Corruption>> {
        let slot = self.slots.get_mut(id.index())?.as_mut()?;
        slot.count(Self::USUAL);
        if cursor.change_count != slot.change_count {
            *cursor = Cursor::default();
        }
        let progress = slot.heap(Self::USUAL).check(cursor, max_steps);
        cursor.change_count = slot.change_count;
        if progress == Ok(Progress::Done) {
            let expected_bytes = slot.region.len_bytes();
            let actual_bytes = cursor
                .free_bytes
                .wrapping_add(slot.live_bytes)
                .wrapping_add(slot.bookkeeping_bytes());
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
