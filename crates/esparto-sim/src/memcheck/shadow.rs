//! What each byte of memory may be used for.

/// Anything: memory that no allocator spoke of, or bytes that were written.
pub(super) const FREE_USE: u8 = 0;
/// An allocator's, and in no block.
pub(super) const NO_BLOCK: u8 = 1;
/// In a block, never written.
pub(super) const UNWRITTEN: u8 = 2;
/// Of an overlay that was evicted.
pub(super) const EVICTED: u8 = 3;

/// A state for each byte of the backing memory.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    states: Vec<u8>,
}

impl Shadow {
    /// States for at least `len` bytes.
    pub(super) fn cover(&mut self, len: usize) {
        if self.states.is_empty() {
            self.states = vec![FREE_USE; len];
        }
    }

    /// The states of `size` bytes, one a byte, the first the lowest; states beyond the end are
    /// free.
    #[inline]
    pub(super) fn get(&self, place: usize, size: usize) -> u32 {
        match self.states.get(place..place + size) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            Some(states) => states.iter().rev().fold(0, |sum, state| sum << 8 | u32::from(*state)),
            None => 0,
        }
    }

    /// Sets `size` bytes to `state`.
    pub(super) fn fill(&mut self, place: usize, size: usize, state: u8) {
        let end = place.saturating_add(size).min(self.states.len());
        if let Some(states) = self.states.get_mut(place..end) {
            states.fill(state);
        }
    }

    /// The bytes of `undefined` that are not zero were not written, the others were.
    #[inline]
    pub(super) fn write(&mut self, place: usize, size: usize, undefined: u32) {
        let Some(states) = self.states.get_mut(place..place + size) else { return };
        for (k, state) in states.iter_mut().enumerate() {
            *state = if undefined >> (8 * k) & 0xFF != 0 { UNWRITTEN } else { FREE_USE };
        }
    }

    /// Copies the states of `size` bytes.
    pub(super) fn copy(&mut self, from: usize, to: usize, size: usize) {
        if from.max(to).saturating_add(size) <= self.states.len() {
            self.states.copy_within(from..from + size, to);
        }
    }
}
