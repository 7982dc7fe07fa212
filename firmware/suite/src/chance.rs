//! Chance without a library: operations from a xorshift generator (Marsaglia, 2003).

use crate::oracle::Op;

pub(crate) struct Chance(u32);

impl Chance {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize
    }

    /// Mostly small sizes, now and then up to `max_size`; now and then an alignment.
    pub(crate) fn op(&mut self, max_size: usize) -> Op {
        let limit = if self.next().is_multiple_of(4) { max_size } else { 64.min(max_size) };
        let size = self.next() % limit + 1;
        let align_log2 = if self.next().is_multiple_of(8) { self.next() % 8 } else { 2 } as u8;
        match self.next() % 10 {
            0..5 => Op::Allocate { size, align_log2 },
            5..8 => Op::Deallocate { index: self.next() },
            _ => Op::Resize { index: self.next(), size },
        }
    }
}
