//! The list for a size, and the first set bit, on cores without a count instruction.

/// Lists below this one hold blocks of exactly their number of granules; list numbers from here on
/// belong to the second map word.
pub(super) const FIRST_LARGE: usize = 32;

/// Granules from which on there is one list for each power of two. Between, one for each 32.
pub(super) const FIRST_HUGE: usize = 256;

/// The list for free blocks of so many granules.
///
/// Exact below 32, then steps of 32 granules up to 511, then powers of two.
#[inline(always)]
pub(super) const fn list_of(granules: usize) -> usize {
    if granules < FIRST_LARGE { granules } else { large_list_of(granules) }
}

/// [`list_of`] for 32 granules and more.
#[inline(always)]
pub(super) const fn large_list_of(granules: usize) -> usize {
    if granules < FIRST_HUGE {
        return FIRST_LARGE - 1 + (granules >> 5);
    }
    // The logarithm in steps of four and of one: at most three of each, and less code than halving.
    let mut list = FIRST_LARGE - 1 + (FIRST_HUGE >> 5);
    let mut rest = granules >> FIRST_HUGE.ilog2();
    while rest >= 1 << 4 {
        rest >>= 4;
        list += 4;
    }
    while rest > 1 {
        rest >>= 1;
        list += 1;
    }
    list
}

/// The fewest granules that `list` holds.
pub(super) const fn least_granules(list: usize) -> usize {
    let linear = (list + 1).saturating_sub(FIRST_LARGE);
    if list < FIRST_LARGE {
        list
    } else if linear <= FIRST_HUGE >> 5 {
        linear << 5
    } else {
        FIRST_HUGE << (linear - (FIRST_HUGE >> 5))
    }
}

/// The number of the lowest set bit of a word that is not zero.
#[inline(always)]
pub(in crate::heap) fn lowest_bit(word: u32) -> usize {
    if cfg!(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_feature = "zbb",
        target_arch = "xtensa"
    )) {
        // An instruction or two there: ctz, or nsau of the isolated bit.
        return word.trailing_zeros() as usize;
    }
    // De Bruijn: the isolated bit shifts a sequence whose upper five bits are unique.
    const SEQUENCE: u32 = 0x077C_B531;
    static PLACES: [u8; 32] = {
        let mut places = [0; 32];
        let mut bit = 0;
        while bit < 32 {
            places[((SEQUENCE << bit) >> 27) as usize] = bit as u8;
            bit += 1;
        }
        places
    };
    let isolated = word & word.wrapping_neg();
    PLACES[(isolated.wrapping_mul(SEQUENCE) >> 27) as usize] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_lies_between_the_bounds_of_its_list() {
        let mut before = 1;
        for granules in (1..5000).chain((5000..1 << 24).step_by(4093)) {
            let list = list_of(granules);
            assert!(list >= before, "{granules} goes back");
            assert!(least_granules(list) <= granules && granules < least_granules(list + 1));
            assert!(list < 64);
            before = list;
        }
    }

    #[test]
    fn the_lowest_bit_is_found_at_every_place() {
        for bit in 0..32 {
            assert_eq!(lowest_bit(1 << bit), bit);
            assert_eq!(lowest_bit(u32::MAX << bit), bit);
        }
    }
}
