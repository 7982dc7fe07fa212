//! What other heaps do, told by their own hooks.

use core::ffi::{c_char, c_void};

use esparto::{Caps, Event, Owner, RegionId, Sink};
use esparto_trace::{Name, RegionDefinition};

use super::{ring, ways, with};
use crate::Status;
use crate::caps::caps;
use crate::name::name;
use crate::system::REGION_LIMIT;

/// How many heaps that are not Esparto's a trace can tell of.
pub const ESPARTO_TRACE_HEAP_LIMIT: u8 = 8;

/// They come behind the regions of the memory.
fn region(heap: u8) -> Option<RegionId> {
    (heap < ESPARTO_TRACE_HEAP_LIMIT).then(|| RegionId(REGION_LIMIT as u8 + heap))
}

/// Records an event, if a trace runs and there may be such a heap.
fn record(heap: u8, event: impl FnOnce(RegionId) -> Event) {
    if let (Some(region), Some(_)) = (region(heap), ways()) {
        ring(|ring| ring.record(Owner::default(), event(region)));
    }
}

/// Says in the trace that runs what a heap is called that is not Esparto's, where it lies and what its
/// memory can do. `heap` is a number below `ESPARTO_TRACE_HEAP_LIMIT`, by which the other functions call
/// it; `ESPARTO_TOO_LARGE` when it is not.
///
/// # Safety
/// `label` is null or text of `label_len` bytes. The memory is not touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_trace_heap(
    heap: u8,
    label: *const c_char,
    label_len: usize,
    start: *const c_void,
    size: usize,
    capabilities: u16,
) -> Status {
    let define = || {
        let id = region(heap).ok_or(Status::TooLarge)?;
        let caps = caps(capabilities)?;
        // SAFETY: passed on; it is used during the call alone.
        let name = Name::new(unsafe { name(label, label_len)? });
        Ok(RegionDefinition {
            id,
            name,
            caps,
            start_addr: start.addr(),
            size_bytes: size,
            bookkeeping_bytes: 0,
        })
    };
    match define() {
        Ok(definition) => with(|writer| writer.encoder.define_region(&definition)),
        Err(status) => status,
    }
}

/// A block of `size` bytes was handed out by that heap. Nothing if no trace runs. From anywhere, as a
/// hook: it allocates nothing, and takes a few dozen instructions.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_heap_alloc(heap: u8, block: *const c_void, size: usize) {
    record(heap, |region| Event::Allocate {
        region,
        addr: block.addr(),
        size_bytes: size,
        align_log2: 0,
        require: Caps::empty(),
        prefer: Caps::empty(),
    });
}

/// A block was given back to that heap, as big as it was: a hook behind the free cannot know.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_heap_free(heap: u8, block: *const c_void) {
    record(heap, |region| Event::Deallocate { region, addr: block.addr(), size_bytes: 0 });
}
