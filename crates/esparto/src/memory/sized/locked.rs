//! Blocks that know their size, inside the lock.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::state::{Refused, State};
use super::{Layouts, SizedError, seal, sized_layouts};
use crate::{Event, Policy, Region, RegionId, Sink};

impl<const N: usize, S: Sink> State<N, S> {
    pub(in crate::memory) fn allocate_sized(
        &mut self,
        layouts: Layouts,
        policy: Policy,
    ) -> Result<NonNull<u8>, Refused> {
        let (region, block) = self.allocate_sealed(layouts, policy)?;
        self.tell_allocate(None, region, block, layouts.outer, policy);
        Ok(block)
    }

    /// The same from what the policy likes best, or nothing. The size is not zero.
    #[inline(always)]
    pub(in crate::memory) fn allocate_sized_first(
        &mut self,
        (size, align): (usize, usize),
        (layout, offset_bytes): (Layout, usize),
        policy: Policy,
    ) -> Option<NonNull<u8>> {
        let (region, ptr) = self.allocate_first(layout, policy)?;
        // SAFETY: just allocated: longer than the caller's part by the offset, where the word has room.
        // What is asked for is less than what the layout says, and so a layout too.
        let (block, outer) = unsafe {
            let block = ptr.add(offset_bytes);
            let word = seal::close(block.addr().get(), size, align);
            block.sub(seal::BYTES).cast::<u32>().write(word);
            (block, Layout::from_size_align_unchecked(size, align))
        };
        self.tell_allocate(None, region, block, outer, policy);
        Some(block)
    }

    fn allocate_sealed(
        &mut self,
        layouts: Layouts,
        policy: Policy,
    ) -> Result<(RegionId, NonNull<u8>), Refused> {
        let (region, ptr) = self
            .allocate_untold(layouts.inner, policy)
            .map_err(|refused| Refused { told: layouts.outer, ..refused })?;
        // SAFETY: the heap's block is longer than the caller's by the offset.
        let block = unsafe { ptr.add(layouts.offset_bytes) };
        // SAFETY: just allocated, and with room for the word in front.
        unsafe { seal_block(block, layouts.outer) };
        Ok((region, block))
    }

    /// The size and alignment of a live block that knows them.
    pub(in crate::memory) fn look_sized(&mut self, ptr: NonNull<u8>) -> Option<Layout> {
        let (_, slot) = self.slot_of(ptr)?;
        let (size, align) = slot.region().open(ptr)?;
        Layout::from_size_align(size, align).ok()
    }

    fn look_or_refuse(&mut self, ptr: NonNull<u8>) -> Result<Layouts, SizedError> {
        let layout = self.look_sized(ptr);
        layout.and_then(|layout| Layouts::new(layout.size(), layout.align())).ok_or_else(|| {
            self.refused_free_count = self.refused_free_count.wrapping_add(1);
            SizedError::NotABlock { addr: ptr.addr().get() }
        })
    }

    /// Takes a block back; returns its size, or nothing (and counts) if it is none.
    ///
    /// # Safety
    /// As for `Memory::deallocate_sized`.
    #[inline(always)]
    pub(in crate::memory) unsafe fn deallocate_sized(&mut self, ptr: NonNull<u8>) -> Option<usize> {
        if let Some(slot) = self.slot_at(ptr)
            && let Some((size_bytes, align)) = slot.region().open(ptr)
        {
            let place = core::ptr::from_ref(slot);
            // SAFETY: its word says that the block is live; in front of it in the region is as much as its
            // alignment, so both together are a layout. The word is broken first, so that a second free
            // does not find it.
            let is_back = unsafe {
                let layout = Layout::from_size_align_unchecked(align + size_bytes, align);
                ptr.sub(seal::BYTES).cast::<u32>().write(seal::broken(ptr.addr().get()));
                slot.take_back(ptr.sub(align), layout)
            };
            if is_back {
                let region = self.id_of(place);
                self.tell(None, Event::Deallocate { region, addr: ptr.addr().get(), size_bytes });
            }
            return Some(size_bytes);
        }
        self.refused_free_count = self.refused_free_count.wrapping_add(1);
        None
    }

    /// # Safety
    /// `ptr` is a live block of these layouts, given up by its user.
    unsafe fn deallocate_sealed(&mut self, ptr: NonNull<u8>, layouts: Layouts) -> Option<RegionId> {
        // SAFETY: as promised. The word is broken first, so that a second free does not find it.
        unsafe {
            ptr.sub(seal::BYTES).cast::<u32>().write(seal::broken(ptr.addr().get()));
            self.deallocate_untold(ptr.sub(layouts.offset_bytes), layouts.inner)
        }
    }

    /// Returns where the block is now; if that is not where it was, also how much is to be
    /// copied before [`finish_sized_move`](Self::finish_sized_move).
    ///
    /// # Safety
    /// As for `Memory::resize_sized`.
    pub(in crate::memory) unsafe fn resize_sized(
        &mut self,
        ptr: NonNull<u8>,
        size: usize,
        policy: Policy,
    ) -> Result<Result<(NonNull<u8>, usize), SizedError>, Refused> {
        let old = match self.look_or_refuse(ptr) {
            Ok(old) => old,
            Err(error) => return Ok(Err(error)),
        };
        let new = match sized_layouts(size, old.outer.align()) {
            Ok(new) => new,
            Err(error) => return Ok(Err(SizedError::Alloc(error))),
        };
        // SAFETY: its word says that the block is live, and of this layout.
        let start = unsafe { ptr.sub(old.offset_bytes) };
        // SAFETY: as above.
        if let Some(region) = unsafe { self.resize_untold(start, old.inner, new.inner) } {
            // SAFETY: the block is live, and this long now.
            unsafe { seal_block(ptr, new.outer) };
            let addr = ptr.addr().get();
            self.tell_resize(None, region, (addr, old.outer), (addr, new.outer));
            return Ok(Ok((ptr, 0)));
        }
        let (_, to) = self.allocate_sealed(new, policy)?;
        Ok(Ok((to, size.min(old.outer.size()))))
    }

    /// # Safety
    /// As for `Memory::resize_sized`; `to` is a block that nobody was told of.
    pub(in crate::memory) unsafe fn finish_sized_move(
        &mut self,
        ptr: NonNull<u8>,
        to: NonNull<u8>,
        policy: Policy,
    ) {
        let Some(new) = self.look_sized(to) else { return };
        let Some((region, _)) = self.slot_of(to) else { return };
        match self.look_or_refuse(ptr) {
            Ok(old) => {
                // SAFETY: live by its word, and its contents were copied.
                unsafe { self.deallocate_sealed(ptr, old) };
                let (from, to) = (ptr.addr().get(), to.addr().get());
                self.tell_resize(None, region, (from, old.outer), (to, new));
            }
            // Somebody gave the old block back meanwhile; there is one more now.
            Err(_) => self.tell_allocate(None, region, to, new, policy),
        }
    }
}

impl Region {
    /// The size and alignment of the block at `ptr` by the word in front of it, if that is one, all of
    /// it in this region.
    #[inline(always)]
    fn open(&self, ptr: NonNull<u8>) -> Option<(usize, usize)> {
        let addr = ptr.addr().get();
        let offset_bytes = addr.wrapping_sub(self.start_addr());
        // Where a region begins there is no block, and no address is smaller than a word.
        if !addr.is_multiple_of(seal::BYTES)
            || offset_bytes < seal::BYTES
            || offset_bytes >= self.len_bytes()
        {
            return None;
        }
        let start = self.memory().cast::<u8>().as_ptr();
        // SAFETY: the word lies in the region and is aligned. It may be anybody's: only the block's own
        // says what is looked for.
        let word = unsafe { start.add(offset_bytes - seal::BYTES).cast::<u32>().read_volatile() };
        let (size, align) = seal::open(addr, word)?;
        let is_inside = align <= offset_bytes && size <= self.len_bytes() - offset_bytes;
        is_inside.then_some((size, align))
    }
}

/// # Safety
/// `block` is a live block of this layout with room for the word in front.
unsafe fn seal_block(block: NonNull<u8>, layout: Layout) {
    let word = seal::close(block.addr().get(), layout.size(), layout.align());
    // SAFETY: passed on.
    unsafe { block.sub(seal::BYTES).cast::<u32>().write(word) };
}
