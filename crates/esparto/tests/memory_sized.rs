//! Blocks that know their size: contents, checked frees, the account, what the trace is told.

use std::ptr::NonNull;

use esparto::{
    AllocError, Caps, Cursor, Event, Heap, Memory, Owner, Progress, RegionId, Sink, SizedError,
};
use proptest::prelude::*;

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

#[derive(Default)]
struct Log(Vec<Event>);

impl Sink for Log {
    fn record(&mut self, _: Owner, event: Event) {
        self.0.push(event);
    }
}

fn memory() -> Memory<2, Log> {
    let memory = Memory::with_sink(Log::default());
    memory.add_static::<Heap>("sram", crate::kept::bytes(4096), SRAM).unwrap();
    memory.add_static::<Heap>("psram", crate::kept::bytes(8192), PSRAM).unwrap();
    memory
}

fn assert_account(memory: &Memory<2, Log>) {
    for id in [RegionId(0), RegionId(1)] {
        let checked = memory.check(id, &mut Cursor::default(), usize::MAX);
        assert_eq!(checked, Some(Ok(Progress::Done)));
    }
}

fn fill(block: NonNull<u8>, from: usize, to: usize, seed: u8) {
    for at in from..to {
        // SAFETY: the block is live and `to` long.
        unsafe { block.add(at).write(seed.wrapping_add(at as u8)) };
    }
}

fn assert_filled(block: NonNull<u8>, len: usize, seed: u8) {
    for at in 0..len {
        // SAFETY: the block is live, `len` long and filled.
        assert_eq!(unsafe { block.add(at).read() }, seed.wrapping_add(at as u8), "byte {at}");
    }
}

#[test]
fn what_is_no_live_block_is_refused_and_counted() {
    let memory = memory();
    let block = memory.allocate_sized(40, 4, Caps::INTERNAL).unwrap();
    fill(block, 0, 40, 0);
    let outside = NonNull::from(&0_u32).cast::<u8>();
    // SAFETY: inside the block.
    let (interior, odd) = unsafe { (block.add(8), block.add(3)) };
    for wrong in [outside, interior, odd] {
        let error = SizedError::NotABlock { addr: wrong.addr().get() };
        // SAFETY: refused.
        assert_eq!(unsafe { memory.deallocate_sized(wrong) }, Err(error));
        // SAFETY: refused.
        assert_eq!(unsafe { memory.resize_sized(wrong, 8, SRAM) }, Err(error));
        assert_eq!(memory.sized_len_bytes(wrong), None);
    }
    assert_filled(block, 40, 0);
    assert_eq!((memory.refused_free_count(), memory.sized_len_bytes(block)), (6, Some(40)));
    // SAFETY: live, and nobody uses it.
    assert_eq!(unsafe { memory.deallocate_sized(block) }, Ok(40));
    // SAFETY: refused.
    assert!(unsafe { memory.deallocate_sized(block) }.is_err());
    assert_eq!(memory.refused_free_count(), 7);
    assert_eq!(memory.region_stats(RegionId(0)).unwrap().live_count, 0);
    assert_account(&memory);
}

#[test]
fn a_block_costs_four_bytes_more_and_limits_are_named() {
    let memory = memory();
    let plain = std::alloc::Layout::from_size_align(44, 4).unwrap();
    let taken = |memory: &Memory<2, Log>| memory.region_stats(RegionId(0)).unwrap().live_bytes;
    let first = memory.allocate(plain, Caps::INTERNAL).unwrap();
    let plain_bytes = taken(&memory);
    let second = memory.allocate_sized(40, 4, Caps::INTERNAL).unwrap();
    assert_eq!(taken(&memory), 2 * plain_bytes);
    // SAFETY: both are live, and each goes back as it came.
    unsafe {
        memory.deallocate(first, plain);
        memory.deallocate_sized(second).unwrap();
    }

    let refused = |size, align| memory.allocate_sized(size, align, Caps::INTERNAL).unwrap_err();
    assert_eq!(refused(0, 4), AllocError::ZeroSize);
    for (size, align) in [(usize::MAX, 4), (1 << 27, 4), (isize::MAX as usize, 1), (8, 3), (8, 0)] {
        assert!(matches!(refused(size, align), AllocError::TooLarge { .. }), "{size} at {align}");
    }
    assert!(matches!(refused(4000, 4096), AllocError::TooLarge { .. }));
    assert_account(&memory);
}

#[test]
fn the_trace_is_told_of_the_callers_bytes() {
    let memory = memory();
    let block = memory.allocate_sized(24, 4, Caps::INTERNAL).unwrap();
    // SAFETY: live, and used by nobody else.
    let moved = unsafe { memory.resize_sized(block, 5000, Caps::EXTERNAL) }.unwrap();
    // SAFETY: as above.
    unsafe { memory.deallocate_sized(moved) }.unwrap();
    let events = memory.with_sink_mut(|log| std::mem::take(&mut log.0)).unwrap();
    let (from, to) = (block.addr().get(), moved.addr().get());
    assert!(
        matches!(events[..], [
            Event::Allocate { addr, size_bytes: 24, .. },
            Event::Resize { old_addr, addr: new_addr, old_size_bytes: 24, size_bytes: 5000, .. },
            Event::Deallocate { addr: freed_addr, size_bytes: 5000, .. },
        ] if addr == from && old_addr == from && new_addr == to && freed_addr == to),
        "{events:?}"
    );
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Allocate { size: usize, align_log2: u32 },
    Resize { which: usize, size: usize },
    Free { which: usize },
    FreeAgain,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1_usize..300, 0_u32..7).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        (any::<usize>(), 1_usize..400).prop_map(|(which, size)| Op::Resize { which, size }),
        any::<usize>().prop_map(|which| Op::Free { which }),
        Just(Op::FreeAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_holds(ops in prop::collection::vec(op(), 1..if cfg!(miri) { 8 } else { 200 })) {
        let memory = memory();
        let mut live: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
        let mut dead = None;
        for (seed, op) in ops.into_iter().enumerate() {
            let seed = seed as u8;
            match op {
                Op::Allocate { size, align_log2 } => {
                    let align = 1 << align_log2;
                    if let Ok(block) = memory.allocate_sized(size, align, Caps::BYTE) {
                        prop_assert!(block.addr().get().is_multiple_of(align));
                        fill(block, 0, size, seed);
                        live.push((block, size, seed));
                    }
                }
                Op::Resize { which, size } if !live.is_empty() => {
                    let entry = which % live.len();
                    let (block, old, seed) = live[entry];
                    // SAFETY: live, and used by nobody else.
                    if let Ok(now) = unsafe { memory.resize_sized(block, size, Caps::BYTE) } {
                        assert_filled(now, old.min(size), seed);
                        fill(now, old.min(size), size, seed);
                        live[entry] = (now, size, seed);
                    }
                }
                Op::Free { which } if !live.is_empty() => {
                    let (block, size, seed) = live.swap_remove(which % live.len());
                    assert_filled(block, size, seed);
                    // SAFETY: live, and not used after this.
                    prop_assert_eq!(unsafe { memory.deallocate_sized(block) }, Ok(size));
                    dead = Some(block);
                }
                Op::FreeAgain => {
                    if let Some(block) = dead.take()
                        && live.iter().all(|&(other, ..)| other != block)
                    {
                        // SAFETY: no live block, so it is refused.
                        let refused = unsafe { memory.deallocate_sized(block) };
                        prop_assert!(refused.is_err());
                    }
                }
                _ => {}
            }
        }
        for (block, size, seed) in live {
            assert_filled(block, size, seed);
            prop_assert_eq!(memory.sized_len_bytes(block), Some(size));
            // SAFETY: live, and not used after this.
            unsafe { memory.deallocate_sized(block) }.unwrap();
        }
        prop_assert_eq!(memory.caps_stats(Caps::BYTE).live_bytes, 0);
        assert_account(&memory);
    }
}
