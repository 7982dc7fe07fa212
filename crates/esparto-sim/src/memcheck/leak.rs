//! Blocks that nothing points to any more.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::block::Blocks;
use super::finding::Leak;
use super::shadow::{NO_BLOCK, Shadow};
use crate::machine::Machine;

/// Registers whose values live on over calls: `ra` to `tp`, and the saved ones.
const KEPT_REGISTERS: [u8; 16] = [1, 2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];

/// Looks for the blocks that no register and no word outside of blocks leads to, directly or
/// through other blocks. Linear in the size of memory.
pub(super) fn find(blocks: &Blocks, shadow: &Shadow, machine: &Machine) -> Vec<Leak> {
    let mut reached: HashSet<u32> = HashSet::new();
    let mut waiting: Vec<(u32, u32)> = Vec::new();
    let mut reach = |addr: u32, waiting: &mut Vec<(u32, u32)>| {
        let Some(place) = machine.bus.place(addr) else { return };
        let Some(block) = blocks.live_at(place as u32) else { return };
        if reached.insert(block.place) {
            waiting.push((block.place, block.size_bytes));
        }
    };
    // What calls do not keep is left over from some call.
    for register in KEPT_REGISTERS {
        reach(machine.register(register), &mut waiting);
    }
    let constants = machine.constants();
    // Words that are in no block: statics, stacks, what an allocator keeps.
    let mut from = 0;
    for block in blocks.live() {
        words(machine, shadow, from, block.place, &constants)
            .for_each(|word| reach(word, &mut waiting));
        from = (block.place + block.size_bytes).next_multiple_of(4);
    }
    let end = machine.bus.memory_len_bytes() as u32;
    words(machine, shadow, from, end, &constants).for_each(|word| reach(word, &mut waiting));
    while let Some((place, size_bytes)) = waiting.pop() {
        words(machine, shadow, place.next_multiple_of(4), place + size_bytes, &[])
            .for_each(|word| reach(word, &mut waiting));
    }

    let mut leaks: BTreeMap<&[u32], (u32, u64)> = BTreeMap::new();
    for block in blocks.live().filter(|block| !reached.contains(&block.place)) {
        let (count, size) = leaks.entry(&block.allocated_by).or_default();
        *count += 1;
        *size += u64::from(block.size_bytes);
    }
    let mut leaks: Vec<Leak> = leaks
        .into_iter()
        .map(|(allocated_by, (block_count, size_bytes))| Leak {
            allocated_by: allocated_by.to_vec(),
            block_count,
            size_bytes,
        })
        .collect();
    leaks.sort_by_key(|leak| std::cmp::Reverse(leak.size_bytes));
    leaks
}

/// The words of the backing memory from one place to another that can be pointers: not zero, and
/// not left over in a block that was freed.
fn words<'m>(
    machine: &'m Machine,
    shadow: &'m Shadow,
    from: u32,
    to: u32,
    constants: &'m [Range<usize>],
) -> impl Iterator<Item = u32> + 'm {
    let bytes = machine.bus.backing().get(from as usize..to.max(from) as usize).unwrap_or_default();
    bytes
        .chunks_exact(4)
        .enumerate()
        .map(move |(k, word)| {
            (from as usize + 4 * k, u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        })
        .filter(|(place, word)| *word != 0 && shadow.get(*place, 1) != u32::from(NO_BLOCK))
        // Instructions and constants look like pointers at times, and never are to a block.
        .filter(|(place, _)| !constants.iter().any(|range| range.contains(place)))
        .map(|(_, word)| word)
}
