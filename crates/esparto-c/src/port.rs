//! What the platform supplies on a microcontroller: the lock, and the last word.

#[cfg(target_os = "none")]
mod bare {
    use core::ffi::c_char;
    use core::panic::PanicInfo;

    use critical_section::RawRestoreState;

    // Declared for C in `esparto/port.h`.
    unsafe extern "C" {
        fn esparto_port_lock() -> u32;
        fn esparto_port_unlock(state: u32);
        fn esparto_port_abort(file: *const c_char, file_len: usize, line: u32) -> !;
    }

    struct Port;
    critical_section::set_impl!(Port);

    // SAFETY: the platform promises in `esparto/port.h` that between its two functions nobody else
    // runs who may lock, and that they nest.
    unsafe impl critical_section::Impl for Port {
        #[inline]
        unsafe fn acquire() -> RawRestoreState {
            // SAFETY: the platform's function has no other demands.
            unsafe { esparto_port_lock() }
        }

        #[inline]
        unsafe fn release(state: RawRestoreState) {
            // SAFETY: the state is what the lock returned.
            unsafe { esparto_port_unlock(state) };
        }
    }

    /// Nothing here panics on bad input; if anything ever does, it ends here and not in C.
    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
        // SAFETY: a text and its length.
        unsafe { esparto_port_abort(file.as_ptr().cast(), file.len(), line) }
    }
}
