//! Memory that lives for ever, as on the chip, and that a leak check still finds.

#![allow(unreachable_pub)]

use std::mem::MaybeUninit;
use std::sync::Mutex;

#[expect(dead_code, reason = "to be there is enough")]
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

#[expect(dead_code, reason = "its bytes are used by their address")]
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u8; 64]);

/// Bytes for ever, aligned to 64.
pub fn bytes(len: usize) -> &'static mut [MaybeUninit<u8>] {
    let lines = vec![Line([0; 64]); len.div_ceil(64)];
    let lines = Box::into_raw(lines.into_boxed_slice());
    KEPT.lock().unwrap().push(Kept(lines.cast()));
    // SAFETY: never freed, borrowed by nobody else, and bytes may be anything.
    unsafe { std::slice::from_raw_parts_mut(lines.cast(), len) }
}
