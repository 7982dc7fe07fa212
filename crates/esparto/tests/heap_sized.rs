//! The C path: blocks that know their size, and frees that are checked.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use esparto::heap::sized::{Refused, SizedHeap};
use esparto::heap::tag::Preset;
use esparto::heap::{Cursor, Extent, ExtentKind, OnChip, Progress};
use esparto::{Heap, LinkedList, RawHeap, Realtime, Throughput};

const LEN: usize = 16 << 10;

fn with_heap<H: RawHeap>(test: impl FnOnce(&mut SizedHeap<H>)) {
    with_heap_at(0, test);
}

/// Words depend on the lower half of addresses: with memory aligned to it, they are the same in every run.
const ALIGN: usize =
    if cfg!(any(miri, target_pointer_width = "32")) { 16 } else { (usize::MAX / 2 + 1) >> 31 };

/// A heap on memory that starts so many times 16 bytes into a buffer.
fn with_heap_at<H: RawHeap>(start: usize, test: impl FnOnce(&mut SizedHeap<H>)) {
    let layout = Layout::from_size_align(16 * start + LEN, ALIGN).unwrap();
    // SAFETY: the buffer is not empty, outlives the heap and is used through it alone.
    unsafe {
        let buffer = NonNull::new(alloc_zeroed(layout)).expect("there is room for a few pages");
        let memory = NonNull::slice_from_raw_parts(buffer.add(16 * start), LEN);
        test(&mut SizedHeap::init(memory).unwrap());
        dealloc(buffer.as_ptr(), layout);
    }
}

/// Once at each of many addresses, since a block's word depends on its address.
fn refused_wherever_it_is_no_block<H: RawHeap>() {
    (0..if cfg!(miri) { 1 } else { 200 }).for_each(refused_at::<H>);
}

fn refused_at<H: RawHeap>(start: usize) {
    with_heap_at::<H>(start, |heap| {
        let blocks: Vec<_> = (1..40).map(|size| heap.allocate(size * 3, 4).unwrap()).collect();
        let mut foreign = [7_u32; 4];
        let foreign = NonNull::from(&mut foreign).cast::<u8>();
        let mut refused = 0;
        // SAFETY: blocks of this heap, or pointers that it refuses.
        unsafe {
            let mut expect = |heap: &mut SizedHeap<H>, ptr: NonNull<u8>| {
                refused += 1;
                let addr = ptr.addr().get();
                assert_eq!(heap.deallocate(ptr), Err(Refused::NotABlock { addr }));
                assert_eq!(heap.refused_count(), refused);
            };
            expect(heap, foreign);
            for (index, &block) in blocks.iter().enumerate() {
                block.write_bytes(0x5A, (index + 1) * 3);
                for inside in 1..(index + 1) * 3 {
                    expect(heap, block.add(inside));
                }
                assert_eq!(heap.deallocate(block), Ok((index + 1) * 3));
                expect(heap, block);
            }
        }
        assert_eq!(heap.check(&mut Cursor::default(), usize::MAX), Ok(Progress::Done));
    });
}

#[test]
fn foreign_interior_and_second_frees_are_refused_and_counted() {
    refused_wherever_it_is_no_block::<Heap>();
    refused_wherever_it_is_no_block::<Heap<Throughput>>();
    refused_wherever_it_is_no_block::<LinkedList>();
}

#[test]
fn a_resized_block_keeps_its_bytes_and_its_alignment() {
    with_heap::<Heap>(|heap| {
        let mut ptr = heap.allocate(10, 32).unwrap();
        let fence = heap.allocate(64, 4).unwrap();
        for (old, new) in [(10, 300), (300, 301), (301, 2000), (2000, 5), (5, 64)] {
            // SAFETY: the block is live and `old` bytes long.
            unsafe {
                ptr.write_bytes(old as u8, old);
                ptr = heap.resize(ptr, new).unwrap();
                assert!(ptr.addr().get().is_multiple_of(32));
                for at in 0..old.min(new) {
                    assert_eq!(ptr.add(at).read(), old as u8);
                }
            }
        }
        // SAFETY: both are live.
        unsafe {
            let wanted = heap.resize(ptr, LEN);
            assert_eq!(wanted, Err(Refused::Exhausted { requested_bytes: LEN }));
            assert_eq!(heap.deallocate(ptr), Ok(64));
            assert_eq!(heap.deallocate(fence), Ok(64));
        }
    });
}

#[test]
fn sizes_at_the_limits_are_refused() {
    with_heap::<Heap>(|heap| {
        for (size, align) in [(0, 4), (usize::MAX, 4), (1 << 28, 4), (8, 3), (8, 0), (LEN, 4)] {
            assert_eq!(heap.allocate(size, align), None);
        }
    });
}

fn free_bytes<P: Preset>(heap: &SizedHeap<Heap<P>>) -> usize {
    let mut bytes = heap.heap().crumb_bytes();
    heap.walk(&mut |Extent { len_bytes, kind, .. }| {
        bytes += if kind == ExtentKind::Free { len_bytes } else { 0 };
    });
    bytes
}

/// Whatever the alignment, a block pays for its word and for what any block pays: up to four bytes of
/// tag and rounding.
fn alignment_costs_nothing_more<P: Preset>() {
    with_heap::<Heap<P>>(|heap| {
        let mut blocks = Vec::new();
        for round in 0..if cfg!(miri) { 1 } else { 4 } {
            for size in [1, 7, 8, 20, 64, 200, 500] {
                for align in [1, 4, 8, 16, 32, 64, 128] {
                    let before = free_bytes(heap);
                    let block = heap.allocate(size, align).unwrap();
                    assert!(block.addr().get().is_multiple_of(align), "{size} at {align}");
                    let taken = before - free_bytes(heap);
                    // A cached block was counted as free.
                    assert_eq!(taken, (size + 4) / 4 * 4 + 4, "{size} at {align}");
                    // SAFETY: the block is live and that long.
                    unsafe { block.write_bytes((size + align + round) as u8, size) };
                    blocks.push((block, size, (size + align + round) as u8));
                }
            }
            assert_eq!(heap.check(&mut Cursor::default(), usize::MAX), Ok(Progress::Done));
            // Some go before the next round, so that it finds holes.
            let mut index = 0;
            blocks.retain(|&(block, size, fill)| {
                index += 1;
                // SAFETY: the block is live, that long, and freed once.
                unsafe {
                    assert!((0..size).all(|at| block.add(at).read() == fill));
                    if index % 3 != round % 3 {
                        assert_eq!(heap.deallocate(block), Ok(size));
                        return false;
                    }
                }
                true
            });
        }
    });
}

#[test]
fn a_block_pays_its_word_whatever_its_alignment() {
    alignment_costs_nothing_more::<OnChip<Realtime>>();
    alignment_costs_nothing_more::<OnChip<Throughput>>();
}
