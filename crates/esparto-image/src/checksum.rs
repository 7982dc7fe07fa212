//! The checksum: XXH32 over stripes of four words.
//!
//! A table-driven CRC-32 costs a small core some ten instructions a byte; this costs two, by whole
//! words. Every step of a lane is invertible, so damage within one word of the input is found with
//! certainty, other damage but for one case in 2^32.

use crate::wire::STRIPE_BYTES;

const PRIME_1: u32 = 0x9E37_79B1;
const PRIME_2: u32 = 0x85EB_CA77;
const PRIME_3: u32 = 0xC2B2_AE3D;
const PRIME_5: u32 = 0x1656_67B1;

#[inline(always)]
const fn round(lane: u32, word: u32) -> u32 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2)).rotate_left(13).wrapping_mul(PRIME_1)
}

/// A checksum over data that passes by: the XXH32 with seed 0 of a multiple of 16 bytes.
///
/// ```
/// let mut checksum = esparto_image::Checksum::new();
/// checksum.stripe([1, 2, 3, 4]);
/// assert_ne!(checksum.finish(), esparto_image::Checksum::new().finish());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Checksum {
    lanes: [u32; 4],
    len_bytes: u32,
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksum {
    /// The checksum of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lanes: [PRIME_1.wrapping_add(PRIME_2), PRIME_2, 0, 0_u32.wrapping_sub(PRIME_1)],
            len_bytes: 0,
        }
    }

    /// Takes in four words, each the little-endian value of four bytes.
    #[inline(always)]
    pub fn stripe(&mut self, words: [u32; 4]) {
        // Written out: a loop over the lanes stays one where the compiler optimises for size.
        let [first, second, third, fourth] = self.lanes;
        self.lanes = [
            round(first, words[0]),
            round(second, words[1]),
            round(third, words[2]),
            round(fourth, words[3]),
        ];
        self.len_bytes = self.len_bytes.wrapping_add(STRIPE_BYTES as u32);
    }

    /// The checksum of words, whole stripes of them.
    #[must_use]
    pub fn of(words: &[u32]) -> u32 {
        let mut checksum = Self::new();
        checksum.words(words);
        checksum.finish()
    }

    /// Takes in words; what does not fill a stripe at the end is left out, so give whole stripes.
    #[inline(never)]
    pub fn words(&mut self, words: &[u32]) {
        for stripe in words.as_chunks::<4>().0 {
            self.stripe(*stripe);
        }
    }

    /// Takes in bytes; what does not fill a stripe at the end is left out, so give whole stripes.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        for stripe in bytes.as_chunks::<STRIPE_BYTES>().0 {
            let (words, _) = stripe.as_chunks::<4>();
            self.stripe([
                u32::from_le_bytes(words[0]),
                u32::from_le_bytes(words[1]),
                u32::from_le_bytes(words[2]),
                u32::from_le_bytes(words[3]),
            ]);
        }
    }

    /// The checksum of what came in.
    #[must_use]
    pub const fn finish(&self) -> u32 {
        let mut sum = if self.len_bytes == 0 {
            PRIME_5
        } else {
            self.lanes[0]
                .rotate_left(1)
                .wrapping_add(self.lanes[1].rotate_left(7))
                .wrapping_add(self.lanes[2].rotate_left(12))
                .wrapping_add(self.lanes[3].rotate_left(18))
        };
        sum = sum.wrapping_add(self.len_bytes);
        sum ^= sum >> 15;
        sum = sum.wrapping_mul(PRIME_2);
        sum ^= sum >> 13;
        sum = sum.wrapping_mul(PRIME_3);
        sum ^ (sum >> 16)
    }

    /// The checksum of `bytes`, whose length is a multiple of 16, with the four bytes at `hole`
    /// (a multiple of 4) taken as zero: where the checksum itself is written.
    #[must_use]
    pub fn around(bytes: &[u8], hole: usize) -> u32 {
        let mut checksum = Self::new();
        let hole_stripe = hole / STRIPE_BYTES * STRIPE_BYTES;
        let (before, rest) = bytes.split_at(hole_stripe.min(bytes.len()));
        checksum.bytes(before);
        if let Some((stripe, after)) = rest.split_first_chunk::<STRIPE_BYTES>() {
            let mut stripe = *stripe;
            stripe[hole - hole_stripe..][..4].fill(0);
            checksum.bytes(&stripe);
            checksum.bytes(after);
        }
        checksum.finish()
    }
}
