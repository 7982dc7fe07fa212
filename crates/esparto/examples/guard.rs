//! Leaks by the place that asked, and writes where nothing was anybody's. Run with
//! `cargo run -p esparto --example guard`.

use std::alloc::Layout;
use std::error::Error;
use std::mem::MaybeUninit;

use esparto::guard::{Guarded, Ledger, Rules, TrackedPool, ViolationLog};
use esparto::pool::{BlockPool, Critical, Shape};
use esparto::{Caps, Heap, Memory, Owner};

/// What the guard does, and where it says what it found.
struct Checks;

impl Rules for Checks {
    fn log() -> &'static ViolationLog {
        static LOG: ViolationLog = ViolationLog::new();
        &LOG
    }
}

// Two types, and no more: without them, nothing of this is in the program.
static MEMORY: Memory<2, Ledger<64>> = Memory::with_sink(Ledger::new());
type GuardedHeap = Guarded<Heap, Checks>;

static POOL: BlockPool<Critical> = BlockPool::new();

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC;
    MEMORY.add_static::<GuardedHeap>("sram", memory(16_384), caps)?;
    MEMORY.set_owner(Owner(1));
    let layout = Layout::new::<[u8; 24]>();

    // A leak: three blocks from one place.
    for _ in 0..3 {
        let _forgotten = MEMORY.allocate_here(layout, Caps::INTERNAL)?;
    }
    println!("{}", MEMORY.leaks());

    // One byte too many, a block given back twice, a write to a block after that.
    let block = MEMORY.allocate_here(layout, Caps::INTERNAL)?;
    // SAFETY: the byte behind the block is the guard's, which is there to take it.
    unsafe { block.add(24).write(0) };
    for _ in 0..2 {
        // SAFETY: from this memory, with this layout; the second is refused.
        unsafe { MEMORY.deallocate(block, layout) };
    }
    tell();
    // SAFETY: the block is in quarantine, and nobody else's yet.
    unsafe { block.write(1) };
    for _ in 0..20 {
        let other = MEMORY.allocate(layout, Caps::INTERNAL)?;
        // SAFETY: from this memory, with this layout.
        unsafe { MEMORY.deallocate(other, layout) };
        tell();
    }

    // A pool refuses wrong frees by itself; its leaks are found the same way.
    POOL.init_static(memory(1024), Shape::new(64, 8)?)?;
    let pool = TrackedPool::<_, 8>::new(&POOL, Ledger::new());
    let kept = pool.allocate(Owner(2))?;
    println!("{pool}");
    pool.deallocate(kept, Owner(2))?;
    if let Err(error) = pool.deallocate(kept, Owner(2)) {
        println!("{error}");
    }
    Ok(())
}

/// Says what was found. Soon, while the record of the block is there.
fn tell() {
    while let Some(violation) = Checks::log().take() {
        println!("{}", MEMORY.name_violation(violation));
    }
}

/// Memory for the program's whole life, as on the chip.
fn memory(len_bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    vec![MaybeUninit::uninit(); len_bytes].leak()
}
