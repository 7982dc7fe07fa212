//! Copying into blocks.

use core::ptr::NonNull;

/// Copies `bytes` to the start of a block, word by word where they lie on words. The C library's
/// copy, and the compiler's, go by loops of one word or byte on small cores, which is a third of
/// what a short post costs.
///
/// # Safety
/// The block is aligned to a word, has room for `bytes`, and is nobody else's.
#[inline(always)]
pub(super) unsafe fn to_block(bytes: &[u8], block: NonNull<u8>) {
    type Line = [u32; 8];
    let (mut from, mut to) = (NonNull::from(bytes).cast::<u8>(), block);
    let mut left_bytes = bytes.len();
    if from.addr().get().is_multiple_of(align_of::<Line>()) {
        while left_bytes >= size_of::<Line>() {
            // SAFETY: both are aligned, and a line long still.
            unsafe {
                to.cast::<Line>().write(from.cast::<Line>().read());
                from = from.add(size_of::<Line>());
                to = to.add(size_of::<Line>());
            }
            left_bytes -= size_of::<Line>();
        }
    }
    if left_bytes != 0 {
        // SAFETY: this much is left of both, which are different memory.
        unsafe { to.copy_from_nonoverlapping(from, left_bytes) };
    }
}
