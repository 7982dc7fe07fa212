//! Blocks that know their size, inside the lock.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::slot::Slot;
use super::super::state::{Refused, State};
use super::{SizedError, seal, sized_layout};
use crate::guard::{Rules, Standard};
use crate::{Policy, Region, RegionId, Sink};

impl<const N: usize, S: Sink> State<N, S> {
    /// The size and alignment of a live block that knows them.
    pub(in crate::memory) fn look_sized(&mut self, ptr: NonNull<u8>) -> Option<Layout> {
        self.find_sized(ptr).map(|(_, layout, _)| layout)
    }

    /// The region of a live block that knows its size, the block's layout, and the number of the region. One
    /// copy for all who are in no hurry.
    #[inline(never)]
    fn find_sized(&mut self, ptr: NonNull<u8>) -> Option<(&mut Slot, Layout, RegionId)> {
        let (region, slot) = self.slot_of(word_addr(ptr))?;
        let (size, align) = slot.region().open(ptr)?;
        // SAFETY: what lies in a region, at a power of two.
        let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
        Some((slot, layout, region))
    }

    /// Does the word in front say that the block was given back, or did a guard fill it since?
    pub(in crate::memory) fn was_sized(&mut self, ptr: NonNull<u8>) -> bool {
        let addr = ptr.addr().get();
        let found = self.slot_of(word_addr(ptr)).and_then(|(_, slot)| slot.region().word_of(ptr));
        let poison = u32::from_ne_bytes([Standard::POISON; 4]);
        addr.is_multiple_of(seal::BYTES)
            && found.is_some_and(|(_, word)| word == poison || word == seal::broken(addr))
    }

    /// Counts a pointer that was no live block of this kind.
    fn refuse_sized(&mut self, ptr: NonNull<u8>) -> SizedError {
        self.refused_free_count = self.refused_free_count.wrapping_add(1);
        SizedError::NotABlock { addr: ptr.addr().get() }
    }

    /// The heap's block of one that knows its size.
    #[inline(always)]
    fn inner_sized(slot: &Slot, layout: Layout) -> (Layout, usize) {
        if Self::LED { slot.inner::<true, true>(layout) } else { slot.inner::<false, true>(layout) }
    }

    /// Takes a live block of the caller's back; false if a guard refused it.
    ///
    /// # Safety
    /// As for `Memory::deallocate_sized`; the block is of this slot and layout.
    #[inline(always)]
    unsafe fn give_sized(slot: &mut Slot, ptr: NonNull<u8>, layout: Layout) -> bool {
        let (inner, front_bytes) = Self::inner_sized(slot, layout);
        // SAFETY: passed on. The word is broken first, so that a second free does not find it.
        unsafe {
            ptr.sub(seal::BYTES).cast::<u32>().write(seal::broken(ptr.addr().get()));
            slot.take_back(ptr.sub(front_bytes), inner)
        }
    }

    /// Takes a block back; returns its size, or nothing (and counts) if it is none.
    ///
    /// # Safety
    /// As for `Memory::deallocate_sized`.
    #[inline(always)]
    pub(in crate::memory) unsafe fn deallocate_sized(&mut self, ptr: NonNull<u8>) -> Option<usize> {
        if let Some(slot) = self.slot_at(word_addr(ptr))
            && let Some((size, align)) = slot.region().open(ptr)
        {
            let place = core::ptr::from_ref(slot);
            // SAFETY: its word says that the block is live, of this size and alignment, and so a layout.
            let (layout, is_back) = unsafe {
                let layout = Layout::from_size_align_unchecked(size, align);
                (layout, Self::give_sized(slot, ptr, layout))
            };
            if is_back {
                let region = self.id_of(place);
                self.tell_deallocate(None, region, ptr, layout);
            }
            return Some(size);
        }
        self.refused_free_count = self.refused_free_count.wrapping_add(1);
        None
    }

    /// The same in less code.
    ///
    /// # Safety
    /// As for `Memory::deallocate_sized`.
    pub(in crate::memory) unsafe fn deallocate_sized_apart(
        &mut self,
        ptr: NonNull<u8>,
    ) -> Result<(), SizedError> {
        let Some((slot, layout, region)) = self.find_sized(ptr) else {
            return Err(self.refuse_sized(ptr));
        };
        // SAFETY: passed on.
        if unsafe { Self::give_sized(slot, ptr, layout) } {
            self.tell_deallocate(None, region, ptr, layout);
        }
        Ok(())
    }

    /// Allocates, and tells; or, for a block that there is, resizes it where it lies (and tells), or
    /// allocates what it is to move to (and does not). Returns where the block is or shall be, and how much
    /// is to be copied there before [`finish_sized_move`](Self::finish_sized_move).
    ///
    /// # Safety
    /// As for `Memory::resize_sized`, if there is a block.
    pub(in crate::memory) unsafe fn request_sized(
        &mut self,
        from: Option<NonNull<u8>>,
        (size, align): (usize, usize),
        policy: Policy,
    ) -> Result<Result<(NonNull<u8>, usize), SizedError>, Refused> {
        let mut old = None;
        if let Some(ptr) = from {
            let Some((slot, layout, region)) = self.find_sized(ptr) else {
                return Ok(Err(self.refuse_sized(ptr)));
            };
            if let Ok(new) = sized_layout(size, layout.align()) {
                let ((old_inner, front_bytes), (new_inner, _)) =
                    (Self::inner_sized(slot, layout), Self::inner_sized(slot, new));
                let addr = ptr.addr().get();
                // SAFETY: passed on; its word says that the block is of the old layout, and of the new one
                // when it says so.
                unsafe {
                    if slot.resize(ptr.sub(front_bytes), old_inner, new_inner.size()) {
                        let word = seal::close(addr, size, layout.align());
                        ptr.sub(seal::BYTES).cast::<u32>().write(word);
                        self.tell_resize(None, region, (addr, layout), (addr, new));
                        return Ok(Ok((ptr, 0)));
                    }
                }
            }
            old = Some(layout);
        }
        let new = match sized_layout(size, old.map_or(align, |old| old.align())) {
            Ok(new) => new,
            Err(error) => {
                self.note(error);
                return Ok(Err(SizedError::Alloc(error)));
            }
        };
        let (region, block) = self.allocate_untold::<true>(new, policy)?;
        let Some(old) = old else {
            self.tell_allocate(None, region, block, new, policy);
            return Ok(Ok((block, 0)));
        };
        Ok(Ok((block, size.min(old.size()))))
    }

    /// # Safety
    /// As for `Memory::resize_sized`; `to` is a block that nobody was told of.
    pub(in crate::memory) unsafe fn finish_sized_move(
        &mut self,
        ptr: NonNull<u8>,
        to: NonNull<u8>,
        policy: Policy,
    ) {
        let Some((_, new, region)) = self.find_sized(to) else { return };
        if let Some((slot, old, _)) = self.find_sized(ptr) {
            // SAFETY: passed on; the contents were copied.
            unsafe { Self::give_sized(slot, ptr, old) };
            let (from, to) = (ptr.addr().get(), to.addr().get());
            self.tell_resize(None, region, (from, old), (to, new));
        } else {
            // Somebody gave the old block back meanwhile; there is one more now.
            self.tell_allocate(None, region, to, new, policy);
        }
    }
}

/// Where the word in front of a block is.
#[inline(always)]
fn word_addr(ptr: NonNull<u8>) -> usize {
    ptr.addr().get().wrapping_sub(seal::BYTES)
}

impl Region {
    /// The size and alignment of the block at `ptr` by the word in front of it, if that is one, all of
    /// it in this region.
    #[inline(always)]
    fn open(&self, ptr: NonNull<u8>) -> Option<(usize, usize)> {
        let (offset_bytes, word) = self.word_of(ptr)?;
        let (size, align) = seal::open(ptr.addr().get(), word)?;
        let is_inside = align <= offset_bytes + seal::BYTES
            && size + seal::BYTES <= self.len_bytes() - offset_bytes;
        is_inside.then_some((size, align))
    }

    /// The word in front of a pointer and where it is, if it lies in this region. Of a pointer that is no
    /// multiple of a word's alignment, which no block's is, it is the word in which that one begins.
    #[inline(always)]
    fn word_of(&self, ptr: NonNull<u8>) -> Option<(usize, u32)> {
        let offset_bytes = word_addr(ptr).wrapping_sub(self.start_addr());
        if offset_bytes >= self.len_bytes() {
            return None;
        }
        let word = self.memory().cast::<u8>().as_ptr();
        // SAFETY: the word lies in the region, which is whole words, and is aligned. It may be anybody's:
        // only the block's own says what is looked for.
        let word =
            unsafe { word.add(offset_bytes & !(seal::BYTES - 1)).cast::<u32>().read_volatile() };
        Some((offset_bytes, word))
    }
}
