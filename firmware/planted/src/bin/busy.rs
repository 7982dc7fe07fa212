//! Allocates and frees most of the time, every block told of: for what telling and checking cost.
//! There is no error in it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use board_virt::{exit, println};

const ROUNDS: u32 = 400;

/// One round of work: words counted, kept for some rounds, joined.
fn round(number: u32, kept: &mut Vec<BTreeMap<String, Vec<u32>>>) -> usize {
    let mut words: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for k in 0..40 {
        let mut word = String::new();
        write!(word, "{}-{}", number % 7, k * k % 17).expect("there is memory");
        words.entry(word).or_default().push(k);
    }
    let total = words.iter().map(|(word, places)| word.len() * places.len()).sum();
    kept.push(words);
    if kept.len() > 2 {
        kept.remove((number % 2) as usize);
    }
    total
}

#[board_virt::entry]
fn main() -> ! {
    planted::start();
    let mut kept = Vec::new();
    let total: usize = (0..ROUNDS).map(|number| round(number, &mut kept)).sum();
    println!("{total}");
    drop(kept);
    exit::success()
}
