//! The blocks that the program told of, live and freed.

use std::collections::{BTreeMap, VecDeque};

/// Freed blocks that are remembered. Older ones are still found to be free, without their story.
const MAX_FREED: usize = 4096;

/// A block of memory, by its place in the backing memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) place: u32,
    pub(super) addr: u32,
    pub(super) size_bytes: u32,
    pub(super) owner: u16,
    /// Return addresses, innermost first.
    pub(super) allocated_by: Vec<u32>,
    pub(super) freed_by: Option<Vec<u32>>,
}

impl Block {
    fn holds(&self, place: u32) -> bool {
        self.place <= place && place - self.place < self.size_bytes.max(1)
    }
}

/// All blocks.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    live: BTreeMap<u32, Block>,
    /// Blocks that another allocator divides further; its blocks are the live ones.
    divided: BTreeMap<u32, Block>,
    freed: VecDeque<Block>,
}

impl Blocks {
    pub(super) fn add(&mut self, block: Block) {
        self.live.insert(block.place, block);
    }

    /// Takes the live block that begins at `place`, or the divided one with all that is in it.
    pub(super) fn take(&mut self, place: u32) -> Option<Block> {
        if let Some(block) = self.live.remove(&place) {
            return Some(block);
        }
        let block = self.divided.remove(&place)?;
        let end = place.saturating_add(block.size_bytes);
        self.live.retain(|place, _| !(block.place..end).contains(place));
        Some(block)
    }

    /// The live block that holds `place`, if there is one, is an allocator's memory from now on.
    pub(super) fn divide(&mut self, place: u32) {
        if let Some(at) = self.live_at(place).map(|block| block.place) {
            self.divided.extend(self.live.remove_entry(&at));
        }
    }

    /// Remembers a block that was freed.
    pub(super) fn bury(&mut self, block: Block) {
        if self.freed.len() == MAX_FREED {
            self.freed.pop_front();
        }
        self.freed.push_back(block);
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Block> {
        self.live.values()
    }

    /// The live block that holds `place`.
    pub(super) fn live_at(&self, place: u32) -> Option<&Block> {
        let (_, block) = self.live.range(..=place).next_back()?;
        block.holds(place).then_some(block)
    }

    /// The block freed last of those that held `place`.
    pub(super) fn freed_at(&self, place: u32) -> Option<&Block> {
        self.freed.iter().rev().find(|block| block.holds(place))
    }

    /// The live block nearest to `place`, if it is within `reach` bytes.
    pub(super) fn near(&self, place: u32, reach: u32) -> Option<&Block> {
        let below = self.live.range(..=place).next_back().map(|(_, block)| block);
        let above = self.live.range(place..).next().map(|(_, block)| block);
        let distance = |block: &&Block| {
            if block.place > place {
                block.place - place
            } else {
                place.saturating_sub(block.place.saturating_add(block.size_bytes))
            }
        };
        let nearest = below.into_iter().chain(above).min_by_key(distance)?;
        (distance(&nearest) <= reach).then_some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(place: u32, size_bytes: u32) -> Block {
        Block { place, addr: place, size_bytes, owner: 0, allocated_by: vec![], freed_by: None }
    }

    #[test]
    fn a_divided_block_goes_with_all_that_is_in_it() {
        let mut blocks = Blocks::default();
        blocks.add(block(100, 50));
        blocks.add(block(200, 50));
        blocks.divide(100);
        assert_eq!(blocks.live_at(120), None);
        blocks.add(block(100, 10));
        blocks.add(block(140, 10));
        // The inner block first, then the one around it.
        assert_eq!(blocks.take(100).map(|block| block.size_bytes), Some(10));
        assert_eq!(blocks.take(100).map(|block| block.size_bytes), Some(50));
        assert_eq!(blocks.live().map(|block| block.place).collect::<Vec<_>>(), [200]);
        assert_eq!(blocks.take(100), None);
    }

    #[test]
    fn the_nearest_block_is_named_within_reach_only() {
        let mut blocks = Blocks::default();
        blocks.add(block(100, 20));
        blocks.add(block(200, 20));
        assert_eq!(blocks.near(130, 50).map(|block| block.place), Some(100));
        assert_eq!(blocks.near(190, 50).map(|block| block.place), Some(200));
        assert_eq!(blocks.near(300, 50), None);
    }
}
