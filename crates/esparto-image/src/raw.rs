//! Header, segments and dependencies as they are in the file, checked in place.
//!
//! What a loader decides on: every field is held to its rule, and read when it is wanted. Nothing is
//! copied into other shapes, because on a device the code for that would be longer than all the rest.

use crate::{
    Checksum, Encoding, Field, ImageError, Part, Refused, Segment, SegmentKind,
    error::refuse,
    header::at,
    wire::{
        EXPORT_BYTES, HEADER_BYTES, MAGIC, MAX_BLOCK_BYTES, MAX_DEPENDENCY_COUNT, MAX_NAME_BYTES,
        MAX_PREFIX_BYTES, MAX_SEGMENT_COUNT, SEGMENT_BYTES, STRIPE_BYTES, VERSION,
    },
};

/// A power of two, so that no index needs to be held to it; the words behind are zero.
const WORDS: usize = 128;
const _: () = assert!(WORDS * 4 >= MAX_PREFIX_BYTES && WORDS.is_power_of_two());
const MAGIC_WORDS: [u32; 2] = {
    let [a, b, c, d, e, f, g, h] = MAGIC;
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
};
const HEADER: u32 = HEADER_BYTES as u32;

/// Where each field of a segment's entry is, in bytes from its start; the checksum is at 20.
mod of_segment {
    pub(super) const KIND: usize = 0;
    pub(super) const ENCODING: usize = 1;
    pub(super) const RESERVED: usize = 2;
    pub(super) const ADDR: usize = 4;
    pub(super) const MEMORY_BYTES: usize = 8;
    pub(super) const OFFSET: usize = 12;
    pub(super) const STORED_BYTES: usize = 16;
}

/// What a field may be, whatever the others are.
struct Rule {
    offset: u8,
    /// 1, 2 or 4 bytes; negative where `limit` has a bit for each value that is allowed.
    width: i8,
    field: Field,
    /// A value is a multiple of this plus 1; where there is a set, a value that is allowed.
    step: u8,
    /// The most that is allowed.
    limit: u32,
}

const fn set(offset: usize, field: Field, example: u8, values: &[u8]) -> Rule {
    let mut limit = 0;
    let mut index = 0;
    while index < values.len() {
        limit |= 1 << values[index];
        index += 1;
    }
    Rule { offset: offset as u8, width: -1, field, step: example, limit }
}

const fn most(offset: usize, width: i8, field: Field, limit: usize, step: u8) -> Rule {
    Rule { offset: offset as u8, width, field, step: step - 1, limit: limit as u32 }
}

const ANY: usize = u32::MAX as usize;

const OF_HEADER: &[Rule] = &[
    set(at::PART, Field::Part, 1, &[1, 2]),
    set(at::PLACEMENT, Field::Placement, 0, &[0, 1]),
    set(at::ISA, Field::Isa, 1, &[1, 2, 3, 16, 17, 18]),
    set(at::ABI, Field::Abi, 1, &[1, 2, 16, 17]),
    most(at::SEGMENT_COUNT, 1, Field::SegmentCount, MAX_SEGMENT_COUNT, 1),
    most(at::DEPENDENCY_COUNT, 1, Field::DependencyCount, MAX_DEPENDENCY_COUNT, 1),
    most(at::BLOCK_BYTES, 2, Field::BlockLimit, MAX_BLOCK_BYTES, STRIPE_BYTES as u8),
    most(at::RESERVED_1, 2, Field::Reserved, 0, 1),
    most(at::RESERVED_2, 4, Field::Reserved, 0, 1),
    most(at::CODE_ADDR, 4, Field::CodeAddress, ANY, 4),
    most(at::CODE_BYTES, 4, Field::CodeLength, ANY, 4),
    most(at::DATA_ADDR, 4, Field::DataAddress, ANY, 4),
    most(at::DATA_BYTES, 4, Field::DataLength, ANY, 4),
    most(at::CONSTRUCTORS_ADDR, 4, Field::Constructors, ANY, 4),
    most(at::DESTRUCTORS_ADDR, 4, Field::Destructors, ANY, 4),
];

const OF_SEGMENT: &[Rule] = &[
    set(of_segment::KIND, Field::SegmentKind, 1, &[1, 2, 3]),
    set(of_segment::ENCODING, Field::SegmentEncoding, 0, &[0, 1]),
    most(of_segment::RESERVED, 2, Field::Reserved, 0, 1),
    most(of_segment::ADDR, 4, Field::SegmentAddress, ANY, 4),
    most(of_segment::MEMORY_BYTES, 4, Field::SegmentLength, ANY, 4),
    most(of_segment::OFFSET, 4, Field::SegmentOffset, ANY, STRIPE_BYTES as u8),
    most(of_segment::STORED_BYTES, 4, Field::SegmentStored, ANY, STRIPE_BYTES as u8),
];

/// Header, segments and dependencies of an image, as they are in the file.
///
/// After [`read`](Self::read) has found no fault, every number is one that it may be. The names are
/// not looked at: whoever wants them holds them to what they should be.
#[derive(Clone, Debug)]
pub struct RawPrefix {
    words: [u32; WORDS],
}

impl Default for RawPrefix {
    fn default() -> Self {
        Self::new()
    }
}

#[inline(never)]
#[cold]
fn fault(
    why: &mut ImageError,
    offset: usize,
    field: Field,
    actual: u32,
    expected: u32,
) -> Result<(), Refused> {
    refuse(why, ImageError::Field { offset: offset as u32, field, actual, expected })
}

impl RawPrefix {
    /// A prefix of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: [0; WORDS] }
    }

    /// Takes in the first [`MAX_PREFIX_BYTES`] bytes of an image of `file_bytes` bytes or more, or all
    /// of them if there are fewer, and holds them to the format. They come as words as they are in the
    /// file, of which `there_bytes` bytes are the file's. The tables' own checksum is not
    /// among what is verified here: it is at [`segments_offset`](Self::segments_offset) − 4.
    ///
    /// # Errors
    /// The first fault, written to `why`.
    pub fn read(
        &mut self,
        words: &[u32],
        there_bytes: u32,
        file_bytes: u32,
        why: &mut ImageError,
    ) -> Result<(), Refused> {
        // What is not there is zero.
        for (index, word) in self.words.iter_mut().enumerate() {
            *word = words.get(index).map_or(0, |word| u32::from_le(*word));
        }
        if there_bytes < HEADER {
            let (expected_bytes, actual_bytes) = (HEADER, there_bytes);
            return refuse(why, ImageError::Truncated { expected_bytes, actual_bytes });
        }
        self.check_header(why)?;
        let image_bytes = self.image_bytes();
        if file_bytes < image_bytes {
            let (expected_bytes, actual_bytes) = (image_bytes, file_bytes);
            return refuse(why, ImageError::Truncated { expected_bytes, actual_bytes });
        }
        if file_bytes > image_bytes {
            let (offset, actual_bytes) = (image_bytes, file_bytes);
            return refuse(why, ImageError::TrailingBytes { offset, actual_bytes });
        }
        self.check_segments(why)
    }

    #[inline(never)]
    fn check_header(&mut self, why: &mut ImageError) -> Result<(), Refused> {
        let actual = [self.words[0], self.words[1]];
        if actual != MAGIC_WORDS {
            return refuse(why, ImageError::NotAnImage { actual });
        }
        let version = self.half(at::VERSION);
        if version != VERSION {
            return refuse(
                why,
                ImageError::UnsupportedVersion { actual: version, expected: VERSION },
            );
        }
        // The checksum takes itself as zero.
        let expected = core::mem::take(&mut self.words[at::CHECKSUM / 4]);
        let actual = Checksum::of(&self.words[..HEADER_BYTES / 4]);
        self.words[at::CHECKSUM / 4] = expected;
        if actual != expected {
            return refuse(why, ImageError::Checksum { offset: 0, expected, actual });
        }
        self.check_rules(0, OF_HEADER, why)?;
        let header_bytes = self.half(at::HEADER_BYTES).into();
        if header_bytes != HEADER {
            return fault(why, at::HEADER_BYTES, Field::HeaderLength, header_bytes, HEADER);
        }
        // A sum that wraps is shorter than its largest part.
        let (tables_bytes, names_bytes) = (self.tables_bytes(), self.names_bytes());
        let needed = (self.names_offset() - HEADER).wrapping_add(names_bytes).wrapping_add(4 + 15);
        let needed = needed & !15;
        if tables_bytes != needed || needed < names_bytes {
            return fault(why, at::TABLES_BYTES, Field::TablesLength, tables_bytes, needed);
        }
        let image_bytes = self.image_bytes();
        if image_bytes < HEADER || image_bytes - HEADER < tables_bytes {
            let expected = HEADER.wrapping_add(tables_bytes);
            return fault(why, at::IMAGE_BYTES, Field::ImageLength, image_bytes, expected);
        }
        self.check_calls(at::CONSTRUCTORS_ADDR, at::CONSTRUCTOR_COUNT, Field::Constructors, why)?;
        self.check_calls(at::DESTRUCTORS_ADDR, at::DESTRUCTOR_COUNT, Field::Destructors, why)
    }

    /// A table of functions lies in the data.
    #[inline(never)]
    fn check_calls(
        &self,
        at: usize,
        count_at: usize,
        field: Field,
        why: &mut ImageError,
    ) -> Result<(), Refused> {
        let (addr, count) = (self.word(at), u32::from(self.half(count_at)));
        let (data_addr, data_bytes) = (self.data_addr(), self.data_bytes());
        if count != 0 && !lies_inside(addr, 4 * count, data_addr, data_bytes) {
            return fault(why, at, field, addr, data_addr);
        }
        Ok(())
    }

    /// Holds what the image says of its machine and of its places to itself. A loader that compares
    /// all of it with its firmware need not.
    ///
    /// # Errors
    /// The first fault, written to `why`.
    pub fn check_target(&self, why: &mut ImageError) -> Result<(), Refused> {
        let (isa, abi) = (self.isa(), self.byte(at::ABI));
        let is_riscv = isa < 16;
        let fits = match abi {
            1 => is_riscv,
            2 => isa == 3,
            16 => !is_riscv,
            _ => isa > 16,
        };
        if !fits {
            return fault(why, at::ABI, Field::Abi, abi.into(), if is_riscv { 1 } else { 16 });
        }
        for (offset, field) in
            [(at::CODE_ADDR, Field::CodeLength), (at::DATA_ADDR, Field::DataLength)]
        {
            let (addr, len) = (self.word(offset), self.word(offset + 4));
            if len > u32::MAX - addr {
                return fault(why, offset + 4, field, len, u32::MAX - addr);
            }
        }
        Ok(())
    }

    /// Segments follow one another, in the file without a gap and in memory without an overlap; no
    /// overlay needs itself.
    #[inline(never)]
    fn check_segments(&self, why: &mut ImageError) -> Result<(), Refused> {
        use of_segment::{ADDR, ENCODING, KIND, MEMORY_BYTES, OFFSET, STORED_BYTES};
        let image_bytes = self.image_bytes();
        let is_code = self.part() == Part::Code.code();
        let place_at = if is_code { at::CODE_ADDR } else { at::DATA_ADDR };
        let (place_addr, place_bytes) = (self.word(place_at), self.word(place_at + 4));
        let mut next_offset = self.segments_offset();
        let mut next_from = 0;
        for index in 0..self.segment_count() {
            let at = HEADER_BYTES + index * SEGMENT_BYTES;
            self.check_rules(at, OF_SEGMENT, why)?;
            let [kinds, addr, memory_bytes, offset, stored, _] = *self.entry(index);
            let (kind, encoding) = (kinds as u8, (kinds >> 8) as u8);
            if (kind == SegmentKind::Code as u8) != is_code {
                let expected = self.part().into();
                return fault(why, at + KIND, Field::SegmentKind, kind.into(), expected);
            }
            // In bytes from the start of the code or the data.
            let from = addr.wrapping_sub(place_addr);
            if from < next_from || from > place_bytes {
                let expected = place_addr.wrapping_add(next_from);
                return fault(why, at + ADDR, Field::SegmentAddress, addr, expected);
            }
            let room_bytes = place_bytes - from;
            if memory_bytes == 0 || memory_bytes > room_bytes {
                let field = Field::SegmentLength;
                return fault(why, at + MEMORY_BYTES, field, memory_bytes, room_bytes);
            }
            let is_zero = kind == SegmentKind::Zero as u8;
            let is_plain = encoding == Encoding::Plain as u8;
            if !is_plain && (is_zero || self.block_bytes() == 0) {
                return fault(why, at + ENCODING, Field::SegmentEncoding, encoding.into(), 0);
            }
            // A length that wraps is less than what it is to hold.
            let expected = match (is_zero, is_plain) {
                (true, _) => 0,
                (_, true) => memory_bytes.wrapping_add(15) & !15,
                (_, false) => stored.max(16),
            };
            if stored != expected || (is_plain && !is_zero && stored < memory_bytes) {
                return fault(why, at + STORED_BYTES, Field::SegmentStored, stored, expected);
            }
            if offset != next_offset {
                return fault(why, at + OFFSET, Field::SegmentOffset, offset, next_offset);
            }
            let left_bytes = image_bytes - offset;
            if stored > left_bytes {
                return fault(why, at + STORED_BYTES, Field::SegmentStored, stored, left_bytes);
            }
            next_offset = offset + stored;
            next_from = from + memory_bytes;
        }
        if next_offset != image_bytes {
            let (offset, actual_bytes) = (next_offset, image_bytes);
            return refuse(why, ImageError::TrailingBytes { offset, actual_bytes });
        }
        for index in 0..self.dependency_count() {
            let (offset, overlay) = (self.dependencies_offset() + 2 * index, self.overlay());
            if self.half(offset) == overlay {
                let (actual, expected) = (overlay.into(), u32::from(overlay) + 1);
                return fault(why, offset, Field::Dependency, actual, expected);
            }
        }
        Ok(())
    }

    fn check_rules(&self, at: usize, rules: &[Rule], why: &mut ImageError) -> Result<(), Refused> {
        for rule in rules {
            let offset = at + usize::from(rule.offset);
            let (actual, step) = (self.number(offset, rule.width), u32::from(rule.step));
            let expected = if rule.width < 0 {
                if actual < 32 && rule.limit >> actual & 1 != 0 {
                    continue;
                }
                step
            } else if actual > rule.limit {
                rule.limit
            } else if actual & step != 0 {
                actual & !step
            } else {
                continue;
            };
            return fault(why, offset, rule.field, actual, expected);
        }
        Ok(())
    }

    fn number(&self, offset: usize, width: i8) -> u32 {
        match width {
            4 => self.word(offset),
            2 => self.half(offset).into(),
            _ => self.byte(offset).into(),
        }
    }

    /// The word that has the byte at `offset`.
    #[inline]
    fn word(&self, offset: usize) -> u32 {
        self.words[offset / 4 % WORDS]
    }

    #[inline]
    fn half(&self, offset: usize) -> u16 {
        (self.word(offset) >> (8 * (offset & 2))) as u16
    }

    #[inline]
    fn byte(&self, offset: usize) -> u8 {
        (self.word(offset) >> (8 * (offset & 3))) as u8
    }

    /// The code of the [`Part`].
    #[inline]
    #[must_use]
    pub fn part(&self) -> u8 {
        self.byte(at::PART)
    }

    /// Does the code run wherever it fits?
    #[inline]
    #[must_use]
    pub fn is_relocatable(&self) -> bool {
        self.byte(at::PLACEMENT) != 0
    }

    /// The code of the [`Isa`](crate::Isa).
    #[inline]
    #[must_use]
    pub fn isa(&self) -> u8 {
        self.byte(at::ISA)
    }

    /// The code of the [`Abi`](crate::Abi).
    #[inline]
    #[must_use]
    pub fn abi(&self) -> u8 {
        self.byte(at::ABI)
    }

    /// The slot that the code was linked for.
    #[inline]
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.half(at::SLOT)
    }

    /// The number of the overlay.
    #[inline]
    #[must_use]
    pub fn overlay(&self) -> u16 {
        self.half(at::OVERLAY)
    }

    /// How many segments this file has.
    #[inline]
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.byte(at::SEGMENT_COUNT).into()
    }

    /// How many overlays must be loaded before this one.
    #[inline]
    #[must_use]
    pub fn dependency_count(&self) -> usize {
        self.byte(at::DEPENDENCY_COUNT).into()
    }

    /// The longest block in memory.
    #[inline]
    #[must_use]
    pub fn block_bytes(&self) -> u32 {
        self.half(at::BLOCK_BYTES).into()
    }

    #[inline]
    pub(crate) fn export_count(&self) -> u16 {
        self.half(at::EXPORT_COUNT)
    }

    #[inline]
    pub(crate) fn names_bytes(&self) -> u32 {
        self.word(at::NAMES_BYTES)
    }

    #[inline]
    pub(crate) fn tables_bytes(&self) -> u32 {
        self.word(at::TABLES_BYTES)
    }

    /// The length of the file.
    #[inline]
    #[must_use]
    pub fn image_bytes(&self) -> u32 {
        self.word(at::IMAGE_BYTES)
    }

    /// Where the code was linked.
    #[inline]
    #[must_use]
    pub fn code_addr(&self) -> u32 {
        self.word(at::CODE_ADDR)
    }

    /// How much memory the code takes.
    #[inline]
    #[must_use]
    pub fn code_bytes(&self) -> u32 {
        self.word(at::CODE_BYTES)
    }

    /// Where the data was linked.
    #[inline]
    #[must_use]
    pub fn data_addr(&self) -> u32 {
        self.word(at::DATA_ADDR)
    }

    /// How much memory the data takes.
    #[inline]
    #[must_use]
    pub fn data_bytes(&self) -> u32 {
        self.word(at::DATA_BYTES)
    }

    /// The table of functions to call after loading: its address, and how many.
    #[inline]
    #[must_use]
    pub fn constructors(&self) -> (u32, u16) {
        (self.word(at::CONSTRUCTORS_ADDR), self.half(at::CONSTRUCTOR_COUNT))
    }

    /// The table of functions to call before unloading: its address, and how many.
    #[inline]
    #[must_use]
    pub fn destructors(&self) -> (u32, u16) {
        (self.word(at::DESTRUCTORS_ADDR), self.half(at::DESTRUCTOR_COUNT))
    }

    /// What marks the pair: the same in both files, and another for any other contents.
    #[inline]
    #[must_use]
    pub fn pair(&self) -> u64 {
        u64::from(self.word(at::PAIR)) | u64::from(self.word(at::PAIR + 4)) << 32
    }

    /// The words of the build id, as they are in the file.
    #[inline]
    #[must_use]
    pub fn build_id(&self) -> &[u32; 8] {
        self.words[at::BUILD_ID / 4..].first_chunk().expect("inside the header")
    }

    /// The words of the chip's name, padded with zeros.
    #[inline]
    #[must_use]
    pub fn chip(&self) -> &[u32; 5] {
        self.words[at::CHIP / 4..].first_chunk().expect("inside the header")
    }

    /// The words of the overlay's name, padded with zeros.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &[u32; 6] {
        self.words[at::NAME / 4..].first_chunk().expect("inside the header")
    }

    /// Is this the overlay's name?
    #[must_use]
    pub fn is_name(&self, name: &[u8]) -> bool {
        let mut rest = name.iter();
        for offset in at::NAME..at::NAME + MAX_NAME_BYTES {
            if self.byte(offset) != rest.next().copied().unwrap_or(0) {
                return false;
            }
        }
        rest.next().is_none()
    }

    /// A segment; `index` is below their number.
    #[inline]
    #[must_use]
    pub fn segment(&self, index: usize) -> Segment {
        let [kinds, addr, memory_bytes, offset, stored_bytes, checksum] = *self.entry(index);
        Segment {
            kind: match kinds as u8 {
                1 => SegmentKind::Code,
                2 => SegmentKind::Data,
                _ => SegmentKind::Zero,
            },
            encoding: if kinds >> 8 == 0 { Encoding::Plain } else { Encoding::Blocks },
            addr,
            memory_bytes,
            offset,
            stored_bytes,
            checksum,
        }
    }

    /// The words of a segment's entry; `index` is below their number.
    #[inline]
    fn entry(&self, index: usize) -> &[u32; SEGMENT_BYTES / 4] {
        let table = &self.words[HEADER_BYTES / 4..][..MAX_SEGMENT_COUNT * SEGMENT_BYTES / 4];
        &table.as_chunks().0[index % MAX_SEGMENT_COUNT]
    }

    fn dependencies_offset(&self) -> usize {
        HEADER_BYTES + self.segment_count() * SEGMENT_BYTES
    }

    /// A dependency; `index` is below their number.
    #[inline]
    #[must_use]
    pub fn dependency(&self, index: usize) -> u16 {
        self.half(self.dependencies_offset() + 2 * index)
    }

    /// Where the table of exports is.
    #[must_use]
    pub fn exports_offset(&self) -> u32 {
        (self.dependencies_offset() + 2 * self.dependency_count() + 3) as u32 & !3
    }

    /// Where the names of the exports are.
    #[must_use]
    pub fn names_offset(&self) -> u32 {
        self.exports_offset() + u32::from(self.export_count()) * EXPORT_BYTES as u32
    }

    /// Where the first segment is.
    #[inline]
    #[must_use]
    pub fn segments_offset(&self) -> u32 {
        HEADER + self.tables_bytes()
    }
}

/// Do `len` bytes from `addr` on lie inside those from `place_addr` on?
fn lies_inside(addr: u32, len: u32, place_addr: u32, place_bytes: u32) -> bool {
    let from = addr.wrapping_sub(place_addr);
    from <= place_bytes && len <= place_bytes - from
}
