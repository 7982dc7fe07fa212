//! How memory fares, and who is told when it does not. Run with
//! `cargo run -p esparto --example monitor`.

use std::alloc::Layout;
use std::error::Error;
use std::mem::MaybeUninit;

use esparto::monitor::{Diagnosis, Monitor, Named, Snapshot, Source, Thresholds};
use esparto::pool::{BlockPool, Critical, Shape};
use esparto::{Caps, LinkedList, Memory, Region};

static MEMORY: Memory<4> = Memory::new();
static FRAMES: BlockPool<Critical> = BlockPool::new();

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let sram = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::DMA;
    let psram = Caps::EXTERNAL | Caps::BYTE | Caps::WORD;
    MEMORY.add_static::<LinkedList>("sram", memory(64 << 10), sram)?;
    MEMORY.add_static::<LinkedList>("psram", memory(256 << 10), psram)?;
    FRAMES.init_in(&MEMORY, Caps::EXTERNAL, Shape::new(19_200, 4)?)?;

    // The logs, in their documented forms.
    let limits = Thresholds::DEFAULT;
    for (name, caps) in [("internal", Caps::INTERNAL), ("external", Caps::EXTERNAL)] {
        let stats = MEMORY.heap_stats(caps).ok_or("no such memory")?;
        println!("{name}: {}", stats.log(&limits));
    }
    println!("{}", MEMORY.info().log(Some("main")));
    println!("{}", MEMORY.usage());

    // Everything in one look, and what changes from one to the next.
    let frames = Named::new("frames", &FRAMES);
    let dma = Named::new("dma", &MEMORY).with_caps(Caps::DMA);
    let sources: [&dyn Source; 3] = [&MEMORY, &dma, &frames];
    println!("{}", Snapshot(&sources));

    let mut monitor = Monitor::<8>::new(limits);
    let mut look = |when: &str| {
        println!("{when}:");
        monitor.poll(&sources, |finding| println!("  {finding}"));
    };
    look("at the start");
    let layout = Layout::from_size_align(60_000, 4)?;
    let block = MEMORY.allocate(layout, Caps::INTERNAL)?;
    look("with 60,000 bytes less");
    if let Err(error) = MEMORY.allocate(layout, Caps::INTERNAL) {
        println!("{error}\n{}", Diagnosis::from(error));
    }
    look("after a request that failed");
    // SAFETY: from this memory, with this layout.
    unsafe { MEMORY.deallocate(block, layout) };
    look("with the 60,000 bytes back");

    // Each kind of trouble has a name: a region that cannot be set up, and one misaligned.
    for (start_addr, len_bytes) in [(0x1000, 0), (0x1001, 64)] {
        let region = Region::at("bad", start_addr, len_bytes, sram).ok_or("address zero")?;
        if let Err(error) = region.validate() {
            println!("{error}\n{}", Diagnosis::from(error));
        }
    }
    Ok(())
}

/// Memory for the program's whole life, as on the chip.
fn memory(len_bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    vec![MaybeUninit::uninit(); len_bytes].leak()
}
