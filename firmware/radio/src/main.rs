//! What esp-radio's C libraries ask of the program's allocator, asked from C.
//!
//! Prints a line for each part and `ok`.
#![no_std]
#![no_main]

use board_virt::{exit, memory, println};
use esparto::{Heap, Memory};

#[global_allocator]
static MEMORY: Memory<4> = Memory::new();

esparto_esp::radio_symbols!(MEMORY);

unsafe extern "C" {
    safe fn radio_places(internal_addr: usize, internal_len: usize) -> i32;
    safe fn radio_contents() -> i32;
    safe fn radio_sums() -> i32;
    safe fn radio_wrong() -> i32;
}

#[board_virt::entry]
fn main() -> ! {
    let [sram, psram, _] = memory::regions();
    let (internal_addr, internal_len) = (sram.start_addr(), sram.len_bytes());
    for region in [sram, psram] {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<Heap>(region) }.expect("the memory map is sound");
    }
    assert_eq!(radio_places(internal_addr, internal_len), 0);
    println!("places");
    assert_eq!(radio_contents(), 0);
    println!("contents");
    assert_eq!(radio_sums(), 0);
    println!("sums");
    let before = MEMORY.refused_free_count();
    assert_eq!(radio_wrong(), 0);
    assert_eq!(MEMORY.refused_free_count() - before, 2);
    println!("wrong");
    println!("ok");
    exit::success()
}
