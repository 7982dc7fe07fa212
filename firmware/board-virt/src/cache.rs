//! The switch of the cache in front of flash and PSRAM, which the simulator has and QEMU's machine
//! takes no note of.

use crate::machine;

/// Flash and PSRAM answer.
pub fn on() {
    machine::switch_cache(1);
}

/// They do not, as while flash is written.
///
/// # Safety
/// Until [`on`], nothing there is touched: neither code, nor constants, nor blocks.
pub unsafe fn off() {
    machine::switch_cache(0);
}
