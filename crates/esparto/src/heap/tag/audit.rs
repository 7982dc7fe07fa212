//! Looking without touching.

use super::Preset;
use super::bits::{FIRST_LARGE, least_granules, list_of};
use super::control::{AFTER_FREE, Control, LARGE, LARGE_MAP, LIVE, MOST, SMALL_MAP};
use crate::heap::{Corruption, Cursor, Extent, ExtentKind, Progress};

impl<P: Preset> Control<P> {
    /// Every listed and cached free block with its size.
    ///
    /// # Safety
    /// The heap is initialized.
    unsafe fn each(self, mut visit: impl FnMut(*mut u8, usize)) {
        // SAFETY: (list and cache invariant) heads and links lead to free and cached blocks.
        unsafe {
            for list in 1..=self.last_list() {
                let mut block = self.link(self.head(list));
                while !self.is_none(block) {
                    visit(block, self.size(block, self.tag(block)));
                    block = self.link(block);
                }
            }
            for size in (1..=Self::CACHE_LISTS).map(Self::cached_size) {
                let mut block = self.link(self.cache_head(size));
                while !self.is_none(block) {
                    visit(block, size);
                    block = self.link(block);
                }
            }
        }
    }

    /// Every block that a request can come upon, the longest first, as far as lists tell: of each list
    /// those that are looked at, the first of each cache list.
    ///
    /// # Safety
    /// The heap is initialized.
    unsafe fn each_in_reach(self, mut visit: impl FnMut(*mut u8, usize)) {
        // SAFETY: (list and cache invariant) heads and links lead to free and cached blocks.
        unsafe {
            for list in (1..=self.last_list()).rev() {
                let mut block = self.link(self.head(list));
                for _ in 0..=P::PROBE_COUNT {
                    if self.is_none(block) {
                        break;
                    }
                    visit(block, self.size(block, self.tag(block)));
                    block = self.link(block);
                }
            }
            for size in (1..=Self::CACHE_LISTS).rev().map(Self::cached_size) {
                let block = self.link(self.cache_head(size));
                if !self.is_none(block) {
                    visit(block, size);
                }
            }
        }
    }

    /// The largest size that would be granted. O(lists · alignment in granules), however many free
    /// blocks there are: the probe for a smaller size starts elsewhere, and may find what that for a
    /// larger one missed.
    ///
    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn largest(self, align: usize) -> usize {
        let gap = align.saturating_sub(Self::GRANULE);
        // SAFETY: passed on.
        if gap > unsafe { self.word(MOST) } as usize {
            // `take` refuses what is aligned to more than a stretch has bytes.
            return 0;
        }
        let mut largest = 0;
        // SAFETY: passed on; `each_in_reach` shows free blocks, of which the cached ones fit requests
        // of exactly their size.
        unsafe {
            self.each_in_reach(|block, size| {
                let start = block.addr().wrapping_add(gap) & !gap;
                let fit = (block.addr() + size).saturating_sub(start);
                let leads = |head| self.link(head).addr() == block.addr();
                let is_there = |fit: usize| {
                    self.probe::<0>(fit, gap, self.probe_from(fit, gap)).is_some()
                        || fit <= Self::SMALL_LIMIT && leads(self.small_head(fit))
                        || fit <= self.cache_limit() && leads(self.cache_head(fit))
                };
                for shorter in (0..=gap).step_by(Self::GRANULE) {
                    let fit = self.largest_footprint(fit.saturating_sub(shorter));
                    if fit <= largest {
                        break;
                    }
                    if is_there(fit) {
                        largest = fit;
                    }
                }
                // What fits the shortest block of its list is found without probing.
                if self.tag(block) & !AFTER_FREE != LIVE {
                    let least = least_granules(list_of(size / Self::GRANULE)) * Self::GRANULE;
                    largest = largest.max(self.largest_footprint(least.saturating_sub(gap)));
                }
            });
        }
        largest.saturating_sub(1)
    }

    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn walk(self, visit: &mut dyn FnMut(Extent)) {
        // SAFETY: passed on.
        unsafe {
            self.each(|block, len_bytes| {
                let start_addr = block.addr() - 1;
                visit(Extent { start_addr, len_bytes, kind: ExtentKind::Free });
            });
            let mut bookkeeping = |start_addr, end_addr| {
                let len_bytes = end_addr - start_addr;
                visit(Extent { start_addr, len_bytes, kind: ExtentKind::Bookkeeping });
            };
            self.each_stretch(|stretch| {
                bookkeeping(stretch.start_addr, stretch.first_addr - 1);
                bookkeeping(stretch.end.addr() - 1, stretch.end.addr());
                false
            });
        }
    }

    /// The block that a link names, when there is room for one; with the heap's own provenance,
    /// since the bytes of a broken link have none.
    ///
    /// # Safety
    /// The heap is initialized.
    unsafe fn check_place(self, at: *mut u8, block: *mut u8) -> Result<*mut u8, Corruption> {
        let (at_addr, link_addr) = (at.addr(), block.addr());
        if !link_addr.is_multiple_of(Self::GRANULE) {
            return Err(Corruption::Misaligned { at_addr: link_addr, align_bytes: Self::GRANULE });
        }
        // SAFETY: passed on.
        let end_addr = unsafe { self.end_behind(link_addr) };
        // Even a cached block has room for its links.
        if end_addr - link_addr.min(end_addr) < Self::GRANULE.max(8) {
            return Err(Corruption::LinkOutside { at_addr, link_addr });
        }
        Ok(self.base().with_addr(link_addr))
    }

    /// Checks a block of a list; returns its size.
    ///
    /// # Safety
    /// The heap is initialized; there is room for a block.
    unsafe fn check_block(self, block: *mut u8, list: usize) -> Result<usize, Corruption> {
        let at_addr = block.addr();
        let mismatch = |expected, actual| Corruption::Mismatch { at_addr, expected, actual };
        // SAFETY: `block` and `end` lie inside the heap, as far as checked before the access.
        unsafe {
            let tag = self.tag(block);
            if tag == LIVE || tag & AFTER_FREE != 0 {
                return Err(mismatch(list.min(LARGE.into()), tag.into()));
            }
            let max_bytes = self.end_behind(at_addr) - at_addr;
            if tag == LARGE && max_bytes < usize::from(LARGE) * Self::GRANULE {
                let actual_bytes = usize::from(LARGE) * Self::GRANULE;
                let min_bytes = Self::LISTED;
                return Err(Corruption::Size { at_addr, actual_bytes, min_bytes, max_bytes });
            }
            let size = self.size(block, tag);
            if size < Self::LISTED || size > max_bytes || !size.is_multiple_of(Self::GRANULE) {
                let (actual_bytes, min_bytes) = (size, Self::LISTED);
                return Err(Corruption::Size { at_addr, actual_bytes, min_bytes, max_bytes });
            }
            let granules = size / Self::GRANULE;
            if list_of(granules) != list {
                return Err(mismatch(list, list_of(granules)));
            }
            if list >= FIRST_LARGE && self.large_size(block) != size {
                return Err(mismatch(size, self.large_size(block)));
            }
            let end = block.add(size);
            if self.footer_granules(end) != granules {
                return Err(mismatch(granules, self.footer_granules(end)));
            }
            if self.tag(end) != AFTER_FREE {
                return Err(mismatch(AFTER_FREE.into(), self.tag(end).into()));
            }
            Ok(size)
        }
    }

    /// Checks that a link leads to a block that leads back.
    ///
    /// # Safety
    /// The heap is initialized; `at` is a list head or a sound free block.
    unsafe fn check_link(self, at: *mut u8) -> Result<*mut u8, Corruption> {
        // SAFETY: as promised; the block is read only where there is room for it.
        unsafe {
            let mut block = self.link(at);
            if !self.is_none(block) {
                block = self.check_place(at, block)?;
                let actual = self.link(block.add(4)).addr();
                if actual != at.addr() {
                    let (at_addr, expected) = (block.addr(), at.addr());
                    return Err(Corruption::Mismatch { at_addr, expected, actual });
                }
            }
            Ok(block)
        }
    }

    /// Checks a cached block against the list that it is in.
    ///
    /// # Safety
    /// The heap is initialized; there is room for a block.
    unsafe fn check_cached(self, block: *mut u8, size: usize) -> Result<*mut u8, Corruption> {
        // SAFETY: the block's place was checked, that of the next is before it is read.
        unsafe {
            let tag = self.tag(block);
            let at_addr = block.addr();
            if tag != LIVE && tag != AFTER_FREE {
                let (expected, actual) = (LIVE.into(), tag.into());
                return Err(Corruption::Mismatch { at_addr, expected, actual });
            }
            let mut next = self.link(block);
            let mut expected = size;
            if !self.is_none(next) {
                next = self.check_place(block, next)?;
                expected = expected.wrapping_add(Self::cached_bytes(next));
            }
            // The sums fall along the list, so one that runs in a circle is found here.
            let actual = Self::cached_bytes(block);
            if actual != expected {
                return Err(Corruption::Mismatch { at_addr, expected, actual });
            }
            Ok(next)
        }
    }

    /// # Safety
    /// The heap is initialized.
    pub(super) unsafe fn check(
        self,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Result<Progress, Corruption> {
        if cursor.position == 0 {
            *cursor = Cursor { list: 1, ..Cursor::default() };
        }
        let mut steps = max_steps;
        // SAFETY: (audit) each place is checked before it is read, and each link before it is
        // followed, so that nothing outside the heap is read whatever its bytes are. A cursor that
        // stands at a block was put there in this state of the heap.
        unsafe {
            let last_list = self.last_list();
            let lists = last_list + Self::CACHE_LISTS;
            while cursor.list <= lists {
                let list = cursor.list;
                let cached_size =
                    if list <= last_list { 0 } else { Self::cached_size(list - last_list) };
                let head =
                    if cached_size == 0 { self.head(list) } else { self.cache_head(cached_size) };
                let mut block = match cursor.position {
                    // Of an even address; 1 stands for the head.
                    0 | 1 if cached_size == 0 => {
                        self.check_map(list, head)?;
                        self.check_link(head)?
                    }
                    0 | 1 => {
                        let block = self.link(head);
                        if self.is_none(block) { block } else { self.check_place(head, block)? }
                    }
                    position => self.base().with_addr(position),
                };
                while !self.is_none(block) {
                    if steps == 0 {
                        cursor.position = block.addr();
                        return Ok(Progress::More);
                    }
                    steps -= 1;
                    cursor.seen_count += 1;
                    let limit_count = self.len_bytes() / Self::LISTED.min(8) + 1;
                    if cursor.seen_count > limit_count {
                        return Err(Corruption::Cycle { at_addr: block.addr(), limit_count });
                    }
                    if cached_size == 0 {
                        cursor.free_bytes += self.check_block(block, list)?;
                        block = self.check_link(block)?;
                    } else {
                        cursor.free_bytes += cached_size;
                        block = self.check_cached(block, cached_size)?;
                    }
                }
                cursor.position = 1;
                cursor.list += 1;
            }
            let broken = self.each_stretch(|stretch| self.tag(stretch.end) & !AFTER_FREE != LIVE);
            if let Some(stretch) = broken {
                let (expected, actual) = (LIVE.into(), self.tag(stretch.end).into());
                let at_addr = stretch.end.addr();
                return Err(Corruption::Mismatch { at_addr, expected, actual });
            }
            let free_bytes = cursor.free_bytes + self.crumbs();
            *cursor = Cursor { free_bytes, ..Cursor::default() };
            Ok(Progress::Done)
        }
    }

    /// Checks that the map tells whether a list is empty.
    ///
    /// # Safety
    /// The heap is initialized.
    unsafe fn check_map(self, list: usize, head: *mut u8) -> Result<(), Corruption> {
        // SAFETY: as promised.
        let (map, is_empty) = unsafe {
            let map = self.word(if list < FIRST_LARGE { SMALL_MAP } else { LARGE_MAP });
            (map, self.is_none(self.link(head)))
        };
        let actual = (map >> (list % FIRST_LARGE) & 1) as usize;
        let expected = usize::from(!is_empty);
        if actual != expected {
            return Err(Corruption::Mismatch { at_addr: head.addr(), expected, actual });
        }
        Ok(())
    }
}
