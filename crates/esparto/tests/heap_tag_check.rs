//! What the default heap's `check` finds, kind by kind, and that it reads nothing wild doing so.

use std::alloc::Layout;
use std::ptr::NonNull;

use esparto::heap::tag::Preset;
use esparto::heap::{Corruption, Cursor, ExtentKind, OnChip, Progress, RawHeap};
use esparto::{Heap, Realtime, Throughput};

const LEN: usize = 4096;

/// A heap with free blocks between live ones, and the bytes that it lives in.
struct Bench<P> {
    heap: Heap<P>,
    memory: NonNull<u8>,
    _buffer: Vec<u128>,
}

impl<P: Preset> Bench<P> {
    fn new() -> Self {
        let mut buffer = vec![0_u128; LEN / 16];
        let memory = NonNull::new(buffer.as_mut_ptr()).unwrap().cast::<u8>();
        // SAFETY: the buffer lives as long as the heap and is used through it alone.
        let heap = unsafe { Heap::init(NonNull::slice_from_raw_parts(memory, LEN)) }.unwrap();
        Self { heap, memory, _buffer: buffer }
    }

    /// Blocks of these sizes, one behind the other, of which every second was given back.
    fn with_holes(sizes: &[usize]) -> (Self, Vec<*mut u8>) {
        let mut bench = Self::new();
        let layout = |size| Layout::from_size_align(size, 4).unwrap();
        let blocks: Vec<_> =
            sizes.iter().map(|&size| bench.heap.allocate(layout(size)).unwrap().ptr).collect();
        for (block, &size) in blocks.iter().zip(sizes).skip(1).step_by(2) {
            // SAFETY: allocated above, given back once.
            unsafe { bench.heap.deallocate(*block, layout(size)) };
        }
        assert_eq!(bench.check(1000), Ok(Progress::Done));
        let start = bench.memory;
        // The heap's pointers may be narrower than its memory.
        let blocks = blocks.iter().map(|block| start.as_ptr().with_addr(block.addr().get()));
        let blocks = blocks.collect();
        (bench, blocks)
    }

    fn check(&self, max_steps: usize) -> Result<Progress, Corruption> {
        let mut cursor = Cursor::default();
        for _ in 0..LEN {
            match self.heap.check(&mut cursor, max_steps)? {
                Progress::More => {}
                Progress::Done => return Ok(Progress::Done),
            }
        }
        panic!("check does not end");
    }

    /// The one thing that a check finds, whatever the steps.
    fn found(&self) -> Corruption {
        let found = self.check(1).expect_err("planted, and not found");
        assert_eq!(self.check(1000), Err(found));
        found
    }
}

fn write<T>(at: *mut u8, offset: isize, value: T) {
    // SAFETY: the test names a place inside the heap's memory, aligned for the value.
    unsafe { at.offset(offset).cast::<T>().write(value) }
}

/// Where the memory's control block has its words; as in `docs/heap.md`.
const SMALL_MAP: isize = 0;
const LARGE_MAP: isize = 4;

#[test]
fn a_one_byte_overflow_into_a_free_block_is_found() {
    for byte in [0_u8, 1, 4, 6, 0x41, 0x7f, 0x80, 0xff] {
        let (bench, blocks) = Bench::<OnChip<Realtime>>::with_holes(&[19, 19, 19, 19]);
        // Blocks were carved from the end, so the second lies in front of the first. The byte
        // behind the third is the tag of the second, which is free and 5 granules long.
        assert_eq!(blocks[2].addr() + 20, blocks[1].addr());
        write(blocks[2], 19, byte);
        bench.found();
    }
}

#[test]
fn each_kind_of_damage_to_a_free_block_is_found() {
    fn planted(plant: impl Fn(*mut u8, *mut u8)) -> Corruption {
        let (bench, blocks) = Bench::<OnChip<Realtime>>::with_holes(&[16, 16, 16, 16, 16, 40, 16]);
        plant(blocks[1], blocks[3]);
        bench.found()
    }
    // The links of a 64-bit host are distances, those of a small target pointers.
    let odd = |block: *mut u8| {
        if cfg!(target_pointer_width = "32") { block.addr() as u32 | 1 } else { 0x101 }
    };
    // The second block freed is the first of the list: its link leads to the other.
    assert!(matches!(
        planted(|_, first| write(first, 0, 0x7FFF_FF00_u32)),
        Corruption::LinkOutside { .. }
    ));
    assert!(matches!(
        planted(|_, first| write(first, 0, odd(first))),
        Corruption::Misaligned { .. }
    ));
    assert!(matches!(planted(|second, _| write(second, 4, 12_u32)), Corruption::Mismatch { .. }));
    assert!(matches!(
        planted(|_, first| write(first, 16, 0x8000_0003_u32)),
        Corruption::Mismatch { expected: 5, actual: 3, .. }
    ));
    assert!(matches!(
        planted(|_, first| write(first, 19, 0_u8)),
        Corruption::Mismatch { expected: 0x80, actual: 0, .. }
    ));
}

#[test]
fn a_list_that_runs_in_a_circle_is_found() {
    let (bench, blocks) = Bench::<OnChip<Realtime>>::with_holes(&[16, 16, 16, 16, 16]);
    // SAFETY: reads the back link of the second block of the list, which names the first.
    let first = unsafe { blocks[1].add(4).cast::<u32>().read() };
    write(blocks[1], 0, first);
    assert!(matches!(bench.found(), Corruption::Mismatch { .. }));
}

#[test]
fn a_map_that_lies_is_found() {
    for map in [SMALL_MAP, LARGE_MAP] {
        for wrong in [0_u32, u32::MAX >> 8] {
            let (bench, _) = Bench::<OnChip<Realtime>>::with_holes(&[16, 16, 16]);
            write(bench.memory.as_ptr(), map, wrong);
            assert!(matches!(bench.found(), Corruption::Mismatch { .. }));
        }
    }
}

#[test]
fn damage_to_a_large_block_is_found() {
    for (offset, value) in [(8, 0_u32), (8, 0x7FFF_FFF0), (8, 2000), (0, 0x7FFF_FF00)] {
        let (bench, blocks) = Bench::<OnChip<Realtime>>::with_holes(&[600, 600, 600]);
        write(blocks[1], offset, value);
        bench.found();
    }
}

#[test]
fn damage_to_a_cached_block_and_to_the_end_is_found() {
    for (offset, value) in [(0, 0x7FFF_FF00_u32), (4, 7), (4, 0xFFFF_FFFF)] {
        let (bench, blocks) = Bench::<OnChip<Throughput>>::with_holes(&[16, 16, 16, 16, 16]);
        write(blocks[3], offset, value);
        bench.found();
    }
    let bench = Bench::<OnChip<Realtime>>::new();
    write(bench.memory.as_ptr(), LEN as isize - 1, 3_u8);
    bench.found();
}

/// Whatever the bytes of a heap are, a check ends and reads inside it (Miri sees to the latter).
#[test]
fn a_check_of_nonsense_ends() {
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..rounds {
        let (bench, blocks) = Bench::<OnChip<Throughput>>::with_holes(&[
            16, 16, 30, 30, 200, 200, 16, 16, 700, 700, 8,
        ]);
        let block = blocks[random() as usize % blocks.len()];
        for _ in 0..1 + random() % 3 {
            let value = random() as u32 >> (random() % 32);
            write(block, (random() % 4) as isize * 4 - 4, value);
        }
        // Bytes of live blocks may be anything, so nothing need be found.
        let _ = bench.check(1 + (random() % 9) as usize);
    }
}

#[test]
fn bookkeeping_and_free_blocks_cover_a_fresh_memory() {
    let bench = Bench::<OnChip<Realtime>>::new();
    let mut extents = Vec::new();
    bench.heap.walk(&mut |extent| extents.push((extent.start_addr, extent.len_bytes, extent.kind)));
    extents.sort_by_key(|extent| extent.0);
    let start = bench.memory.addr().get();
    let end = extents.iter().fold(start, |at, &(extent_start, len, _)| {
        assert_eq!(at, extent_start);
        at + len
    });
    assert_eq!(end, start + LEN);
    assert_eq!(extents.iter().filter(|extent| extent.2 == ExtentKind::Free).count(), 1);
}
