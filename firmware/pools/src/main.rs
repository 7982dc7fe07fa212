//! What pools cost, in instructions: every operation by itself, its mean and its worst, in every
//! state of the pool, and what becomes of that when the pool is twice as large.
//!
//! Prints a line `pool …` for each operation and `ok`. Ends with a failure when a typed pool is
//! above [`BOX_LIMIT`], a checked free above [`RAW_LIMIT`], or either depends on the pool's size.
//!
//! What is measured is functions as a user's program has them: without the frame pointers that the
//! other programs here keep for the recorder. In `firmware/`:
//!
//! ```sh
//! RUSTFLAGS=-Clink-arg=-Tlink.x cargo run --release --target riscv32imc-unknown-none-elf -p pools
//! ```
#![no_std]
#![no_main]

mod timed;

use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut, without_provenance_mut};

use board::{counter, exit, println};
#[cfg(target_has_atomic = "32")]
use esparto::pool::LockFree;
use esparto::pool::{Access, BlockPool, Critical, Pool, PoolBox, Shape, Single};
use timed::Costs;

/// Does the core divide by itself? The LX106 takes 150 instructions and more, the larger the quotient
/// the more; the Xtensa cores with register windows, which have that feature, divide.
const HAS_DIVISION: bool = cfg!(any(target_arch = "riscv32", target_feature = "sext"));
/// What a take may cost, and a free through an owned handle, without a lock.
const BOX_LIMIT: u32 = if cfg!(target_arch = "riscv32") {
    12
} else if HAS_DIVISION {
    // Register windows have one instruction more in every function.
    14
} else {
    13
};
/// What a free may cost that tells foreign, interior and repeated pointers apart.
const RAW_LIMIT: u32 = if cfg!(target_arch = "riscv32") {
    30
} else if HAS_DIVISION {
    34
} else {
    220
};

/// Words whose value does not matter: taking such a block is taking a block and no more.
type Words<const WORDS: usize> = MaybeUninit<[u32; WORDS]>;

/// The operations of a kind of pool, as functions of the C convention.
trait Subject {
    /// # Safety
    /// `pool` is such a pool.
    unsafe extern "C" fn take(pool: *const u8, _block: *mut u8) -> *mut u8;

    /// # Safety
    /// `pool` is such a pool, and `block` in use of it.
    unsafe extern "C" fn give(pool: *const u8, block: *mut u8) -> *mut u8;
}

impl<const WORDS: usize, const N: usize, A: Access> Subject for Pool<Words<WORDS>, N, A> {
    unsafe extern "C" fn take(pool: *const u8, _block: *mut u8) -> *mut u8 {
        // SAFETY: promised by the caller.
        let taken = unsafe { (*pool.cast::<Self>()).take() };
        taken.map_or(null_mut(), |block| {
            // SAFETY: any words are a value.
            unsafe { block.assume_init() }.into_raw().as_ptr().cast()
        })
    }

    unsafe extern "C" fn give(pool: *const u8, block: *mut u8) -> *mut u8 {
        // SAFETY: promised by the caller; a block is not null.
        drop(unsafe {
            PoolBox::from_raw(&*pool.cast::<Self>(), NonNull::new_unchecked(block.cast()))
        });
        // As a function without a result: what is in the register already.
        pool.cast_mut()
    }
}

impl<A: Access> Subject for BlockPool<A> {
    unsafe extern "C" fn take(pool: *const u8, _block: *mut u8) -> *mut u8 {
        // SAFETY: promised by the caller.
        unsafe { (*pool.cast::<Self>()).allocate() }.map_or(null_mut(), NonNull::as_ptr)
    }

    /// Any block that is not null. Returns null if it is refused.
    unsafe extern "C" fn give(pool: *const u8, block: *mut u8) -> *mut u8 {
        // SAFETY: promised by the caller.
        let freed = unsafe { (*pool.cast::<Self>()).deallocate(NonNull::new_unchecked(block)) };
        without_provenance_mut(usize::from(freed.is_ok()))
    }
}

/// Fills and drains a pool in several orders, with takes that find nothing.
///
/// Counts apart: takes of blocks that nobody had yet, all other takes (of none too), gives.
fn drive<S: Subject, const N: usize>(pool: *const S) -> [Costs; 3] {
    let pool = pool.cast();
    let [mut fresh, mut takes, mut gives] = [Costs::new(); 3];
    let mut held = [null_mut(); N];
    for round in 0..4 {
        let mut take = |is_fresh| {
            let costs = if is_fresh { &mut fresh } else { &mut takes };
            // SAFETY: the pool is the caller's.
            unsafe { costs.time(pool, null_mut(), S::take) }
        };
        for block in &mut held {
            *block = take(round == 0);
            assert!(!block.is_null(), "there is room");
        }
        assert!(take(false).is_null(), "there is none");
        for index in 0..N {
            // In order, backwards, and by steps that meet every block.
            let index = match round {
                0 => index,
                1 => N - 1 - index,
                _ => index * 7 % N,
            };
            // SAFETY: the pool is the caller's, and the block was taken from it above.
            let freed = unsafe { gives.time(pool, held[index], S::give) };
            assert!(!freed.is_null(), "what was taken goes back");
        }
    }
    [fresh, takes, gives]
}

/// Prints a line; returns the worst.
fn show(name: &str, what: &str, block_count: usize, costs: Costs) -> u32 {
    let mean = costs.mean_hundredths();
    println!(
        "pool {name} {what} blocks={block_count} calls={} mean={}.{:02} max={}",
        costs.count,
        mean / 100,
        mean % 100,
        costs.max
    );
    costs.max
}

/// The worst take and the worst drop of a typed pool.
#[inline(never)]
fn typed<const WORDS: usize, const N: usize, A: Access>(
    name: &str,
    pool: &Pool<Words<WORDS>, N, A>,
) -> [u32; 2] {
    let [fresh, takes, gives] = drive::<_, N>(pool);
    let stats = pool.stats();
    assert!(stats.used_count == 0 && stats.peak_count == N, "all came back");
    let fresh = show(name, "take-fresh", N, fresh);
    [fresh.max(show(name, "take", N, takes)), show(name, "drop", N, gives)]
}

/// The worst allocate and the worst free of a block pool, and what its set-up costs.
#[inline(never)]
fn blocks<const N: usize, A: Access>(
    name: &str,
    block_bytes: usize,
    memory: &'static mut [MaybeUninit<u8>],
) -> [u32; 3] {
    let shape = Shape::new(block_bytes, N).expect("a shape");
    let mut pool = BlockPool::<A>::new();
    let start = counter::instructions();
    let live = pool.init_static(memory, shape);
    let init = counter::instructions() - start;
    assert!(live.is_ok(), "there is room");
    println!("pool {name} init blocks={N} instructions={init}");
    let [fresh, takes, gives] = drive::<_, N>(&raw const pool);
    let fresh = show(name, "allocate-fresh", N, fresh);
    // What is refused goes through the same checks, and then is counted by kind.
    let mut refused = Costs::new();
    let pool_ptr = (&raw const pool).cast();
    let block = pool.allocate().map_or(null_mut(), NonNull::as_ptr);
    for wrong in [block.wrapping_add(4), (&raw const pool).cast_mut().cast(), block, block] {
        let is_right = wrong == block && pool.stats().used_count == 1;
        let costs = if is_right { &mut Costs::new() } else { &mut refused };
        // SAFETY: the pool of above, which takes any pointer that is not null.
        let freed = unsafe { costs.time(pool_ptr, wrong, BlockPool::<A>::give) };
        assert!(freed.is_null() != is_right, "refused what is wrong, and nothing else");
    }
    assert!(pool.stats().refused.total_count() == 3, "each was counted");
    show(name, "refuse", N, refused);
    assert!(pool.deinit_mut().is_ok(), "nothing is in use");
    [fresh.max(show(name, "allocate", N, takes)), show(name, "free", N, gives), init]
}

/// Memory for one pool after the other: the next starts when the last one ended.
fn memory() -> &'static mut [MaybeUninit<u8>] {
    const LEN: usize = 40 * 1024;
    let [_, psram, _] = board::memory::regions();
    let start = psram.memory().cast::<MaybeUninit<u8>>();
    // SAFETY: the linker keeps this range free, and one pool at a time has it.
    unsafe { NonNull::slice_from_raw_parts(start, LEN).as_mut() }
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    let mut is_good = true;
    let mut hold = |worst: [u32; 2], limit: u32, what: &str| {
        if worst.iter().any(|&worst| worst > limit) {
            println!("failed: {what} costs {worst:?}, more than {limit}");
            is_good = false;
        }
    };
    hold(typed::<2, 64, Single>("8B", &Pool::new()), BOX_LIMIT, "a typed pool");
    hold(typed::<3, 64, Single>("12B", &Pool::new()), BOX_LIMIT, "a typed pool");
    let once = typed::<16, 64, Single>("64B", &Pool::new());
    hold(once, BOX_LIMIT, "a typed pool");
    hold(typed::<16, 128, Single>("64B", &Pool::new()), BOX_LIMIT, "twice the blocks");
    hold(typed::<16, 256, Single>("64B", &Pool::new()), BOX_LIMIT, "four times the blocks");
    hold(typed::<250, 16, Single>("1000B", &Pool::new()), BOX_LIMIT, "a typed pool");
    hold(typed::<1024, 4, Single>("4096B", &Pool::new()), BOX_LIMIT, "a typed pool");
    typed::<16, 64, Critical>("64B-critical", &Pool::new());

    let sizes = [
        blocks::<128, Single>("32B-checked", 32, memory()),
        blocks::<256, Single>("32B-checked", 32, memory()),
        blocks::<512, Single>("32B-checked", 32, memory()),
        blocks::<1024, Single>("32B-checked", 32, memory()),
    ];
    for worst in sizes {
        hold([worst[1], 0], RAW_LIMIT, "a checked free");
    }
    for pair in sizes.windows(2) {
        hold([pair[1][0], 0], pair[0][0], "an allocate of twice the blocks");
        if HAS_DIVISION {
            hold([pair[1][1], 0], pair[0][1], "a free of twice the blocks");
        }
        hold([pair[1][2], 0], 2 * pair[0][2], "setting up twice the blocks");
    }
    blocks::<100, Single>("100B-checked", 100, memory());
    blocks::<128, Critical>("32B-checked-critical", 32, memory());
    #[cfg(target_has_atomic = "32")]
    {
        typed::<16, 64, LockFree>("64B-lock-free", &Pool::new());
        typed::<16, 128, LockFree>("64B-lock-free", &Pool::new());
        blocks::<128, LockFree>("32B-checked-lock-free", 32, memory());
    }
    if !is_good {
        exit::failure();
    }
    println!("ok");
    exit::success();
}
