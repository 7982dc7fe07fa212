//! The controller of external interrupts: a PLIC, as far as one hart in machine mode sees it.

use crate::bus::Stored;

/// Sources have the numbers 1 to 63; 0 is none.
const SOURCE_COUNT: usize = 64;
/// Three bits of priority, and no others are kept; 0 is never.
const MAX_PRIORITY: u32 = 7;

const PENDING: u32 = 0x1000;
const ENABLE: u32 = 0x2000;
const THRESHOLD: u32 = 0x20_0000;
const CLAIM: u32 = 0x20_0004;

/// A controller whose sources hold a line for as long as they want something.
#[derive(Debug)]
pub(crate) struct Plic {
    priorities: [u32; SOURCE_COUNT],
    threshold: u32,
    // One bit for each source.
    enabled: u64,
    lines: u64,
    pending: u64,
    claimed: u64,
}

impl Default for Plic {
    fn default() -> Self {
        Self {
            priorities: [0; SOURCE_COUNT],
            threshold: 0,
            enabled: 0,
            lines: 0,
            pending: 0,
            claimed: 0,
        }
    }
}

impl Plic {
    /// Source `number` holds its line, or lets go. A request that was made stays until it is
    /// claimed.
    pub(crate) fn set_line(&mut self, number: u32, is_held: bool) {
        let bit = 1 << number;
        self.lines = self.lines & !bit | u64::from(is_held) << number;
        self.pending |= self.lines & bit & !self.claimed;
    }

    /// Is there something for the hart?
    pub(crate) fn is_pending(&self) -> bool {
        self.most_urgent().is_some_and(|number| self.priorities[number] > self.threshold)
    }

    /// The source to be claimed next: of the highest priority, and of those the lowest number.
    fn most_urgent(&self) -> Option<usize> {
        let waiting = self.pending & self.enabled;
        (1..SOURCE_COUNT)
            .filter(|&number| waiting >> number & 1 != 0 && self.priorities[number] > 0)
            .max_by_key(|&number| (self.priorities[number], SOURCE_COUNT - number))
    }

    pub(crate) fn load(&mut self, offset: u32, size_bytes: u32) -> Option<u32> {
        if size_bytes != 4 {
            return None;
        }
        Some(match offset {
            CLAIM => match self.most_urgent() {
                Some(number) => {
                    self.pending &= !(1 << number);
                    self.claimed |= 1 << number;
                    number as u32
                }
                None => 0,
            },
            THRESHOLD => self.threshold,
            PENDING => self.pending as u32,
            0x1004 => (self.pending >> 32) as u32,
            ENABLE => self.enabled as u32,
            0x2004 => (self.enabled >> 32) as u32,
            _ => self.priorities.get(offset as usize / 4).copied().unwrap_or(0),
        })
    }

    pub(crate) fn store(&mut self, offset: u32, value: u32, size_bytes: u32) -> Option<Stored> {
        if size_bytes != 4 {
            return None;
        }
        let wide = u64::from(value);
        match offset {
            // Done with it: a line that is still held asks again.
            CLAIM if (value as usize) < SOURCE_COUNT => {
                self.claimed &= !(1 << value);
                self.pending |= self.lines & 1 << value;
            }
            THRESHOLD => self.threshold = value & MAX_PRIORITY,
            // Source 0 is none.
            ENABLE => self.enabled = self.enabled >> 32 << 32 | wide & !1,
            0x2004 => self.enabled = self.enabled & 0xFFFF_FFFF | wide << 32,
            4..PENDING => {
                if let Some(priority) = self.priorities.get_mut(offset as usize / 4) {
                    *priority = value & MAX_PRIORITY;
                }
            }
            _ => {}
        }
        Some(Stored::Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plic(sources: &[(u32, u32)]) -> Plic {
        let mut plic = Plic::default();
        for (number, priority) in sources {
            plic.store(4 * number, *priority, 4);
            plic.set_line(*number, true);
        }
        plic.store(ENABLE, u32::MAX, 4);
        plic
    }

    #[test]
    fn the_most_urgent_is_claimed_first_and_of_equals_the_lowest() {
        let mut plic = plic(&[(3, 1), (6, 5), (10, 5), (12, 0)]);
        assert!(plic.is_pending());
        let claims = [(); 4].map(|()| plic.load(CLAIM, 4));
        assert_eq!(claims, [Some(6), Some(10), Some(3), Some(0)]);
        assert!(!plic.is_pending());
    }

    #[test]
    fn a_line_that_is_held_asks_again_after_it_is_completed() {
        let mut plic = plic(&[(6, 1)]);
        assert_eq!(plic.load(CLAIM, 4), Some(6));
        assert!(!plic.is_pending());
        plic.store(CLAIM, 6, 4);
        assert!(plic.is_pending());
        assert_eq!(plic.load(CLAIM, 4), Some(6));
        plic.set_line(6, false);
        plic.store(CLAIM, 6, 4);
        assert!(!plic.is_pending());
    }

    #[test]
    fn the_threshold_hides_from_the_hart_but_not_from_a_claim() {
        let mut plic = plic(&[(6, 3)]);
        plic.store(THRESHOLD, 3, 4);
        assert!(!plic.is_pending());
        assert_eq!(plic.load(CLAIM, 4), Some(6));
    }

    #[test]
    fn what_is_no_register_is_harmless() {
        let mut plic = plic(&[]);
        for offset in [0, 0x100, 0xFFC, 0x1008, 0x2008, 0x20_0008] {
            assert_eq!(plic.load(offset, 4), Some(0), "{offset:#x}");
            assert_eq!(plic.store(offset, u32::MAX, 4), Some(Stored::Stop), "{offset:#x}");
        }
        assert_eq!(plic.store(CLAIM, u32::MAX, 4), Some(Stored::Stop));
        assert_eq!((plic.load(CLAIM, 1), plic.store(CLAIM, 0, 2)), (None, None));
    }
}
