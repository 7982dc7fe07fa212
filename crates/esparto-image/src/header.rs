//! The header that both files of a pair begin with.

use crate::{
    Abi, Checksum, Field, ImageError, Isa, Name, Part, Placement, RawPrefix,
    wire::{
        BUILD_ID_BYTES, DEPENDENCY_BYTES, EXPORT_BYTES, HEADER_BYTES, MAGIC, MAX_NAME_BYTES,
        SEGMENT_BYTES, STRIPE_BYTES, VERSION,
    },
};

/// Where each field is, in bytes from the start of the image.
pub(crate) mod at {
    pub(crate) const VERSION: usize = 8;
    pub(crate) const HEADER_BYTES: usize = 10;
    pub(crate) const PART: usize = 12;
    pub(crate) const PLACEMENT: usize = 13;
    pub(crate) const ISA: usize = 14;
    pub(crate) const ABI: usize = 15;
    pub(crate) const SLOT: usize = 16;
    pub(crate) const OVERLAY: usize = 18;
    pub(crate) const SEGMENT_COUNT: usize = 20;
    pub(crate) const DEPENDENCY_COUNT: usize = 21;
    pub(crate) const BLOCK_BYTES: usize = 22;
    pub(crate) const EXPORT_COUNT: usize = 24;
    pub(crate) const RESERVED_1: usize = 26;
    pub(crate) const NAMES_BYTES: usize = 28;
    pub(crate) const TABLES_BYTES: usize = 32;
    pub(crate) const IMAGE_BYTES: usize = 36;
    pub(crate) const CODE_ADDR: usize = 40;
    pub(crate) const CODE_BYTES: usize = 44;
    pub(crate) const DATA_ADDR: usize = 48;
    pub(crate) const DATA_BYTES: usize = 52;
    pub(crate) const CONSTRUCTORS_ADDR: usize = 56;
    pub(crate) const CONSTRUCTOR_COUNT: usize = 60;
    pub(crate) const DESTRUCTOR_COUNT: usize = 62;
    pub(crate) const DESTRUCTORS_ADDR: usize = 64;
    pub(crate) const RESERVED_2: usize = 68;
    pub(crate) const PAIR: usize = 72;
    pub(crate) const BUILD_ID: usize = 80;
    pub(crate) const CHIP: usize = 112;
    pub(crate) const NAME: usize = 136 - 4;
    pub(crate) const CHECKSUM: usize = 156;
}
const _: () = assert!(at::NAME + MAX_NAME_BYTES == at::CHECKSUM);
const _: () = assert!(at::CHIP + CHIP_BYTES == at::NAME);
const _: () =
    assert!(at::CHECKSUM + 4 == HEADER_BYTES && HEADER_BYTES.is_multiple_of(STRIPE_BYTES));

/// Chips have shorter names than overlays.
const CHIP_BYTES: usize = 20;

/// What both files of a pair say of themselves. All lengths and addresses are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which file of the pair this is.
    pub part: Part,
    /// How the code finds its place.
    pub placement: Placement,
    /// The instruction set of the code.
    pub isa: Isa,
    /// The calling convention of the code.
    pub abi: Abi,
    /// The slot that prelinked code was linked for; the slot whose address relocatable code was
    /// linked at.
    pub slot: u16,
    /// The number of the overlay in the firmware's table, from 0.
    pub overlay: u16,
    /// How many segments this file has.
    pub segment_count: u8,
    /// How many overlays must be loaded before this one.
    pub dependency_count: u8,
    /// The longest block of a segment in blocks, before compression; 0 without such a segment.
    pub block_bytes: u16,
    /// How many functions and variables can be looked up by name.
    pub export_count: u16,
    /// The length of the names of the exports.
    pub names_bytes: u32,
    /// From the header to the first segment; the last four bytes are the tables' checksum.
    pub tables_bytes: u32,
    /// The length of the file.
    pub image_bytes: u32,
    /// Where the code was linked to run.
    pub code_addr: u32,
    /// How much executable memory the code takes.
    pub code_bytes: u32,
    /// Where constants, data and zeros live.
    pub data_addr: u32,
    /// How much memory they take.
    pub data_bytes: u32,
    /// The table of addresses of functions to call after loading, in the data.
    pub constructors_addr: u32,
    /// How many.
    pub constructor_count: u16,
    /// How many functions to call before unloading.
    pub destructor_count: u16,
    /// The table of their addresses, in the data.
    pub destructors_addr: u32,
    /// The same in both files of a pair and different for any other contents.
    pub pair: u64,
    /// The SHA-256 of the firmware that this overlay was linked with.
    pub build_id: [u8; BUILD_ID_BYTES],
    /// The chip, at most 20 bytes long.
    pub chip: Name,
    /// The overlay.
    pub name: Name,
}

impl Header {
    /// The header of a prefix that was found without a fault.
    ///
    /// # Errors
    /// A name that holds what a name cannot.
    pub(crate) fn decode(raw: &RawPrefix) -> Result<Self, ImageError> {
        let code = |offset: usize, field, actual: u8| ImageError::Field {
            offset: offset as u32,
            field,
            actual: actual.into(),
            expected: 1,
        };
        let bad_name = |offset: usize| ImageError::BadName { offset: offset as u32 };
        let name_of = |words: &[u32]| {
            let mut padded = [0; MAX_NAME_BYTES];
            put_words(&mut padded, words);
            Name::from_padded(padded)
        };
        let part = raw.part();
        let (isa, abi) = (raw.isa(), raw.abi());
        let (constructors_addr, constructor_count) = raw.constructors();
        let (destructors_addr, destructor_count) = raw.destructors();
        let mut build_id = [0; BUILD_ID_BYTES];
        put_words(&mut build_id, raw.build_id());
        Ok(Self {
            part: Part::from_code(part).ok_or_else(|| code(at::PART, Field::Part, part))?,
            placement: match raw.is_relocatable() {
                false => Placement::Prelinked,
                true => Placement::Relocatable,
            },
            isa: Isa::from_code(isa).ok_or_else(|| code(at::ISA, Field::Isa, isa))?,
            abi: Abi::from_code(abi).ok_or_else(|| code(at::ABI, Field::Abi, abi))?,
            slot: raw.slot(),
            overlay: raw.overlay(),
            segment_count: raw.segment_count() as u8,
            dependency_count: raw.dependency_count() as u8,
            block_bytes: raw.block_bytes() as u16,
            export_count: raw.export_count(),
            names_bytes: raw.names_bytes(),
            tables_bytes: raw.tables_bytes(),
            image_bytes: raw.image_bytes(),
            code_addr: raw.code_addr(),
            code_bytes: raw.code_bytes(),
            data_addr: raw.data_addr(),
            data_bytes: raw.data_bytes(),
            constructors_addr,
            constructor_count,
            destructor_count,
            destructors_addr,
            pair: raw.pair(),
            build_id,
            chip: name_of(raw.chip()).ok_or(bad_name(at::CHIP))?,
            name: name_of(raw.name()).ok_or(bad_name(at::NAME))?,
        })
    }

    /// How long the tables are by the counts; `None` past 4 GiB.
    #[cfg(feature = "build")]
    pub(crate) fn tables_bytes_needed(&self) -> Option<u32> {
        let entries = self.exports_offset() - HEADER_BYTES as u32
            + u32::from(self.export_count) * EXPORT_BYTES as u32;
        let with_names = entries.checked_add(self.names_bytes)?.checked_add(4)?;
        crate::wire::round_up(with_names, STRIPE_BYTES as u32)
    }

    /// Where the table of dependencies is.
    #[must_use]
    pub fn dependencies_offset(&self) -> u32 {
        HEADER_BYTES as u32 + u32::from(self.segment_count) * SEGMENT_BYTES as u32
    }

    /// Where the table of exports is.
    #[must_use]
    pub fn exports_offset(&self) -> u32 {
        let end =
            self.dependencies_offset() + u32::from(self.dependency_count) * DEPENDENCY_BYTES as u32;
        (end + 3) & !3
    }

    /// Where the names of the exports are.
    #[must_use]
    pub fn names_offset(&self) -> u32 {
        self.exports_offset() + u32::from(self.export_count) * EXPORT_BYTES as u32
    }

    /// Where the first segment is.
    #[must_use]
    pub fn segments_offset(&self) -> u32 {
        HEADER_BYTES as u32 + self.tables_bytes
    }

    /// Do both headers describe the same overlay of the same firmware, one the code and the other
    /// the data?
    #[must_use]
    pub fn pairs_with(&self, other: &Self) -> bool {
        self.part != other.part
            && self.pair == other.pair
            && self.build_id == other.build_id
            && self.name == other.name
    }

    /// The bytes of the header.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        put(0, &MAGIC);
        put(at::VERSION, &VERSION.to_le_bytes());
        put(at::HEADER_BYTES, &(HEADER_BYTES as u16).to_le_bytes());
        put(at::PART, &[self.part.code(), self.placement.code(), self.isa.code(), self.abi.code()]);
        put(at::SLOT, &self.slot.to_le_bytes());
        put(at::OVERLAY, &self.overlay.to_le_bytes());
        put(at::SEGMENT_COUNT, &[self.segment_count, self.dependency_count]);
        put(at::BLOCK_BYTES, &self.block_bytes.to_le_bytes());
        put(at::EXPORT_COUNT, &self.export_count.to_le_bytes());
        put(at::CONSTRUCTOR_COUNT, &self.constructor_count.to_le_bytes());
        put(at::DESTRUCTOR_COUNT, &self.destructor_count.to_le_bytes());
        for (offset, value) in [
            (at::NAMES_BYTES, self.names_bytes),
            (at::TABLES_BYTES, self.tables_bytes),
            (at::IMAGE_BYTES, self.image_bytes),
            (at::CODE_ADDR, self.code_addr),
            (at::CODE_BYTES, self.code_bytes),
            (at::DATA_ADDR, self.data_addr),
            (at::DATA_BYTES, self.data_bytes),
            (at::CONSTRUCTORS_ADDR, self.constructors_addr),
            (at::DESTRUCTORS_ADDR, self.destructors_addr),
        ] {
            put(offset, &value.to_le_bytes());
        }
        put(at::PAIR, &self.pair.to_le_bytes());
        put(at::BUILD_ID, &self.build_id);
        put(at::CHIP, &self.chip.padded()[..CHIP_BYTES]);
        put(at::NAME, self.name.padded());
        let checksum = Checksum::around(&bytes, at::CHECKSUM);
        bytes[at::CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn put_words(bytes: &mut [u8], words: &[u32]) {
    for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
}
