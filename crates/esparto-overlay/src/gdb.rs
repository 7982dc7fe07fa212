//! gdb's side of overlays: it reads the packer's `_ovly_table` and stops here when that changes.

/// Where gdb has a breakpoint to learn that an overlay came or went: by `overlay auto`, or by
/// `integrations/gdb/esparto_overlays.py` where that knows not how.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn _ovly_debug_event() {
    // A function that is kept, and not merged with another one that does nothing.
    core::hint::black_box(());
}
