//! Blocks that are written, read, grown, shared and freed as they should be.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use board_virt::{exit, println};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Padded {
    small: u8,
    large: u32,
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let mut numbers = Vec::new();
    for number in 0..500u32 {
        numbers.push(Padded { small: number as u8, large: number });
    }
    let copies = numbers.clone();
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for number in &copies {
        *words.entry(alloc::format!("word {}", number.small % 40)).or_default() += 1;
    }
    println!("{} words, {} numbers, equal {}", words.len(), copies.len(), copies == numbers);
    println!("ok");
    drop((numbers, copies, words));
    exit::success()
}
