//! Moving what a block holds.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Grant, Moved, RawHeap};

/// The second half of [`RawHeap::reallocate`]: the block cannot grow where it lies.
///
/// # Safety
/// As for [`RawHeap::reallocate`].
#[inline(never)]
pub(super) unsafe fn grow_elsewhere<H: RawHeap>(
    heap: &mut H,
    ptr: NonNull<u8>,
    old: Layout,
    new_size: usize,
) -> Option<NonNull<u8>> {
    // SAFETY: passed on; the new block is as long.
    unsafe {
        let Some(Moved { grant, is_over_old }) = heap.grow_moving(ptr, old, new_size) else {
            return change_blocks(heap, ptr, old, new_size, old.size());
        };
        carry(ptr, grant.ptr, old.size());
        if !is_over_old {
            give_back(heap, ptr, old);
        }
        Some(grant.ptr)
    }
}

/// The same for a block that cannot shrink where it lies.
///
/// # Safety
/// As for [`RawHeap::reallocate`].
#[cold]
#[inline(never)]
pub(super) unsafe fn shrink_elsewhere<H: RawHeap>(
    heap: &mut H,
    ptr: NonNull<u8>,
    old: Layout,
    new_size: usize,
) -> Option<NonNull<u8>> {
    // SAFETY: passed on.
    unsafe { change_blocks(heap, ptr, old, new_size, new_size) }
}

/// Takes another block, carries `len_bytes` there, gives the old one back.
///
/// # Safety
/// As for [`RawHeap::reallocate`]; both blocks are at least as long.
#[inline(never)]
unsafe fn change_blocks<H: RawHeap>(
    heap: &mut H,
    ptr: NonNull<u8>,
    old: Layout,
    new_size: usize,
    len_bytes: usize,
) -> Option<NonNull<u8>> {
    // SAFETY: passed on; two live blocks do not overlap.
    unsafe {
        let new = Layout::from_size_align_unchecked(new_size, old.align());
        let grant = take_another(heap, new)?;
        carry(ptr, grant.ptr, len_bytes);
        give_back(heap, ptr, old);
        Some(grant.ptr)
    }
}

/// [`RawHeap::allocate`], which may be inlined, where a call costs less than another copy of it.
#[inline(never)]
fn take_another<H: RawHeap>(heap: &mut H, layout: Layout) -> Option<Grant> {
    heap.allocate(layout)
}

/// [`RawHeap::deallocate`] in the same way.
///
/// # Safety
/// As there.
#[inline(never)]
unsafe fn give_back<H: RawHeap>(heap: &mut H, ptr: NonNull<u8>, layout: Layout) {
    // SAFETY: passed on.
    unsafe { heap.deallocate(ptr, layout) };
}

/// Copies a block's contents to where it goes on.
///
/// Blocks begin at words, so on 32-bit targets whole words are copied, eight at a time: two thirds of an
/// instruction for a byte, and a few for the rest, where a `memcpy` for any address takes twice that, and six
/// for each byte of a short block. O(`len_bytes`).
///
/// # Safety
/// `len_bytes` can be read at `from` and written at `to`, and `to` lies in front of `from` or the two do not
/// overlap.
#[inline]
pub unsafe fn carry(from: NonNull<u8>, to: NonNull<u8>, len_bytes: usize) {
    #[cfg(target_pointer_width = "32")]
    if (from.addr().get() | to.addr().get()) % size_of::<u32>() == 0 {
        // SAFETY: passed on; both are aligned.
        return unsafe { carry_words(from, to, len_bytes) };
    }
    // SAFETY: passed on.
    unsafe { from.copy_to(to, len_bytes) };
}

/// [`carry`] between words.
///
/// # Safety
/// As for [`carry`]; both are aligned to four.
#[cfg(any(test, target_pointer_width = "32"))]
#[inline(always)]
unsafe fn carry_words(mut from: NonNull<u8>, mut to: NonNull<u8>, len_bytes: usize) {
    /// Copies so many bytes as one, which may hold anything.
    ///
    /// # Safety
    /// As for [`carry`]; both are aligned to that.
    #[inline(always)]
    unsafe fn step<T>(from: &mut NonNull<u8>, to: &mut NonNull<u8>) {
        // SAFETY: passed on; all of it is read before any is written.
        unsafe {
            let part = from.cast::<core::mem::MaybeUninit<T>>().read();
            to.cast().write(part);
            *from = from.add(size_of::<T>());
            *to = to.add(size_of::<T>());
        }
    }
    // SAFETY: the steps add up to the length; each is aligned, since larger ones come first.
    unsafe {
        let end = from.add(len_bytes & !31);
        while from != end {
            step::<[u32; 8]>(&mut from, &mut to);
        }
        if len_bytes & 16 != 0 {
            step::<[u32; 4]>(&mut from, &mut to);
        }
        if len_bytes & 8 != 0 {
            step::<[u32; 2]>(&mut from, &mut to);
        }
        if len_bytes & 4 != 0 {
            step::<u32>(&mut from, &mut to);
        }
        if len_bytes & 2 != 0 {
            step::<u16>(&mut from, &mut to);
        }
        if len_bytes & 1 != 0 {
            step::<u8>(&mut from, &mut to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(4))]
    struct Words([u8; 256]);

    #[test]
    fn every_length_arrives_whole_and_nothing_behind_it_changes() {
        // Each kind of step, and all of them together, are enough for Miri.
        let is_tried = |&len: &usize| !cfg!(miri) || [0, 1, 2, 4, 8, 16, 100].contains(&len);
        for len in (0..=100).filter(is_tried) {
            for distance in (4..=120).step_by(if cfg!(miri) { 36 } else { 4 }) {
                let mut words = Words(core::array::from_fn(|at| at as u8));
                let start = NonNull::from(&mut words.0).cast::<u8>();
                // SAFETY: 120 + 100 bytes are inside; `to` is in front.
                unsafe { carry_words(start.add(distance), start, len) };
                for (at, &byte) in words.0.iter().enumerate() {
                    let wanted = if at < len { at + distance } else { at };
                    assert_eq!(byte, wanted as u8, "{len} bytes over {distance}: byte {at}");
                }
            }
        }
    }
}
