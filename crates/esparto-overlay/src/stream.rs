//! One file, read front to back through the bounce buffer: every byte once, in as few reads as the
//! buffer allows, each at a multiple of a sector.

use esparto_image::{Checksum, HEADER_BYTES, ImageError, Part, RawPrefix, STRIPE_BYTES};

use crate::{
    LoadError, Platform, Stats, Store,
    fault::{Checked, Refused, refuse},
};

/// Reads are of whole sectors, but for the last of a file.
const SECTOR_BYTES: u32 = 512;
const STRIPE_WORDS: usize = STRIPE_BYTES / 4;

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
    /// The slot that was chosen, and how far above its linked address code is there.
    pub(crate) slot: usize,
    pub(crate) moved: u32,
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
            slot: 0,
            moved: 0,
            prefix: RawPrefix::new(),
            #[cfg(feature = "signed")]
            trust: crate::trust::Trust::new(),
        }
    }

    /// Opens a file, reads as much as the buffer holds, and holds its header
    /// to the format. The stream then is behind the header.
    pub(crate) fn open(
        &mut self,
        platform: &impl Platform,
        #[cfg(feature = "signed")] overlay: usize,
        name: &str,
        part: Part,
    ) -> Checked<()> {
        self.close();
        self.keep_lead(0)?;
        self.part = part;
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
        (self.start, self.end, self.base_offset) = (0, 0, 0);
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
    #[inline(never)]
    pub(crate) fn begin_sum(&mut self, platform: &impl Platform, end_offset: u32) {
        self.checksum = Checksum::new();
        self.sum_end_offset = end_offset;
        self.sum(platform, self.start);
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
    pub(crate) fn pass_tables(
        &mut self,
        platform: &impl Platform,
        mut see: Option<&mut dyn FnMut(u32, u32)>,
    ) -> Checked<()> {
        let end_offset = self.prefix.segments_offset();
        let last_offset = end_offset - STRIPE_BYTES as u32;
        self.begin_sum(platform, last_offset);
        let again = see.as_mut().map(|see| &mut **see as &mut dyn FnMut(u32, u32));
        self.skip_to(platform, last_offset, again)?;
        self.ahead(platform, STRIPE_WORDS, STRIPE_WORDS)?;
        let expected = match piece(self.buffer, self.start, STRIPE_WORDS) {
            [.., expected] => u32::from_le(core::mem::take(expected)),
            [] => return Err(Refused),
        };
        self.sum_end_offset = end_offset;
        self.sum(platform, self.start);
        self.skip_to(platform, end_offset, see)?;
        self.finish_sum(HEADER_BYTES as u32, expected)
    }

    /// Says how many of the words that come next are there, at most `most`; reads until there are
    /// `least`.
    #[inline(never)]
    pub(crate) fn ahead(
        &mut self,
        platform: &impl Platform,
        least: usize,
        most: usize,
    ) -> Checked<usize> {
        loop {
            let count = self.end - self.start;
            if count >= least {
                return Ok(count.min(most));
            }
            self.fill(platform)?;
        }
    }

    /// Goes on behind the words up to `offset`, which lie ahead, and shows them to `see`.
    #[inline(never)]
    pub(crate) fn skip_to(
        &mut self,
        platform: &impl Platform,
        offset: u32,
        mut see: Option<&mut dyn FnMut(u32, u32)>,
    ) -> Checked<()> {
        while self.offset() < offset {
            let count = self.ahead(platform, 1, (offset - self.offset()) as usize / 4)?;
            if let Some(see) = &mut see {
                let words = piece(self.buffer, self.start, count);
                let offsets = (self.base_offset.wrapping_add(4 * self.start as u32)..).step_by(4);
                for (word, offset) in words.iter().zip(offsets) {
                    see(offset, u32::from_le(*word));
                }
            }
            self.start += count;
        }
        Ok(())
    }

    /// Notes what was spent on copying since `before`.
    pub(crate) fn count_copy(&mut self, platform: &impl Platform, before: u32) {
        let ticks = platform.ticks().wrapping_sub(before);
        self.spent.copy_ticks = self.spent.copy_ticks.wrapping_add(ticks);
    }

    /// Keeps room for `lead_bytes` in front of every read to come, so that as many bytes, and not
    /// fewer than one sector more, can be had at once.
    #[inline(never)]
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
        let room_bytes = ((self.buffer.len() - read_at) as u32 * 4) & !(SECTOR_BYTES - 1);
        let (part, offset) = (self.part, self.base_offset.wrapping_add(4 * self.end as u32));
        let expected_bytes = self.file_bytes.saturating_sub(offset).min(room_bytes);
        if expected_bytes == 0 {
            // Ahead of the end of the file, the caller knows that there is more to come.
            let expected_bytes = offset.saturating_add(1);
            self.fault = ImageError::Truncated { expected_bytes, actual_bytes: self.file_bytes };
            return self.refuse_file();
        }
        self.keep(read_at - left)?;
        let start = 4 * read_at;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.buffer);
        let bytes = bytes.get_mut(start..start + expected_bytes as usize);
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
        self.end = read_at + (expected_bytes as usize).div_ceil(4);
        self.base_offset = offset.wrapping_sub(start as u32);
        self.sum(platform, read_at);
        Ok(())
    }

    /// Moves the words that are left over, so that the first is at `to`: never upwards, since what
    /// was read ends behind any room that is kept in front of a read.
    fn keep(&mut self, to: usize) -> Checked<()> {
        if to > self.start || self.end > self.buffer.len() {
            return Err(Refused);
        }
        let base = self.buffer.as_mut_ptr();
        let (mut old, mut new) = (base.wrapping_add(self.start), base.wrapping_add(to));
        let end = base.wrapping_add(self.end);
        while old != end {
            // SAFETY: both places are inside the buffer, as was checked. Volatile, so that no
            // compiler makes a call of the library of it: that is a kilobyte for a handful of words.
            unsafe { new.write_volatile(old.read_volatile()) };
            (old, new) = (old.wrapping_add(1), new.wrapping_add(1));
        }
        Ok(())
    }

    /// Sums up the words from index `from` on, as far as asked.
    #[inline(never)]
    fn sum(&mut self, platform: &impl Platform, from: usize) {
        let offset = self.base_offset.wrapping_add(4 * from as u32);
        let count = self.sum_end_offset.saturating_sub(offset) as usize / 4;
        let words = piece(self.buffer, from, count.min(self.end - from));
        let before = platform.ticks();
        self.checksum.words(words);
        let ticks = platform.ticks().wrapping_sub(before);
        self.spent.verify_ticks = self.spent.verify_ticks.wrapping_add(ticks);
    }
}

/// `count` words of the buffer from index `start` on; none if it has fewer.
#[inline(never)]
pub(crate) fn piece(buffer: &mut [u32], start: usize, count: usize) -> &mut [u32] {
    buffer.get_mut(start..).and_then(|rest| rest.get_mut(..count)).unwrap_or_default()
}
