//! Word-only memory: nothing but aligned 32-bit accesses, and nothing of ours in it.

use std::ptr::NonNull;

use esparto::{WordBlock, WordError, WordHeap};
use proptest::prelude::*;

/// Memory that stays untouched unless a word is stored.
fn words(len: usize) -> NonNull<[u32]> {
    NonNull::from(Box::leak(vec![0xdead_beef_u32; len].into_boxed_slice()))
}

fn heap<const SPANS: usize>(memory: NonNull<[u32]>) -> WordHeap<SPANS> {
    // SAFETY: leaked for this heap alone.
    unsafe { WordHeap::new(memory) }.unwrap()
}

fn contents(memory: NonNull<[u32]>) -> Vec<u32> {
    // SAFETY: leaked, and no block is being written.
    unsafe { memory.as_ref() }.to_vec()
}

#[test]
fn managing_the_memory_touches_none_of_it() {
    let memory = words(64);
    let mut heap = heap::<8>(memory);
    let a = heap.allocate(10).unwrap();
    let b = heap.allocate(20).unwrap();
    heap.deallocate(a).unwrap();
    heap.deallocate(b).unwrap();
    assert_eq!(contents(memory), vec![0xdead_beef; 64]);
    assert_eq!((heap.free_words(), heap.largest_free_words()), (64, 64));
}

#[test]
fn bytes_become_words_and_nothing_is_cut() {
    let memory = words(4);
    let mut heap = heap::<4>(memory);
    let mut block = heap.allocate(3).unwrap();
    block.store_bytes(0, &[1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(block.load(0), Ok(0x0403_0201));
    assert_eq!(block.load(1), Ok(0x0000_0605));
    block.store(2, 7).unwrap();
    assert_eq!(contents(memory), [0x0403_0201, 0x0605, 7, 0xdead_beef]);
    let out = |index, count| Err(WordError::OutOfBounds { index, count, len_words: 3 });
    assert_eq!(block.store(3, 0), out(3, 1));
    assert_eq!(block.store(usize::MAX, 0), out(usize::MAX, 1));
    assert_eq!(block.store_bytes(1, &[9; 9]), out(1, 3));
    assert_eq!(block.store_bytes(3, &[]), Ok(()));
    assert_eq!(
        contents(memory),
        [0x0403_0201, 0x0605, 7, 0xdead_beef],
        "a refused store stores nothing"
    );
    heap.deallocate(block).unwrap();
}

#[test]
fn refusals_have_names_and_figures() {
    let memory = words(16);
    // SAFETY: an empty slice of leaked memory; it is refused.
    let empty = unsafe { WordHeap::<4>::new(NonNull::slice_from_raw_parts(memory.cast(), 0)) };
    assert_eq!(empty.unwrap_err(), WordError::Empty);
    let odd = memory.cast::<u8>().map_addr(|addr| addr.checked_add(2).unwrap()).cast::<u32>();
    // SAFETY: misaligned; it is refused before any access.
    let odd = unsafe { WordHeap::<4>::new(NonNull::slice_from_raw_parts(odd, 1)) };
    assert!(matches!(odd.unwrap_err(), WordError::Misaligned { .. }));

    let mut heap = heap::<3>(memory);
    assert_eq!(heap.allocate(0), Err(WordError::ZeroSize));
    assert_eq!(
        heap.allocate(17),
        Err(WordError::Exhausted { requested_words: 17, largest_words: 16 })
    );
    assert_eq!(
        heap.allocate(usize::MAX),
        Err(WordError::Exhausted { requested_words: usize::MAX, largest_words: 16 })
    );
    let a = heap.allocate(1).unwrap();
    let b = heap.allocate(1).unwrap();
    assert_eq!(heap.allocate(1), Err(WordError::TableFull { limit_count: 2 }));

    let mut other = self::heap::<3>(words(16));
    let (error, a) = other.deallocate(a).unwrap_err();
    assert!(matches!(error, WordError::Foreign { len_bytes: 64, .. }));
    heap.deallocate(a).unwrap();
    heap.deallocate(b).unwrap();
    assert_eq!(heap.largest_free_words(), 16);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is taken and given back: blocks never overlap, words add up, and in the end it is
    /// one stretch again.
    #[test]
    fn random_use_holds(ops in proptest::collection::vec((any::<bool>(), 1..20usize), 1..100)) {
        let mut heap = heap::<9>(words(128));
        let mut live: Vec<WordBlock> = Vec::new();
        for (take, n) in ops {
            if take {
                match heap.allocate(n) {
                    Ok(mut block) => {
                        for index in 0..n {
                            block.store(index, block.start_addr() as u32).unwrap();
                        }
                        live.push(block);
                    }
                    Err(WordError::TableFull { .. }) => prop_assert_eq!(live.len(), 8),
                    Err(error) => prop_assert!(n > heap.largest_free_words(), "{}", error),
                }
            } else if !live.is_empty() {
                let block = live.swap_remove(n % live.len());
                heap.deallocate(block).unwrap();
            }
            for block in &live {
                for index in 0..block.len_words() {
                    prop_assert_eq!(block.load(index), Ok(block.start_addr() as u32));
                }
            }
            let live_words: usize = live.iter().map(WordBlock::len_words).sum();
            prop_assert_eq!(heap.free_words() + live_words, 128);
        }
        for block in live {
            heap.deallocate(block).unwrap();
        }
        prop_assert_eq!(heap.largest_free_words(), 128);
    }
}
