//! Allocation.

use core::ptr::null_mut;

use super::Preset;
use super::bits::{FIRST_HUGE, FIRST_LARGE, large_list_of, list_of, lowest_bit};
use super::control::{Control, LARGE_MAP, LIVE, MOST, ROOMY, SMALL_MAP};

impl<P: Preset> Control<P> {
    /// Where large blocks are placed low, those from this size on are taken off the start of a free one, with
    /// room to grow behind them, and move to get it; the others are taken off the end.
    const START_LIMIT: usize = 3 * FIRST_LARGE / 2 * Self::GRANULE;
    /// And from this size on the lower of two free blocks is taken.
    const LOW_LIMIT: usize = 3 * FIRST_LARGE * Self::GRANULE;
    /// So many times its size is much room for a block to grow in.
    const MUCH_ROOM: usize = 16;
    /// With a cache, blocks to this size take in what is free in front of them before they look for room
    /// elsewhere: they are carried again for less than that costs.
    const SHORT: usize = Self::rounded_up(24);

    /// Takes a block for `size` bytes out of the lists, of which the one `LEAD` bytes from the start, a
    /// multiple of the granule, is aligned.
    ///
    /// # Safety
    /// The heap is initialized; `align` is a power of two.
    #[inline(always)]
    pub(super) unsafe fn take<const LEAD: usize>(self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: (list invariant) heads lead to free blocks of the list's size; a free block has
        // live neighbours, so the tag behind it becomes `LIVE`.
        unsafe {
            let taken = self.footprint(size);
            if size < Self::SMALL_LIMIT {
                let granules = taken / Self::GRANULE;
                let head = self.small_head(taken);
                let block = self.link(head);
                if !self.is_none(block) && (block.addr() + LEAD) & (align - 1) == 0 {
                    self.pop(block, head, granules, SMALL_MAP);
                    self.set_tag(block, LIVE);
                    self.set_tag(block.add(taken), LIVE);
                    return block;
                }
                if align <= Self::GRANULE {
                    // The smallest blocks of the lists are often left over, and fit few sizes.
                    if !Self::HAS_CACHE && taken == Self::LISTED - Self::GRANULE {
                        let head = self.small_head(Self::LISTED);
                        let block = self.link(head);
                        if !self.is_none(block) {
                            self.pop(block, head, Self::LISTED / Self::GRANULE, SMALL_MAP);
                            self.set_tag(block.add(Self::LISTED), LIVE);
                            self.place_crumb(block, Self::GRANULE);
                            return block.add(Self::GRANULE);
                        }
                    }
                    // The next list whose blocks leave a rest that has a list itself.
                    let lists = u32::MAX << (Self::LISTED / Self::GRANULE);
                    let map = self.word(SMALL_MAP) & lists.wrapping_shl(granules as u32);
                    if map != 0 {
                        let list = lowest_bit(map);
                        let head = self.head(list);
                        let block = self.link(head);
                        self.pop(block, head, list, SMALL_MAP);
                        let rest = list * Self::GRANULE - taken;
                        self.set_tag(block.add(rest + taken), LIVE);
                        self.place_listed(block, rest);
                        return block.add(rest);
                    }
                    return self.take_end::<LEAD>(taken);
                }
            } else if align <= Self::GRANULE {
                return self.take_large::<LEAD>(taken);
            }
            if Self::HAS_CACHE && self.is_scarce() {
                return self.take_drained_aligned::<LEAD>(taken, align);
            }
            self.take_aligned::<LEAD>(taken, align)
        }
    }

    /// Takes `size` bytes, fewer than a large block has, off the end of a large one. So small and large
    /// blocks gather at different ends of what is free, and large ones have room to grow behind them.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(always)]
    unsafe fn take_end<const LEAD: usize>(self, size: usize) -> *mut u8 {
        // SAFETY: (list invariant) as for `take`; behind the block something live begins.
        unsafe {
            let map = self.word(LARGE_MAP);
            if Self::HAS_CACHE {
                if map & self.word(ROOMY) == 0 {
                    return self.take_drained::<LEAD>(size);
                }
                self.note_room();
            }
            if map == 0 {
                return self.take_probed::<LEAD>(size, 0, Self::list_below(size));
            }
            let list = FIRST_LARGE + lowest_bit(map);
            let head = self.head(list);
            let block = self.link(head);
            self.cut_end(block, head, list, size)
        }
    }

    /// Takes `size` bytes off the end of a large block.
    ///
    /// # Safety
    /// The block is no shorter, and the first of `list`, whose head is at `head`.
    #[inline(always)]
    unsafe fn cut_end(self, block: *mut u8, head: *mut u8, list: usize, size: usize) -> *mut u8 {
        // SAFETY: (list invariant) as for `take`; behind the block something live begins.
        unsafe {
            let found = self.large_size(block);
            let rest = found - size;
            self.set_tag(block.add(found), LIVE);
            if Self::is_same_huge_list(rest, found) {
                self.resize(block, rest);
                return block.add(rest);
            }
            self.pop(block, head, list, LARGE_MAP);
            if rest == 0 {
                self.set_tag(block, LIVE);
                return block;
            }
            self.place_apart(block, rest, rest.wrapping_neg())
        }
    }

    /// The list from which a small request probes: rests of blocks barely larger have no list, so
    /// [`take`](Self::take) passed over theirs.
    const fn list_below(size: usize) -> usize {
        (size + Self::LISTED) / Self::GRANULE - 1
    }

    /// Takes `size` bytes, as many as a large block has, off the start of one, or off its end when they are
    /// few.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(always)]
    unsafe fn take_large<const LEAD: usize>(self, size: usize) -> *mut u8 {
        // SAFETY: (list invariant) as for `take`; no list is for blocks larger than `MOST`; behind the
        // block something live begins.
        unsafe {
            let granules = size / Self::GRANULE;
            if granules >= FIRST_HUGE && size > self.word(MOST) as usize {
                return null_mut();
            }
            let mut list = large_list_of(granules);
            let mut head = self.head(list);
            let mut block = self.link(head);
            if self.is_none(block) || self.large_size(block) < size {
                let map = self.word(LARGE_MAP);
                if Self::HAS_CACHE {
                    if map & self.word(ROOMY) == 0 {
                        return self.take_drained::<LEAD>(size);
                    }
                    self.note_large(size);
                }
                let map = map & (u32::MAX << 1).wrapping_shl(list as u32);
                if map == 0 {
                    return self.take_probed::<LEAD>(size, 0, list);
                }
                list = FIRST_LARGE + lowest_bit(map);
                head = self.head(list);
                block = self.link(head);
                // Taken low, large blocks leave what is free in one piece; the next list says where else.
                let map = map & (map - 1);
                if Self::LOW_FIRST && size >= Self::LOW_LIMIT && map != 0 {
                    let other_list = FIRST_LARGE + lowest_bit(map);
                    let other_head = self.head(other_list);
                    let other = self.link(other_head);
                    if other < block {
                        (list, head, block) = (other_list, other_head, other);
                    }
                }
            }
            if Self::LOW_FIRST && size < Self::START_LIMIT {
                return self.cut_end(block, head, list, size);
            }
            let rest = self.large_size(block) - size;
            self.set_tag(block, LIVE);
            self.pop(block, head, list, LARGE_MAP);
            if rest != 0 {
                return self.place_apart(block.add(size), rest, size);
            }
            self.set_tag(block.add(size), LIVE);
            block
        }
    }

    /// The large lists, as a part of their map, to whose blocks one of `old` bytes should rather move than
    /// stay: for `size` bytes clear of the bits of `gap`, with room behind them. None where
    /// [`take`](Self::take) looks for room anyway, for gaps that are large themselves, and when memory is
    /// scarce: then an allocation empties the cache.
    ///
    /// `slides` says that the block could also take in what is free around it.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(always)]
    pub(super) unsafe fn roomy_lists(
        self,
        old: usize,
        size: usize,
        gap: usize,
        slides: bool,
    ) -> u32 {
        // SAFETY: as promised; no list is for blocks larger than `MOST`.
        unsafe {
            if Self::HAS_CACHE && self.is_scarce() {
                return 0;
            }
            let mut sure = size + gap;
            if slides && Self::LOW_FIRST {
                // To slide fills a hole, and is to be done again at the next step: only much room is worth more.
                if old < Self::START_LIMIT || size > self.word(MOST) as usize / Self::MUCH_ROOM {
                    return 0;
                }
                sure = size * Self::MUCH_ROOM;
            } else if slides && old <= Self::SHORT {
                return 0;
            } else if sure < FIRST_LARGE * Self::GRANULE {
                return self.word(LARGE_MAP);
            } else if gap == 0 || size > self.word(MOST) as usize {
                return 0;
            }
            if gap > Self::SMALL_LIMIT {
                return 0;
            }
            let list = large_list_of(sure / Self::GRANULE);
            self.word(LARGE_MAP) & (u32::MAX << 1).wrapping_shl(list as u32)
        }
    }

    /// Takes `size` bytes clear of the bits of `gap` off the start of a large block, so that they have room
    /// to grow.
    ///
    /// # Safety
    /// `lists` are some of [`roomy_lists`](Self::roomy_lists).
    #[inline(never)]
    pub(super) unsafe fn take_roomy(self, lists: u32, size: usize, gap: usize) -> *mut u8 {
        // SAFETY: (list invariant) as for `take`; behind the block something live begins.
        unsafe {
            let list = FIRST_LARGE + lowest_bit(lists);
            let head = self.head(list);
            let block = self.link(head);
            let found = self.large_size(block);
            let front = block.addr().wrapping_neg() & gap;
            let rest = found - front - size;
            self.pop(block, head, list, LARGE_MAP);
            let block = if front == 0 {
                self.set_tag(block, LIVE);
                block
            } else {
                self.place_small(block, front);
                block.add(front)
            };
            if rest == 0 {
                self.set_tag(block.add(size), LIVE);
                return block;
            }
            self.place_apart(block.add(size), rest, size)
        }
    }

    /// Takes `size` bytes, aligned to more than a granule.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[inline(never)]
    pub(super) unsafe fn take_aligned<const LEAD: usize>(
        self,
        size: usize,
        align: usize,
    ) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.take_fitting::<LEAD>(size, align - Self::GRANULE) }
    }

    /// Takes `size` bytes, clear of the bits of `gap`, out of the first block of a list that has only such
    /// as fit, wherever they lie.
    ///
    /// # Safety
    /// As for [`take`](Self::take); `gap` is an alignment less a granule.
    #[inline(always)]
    pub(super) unsafe fn take_fitting<const LEAD: usize>(self, size: usize, gap: usize) -> *mut u8 {
        // SAFETY: (list invariant) as for `take`.
        unsafe {
            // Whatever is this long fits, wherever it lies. A layout's size and alignment together do
            // not overflow.
            let sure = (size + gap) / Self::GRANULE;
            let mut list = sure;
            let mut map = 0;
            let mut larger = u32::MAX;
            if sure < FIRST_LARGE {
                map = self.word(SMALL_MAP) & (u32::MAX << sure);
            } else {
                let most = self.word(MOST) as usize;
                if size > most || gap > most {
                    return null_mut();
                }
                list = large_list_of(sure.min(most / Self::GRANULE));
                let block = self.link(self.head(list));
                if !self.is_none(block) && self.large_size(block) >= size + gap {
                    return self.carve_fitting::<LEAD>(block, size, gap);
                }
                larger = (u32::MAX << 1).wrapping_shl(list as u32);
            }
            let mut first = 0;
            if map == 0 {
                first = FIRST_LARGE;
                map = self.word(LARGE_MAP) & larger;
                if map == 0 {
                    return self.take_probed::<LEAD>(size, gap, list);
                }
            }
            let block = self.link(self.head(first + lowest_bit(map)));
            self.carve_fitting::<LEAD>(block, size, gap)
        }
    }

    /// Takes `size` bytes, clear of the bits of `gap`, out of a free block in which they fit: at its end,
    /// or a little in front of it. Aligned blocks side by side would leave a crumb behind each; so now and
    /// then one leaves a block that others can use.
    ///
    /// # Safety
    /// The block is listed, and [`fit`](Self::fit) says that they do.
    #[inline(never)]
    unsafe fn carve_fitting<const LEAD: usize>(
        self,
        block: *mut u8,
        size: usize,
        gap: usize,
    ) -> *mut u8 {
        // SAFETY: as promised; the list exists, since what is behind has less than a large block.
        unsafe {
            let found = self.size(block, self.tag(block));
            let mut taken = Self::fit::<LEAD>(block, found, size, gap);
            let front = taken.addr() - block.addr();
            let behind = found - size - front;
            let more = gap + Self::GRANULE;
            if behind != 0
                && behind < Self::LISTED
                && more <= front.min(FIRST_LARGE / 2 * Self::GRANULE)
                && self.is_none(self.link(self.small_head(behind + more)))
            {
                taken = taken.sub(more);
            }
            self.carve(block, found, taken, size)
        }
    }

    /// Takes `size` bytes at `taken` out of a free block of `found` bytes.
    ///
    /// # Safety
    /// The block is listed and so long, and they are inside it.
    #[inline(never)]
    unsafe fn carve(self, block: *mut u8, found: usize, taken: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the block is free; as promised, all pieces lie inside it; its neighbours are live.
        unsafe {
            let mut front = taken.addr() - block.addr();
            let behind = found - size - front;
            self.set_tag(block.add(found), LIVE);
            if Self::is_same_huge_list(front, found) {
                self.resize(block, front);
                front = 0;
            } else {
                self.unlink(block);
                self.set_tag(taken, LIVE);
            }
            if behind != 0 {
                // Seldom large, since it is shorter than the alignment.
                if behind < FIRST_LARGE * Self::GRANULE {
                    self.place_small(taken.add(size), behind);
                } else {
                    self.place_apart(taken.add(size), behind, 0);
                }
            }
            if front != 0 {
                return self.place_apart(block, front, front.wrapping_neg());
            }
            taken
        }
    }

    /// The highest place in a free block for `size` bytes, clear of the bits of `gap`. Below
    /// `block` when there is none.
    #[inline(always)]
    fn fit<const LEAD: usize>(block: *mut u8, found: usize, size: usize, gap: usize) -> *mut u8 {
        let last = block.wrapping_add(found).wrapping_sub(size);
        last.map_addr(|addr| ((addr.wrapping_add(LEAD)) & !gap).wrapping_sub(LEAD))
    }

    /// Takes `size` bytes when no list is sure to hold a block for them.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    #[cold]
    #[inline(never)]
    unsafe fn take_probed<const LEAD: usize>(
        self,
        size: usize,
        gap: usize,
        list: usize,
    ) -> *mut u8 {
        // SAFETY: passed on; the probe finds what fits.
        unsafe {
            match self.probe::<LEAD>(size, gap, list) {
                Some((block, found, taken)) => self.carve(block, found, taken, size),
                None => null_mut(),
            }
        }
    }

    /// The list from which [`take`](Self::take) and
    /// [`take_aligned`](Self::take_aligned) probe for a request.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    pub(super) unsafe fn probe_from(self, size: usize, gap: usize) -> usize {
        if gap == 0 && size < FIRST_LARGE * Self::GRANULE {
            return Self::list_below(size);
        }
        // SAFETY: passed on.
        list_of((size + gap).min(unsafe { self.word(MOST) } as usize) / Self::GRANULE)
    }

    /// Looks for a free block in which `size` bytes fit, clear of the bits of `gap`, when all
    /// blocks may be too small: from `list` down, and no further than [`Preset::PROBE_COUNT`]. Returns the
    /// block, its length and the place in it.
    ///
    /// # Safety
    /// As for [`take`](Self::take); the list exists.
    #[inline(always)]
    pub(super) unsafe fn probe<const LEAD: usize>(
        self,
        size: usize,
        gap: usize,
        mut list: usize,
    ) -> Option<(*mut u8, usize, *mut u8)> {
        // One fewer for an aligned request, whose rest of the way is longer.
        let mut probes = P::PROBE_COUNT - usize::from(gap != 0);
        // SAFETY: (list invariant) heads lead to free blocks.
        unsafe {
            while list != 0 {
                let mut is_last = false;
                let mut block = self.link(self.head(list));
                while !self.is_none(block) {
                    let found = self.size(block, self.tag(block));
                    let place = Self::fit::<LEAD>(block, found, size, gap);
                    if place.addr() >= block.addr() {
                        return Some((block, found, place));
                    }
                    probes = probes.checked_sub(1)?;
                    // Whatever is in the lists below is smaller still.
                    is_last |= found < size;
                    block = self.link(block);
                }
                if is_last {
                    return None;
                }
                probes = probes.checked_sub(1)?;
                list -= 1;
            }
            None
        }
    }
}
