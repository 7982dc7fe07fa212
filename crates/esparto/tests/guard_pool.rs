//! Guards around the blocks of pools: who holds which, and who wrote where nothing was theirs.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::kept::bytes;
use esparto::Owner;
use esparto::guard::{
    GuardedPool, Ledger, Record, Rules, Site, TrackedPool, Violation, ViolationLog,
};
use esparto::pool::{BlockPool, Critical, FreeError, Shape, TakeError};

/// Rules with a log that no other test writes to.
struct Own;

impl Rules for Own {
    fn log() -> &'static ViolationLog {
        static LOG: ViolationLog = ViolationLog::new();
        &LOG
    }
}

fn clock() -> u32 {
    static NOW: AtomicU32 = AtomicU32::new(100);
    NOW.fetch_add(1, Ordering::Relaxed)
}

fn poke(block: NonNull<u8>, offset: isize, byte: u8) {
    // SAFETY: the guards of a block are there to be written by mistake.
    unsafe { block.offset(offset).write(byte) };
}

#[test]
fn a_guarded_pool_finds_who_writes_where_nothing_is_theirs() {
    static POOL: BlockPool<Critical> = BlockPool::new();
    let pool = GuardedPool::<4, Own, 2>::new(&POOL, Ledger::new());
    assert!(matches!(pool.allocate(Owner(1)), Err(TakeError::NotInitialised)));
    assert_eq!(pool.usable_bytes(), 0);
    POOL.init_static(bytes(1024), Shape::new(64, 4).unwrap()).unwrap();
    let size = 64 - GuardedPool::<4, Own, 2>::OVERHEAD_BYTES;
    assert_eq!(pool.usable_bytes(), size);
    let give = |block| {
        // SAFETY: refused unless it is a live block, which nobody uses after this.
        unsafe { pool.deallocate(block, Owner(1)) }
    };

    // Every byte that is the user's may be written; the first that is not is found.
    let block = pool.allocate(Owner(1)).unwrap();
    // SAFETY: the user's bytes.
    assert_eq!(unsafe { block.read() }, Own::FRESH);
    // SAFETY: as above.
    unsafe { block.write_bytes(7, size) };
    give(block).unwrap();
    assert_eq!(Own::log().take(), None);
    for (offset, is_over) in [(size as isize, true), (-1, false)] {
        let block = pool.allocate(Owner(1)).unwrap();
        poke(block, offset, 1);
        give(block).unwrap();
        let found = Own::log().take();
        match found {
            Some(Violation::Overrun { block_addr, .. }) if is_over => {
                assert_eq!(block_addr, block.addr().get());
            }
            Some(Violation::Underrun { block_addr, .. }) if !is_over => {
                assert_eq!(block_addr, block.addr().get());
            }
            _ => panic!("{found:?}"),
        }
    }

    // Two freed blocks are in quarantine: in use for the pool, refused by name.
    assert_eq!((pool.held_count(), POOL.stats().used_count), (2, 2));
    let block = pool.allocate(Owner(1)).unwrap();
    give(block).unwrap();
    let addr = block.addr().get();
    assert_eq!(give(block), Err(FreeError::Repeated { addr }));
    // SAFETY: never read or written.
    let inside = unsafe { block.add(8) };
    assert!(matches!(give(inside), Err(FreeError::Interior { .. })));
    let outside = NonNull::from(&0_u64).cast();
    assert!(matches!(give(outside), Err(FreeError::Foreign { .. })));

    // What is written after the free is found when the block leaves, at the latest with the last.
    poke(block, 3, 1);
    let taken: [_; 4] = std::array::from_fn(|_| pool.allocate(Owner(2)).unwrap());
    assert!(matches!(pool.allocate(Owner(2)), Err(TakeError::Exhausted { .. })));
    let found = Own::log().take();
    assert!(
        matches!(found, Some(Violation::WrittenAfterFree { at_addr, .. }) if at_addr == addr + 3),
        "{found:?}"
    );
    assert!(pool.to_string().contains("4 blocks"), "{pool}");
    taken.into_iter().for_each(|block| give(block).unwrap());
    pool.settle();
    assert_eq!((pool.held_count(), POOL.stats().used_count), (0, 0));
    assert_eq!((Own::log().take(), pool.with_ledger(|ledger| ledger.live().count())), (None, 0));
}

#[test]
fn a_tracked_pool_finds_its_leaks_and_refuses_wrong_frees() {
    static POOL: BlockPool<Critical> = BlockPool::new();
    POOL.init_static(bytes(1024), Shape::new(64, 8).unwrap()).unwrap();
    let pool = TrackedPool::<_, 4>::new(&POOL, Ledger::new().with_clock(clock));
    let a = pool.allocate(Owner(1)).unwrap();
    let line = line!() - 1;
    let b = pool.allocate_at(Site { file: "uart.c", line: 7 }, Owner(2)).unwrap();
    let record: Record = pool.with_ledger(|ledger| *ledger.record_of(a.addr().get()).unwrap());
    assert_eq!((record.site, record.size_bytes), (Some(Site { file: file!(), line }), 64));
    assert!(record.time >= 100);
    pool.deallocate(a, Owner(1)).unwrap();
    assert!(matches!(pool.deallocate(a, Owner(1)), Err(FreeError::Repeated { .. })));
    let text = pool.to_string();
    assert!(text.contains("uart.c:7: 1 block, 64 bytes of owner 2"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    pool.deallocate(b, Owner(2)).unwrap();
    assert_eq!(pool.with_ledger(|ledger| ledger.live().count()), 0);
    let blocks = [(); 5].map(|()| pool.allocate(Owner(1)).unwrap());
    assert!(pool.to_string().ends_with("1 more have no record: make the ledger larger"));
    blocks.into_iter().for_each(|block| pool.deallocate(block, Owner(1)).unwrap());
}
