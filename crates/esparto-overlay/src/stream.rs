//! One file, read front to back through the bounce buffer: every byte once, in as few reads as the
//! buffer allows, each at a multiple of a sector.

use esparto_image::{Checksum, HEADER_BYTES, ImageError, Part, RawPrefix, STRIPE_BYTES};

use crate::{
    LoadError, Platform, Stats, Store,
    fault::{Checked, Refused, refuse, refuse_image},
    overlays::Engine,
};

/// Reads are of whole sectors, but for the last of a file.
const SECTOR_BYTES: u32 = 512;
const SECTOR_WORDS: usize = SECTOR_BYTES as usize / 4;

/// What is read before the name's end in a file's name: `_e` or `_d`.
pub(crate) const MAX_FILE_NAME_BYTES: usize = esparto_image::MAX_NAME_BYTES + 2;

/// The files of an overlay, one after the other.
pub(crate) struct Stream<'a, S: Store, W, P> {
    store: &'a mut S,
    pub(crate) writer: &'a mut W,
    pub(crate) platform: &'a P,
    /// Where it is written down what is wrong.
    pub(crate) why: &'a mut LoadError,
    file: Option<S::File>,
    pub(crate) part: Part,
    /// The header, segments and dependencies of the file.
    pub(crate) prefix: RawPrefix,
    file_bytes: u32,
    pub(crate) buffer: &'a mut [u32],
    /// The words that were read and not yet taken.
    pub(crate) start: usize,
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

impl<'a, S: Store, W, P: Platform> Stream<'a, S, W, P> {
    /// Nothing is open yet.
    #[inline]
    pub(crate) fn new(
        engine: &'a mut Engine<S, W>,
        platform: &'a P,
        why: &'a mut LoadError,
    ) -> Self {
        let Engine { store, writer, bounce } = engine;
        Self {
            store,
            writer,
            platform,
            why,
            file: None,
            part: Part::Code,
            prefix: RawPrefix::new(),
            file_bytes: 0,
            buffer: bounce,
            start: 0,
            end: 0,
            end_offset: 0,
            lead: 0,
            checksum: Checksum::new(),
            sum_end_offset: 0,
            stats: Stats::NONE,
        }
    }

    /// Opens the file `stem_e` or `stem_d`, reads as much as the buffer holds, and holds its header
    /// to the format. The stream then is behind the header.
    pub(crate) fn open(&mut self, stem: &str, part: Part) -> Checked<()> {
        self.close();
        let actual_bytes = self.buffer.len() as u32 * 4;
        if actual_bytes < SECTOR_BYTES {
            let needed_bytes = SECTOR_BYTES;
            return refuse(self.why, LoadError::BounceTooSmall { needed_bytes, actual_bytes });
        }
        self.part = part;
        let mut name = [0; MAX_FILE_NAME_BYTES];
        let end = if part == Part::Code { "_e" } else { "_d" };
        let Some(name) = joined(&mut name, stem, end) else {
            return refuse(self.why, LoadError::UnknownName);
        };
        let file = match self.store.open(name) {
            Ok(file) => file,
            Err(cause) => return refuse(self.why, LoadError::Open { part, cause }),
        };
        let len = self.store.len_bytes(&file);
        self.file = Some(file);
        self.file_bytes = match len {
            Ok(len) => len,
            Err(cause) => return refuse(self.why, LoadError::Read { part, offset: 0, cause }),
        };
        (self.start, self.end, self.end_offset, self.lead) = (0, 0, 0, 0);
        self.sum_end_offset = 0;
        self.fill()?;
        let there = self.file_bytes.min(self.end as u32 * 4) as usize;
        let bytes = &bytemuck::cast_slice(&self.buffer[..self.end])[..there];
        if let Err(cause) = self.prefix.read(bytes, self.file_bytes) {
            return refuse_image(self.why, part, cause);
        }
        self.start = HEADER_BYTES / 4;
        Ok(())
    }

    /// Closes the file, if one is open.
    pub(crate) fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.store.close(file);
        }
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
    pub(crate) fn finish_sum(&mut self, offset: u32, expected: u32) -> Checked<()> {
        let actual = self.checksum.finish();
        if actual == expected {
            return Ok(());
        }
        let cause = ImageError::Checksum { offset, expected, actual };
        refuse_image(self.why, self.part, cause)
    }

    /// Passes what follows the header up to the first segment, verifies it, and shows every word
    /// with its offset to `see`. The last word is the checksum, which takes itself as zero.
    #[inline]
    pub(crate) fn pass_tables(&mut self, mut see: impl FnMut(u32, u32)) -> Checked<()> {
        let last_offset = self.prefix.segments_offset() - STRIPE_BYTES as u32;
        self.begin_sum(last_offset);
        loop {
            let offset = self.offset();
            let left = (last_offset - offset) as usize / 4;
            if left == 0 {
                break;
            }
            let words = self.some(left)?;
            for (index, word) in words.iter().enumerate() {
                see(offset + 4 * index as u32, u32::from_le(*word));
            }
            let count = words.len();
            self.start += count;
        }
        let stripe = self.exactly(STRIPE_BYTES / 4)?;
        let [first, second, third, expected] = stripe else { return Err(Refused) };
        let expected = u32::from_le(core::mem::take(expected));
        for (word, offset) in [first, second, third].into_iter().zip((last_offset..).step_by(4)) {
            see(offset, u32::from_le(*word));
        }
        self.sum_end_offset = last_offset + STRIPE_BYTES as u32;
        self.sum(self.start, last_offset);
        self.start += STRIPE_BYTES / 4;
        self.finish_sum(HEADER_BYTES as u32, expected)
    }

    /// At most `limit` of the words that come next, at least one; reads if there is none.
    pub(crate) fn some(&mut self, limit: usize) -> Checked<&[u32]> {
        if self.start == self.end {
            self.fill()?;
        }
        let end = self.end.min(self.start + limit);
        Ok(&self.buffer[self.start..end])
    }

    /// The `count` words that come next, to be changed at will.
    pub(crate) fn exactly(&mut self, count: usize) -> Checked<&mut [u32]> {
        while self.end - self.start < count {
            self.fill()?;
        }
        Ok(&mut self.buffer[self.start..self.start + count])
    }

    /// Notes what was spent on copying since `before`.
    pub(crate) fn count_copy(&mut self, before: u32) {
        let ticks = self.platform.ticks().wrapping_sub(before);
        self.stats.copy_ticks = self.stats.copy_ticks.wrapping_add(ticks);
    }

    /// Goes on behind the words up to `offset`, which lie ahead.
    pub(crate) fn skip_to(&mut self, offset: u32) -> Checked<()> {
        while self.offset() < offset {
            let limit = (offset - self.offset()) as usize / 4;
            let count = self.some(limit)?.len();
            self.start += count;
        }
        Ok(())
    }

    /// Keeps room for `lead_bytes` in front of every read to come, so that as many bytes, and not
    /// fewer than one sector more, can be had at once.
    pub(crate) fn keep_lead(&mut self, lead_bytes: u32) -> Checked<()> {
        let lead_bytes = (lead_bytes + 15) & !15;
        let actual_bytes = self.buffer.len() as u32 * 4;
        let needed_bytes = lead_bytes + SECTOR_BYTES;
        if needed_bytes > actual_bytes {
            return refuse(self.why, LoadError::BounceTooSmall { needed_bytes, actual_bytes });
        }
        self.lead = lead_bytes as usize / 4;
        Ok(())
    }

    /// Reads the next piece behind the words that are left over.
    fn fill(&mut self) -> Checked<()> {
        let left = self.end - self.start;
        let read_at = self.lead.max(left);
        self.buffer.copy_within(self.start..self.end, read_at - left);
        let room = (self.buffer.len() - read_at) & !(SECTOR_WORDS - 1);
        let (part, offset) = (self.part, self.end_offset);
        let rest_bytes = self.file_bytes.saturating_sub(offset);
        let expected_bytes = rest_bytes.min(room as u32 * 4);
        if expected_bytes == 0 {
            // Ahead of the end of the file, the caller knows that there is more to come.
            let expected_bytes = offset.saturating_add(1);
            let cause = ImageError::Truncated { expected_bytes, actual_bytes: self.file_bytes };
            return refuse_image(self.why, part, cause);
        }
        let end = read_at + (expected_bytes as usize).div_ceil(4);
        let words = &mut self.buffer[read_at..end];
        let bytes = &mut bytemuck::cast_slice_mut::<u32, u8>(words)[..expected_bytes as usize];
        let Some(file) = &mut self.file else { return Err(Refused) };
        let before = self.platform.ticks();
        let outcome = self.store.read_at(file, offset, bytes);
        let ticks = self.platform.ticks().wrapping_sub(before);
        self.stats.read_ticks = self.stats.read_ticks.wrapping_add(ticks);
        match outcome {
            Ok(count) if count == expected_bytes as usize => {}
            Ok(count) => {
                let actual_bytes = count as u32;
                let error = LoadError::ShortRead { part, offset, expected_bytes, actual_bytes };
                return refuse(self.why, error);
            }
            Err(cause) => return refuse(self.why, LoadError::Read { part, offset, cause }),
        }
        self.stats.read_bytes = self.stats.read_bytes.wrapping_add(expected_bytes);
        self.start = read_at - left;
        self.end = end;
        self.end_offset = offset + 4 * (end - read_at) as u32;
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

/// `stem` and `end` in `buffer`, if they fit.
fn joined<'b>(buffer: &'b mut [u8; MAX_FILE_NAME_BYTES], stem: &str, end: &str) -> Option<&'b str> {
    let len = stem.len() + end.len();
    let whole = buffer.get_mut(..len)?;
    for (place, byte) in whole.iter_mut().zip(stem.bytes().chain(end.bytes())) {
        *place = byte;
    }
    // SAFETY: one text behind another is text.
    Some(unsafe { core::str::from_utf8_unchecked(whole) })
}
