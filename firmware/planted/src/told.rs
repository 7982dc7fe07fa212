//! The memory, and the sink that tells the simulator of it.

use board_virt::memory;
use esparto::{Event, LinkedList, Memory, Owner, Sink};

use crate::hint;

/// A sink that tells the simulator; elsewhere it costs a few instructions and does nothing.
#[derive(Debug)]
pub struct Told;

impl Sink for Told {
    #[inline(always)]
    fn record(&mut self, owner: Owner, event: Event) {
        match event {
            Event::Allocate { addr, size_bytes, .. } => hint::allocated(addr, size_bytes, owner.0),
            Event::Deallocate { addr, .. } => hint::freed(addr),
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                hint::resized(old_addr, addr, size_bytes);
            }
            Event::Failure { .. } | Event::Mark { .. } => {}
        }
    }
}

/// All of the board's memory.
#[global_allocator]
pub static MEMORY: Memory<3, Told> = Memory::with_sink(Told);

/// Hands all of the board's memory to [`MEMORY`].
///
/// # Panics
/// A region is refused.
pub fn start() {
    for region in memory::regions() {
        // SAFETY: the linker placed nothing in these regions, and they are added only here.
        let id = unsafe { MEMORY.add::<LinkedList>(region) }.expect("a region is refused");
        let stats = MEMORY.region_stats(id).expect("the region was added");
        hint::heap(stats.start_addr, stats.size_bytes, stats.caps);
    }
}
