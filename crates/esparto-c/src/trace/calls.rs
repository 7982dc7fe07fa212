//! Where in the program a request was made, for those who want it in a trace.

use core::cell::Cell;
use core::ffi::c_void;

use critical_section::Mutex;

/// A call under way, as what stands around it told.
#[derive(Clone, Copy)]
struct Call {
    return_addr: usize,
    frame_addr: usize,
}

const NONE: Call = Call { return_addr: 0, frame_addr: 0 };

static CALL: Mutex<Cell<Call>> = Mutex::new(Cell::new(NONE));

/// How deep under the frame of a call its event may be made. Tests on a desk machine are not optimised.
const DEPTH_LIMIT_BYTES: usize = if cfg!(target_os = "none") { 2048 } else { 1 << 16 };

/// Says that a request of the memory is about to be made on behalf of the code at `from`, a return
/// address, by the function with the frame `frame`; or, with null for both, that it is over. The events of
/// the request then carry the address in a trace, and `esparto report --elf` names file and line.
///
/// `ports/calls.c` does this around every function that hands out, resizes or takes back blocks. Between
/// the two calls another task or an interrupt may make requests of its own: an event whose stack is not the
/// one that the address was told on has no address, rather than somebody else's.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_call(from: *const c_void, frame: *const c_void) {
    let call = Call { return_addr: from.addr(), frame_addr: frame.addr() };
    critical_section::with(|cs| CALL.borrow(cs).set(call));
}

/// The return address of the call under way on this stack; 0 if none was told.
pub(super) fn under_way() -> usize {
    let here = 0_u8;
    let call = critical_section::with(|cs| CALL.borrow(cs).get());
    // Stacks grow down.
    let depth_bytes = call.frame_addr.wrapping_sub(core::ptr::from_ref(&here).addr());
    if depth_bytes < DEPTH_LIMIT_BYTES { call.return_addr } else { 0 }
}
