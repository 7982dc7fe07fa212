//! What an allocator under test has to offer.

use core::alloc::Layout;
use core::mem::MaybeUninit;

/// An allocator under test. The name of its program is its name in the results.
///
/// What it keeps in statics (the value itself included) is counted by the harness, which gives that
/// much less arena: `.data` and `.bss` hold nothing else.
pub trait Subject: Sized {
    /// The largest alignment it can serve.
    const MAX_ALIGN: usize = 1 << 16;

    /// Starts on `arena`, or says that it is too small.
    ///
    /// # Safety
    /// Called once after the statics were reset; the arena is the subject's alone.
    unsafe fn init(arena: &'static mut [MaybeUninit<u8>]) -> Option<Self>;

    /// Bytes inside the arena that hold no block even when it is empty.
    fn arena_control_bytes(&self) -> usize {
        0
    }

    /// Hands out a block or null.
    ///
    /// # Safety
    /// The size is not zero.
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// Takes a block back.
    ///
    /// # Safety
    /// As of [`core::alloc::GlobalAlloc::dealloc`].
    unsafe fn dealloc(&mut self, ptr: *mut u8, layout: Layout);

    /// Changes a block's size, moving it where it must; null (and the block as it was) when that
    /// cannot be.
    ///
    /// # Safety
    /// As of [`core::alloc::GlobalAlloc::realloc`].
    unsafe fn realloc(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the new size is within the caller's promise; the two blocks are disjoint, and the
        // old one is given back with the layout that it was made with.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(ptr, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            new
        }
    }

    /// Does a bounded part of what was put off, after which a refused request may be granted; `false`
    /// when there is nothing of that kind.
    fn settle(&mut self) -> bool {
        false
    }

    /// Changes a block's size where it lies, or says that it cannot (and leaves it as it was).
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    unsafe fn resize_in_place(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> bool {
        let _ = (ptr, layout, new_size);
        false
    }

    /// Finds a place for a block that has to move as it grows, without moving it, or says that there is
    /// none; only the code of this is looked at.
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    unsafe fn grow_moving(&mut self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let _ = (ptr, layout, new_size);
        core::ptr::null_mut()
    }
}

/// Makes the program of one subject.
#[macro_export]
macro_rules! program {
    ($subject:ty) => {
        static mut SUBJECT: ::core::mem::MaybeUninit<$subject> = ::core::mem::MaybeUninit::uninit();

        /// The subject.
        ///
        /// # Safety
        /// The program has one thread, and no call of the subject is inside another.
        #[inline(always)]
        unsafe fn subject() -> &'static mut $subject {
            // SAFETY: as the caller promises; it was initialised first.
            unsafe { (&mut *(&raw mut SUBJECT)).assume_init_mut() }
        }

        #[inline(never)]
        unsafe extern "C" fn subject_init(start: *mut u8, len: usize) -> bool {
            // SAFETY: the harness gives a stretch of memory that is nobody else's.
            unsafe {
                let arena = ::core::slice::from_raw_parts_mut(start.cast(), len);
                let Some(made) = <$subject as $crate::Subject>::init(arena) else { return false };
                (&raw mut SUBJECT).cast::<$subject>().write(made);
            }
            true
        }

        #[cfg(not(feature = "init-only"))]
        #[inline(never)]
        unsafe extern "C" fn subject_alloc(size: usize, align: usize) -> *mut u8 {
            // SAFETY: the harness gives valid layouts.
            unsafe {
                let layout = ::core::alloc::Layout::from_size_align_unchecked(size, align);
                <$subject as $crate::Subject>::alloc(subject(), layout)
            }
        }

        #[cfg(not(feature = "init-only"))]
        #[inline(never)]
        unsafe extern "C" fn subject_dealloc(ptr: *mut u8, size: usize, align: usize) {
            // SAFETY: the harness gives back what it got, once.
            unsafe {
                let layout = ::core::alloc::Layout::from_size_align_unchecked(size, align);
                <$subject as $crate::Subject>::dealloc(subject(), ptr, layout);
            }
        }

        #[cfg(not(feature = "size"))]
        #[inline(never)]
        unsafe extern "C" fn subject_realloc(
            ptr: *mut u8,
            size: usize,
            align: usize,
            new_size: usize,
        ) -> *mut u8 {
            // SAFETY: the harness resizes live blocks only, to valid sizes.
            unsafe {
                let layout = ::core::alloc::Layout::from_size_align_unchecked(size, align);
                <$subject as $crate::Subject>::realloc(subject(), ptr, layout, new_size)
            }
        }

        #[cfg(not(feature = "size"))]
        #[inline(never)]
        unsafe extern "C" fn subject_settle() -> bool {
            // SAFETY: called after `init` only.
            unsafe { <$subject as $crate::Subject>::settle(subject()) }
        }

        #[cfg(not(feature = "size"))]
        #[inline(never)]
        unsafe extern "C" fn subject_resize_in_place(
            ptr: *mut u8,
            size: usize,
            align: usize,
            new_size: usize,
        ) -> bool {
            // SAFETY: the harness resizes live blocks only, to valid sizes.
            unsafe {
                let layout = ::core::alloc::Layout::from_size_align_unchecked(size, align);
                <$subject as $crate::Subject>::resize_in_place(subject(), ptr, layout, new_size)
            }
        }

        #[cfg(not(feature = "size"))]
        #[inline(never)]
        unsafe extern "C" fn subject_grow_moving(
            ptr: *mut u8,
            size: usize,
            align: usize,
            new_size: usize,
        ) -> *mut u8 {
            // SAFETY: the harness resizes live blocks only, to valid sizes.
            unsafe {
                let layout = ::core::alloc::Layout::from_size_align_unchecked(size, align);
                <$subject as $crate::Subject>::grow_moving(subject(), ptr, layout, new_size)
            }
        }

        /// Where the start-up code goes.
        #[unsafe(no_mangle)]
        extern "C" fn device_main() -> u32 {
            let calls = $crate::Calls {
                init: subject_init,
                #[cfg(not(feature = "init-only"))]
                alloc: subject_alloc,
                #[cfg(not(feature = "init-only"))]
                dealloc: subject_dealloc,
                #[cfg(not(feature = "size"))]
                realloc: subject_realloc,
                #[cfg(not(feature = "size"))]
                resize_in_place: subject_resize_in_place,
                #[cfg(not(feature = "size"))]
                grow_moving: subject_grow_moving,
                #[cfg(not(feature = "size"))]
                settle: subject_settle,
                #[cfg(not(feature = "size"))]
                // SAFETY: called after `init` only.
                arena_control_bytes: || unsafe {
                    <$subject as $crate::Subject>::arena_control_bytes(subject())
                },
            };
            #[cfg(not(feature = "size"))]
            {
                $crate::run(
                    env!("CARGO_BIN_NAME"),
                    <$subject as $crate::Subject>::MAX_ALIGN,
                    &calls,
                )
            }
            // Nothing here runs: the linked size is all that is wanted. The black box keeps the
            // calls and lets the compiler know nothing of their arguments.
            #[cfg(feature = "size")]
            {
                ::core::hint::black_box(&calls);
                0
            }
        }
    };
}
