//! Where things lie on the board.

use core::ptr::with_exposed_provenance_mut;

/// The arena of the subject: 16 MiB are set aside.
pub(crate) fn arena() -> *mut u8 {
    with_exposed_provenance_mut(0x8100_0000)
}

/// One histogram of instruction counts: 256 KiB each, three of them.
pub(crate) fn histogram(index: usize) -> *mut u32 {
    with_exposed_provenance_mut(0x8020_0000 + index * 0x4_0000)
}

/// The counts that a histogram tells apart.
pub(crate) const HISTOGRAM_LEN: usize = 0x1_0000;

/// The initial value of `.data`, kept for the resets.
pub(crate) fn pristine() -> *mut u8 {
    with_exposed_provenance_mut(0x8030_0000)
}

/// The table of blocks: room for 2 million.
pub(crate) fn table<T>() -> *mut T {
    with_exposed_provenance_mut(0x8200_0000)
}

/// What the host put there: see [`work`](crate::work).
pub(crate) fn jobs<T>() -> *const T {
    with_exposed_provenance_mut::<T>(0x8400_0000)
}

unsafe extern "C" {
    static mut __data_start: u8;
    static mut __data_end: u8;
    static mut __bss_start: u8;
    static mut __bss_end: u8;
}

/// The statics of the program, which are those of the subject.
pub(crate) struct Statics;

impl Statics {
    /// Keeps the initial values. Call before anything else.
    pub(crate) fn keep() -> Self {
        // SAFETY: the linker script gives the symbols; the copy's place is nobody else's.
        unsafe { pristine().copy_from_nonoverlapping(&raw const __data_start, Self::data_len()) };
        Self
    }

    fn data_len() -> usize {
        (&raw const __data_end).addr() - (&raw const __data_start).addr()
    }

    fn bss_len() -> usize {
        (&raw const __bss_end).addr() - (&raw const __bss_start).addr()
    }

    /// Gives every static its initial value again.
    #[inline(never)]
    pub(crate) fn reset(&self) {
        // SAFETY: no reference to a static is alive between two jobs, and the harness has none.
        unsafe {
            (&raw mut __data_start).copy_from_nonoverlapping(pristine(), Self::data_len());
            (&raw mut __bss_start).write_bytes(0, Self::bss_len());
        }
    }

    /// The bytes that the subject keeps outside the arena.
    pub(crate) fn len_bytes(&self) -> usize {
        Self::data_len() + Self::bss_len()
    }
}
