//! The switch of the cache in front of flash and PSRAM, which the simulator has and QEMU's machine
//! takes no note of.

const SWITCH: *mut u32 = core::ptr::without_provenance_mut(0x0010_0004);

/// Flash and PSRAM answer.
pub fn on() {
    set(1);
}

/// They do not, as while flash is written.
///
/// # Safety
/// Until [`on`], nothing there is touched: neither code, nor constants, nor blocks.
pub unsafe fn off() {
    set(0);
}

#[inline(always)]
fn set(word: u32) {
    // SAFETY: the board has its switch at this address, and nothing else.
    unsafe { SWITCH.write_volatile(word) };
}
