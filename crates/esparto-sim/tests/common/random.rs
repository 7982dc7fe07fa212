//! Numbers that are the same every time.

/// A generator (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// Less than `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.next() % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// A number that is more often an edge than not.
    pub(crate) fn value(&mut self) -> u32 {
        match self.below(4) {
            0 => self.pick(&[0, 1, 2, 31, 32, 0x7FFF_FFFF, 0x8000_0000, u32::MAX, u32::MAX - 1]),
            1 => self.next() >> self.below(32),
            _ => self.next(),
        }
    }
}
