//! What the C names do, by the functions behind them: the names themselves would be this machine's
//! own `malloc`. The test of the core calls them from C.

use std::mem::MaybeUninit;
use std::ptr::null_mut;

use esparto::{Caps, Heap, Memory, Policy};
use esparto_esp::{AddError, add, allocate, allocate_zeroed, deallocate, free_bytes, resize};

const INTERNAL: Policy = Policy::require(Caps::INTERNAL);

fn stretch(len_bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    Box::leak(vec![MaybeUninit::uninit(); len_bytes].into_boxed_slice())
}

fn memory() -> &'static Memory<2> {
    let memory: &'static Memory<2> = Box::leak(Box::new(Memory::new()));
    let byte = Caps::BYTE | Caps::WORD;
    memory.add_static::<Heap>("sram", stretch(8192), Caps::INTERNAL | byte).expect("sound");
    memory.add_static::<Heap>("psram", stretch(32_768), Caps::EXTERNAL | byte).expect("sound");
    memory
}

#[test]
fn blocks_come_from_where_they_may() {
    let memory = memory();
    let before_bytes = free_bytes(memory, Caps::INTERNAL);
    assert!(before_bytes > 7000);
    // Too large for internal memory: only the plain name falls back.
    assert!(allocate(memory, 10_000, INTERNAL).is_null());
    let block = allocate(memory, 10_000, Policy::ANY);
    assert!(!block.is_null());
    assert_eq!(free_bytes(memory, Caps::INTERNAL), before_bytes);
    let internal = allocate(memory, 100, INTERNAL);
    assert!(free_bytes(memory, Caps::INTERNAL) < before_bytes);
    // SAFETY: both are live, and not used any more.
    unsafe {
        deallocate(memory, block);
        deallocate(memory, internal);
    }
    assert_eq!(free_bytes(memory, Caps::INTERNAL), before_bytes);
}

#[test]
fn sums_that_overflow_are_null() {
    let memory = memory();
    let half = usize::MAX / 2 + 1;
    for (count, size) in [(2, half), (half, 2), (usize::MAX, usize::MAX), (usize::MAX, 2)] {
        assert!(allocate_zeroed(memory, count, size, INTERNAL).is_null(), "{count} * {size}");
    }
    for size in [usize::MAX, usize::MAX - 1, usize::MAX - 3, usize::MAX - 8, half] {
        assert!(allocate(memory, size, INTERNAL).is_null(), "{size}");
    }
    let block = allocate(memory, 8, INTERNAL);
    // SAFETY: a live block, which a refused growth leaves alone.
    unsafe {
        block.write_bytes(7, 8);
        assert!(resize(memory, block, usize::MAX - 2, INTERNAL).is_null());
        assert_eq!(block.read(), 7);
        deallocate(memory, block);
    }
}

#[test]
fn contents_are_zero_or_kept() {
    let memory = memory();
    // SAFETY: (all of them) blocks are used within their size, and while they are live.
    unsafe {
        let dirty = allocate(memory, 64, INTERNAL);
        dirty.write_bytes(0xA5, 64);
        deallocate(memory, dirty);
        let block = allocate_zeroed(memory, 16, 4, INTERNAL);
        assert!((0..64).all(|at| block.add(at).read() == 0));
        for at in 0..64 {
            block.add(at).write(at as u8);
        }
        let larger = resize(memory, block, 6000, INTERNAL);
        assert!((0..64).all(|at| larger.add(at).read() == at as u8));
        let smaller = resize(memory, larger, 10, INTERNAL);
        assert!((0..10).all(|at| smaller.add(at).read() == at as u8));
        assert!(resize(memory, smaller, 0, INTERNAL).is_null());
    }
}

#[test]
fn null_and_nothing_are_answered() {
    let memory = memory();
    // SAFETY: (all of them) null, live blocks, and one that is refused.
    unsafe {
        deallocate(memory, null_mut());
        let block = resize(memory, null_mut(), 24, INTERNAL);
        assert!(!block.is_null());
        deallocate(memory, block);
        let empty = allocate(memory, 0, INTERNAL);
        let other = allocate(memory, 0, INTERNAL);
        assert!(!empty.is_null() && empty != other);
        deallocate(memory, other);
        deallocate(memory, empty);
        assert_eq!(memory.refused_free_count(), 0);
        deallocate(memory, empty);
    }
    assert_eq!(memory.refused_free_count(), 1, "given back twice");
}

#[test]
fn a_stretch_that_the_chip_does_not_have_is_refused() {
    let memory: &'static Memory<2> = Box::leak(Box::new(Memory::new()));
    let chip = esparto_chips::find("esp32c3").expect("it is known");
    // This machine's addresses are no chip's.
    let error = add(memory, chip, "sram", stretch(64)).expect_err("not there");
    assert!(matches!(error, AddError::Unknown { chip: "ESP32-C3", .. }), "{error}");
    assert!(error.to_string().contains("ESP32-C3 has no memory for data at 0x"));
    assert_eq!(memory.region_count(), 0);
}
