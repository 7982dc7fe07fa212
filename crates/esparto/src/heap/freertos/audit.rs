//! Looking without touching.

use super::Order;
use super::order::Piece;
use super::scheme::{ALIGN, Header, LEAST, LIVE, NIL, Scheme, mark};
use crate::heap::{Corruption, Cursor, Extent, ExtentKind, Progress};

impl<O: Order, const N: usize> Scheme<O, N> {
    /// Visits all free blocks as long as the links are sound.
    pub(super) fn each_free(&self, mut visit: impl FnMut(Piece)) {
        let mut block = self.head;
        for _ in 0..self.free_count {
            if block == NIL || self.check_link(0, block).is_err() {
                return;
            }
            let Header { next, size } = self.header(block);
            visit(Piece { block, size });
            block = next;
        }
    }

    /// The blocks of the free list.
    pub(super) fn show(&self, visit: &mut dyn FnMut(Extent)) {
        self.each_free(|free| {
            visit(Extent {
                start_addr: self.addr_of(free.block),
                len_bytes: free.size as usize,
                kind: ExtentKind::Free,
            });
        });
    }

    fn addr_of(&self, block: u32) -> usize {
        self.at(block).addr().get()
    }

    /// Can `link` be followed?
    fn check_link(&self, at_addr: usize, link: u32) -> Result<(), Corruption> {
        let home = self
            .stretches()
            .iter()
            .find(|stretch| link >= stretch.first && link <= stretch.end() - LEAST);
        let Some(home) = home else {
            // What is in no stretch has no address; the first one's may give a hint.
            let base_addr = self.stretches[0].base.addr().get();
            let link_addr = base_addr.wrapping_add(link as usize);
            return Err(Corruption::LinkOutside { at_addr, link_addr });
        };
        if link.is_multiple_of(ALIGN) {
            return Ok(());
        }
        let link_addr = home.base.addr().get() + (link - home.first) as usize;
        Err(Corruption::Misaligned { at_addr: link_addr, align_bytes: ALIGN as usize })
    }

    /// Checks the header at `block`, where a block must start, of which at most `limit` bytes are
    /// in its stretch. Says whether it is live, and its size.
    fn check_header(&self, block: u32, limit: u32) -> Result<(bool, u32), Corruption> {
        let at_addr = self.addr_of(block);
        let Header { next, size } = self.header(block);
        let (is_live, size) = (size & LIVE != 0, size & !LIVE);
        if !size.is_multiple_of(ALIGN) || !(LEAST..=limit).contains(&size) {
            return Err(Corruption::Size {
                at_addr,
                actual_bytes: size as usize,
                min_bytes: LEAST as usize,
                max_bytes: limit as usize,
            });
        }
        if is_live && next != mark(block) {
            let (expected, actual) = (mark(block) as usize, next as usize);
            return Err(Corruption::Mismatch { at_addr, expected, actual });
        }
        Ok((is_live, size))
    }

    /// Checks a free block against the one in front of it in the list; returns its size.
    fn check_free(&self, last: Option<u32>, block: u32) -> Result<u32, Corruption> {
        let at_addr = self.addr_of(block);
        let limit = self
            .stretches()
            .iter()
            .map(|stretch| stretch.end().wrapping_sub(block))
            .find(|limit| *limit < LIVE)
            .unwrap_or(0);
        let (is_live, size) = self.check_header(block, limit)?;
        if is_live {
            let (expected, actual) = (size as usize, (size | LIVE) as usize);
            return Err(Corruption::Mismatch { at_addr, expected, actual });
        }
        let Some(last) = last else { return Ok(size) };
        let last = Piece { block: last, size: self.header(last).size };
        let free = Piece { block, size };
        // Nor may two that touch have stayed apart.
        if O::is_before(free, last) || O::MERGES && block <= last.block + last.size {
            let (expected, actual) = ((last.block + last.size) as usize, block as usize);
            return Err(Corruption::Mismatch { at_addr, expected, actual });
        }
        Ok(size)
    }

    /// Checks the free bytes that a part of the check found.
    fn check_sum(&self, cursor: &Cursor) -> Result<(), Corruption> {
        if cursor.free_bytes == self.free_bytes() {
            return Ok(());
        }
        let (expected, actual) = (self.free_bytes(), cursor.free_bytes);
        Err(Corruption::Mismatch { at_addr: self.addr_of(0), expected, actual })
    }

    /// First all blocks, one behind the other, stretch after stretch; then the free list, which
    /// must be in order and hold as many blocks and bytes as were found free.
    pub(super) fn audit(
        &self,
        cursor: &mut Cursor,
        max_steps: usize,
    ) -> Result<Progress, Corruption> {
        if cursor.position == 0 || cursor.epoch != self.epoch {
            *cursor = Cursor { epoch: self.epoch, position: START, ..Cursor::default() };
        }
        // The cursor's list is the number of the stretch, and after the last one the free list.
        let mut steps = max_steps;
        while let Some(stretch) = self.stretches().get(cursor.list) {
            let mut block = block_at(cursor.position).unwrap_or(stretch.first);
            while block < stretch.end() {
                if steps == 0 {
                    cursor.position = position_of(block);
                    return Ok(Progress::More);
                }
                steps -= 1;
                let (is_live, size) = self.check_header(block, stretch.end() - block)?;
                cursor.free_bytes += if is_live { 0 } else { size as usize };
                block += size;
            }
            cursor.position = START;
            cursor.list += 1;
            if cursor.list == self.stretch_count {
                self.check_sum(cursor)?;
                cursor.free_bytes = 0;
            }
        }
        // Here the position is that of the block seen last.
        loop {
            let last = block_at(cursor.position);
            let (at_addr, block) =
                last.map_or((0, self.head), |last| (self.addr_of(last), self.header(last).next));
            if block == NIL {
                break;
            }
            if steps == 0 {
                return Ok(Progress::More);
            }
            steps -= 1;
            self.check_link(at_addr, block)?;
            cursor.seen_count += 1;
            let limit_count = self.free_count as usize;
            if cursor.seen_count > limit_count {
                return Err(Corruption::Cycle { at_addr: self.addr_of(block), limit_count });
            }
            cursor.free_bytes += self.check_free(last, block)? as usize;
            cursor.position = position_of(block);
        }
        self.check_sum(cursor)?;
        *cursor = Cursor { free_bytes: cursor.free_bytes, ..Cursor::default() };
        Ok(Progress::Done)
    }
}

/// The position of a cursor that has seen nothing of its list. 0 is that of a new one.
const START: usize = 1;

fn position_of(block: u32) -> usize {
    block as usize + 2
}

fn block_at(position: usize) -> Option<u32> {
    position.checked_sub(2).map(|block| block as u32)
}
