//! One file, read front to back through the bounce buffer: every byte once, in as few reads as the
//! buffer allows, each at a multiple of a sector.

use esparto_image::{Checksum, HEADER_BYTES, ImageError, Part, RawPrefix, STRIPE_BYTES};

use crate::{
    LoadError, Platform, Stats, Store,
    fault::{Checked, Refused, refuse},
};

/// Reads are of whole sectors, but for the last of a file.
const SECTOR_BYTES: u32 = 512;
const SECTOR_WORDS: usize = SECTOR_BYTES as usize / 4;

/// What is read before the name's end in a file's name: `_e` or `_d`.
pub(crate) const MAX_FILE_NAME_BYTES: usize = esparto_image::MAX_NAME_BYTES + 2;

/// What the task whose turn it is loads with, and how far it is: the files of an overlay, one after
/// the other.
pub(crate) struct Engine<S: Store, W> {
    pub(crate) store: S,
    pub(crate) writer: W,
    /// The words that were read; those from `start` to `end` were not yet taken.
    pub(crate) buffer: &'static mut [u32],
    pub(crate) start: usize,
    end: usize,
    /// Where the first word of the buffer would be in the file, modulo 2^32.
    base_offset: u32,
    file_bytes: u32,
    /// Where the part that is summed up ends.
    sum_end_offset: u32,
    /// Room in front of each read for words that were left over.
    lead: usize,
    checksum: Checksum,
    pub(crate) part: Part,
    /// Where it is written down what is wrong.
    pub(crate) why: LoadError,
    /// The same of what is wrong with a file.
    pub(crate) fault: ImageError,
    file: Option<S::File>,
    /// What was spent on this overlay.
    pub(crate) spent: Stats,
    /// The header, segments and dependencies of the file.
    pub(crate) prefix: RawPrefix,
    /// What vouches for files.
    #[cfg(feature = "signed")]
    pub(crate) trust: crate::trust::Trust,
}

impl<S: Store, W> Engine<S, W> {
    /// Nothing is open yet.
    #[inline]
    pub(crate) fn new(store: S, writer: W, buffer: &'static mut [u32]) -> Self {
        Self {
            store,
            writer,
            buffer,
            start: 0,
            end: 0,
            base_offset: 0,
            file_bytes: 0,
            sum_end_offset: 0,
            lead: 0,
            checksum: Checksum::new(),
            part: Part::Code,
            why: LoadError::InInterrupt,
            fault: ImageError::NONE,
            file: None,
            spent: Stats::NONE,
            prefix: RawPrefix::new(),
            #[cfg(feature = "signed")]
            trust: crate::trust::Trust::new(),
        }
    }

    /// Opens the file `stem_e` or `stem_d`, reads as much as the buffer holds, and holds its header
    /// to the format. The stream then is behind the header.
    pub(crate) fn open(
        &mut self,
        platform: &impl Platform,
        #[cfg(feature = "signed")] overlay: usize,
        stem: &str,
        part: Part,
    ) -> Checked<()> {
        self.close();
        let actual_bytes = self.buffer.len() as u32 * 4;
        if actual_bytes < SECTOR_BYTES {
            let needed_bytes = SECTOR_BYTES;
            return refuse(&mut self.why, LoadError::BounceTooSmall { needed_bytes, actual_bytes });
        }
        self.part = part;
        let mut name = [0; MAX_FILE_NAME_BYTES];
        let Some(name) = file_name(&mut name, stem, part) else {
            return refuse(&mut self.why, LoadError::UnknownName);
        };
        let file = match self.store.open(name) {
            Ok(file) => file,
            Err(cause) => return refuse(&mut self.why, LoadError::Open { part, cause }),
        };
        let len = self.store.len_bytes(&file);
        self.file = Some(file);
        self.file_bytes = match len {
            Ok(len) => len,
            Err(cause) => return refuse(&mut self.why, LoadError::Read { part, offset: 0, cause }),
        };
        (self.start, self.end, self.base_offset, self.lead) = (0, 0, 0, 0);
        self.sum_end_offset = 0;
        #[cfg(feature = "signed")]
        self.check_length(overlay, self.file_bytes)?;
        self.fill(platform)?;
        let there_bytes = self.file_bytes.min(self.end as u32 * 4);
        let words = self.buffer.get(..self.end).unwrap_or_default();
        if self.prefix.read(words, there_bytes, self.file_bytes, &mut self.fault).is_err() {
            return self.refuse_file();
        }
        self.start = HEADER_BYTES / 4;
        Ok(())
    }

    /// Writes down that the fault is one of the file.
    #[inline(never)]
    #[cold]
    pub(crate) fn refuse_file<T>(&mut self) -> Checked<T> {
        self.why = LoadError::Image { part: self.part, cause: self.fault };
        Err(Refused)
    }

    /// Closes the file, if one is open.
    pub(crate) fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.store.close(file);
        }
    }

    /// Where the next word is in the file.
    pub(crate) fn offset(&self) -> u32 {
        self.base_offset.wrapping_add(4 * self.start as u32)
    }

    /// Sums up from here to `end_offset`, both multiples of a stripe, as words arrive.
    pub(crate) fn begin_sum(&mut self, platform: &impl Platform, end_offset: u32) {
        self.checksum = Checksum::new();
        self.sum_end_offset = end_offset;
        let here = self.offset();
        self.sum(platform, self.start, here);
    }

    /// Holds the sum to what it should be. All of it was read.
    pub(crate) fn finish_sum(&mut self, offset: u32, expected: u32) -> Checked<()> {
        let actual = self.checksum.finish();
        if actual == expected {
            return Ok(());
        }
        self.fault = ImageError::Checksum { offset, expected, actual };
        self.refuse_file()
    }

    /// Passes what follows the header up to the first segment, verifies it, and shows every word
    /// with its offset to `see`. The last word is the checksum, which takes itself as zero.
    #[inline]
    pub(crate) fn pass_tables(
        &mut self,
        platform: &impl Platform,
        mut see: impl FnMut(u32, u32),
    ) -> Checked<()> {
        let last_offset = self.prefix.segments_offset() - STRIPE_BYTES as u32;
        self.begin_sum(platform, last_offset);
        loop {
            let offset = self.offset();
            let left = (last_offset - offset) as usize / 4;
            if left == 0 {
                break;
            }
            let words = self.some(platform, left)?;
            for (index, word) in words.iter().enumerate() {
                see(offset + 4 * index as u32, u32::from_le(*word));
            }
            let count = words.len();
            self.start += count;
        }
        let stripe = self.exactly(platform, STRIPE_BYTES / 4)?;
        let [first, second, third, expected] = stripe else { return Err(Refused) };
        let expected = u32::from_le(core::mem::take(expected));
        for (word, offset) in [first, second, third].into_iter().zip((last_offset..).step_by(4)) {
            see(offset, u32::from_le(*word));
        }
        self.sum_end_offset = last_offset + STRIPE_BYTES as u32;
        self.sum(platform, self.start, last_offset);
        self.start += STRIPE_BYTES / 4;
        self.finish_sum(HEADER_BYTES as u32, expected)
    }

    /// At most `limit` of the words that come next, at least one; reads if there is none.
    pub(crate) fn some(&mut self, platform: &impl Platform, limit: usize) -> Checked<&[u32]> {
        if self.start == self.end {
            self.fill(platform)?;
        }
        let end = self.end.min(self.start + limit);
        Ok(self.buffer.get(self.start..end).unwrap_or_default())
    }

    /// The `count` words that come next, to be changed at will.
    pub(crate) fn exactly(
        &mut self,
        platform: &impl Platform,
        count: usize,
    ) -> Checked<&mut [u32]> {
        while self.end - self.start < count {
            self.fill(platform)?;
        }
        let end = self.start + count;
        Ok(self.buffer.get_mut(self.start..end).unwrap_or_default())
    }

    /// Notes what was spent on copying since `before`.
    pub(crate) fn count_copy(&mut self, platform: &impl Platform, before: u32) {
        let ticks = platform.ticks().wrapping_sub(before);
        self.spent.copy_ticks = self.spent.copy_ticks.wrapping_add(ticks);
    }

    /// Goes on behind the words up to `offset`, which lie ahead.
    pub(crate) fn skip_to(&mut self, platform: &impl Platform, offset: u32) -> Checked<()> {
        while self.offset() < offset {
            let limit = (offset - self.offset()) as usize / 4;
            let count = self.some(platform, limit)?.len();
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
            return refuse(&mut self.why, LoadError::BounceTooSmall { needed_bytes, actual_bytes });
        }
        self.lead = lead_bytes as usize / 4;
        Ok(())
    }

    /// Reads the next piece behind the words that are left over.
    fn fill(&mut self, platform: &impl Platform) -> Checked<()> {
        let left = self.end - self.start;
        let read_at = self.lead.max(left);
        self.keep(read_at - left);
        let room = (self.buffer.len() - read_at) & !(SECTOR_WORDS - 1);
        let (part, offset) = (self.part, self.base_offset.wrapping_add(4 * self.end as u32));
        let rest_bytes = self.file_bytes.saturating_sub(offset);
        let expected_bytes = rest_bytes.min(room as u32 * 4);
        if expected_bytes == 0 {
            // Ahead of the end of the file, the caller knows that there is more to come.
            let expected_bytes = offset.saturating_add(1);
            self.fault = ImageError::Truncated { expected_bytes, actual_bytes: self.file_bytes };
            return self.refuse_file();
        }
        let end = read_at + (expected_bytes as usize).div_ceil(4);
        let words = self.buffer.get_mut(read_at..end).unwrap_or_default();
        let bytes = bytemuck::cast_slice_mut(words).get_mut(..expected_bytes as usize);
        let (Some(file), Some(bytes)) = (&mut self.file, bytes) else { return Err(Refused) };
        let before = platform.ticks();
        let outcome = self.store.read_at(file, offset, bytes);
        let ticks = platform.ticks().wrapping_sub(before);
        self.spent.read_ticks = self.spent.read_ticks.wrapping_add(ticks);
        match outcome {
            Ok(count) if count == expected_bytes as usize => {}
            Ok(count) => {
                let actual_bytes = count as u32;
                let error = LoadError::ShortRead { part, offset, expected_bytes, actual_bytes };
                return refuse(&mut self.why, error);
            }
            Err(cause) => return refuse(&mut self.why, LoadError::Read { part, offset, cause }),
        }
        self.spent.read_bytes = self.spent.read_bytes.wrapping_add(expected_bytes);
        #[cfg(feature = "signed")]
        {
            let before = platform.ticks();
            self.trust.hasher.update(bytes);
            let ticks = platform.ticks().wrapping_sub(before);
            self.spent.verify_ticks = self.spent.verify_ticks.wrapping_add(ticks);
        }
        self.start = read_at - left;
        self.end = end;
        self.base_offset = offset.wrapping_sub(4 * read_at as u32);
        self.sum(platform, read_at, offset);
        Ok(())
    }

    /// Moves the words that are left over, so that the first is at `to`.
    fn keep(&mut self, to: usize) {
        let left = self.end.saturating_sub(self.start);
        let len = self.buffer.len();
        if self.start + left > len || to + left > len {
            return;
        }
        // Downwards from the first word on, upwards from the last: the two may overlap.
        let is_down = to <= self.start;
        let first = if is_down { 0 } else { left.wrapping_sub(1) };
        let step = if is_down { 1 } else { -1 };
        let base = self.buffer.as_mut_ptr();
        let (mut old, mut new) =
            (base.wrapping_add(self.start + first), base.wrapping_add(to + first));
        for _ in 0..left {
            // SAFETY: both places are inside the buffer, as was checked. Volatile, so that no
            // compiler makes a call of the library of it: that is a kilobyte for a handful of words.
            unsafe { new.write_volatile(old.read_volatile()) };
            (old, new) = (old.wrapping_offset(step), new.wrapping_offset(step));
        }
    }

    /// Sums up the words from index `from`, which is at `offset` of the file, as far as asked.
    #[inline(never)]
    fn sum(&mut self, platform: &impl Platform, from: usize, offset: u32) {
        let count = (self.sum_end_offset.saturating_sub(offset) / 4) as usize;
        let words = self.buffer.get(from..self.end.min(from + count)).unwrap_or_default();
        let before = platform.ticks();
        self.checksum.words(words);
        let ticks = platform.ticks().wrapping_sub(before);
        self.spent.verify_ticks = self.spent.verify_ticks.wrapping_add(ticks);
    }
}

/// `stem` with `_e` or `_d` behind it, if that fits.
fn file_name<'b>(
    buffer: &'b mut [u8; MAX_FILE_NAME_BYTES],
    stem: &str,
    part: Part,
) -> Option<&'b str> {
    let (name, rest) = buffer.split_at_mut_checked(stem.len())?;
    let [bar, letter, ..] = rest else { return None };
    name.copy_from_slice(stem.as_bytes());
    *bar = b'_';
    *letter = if part == Part::Code { b'e' } else { b'd' };
    let whole = buffer.get(..stem.len() + 2)?;
    // SAFETY: ASCII behind a text is text.
    Some(unsafe { core::str::from_utf8_unchecked(whole) })
}
