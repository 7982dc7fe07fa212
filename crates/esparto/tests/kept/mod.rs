//! Memory that lives for ever, as on the chip, and that a leak check still finds.

// Each test binary uses its own part of it.
#![allow(dead_code, unreachable_pub)]

use std::mem::MaybeUninit;
use std::sync::Mutex;

struct Kept(*const ());

// SAFETY: never followed; it is there so that the memory is reachable.
unsafe impl Send for Kept {}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A value for ever.
pub fn kept<T>(value: T) -> &'static mut T {
    let value = Box::into_raw(Box::new(value));
    KEPT.lock().unwrap().push(Kept(value.cast()));
    // SAFETY: never freed, and borrowed by nobody else.
    unsafe { &mut *value }
}

/// Bytes for ever, aligned to 8.
pub fn bytes(len: usize) -> &'static mut [MaybeUninit<u8>] {
    let words = Box::into_raw(vec![0_u64; len.div_ceil(8)].into_boxed_slice());
    KEPT.lock().unwrap().push(Kept(words.cast()));
    // SAFETY: never freed, borrowed by nobody else, and bytes may be anything.
    unsafe { std::slice::from_raw_parts_mut(words.cast(), len) }
}
