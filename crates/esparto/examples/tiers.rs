//! Tiers: four sizes of blocks, the heap behind them, one way back, figures and health.
//!
//! `cargo run -p esparto --example tiers`

use core::alloc::Layout;
use core::mem::MaybeUninit;

use esparto::{Caps, Class, LinkedList, Memory, Tiers};

static MEMORY: Memory<2> = Memory::new();
static TIERS: Tiers<4, 2> = Tiers::new(&MEMORY, Class::SERVICE);

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
    let sram: &mut [MaybeUninit<u8>] = Box::leak(Box::new_uninit_slice(160 * 1024));
    MEMORY.add_static::<LinkedList>("sram", sram, caps)?;
    TIERS.init()?;

    let mut blocks = Vec::new();
    for (size, count) in [(40, 45), (200, 12), (900, 3), (3_000, 1), (6_000, 1)] {
        let layout = Layout::from_size_align(size, 4)?;
        for _ in 0..count {
            blocks.push((TIERS.allocate(layout)?, layout));
        }
    }
    println!("{}", TIERS.stats());
    println!("one block of 6000 bytes is the heap's: {}", TIERS.stats().oversize_count);

    let (first, layout) = blocks[0];
    let inside = first.as_ptr().wrapping_add(4);
    // SAFETY: a pointer into a pool is checked.
    println!("inside a block: {}", unsafe { TIERS.deallocate(inside, layout) }.unwrap_err());
    println!("too early: {}", TIERS.deinit().unwrap_err());
    for (block, layout) in blocks.drain(..) {
        // SAFETY: from these tiers with this layout, once.
        unsafe { TIERS.deallocate(block.as_ptr(), layout)? };
    }
    println!("high-water mark of Small: {}", TIERS.stats().classes[0].peak_count);

    let small = Layout::from_size_align(64, 4)?;
    for _ in 0..102 {
        blocks.push((TIERS.allocate(small)?, small));
    }
    if let Err(trouble) = TIERS.stats().health() {
        println!("unhealthy: {trouble}");
    }
    for (block, layout) in blocks {
        // SAFETY: from these tiers with this layout, once.
        unsafe { TIERS.deallocate(block.as_ptr(), layout)? };
    }
    TIERS.reset_stats();
    println!("healthy: {}", TIERS.stats().health().is_ok());
    TIERS.deinit()?;
    println!("after the end: {}", TIERS.allocate(small).unwrap_err());
    Ok(())
}
