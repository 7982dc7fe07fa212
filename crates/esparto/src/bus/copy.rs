//! Copying into blocks.

use core::ptr::NonNull;

/// Does `bytes` lie on words?
#[inline(always)]
pub(super) fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().cast::<u32>().is_aligned()
}

/// Copies `bytes`, which lie on words, to the start of a block, word by word. The C library's copy,
/// and the compiler's, go by loops of one word or byte on small cores, which is a third of what a
/// short post costs; and a call would cost the rest of the post its registers.
///
/// # Safety
/// Both are aligned to a word; the block has room for `bytes`, and is nobody else's.
#[inline(always)]
pub(super) unsafe fn by_words(bytes: &[u8], block: NonNull<u8>) {
    type Line = [u32; 8];
    let (mut from, mut to) = (NonNull::from(bytes).cast::<u8>(), block);
    let mut left_bytes = bytes.len();
    while left_bytes >= size_of::<Line>() {
        // SAFETY: both are aligned, and a line long still.
        unsafe {
            to.cast::<Line>().write(from.cast::<Line>().read());
            from = from.add(size_of::<Line>());
            to = to.add(size_of::<Line>());
        }
        left_bytes -= size_of::<Line>();
    }
    while left_bytes >= size_of::<u32>() {
        // SAFETY: both are aligned, and a word long still.
        unsafe {
            to.cast::<u32>().write(from.cast::<u32>().read());
            from = from.add(size_of::<u32>());
            to = to.add(size_of::<u32>());
        }
        left_bytes -= size_of::<u32>();
    }
    while left_bytes > 0 {
        // SAFETY: both are a byte long still. Volatile, so that it is not made into a call.
        unsafe {
            to.write_volatile(from.read());
            from = from.add(1);
            to = to.add(1);
        }
        left_bytes -= 1;
    }
}
