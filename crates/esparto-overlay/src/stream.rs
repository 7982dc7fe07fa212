//! One file, read front to back through the bounce buffer: every byte once, in as few reads as the
//! buffer allows, each at a multiple of a sector.

use esparto_image::{Checksum, ImageError, Part, STRIPE_BYTES};

use crate::{LoadError, Platform, Stats, Store};

/// Reads are of whole sectors, but for the last of a file.
const SECTOR_BYTES: usize = 512;

const STRIPE_WORDS: usize = STRIPE_BYTES / 4;

pub(crate) struct Stream<'a, S: Store, P> {
    store: &'a mut S,
    file: &'a mut S::File,
    platform: &'a P,
    part: Part,
    file_bytes: u32,
    buffer: &'a mut [u32],
    /// The words that were read and not yet taken.
    start: usize,
    end: usize,
    /// Where the word at `end` is in the file.
    end_offset: u32,
    /// Room in front of each read for words that were left over.
    lead: usize,
    checksum: Checksum,
    /// Where the part that is summed up ends.
    sum_end_offset: u32,
    pub(crate) stats: Stats,
}

impl<'a, S: Store, P: Platform> Stream<'a, S, P> {
    /// Starts at the file's first byte, which is read at once, with all that the buffer holds.
    pub(crate) fn start(
        store: &'a mut S,
        file: &'a mut S::File,
        platform: &'a P,
        part: Part,
        buffer: &'a mut [u32],
    ) -> Result<Self, LoadError> {
        if buffer.len() * 4 < SECTOR_BYTES {
            let actual_bytes = buffer.len() as u32 * 4;
            return Err(LoadError::BounceTooSmall {
                needed_bytes: SECTOR_BYTES as u32,
                actual_bytes,
            });
        }
        let file_bytes =
            store.len_bytes(file).map_err(|cause| LoadError::Read { part, offset: 0, cause })?;
        let mut stream = Self {
            store,
            file,
            platform,
            part,
            file_bytes,
            buffer,
            start: 0,
            end: 0,
            end_offset: 0,
            lead: 0,
            checksum: Checksum::new(),
            sum_end_offset: 0,
            stats: Stats::default(),
        };
        stream.fill()?;
        Ok(stream)
    }

    pub(crate) fn file_bytes(&self) -> u32 {
        self.file_bytes
    }

    /// All that was read and not taken, as bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        let words = bytemuck::cast_slice(&self.buffer[self.start..self.end]);
        // A damaged file may end within a word.
        let past_end_bytes = self.end_offset.saturating_sub(self.file_bytes) as usize;
        &words[..words.len() - past_end_bytes.min(words.len())]
    }

    /// Where the next word is in the file.
    pub(crate) fn offset(&self) -> u32 {
        self.end_offset - 4 * (self.end - self.start) as u32
    }

    /// Sums up from here to `end_offset`, both multiples of a stripe, as words arrive.
    pub(crate) fn begin_sum(&mut self, end_offset: u32) {
        self.checksum = Checksum::new();
        self.sum_end_offset = end_offset;
        let here = self.offset();
        self.sum(self.start, here);
    }

    /// Holds the sum to what it should be. All of it was read.
    pub(crate) fn finish_sum(&self, from_offset: u32, expected: u32) -> Result<(), LoadError> {
        let actual = self.checksum.finish();
        if actual == expected {
            return Ok(());
        }
        let cause = ImageError::Checksum { offset: from_offset, expected, actual };
        Err(LoadError::Image { part: self.part, cause })
    }

    /// One stripe more for the sum, which is not as it is in the file.
    pub(crate) fn sum_stripe(&mut self, stripe: [u32; STRIPE_WORDS]) {
        self.checksum.stripe(stripe);
    }

    /// At most `limit` of the words that come next, at least one; reads if there is none.
    pub(crate) fn some(&mut self, limit: usize) -> Result<&[u32], LoadError> {
        if self.start == self.end {
            self.fill()?;
        }
        let end = self.end.min(self.start + limit);
        Ok(&self.buffer[self.start..end])
    }

    /// The `count` words that come next, to be changed at will.
    pub(crate) fn exactly(&mut self, count: usize) -> Result<&mut [u32], LoadError> {
        while self.end - self.start < count {
            self.fill()?;
        }
        Ok(&mut self.buffer[self.start..self.start + count])
    }

    /// Goes on behind `count` words.
    pub(crate) fn take(&mut self, count: usize) {
        self.start += count;
    }

    /// Goes on behind the words up to `offset`, which lie ahead.
    pub(crate) fn skip_to(&mut self, offset: u32) -> Result<(), LoadError> {
        while self.offset() < offset {
            let limit = (offset - self.offset()) as usize / 4;
            let count = self.some(limit)?.len();
            self.take(count);
        }
        Ok(())
    }

    /// Keeps room for `lead_bytes` in front of every read to come, so that as many bytes, and not
    /// fewer than one sector more, can be had at once.
    pub(crate) fn keep_lead(&mut self, lead_bytes: usize) -> Result<(), LoadError> {
        let lead_bytes = lead_bytes.next_multiple_of(STRIPE_BYTES);
        let actual_bytes = self.buffer.len() * 4;
        if lead_bytes + SECTOR_BYTES > actual_bytes {
            return Err(LoadError::BounceTooSmall {
                needed_bytes: (lead_bytes + SECTOR_BYTES) as u32,
                actual_bytes: actual_bytes as u32,
            });
        }
        self.lead = lead_bytes / 4;
        Ok(())
    }

    /// Reads the next piece behind the words that are left over.
    fn fill(&mut self) -> Result<(), LoadError> {
        let left = self.end - self.start;
        let read_at = self.lead.max(left);
        self.buffer.copy_within(self.start..self.end, read_at - left);
        let room_bytes = (self.buffer.len() - read_at) * 4 / SECTOR_BYTES * SECTOR_BYTES;
        let offset = self.end_offset;
        let rest_bytes = self.file_bytes.saturating_sub(offset) as usize;
        let want_bytes = room_bytes.min(rest_bytes);
        let part = self.part;
        if want_bytes == 0 {
            // Ahead of the end of the file, the caller knows that there is more to come.
            let expected_bytes = offset.saturating_add(1);
            let cause = ImageError::Truncated { expected_bytes, actual_bytes: self.file_bytes };
            return Err(LoadError::Image { part, cause });
        }
        let words = &mut self.buffer[read_at..read_at + want_bytes.div_ceil(4)];
        let bytes = &mut bytemuck::cast_slice_mut::<u32, u8>(words)[..want_bytes];
        let before = self.platform.ticks();
        let outcome = self.store.read_at(self.file, offset, bytes);
        let ticks = self.platform.ticks().wrapping_sub(before);
        self.stats.read_ticks = self.stats.read_ticks.wrapping_add(ticks);
        match outcome {
            Ok(count) if count == want_bytes => {}
            Ok(count) => {
                return Err(LoadError::ShortRead {
                    part,
                    offset,
                    expected_bytes: want_bytes as u32,
                    actual_bytes: count as u32,
                });
            }
            Err(cause) => return Err(LoadError::Read { part, offset, cause }),
        }
        self.stats.read_bytes = self.stats.read_bytes.wrapping_add(want_bytes as u32);
        self.start = read_at - left;
        self.end = read_at + want_bytes.div_ceil(4);
        self.end_offset = offset + 4 * want_bytes.div_ceil(4) as u32;
        self.sum(read_at, offset);
        Ok(())
    }

    /// Sums up the words from index `from`, which is at `offset` of the file, as far as asked.
    fn sum(&mut self, from: usize, offset: u32) {
        let count = (self.sum_end_offset.saturating_sub(offset) / 4) as usize;
        let words = &self.buffer[from..self.end.min(from + count)];
        let before = self.platform.ticks();
        self.checksum.words(words);
        let ticks = self.platform.ticks().wrapping_sub(before);
        self.stats.verify_ticks = self.stats.verify_ticks.wrapping_add(ticks);
    }
}
