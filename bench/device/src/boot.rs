//! From reset to the program, and the end.

use core::arch::global_asm;

/// The calls of the subject, each an opaque function as it is behind a global allocator.
#[doc(hidden)]
pub struct Calls {
    pub init: unsafe extern "C" fn(*mut u8, usize) -> bool,
    #[cfg(not(feature = "init-only"))]
    pub alloc: unsafe extern "C" fn(usize, usize) -> *mut u8,
    #[cfg(not(feature = "init-only"))]
    pub dealloc: unsafe extern "C" fn(*mut u8, usize, usize),
    #[cfg(not(feature = "size"))]
    pub realloc: unsafe extern "C" fn(*mut u8, usize, usize, usize) -> *mut u8,
    #[cfg(not(feature = "size"))]
    pub resize_in_place: unsafe extern "C" fn(*mut u8, usize, usize, usize) -> bool,
    #[cfg(not(feature = "size"))]
    pub grow_moving: unsafe extern "C" fn(*mut u8, usize, usize, usize) -> *mut u8,
    #[cfg(not(feature = "size"))]
    pub settle: unsafe extern "C" fn() -> bool,
    #[cfg(not(feature = "size"))]
    pub arena_control_bytes: fn() -> usize,
}

global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "la sp, __stack_top",
    "la t0, device_fault",
    "csrw mtvec, t0",
    "call device_main",
    "call device_exit",
    ".balign 4",
    "device_fault:",
    "la sp, __stack_top",
    "csrr a0, mcause",
    "csrr a1, mepc",
    "csrr a2, mtval",
    "call device_trapped",
    "j device_fault",
);

/// Ends the emulation with `code`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn device_exit(code: u32) -> ! {
    /// The test device of QEMU's `virt` board: ends the emulation.
    const FINISHER: usize = 0x10_0000;
    let word = if code == 0 { 0x5555 } else { 0x3333 | code << 16 };
    // SAFETY: the address is that of the device on this board, the only one that runs this.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(FINISHER).write_volatile(word) };
    loop {
        core::hint::spin_loop();
    }
}

#[unsafe(no_mangle)]
extern "C" fn device_trapped(cause: usize, at: usize, value: usize) -> ! {
    #[cfg(not(feature = "size"))]
    crate::report::Line::new("fault")
        .number("cause", cause as u64)
        .number("pc", at as u64)
        .number("value", value as u64)
        .end();
    #[cfg(feature = "size")]
    let _ = (cause, at, value);
    device_exit(2)
}

#[panic_handler]
fn panicked(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Without the message: formatting would add its code to every allocator that can panic.
    #[cfg(not(feature = "size"))]
    crate::report::Line::new("panic").end();
    device_exit(3)
}

/// Some peers link `alloc` for traits that nothing here uses; it wants to be told of an allocator.
struct Nothing;

// SAFETY: it never hands anything out.
unsafe impl core::alloc::GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _layout: core::alloc::Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _ptr: *mut u8, _layout: core::alloc::Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;
