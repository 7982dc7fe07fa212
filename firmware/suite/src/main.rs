//! The core on the emulated core: every heap against the same oracle as on the host, where
//! pointers have 32 bits and nothing but Esparto gives memory.
//!
//! Prints a line for each heap, `ok` at the end; a failed assertion ends QEMU with 1.
#![no_std]
#![no_main]

mod chance;
#[path = "../../../crates/esparto/tests/oracle/mod.rs"]
mod oracle;
mod service;

use board::{exit, memory, println, stack};
use chance::Chance;
use esparto::guard::{Guarded, Rules, ViolationLog};
use esparto::heap::freertos::{Heap1, Heap2, Heap4};
use esparto::heap::linked_list::{BestFit, Carried, FirstFit, Merging, NoMerging};
use esparto::heap::tag::Preset;
use esparto::{
    Caps, Cursor, Heap, LinkedList, Memory, Progress, RawHeap, Realtime, RegionId, Stack,
    Throughput,
};
use oracle::{Op, Oracle};

#[global_allocator]
static MEMORY: Memory<8> = Memory::new();

/// Random operations on heaps of several sizes; everything is checked after every operation of the
/// small heaps and every 64th of the large one.
fn random<H: RawHeap>(name: &str, small_bytes: usize) {
    let mut chance = Chance::new(0x5eed);
    let mut done_count = 0;
    for (len_bytes, op_count, check_every) in
        [(small_bytes, 400, 1), (4096, 400, 1), (48 << 10, 3000, 64)]
    {
        let mut oracle = Oracle::<H>::new(len_bytes);
        for index in 0..op_count {
            done_count += usize::from(oracle.apply(chance.op(len_bytes / 8)));
            if index % check_every == 0 {
                oracle.assert_sound();
            }
        }
        oracle.drain();
    }
    println!("heap {name}: {done_count} operations done");
}

/// Every sequence of four operations on a heap of a few blocks.
fn exhaustive<H: RawHeap>(name: &str, len_bytes: usize) {
    let ops = [
        Op::Allocate { size: 1, align_log2: 0 },
        Op::Allocate { size: 8, align_log2: 5 },
        Op::Deallocate { index: 0 },
        Op::Resize { index: 0, size: 20 },
        Op::Resize { index: 1, size: 5 },
    ];
    let count = oracle::exhaust::<H>(len_bytes, &ops, 4);
    println!("heap {name}: all {count} short sequences");
}

fn hold<H: RawHeap>(name: &str) {
    random::<H>(name, 256);
    exhaustive::<H>(name, 64);
}

/// The default heap has a control block of its own before the first block.
fn hold_default<P: Preset>(name: &str) {
    random::<Heap<P>>(name, 512);
    exhaustive::<Heap<P>>(name, 400);
}

/// What the guards find, which is nothing.
struct Watched;

impl Rules for Watched {
    fn log() -> &'static ViolationLog {
        static LOG: ViolationLog = ViolationLog::new();
        &LOG
    }
}

/// A heap with guards around its blocks and a quarantine behind them.
fn hold_guarded(name: &str) {
    random::<Guarded<LinkedList, Watched, 2>>(name, 512);
    exhaustive::<Guarded<LinkedList, Watched, 2>>(name, 256);
    assert_eq!(Watched::log().count(), 0, "the guards found a violation");
}

/// The memory that served all of this is whole again, to the byte.
fn assert_exact() {
    for id in (0..MEMORY.region_count() as u8).map(RegionId) {
        let stats = MEMORY.region_stats(id).expect("the region was counted");
        assert_eq!(
            stats.free_bytes + stats.live_bytes + stats.bookkeeping_bytes,
            stats.size_bytes,
            "{stats:?}"
        );
        assert_eq!((stats.live_bytes, stats.live_count), (0, 0), "{}", stats.name);
        let mut cursor = Cursor::default();
        assert_eq!(MEMORY.check(id, &mut cursor, usize::MAX), Some(Ok(Progress::Done)));
        println!("region {}: exact, peak {} bytes", stats.name, stats.peak_bytes);
    }
}

/// Runs `work` on a stack from the memory: the oracle needs more than a boot stack has.
fn on_own_stack(work: impl FnOnce()) {
    const STACK_BYTES: usize = 16 << 10;
    let stack =
        Stack::allocate("suite", &MEMORY, Caps::INTERNAL, STACK_BYTES).expect("there is room");
    // SAFETY: nothing else runs on this stack.
    unsafe { stack::run_on(&stack, work) };
    stack.check().expect("the stack is large enough");
    println!("stack: {} of {STACK_BYTES} bytes", stack.high_water_bytes());
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    service::without_heap();
    service::overrun();
    for region in memory::regions() {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<Heap>(region) }.expect("the memory map is sound");
    }
    on_own_stack(|| {
        hold_default::<Realtime>("realtime");
        hold_default::<Throughput>("throughput");
        hold_guarded("guarded");
        hold::<LinkedList>("linked-list");
        hold::<LinkedList<BestFit, Merging>>("linked-list:best");
        hold::<LinkedList<FirstFit, NoMerging>>("linked-list:no-merge");
        hold::<LinkedList<FirstFit, Merging, Carried>>("linked-list:carried");
        hold::<Heap1>("heap_1");
        hold::<Heap2>("heap_2");
        hold::<Heap4>("heap_4");
    });
    service::with_regions();
    assert_exact();
    println!("ok");
    exit::success()
}
