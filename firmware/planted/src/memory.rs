//! The memory, all of it told of.

use board_virt::{Told, hint, memory};
use esparto::{LinkedList, Memory, Silent};

/// All of the board's memory.
#[global_allocator]
pub static MEMORY: Memory<{ memory::REGION_COUNT }, Told<Silent>> = Memory::with_sink(Told(Silent));

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
