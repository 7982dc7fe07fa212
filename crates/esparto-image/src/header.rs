//! The header that both files of a pair begin with.

use crate::{
    Abi, Checksum, ImageError, Isa, Name, Part, Placement,
    wire::{
        self, BUILD_ID_BYTES, DEPENDENCY_BYTES, EXPORT_BYTES, HEADER_BYTES, MAGIC, MAX_BLOCK_BYTES,
        MAX_DEPENDENCY_COUNT, MAX_NAME_BYTES, MAX_SEGMENT_COUNT, SEGMENT_BYTES, STRIPE_BYTES,
        VERSION,
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

/// The word at `offset`. One copy of this for all fields: on a device the size counts.
#[inline(never)]
fn word_at(fixed: &[u8; HEADER_BYTES], offset: usize) -> u32 {
    wire::array(fixed, offset).map_or(0, u32::from_le_bytes)
}

impl Header {
    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// The first fault, by offset.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let fixed: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(ImageError::Truncated {
            expected_bytes: HEADER_BYTES as u32,
            actual_bytes: bytes.len() as u32,
        })?;
        let u16_at = |offset| u16::from_le_bytes([fixed[offset], fixed[offset + 1]]);
        let u32_at = |offset| word_at(fixed, offset);

        let magic = *fixed.first_chunk().expect("the header is longer than its magic");
        if magic != MAGIC {
            return Err(ImageError::NotAnImage { actual: magic });
        }
        if u16_at(at::VERSION) != VERSION {
            let actual = u16_at(at::VERSION);
            return Err(ImageError::UnsupportedVersion { actual, expected: VERSION });
        }
        let expected = u32_at(at::CHECKSUM);
        let actual = Checksum::around(fixed, at::CHECKSUM);
        if actual != expected {
            return Err(ImageError::Checksum { offset: 0, expected, actual });
        }

        let code = |offset: usize, field, expected: u8| ImageError::Field {
            offset: offset as u32,
            field,
            actual: u32::from(fixed[offset]),
            expected: u32::from(expected),
        };
        let chip = fixed[at::CHIP..at::NAME].first_chunk::<CHIP_BYTES>();
        let header = Self {
            part: Part::from_code(fixed[at::PART])
                .ok_or_else(|| code(at::PART, "part", Part::Code.code()))?,
            placement: Placement::from_code(fixed[at::PLACEMENT])
                .ok_or_else(|| code(at::PLACEMENT, "placement", 0))?,
            isa: Isa::from_code(fixed[at::ISA])
                .ok_or_else(|| code(at::ISA, "instruction set", Isa::Rv32imc.code()))?,
            abi: Abi::from_code(fixed[at::ABI])
                .ok_or_else(|| code(at::ABI, "calling convention", Abi::Ilp32.code()))?,
            slot: u16_at(at::SLOT),
            overlay: u16_at(at::OVERLAY),
            segment_count: fixed[at::SEGMENT_COUNT],
            dependency_count: fixed[at::DEPENDENCY_COUNT],
            block_bytes: u16_at(at::BLOCK_BYTES),
            export_count: u16_at(at::EXPORT_COUNT),
            names_bytes: u32_at(at::NAMES_BYTES),
            tables_bytes: u32_at(at::TABLES_BYTES),
            image_bytes: u32_at(at::IMAGE_BYTES),
            code_addr: u32_at(at::CODE_ADDR),
            code_bytes: u32_at(at::CODE_BYTES),
            data_addr: u32_at(at::DATA_ADDR),
            data_bytes: u32_at(at::DATA_BYTES),
            constructors_addr: u32_at(at::CONSTRUCTORS_ADDR),
            constructor_count: u16_at(at::CONSTRUCTOR_COUNT),
            destructor_count: u16_at(at::DESTRUCTOR_COUNT),
            destructors_addr: u32_at(at::DESTRUCTORS_ADDR),
            pair: u64::from(u32_at(at::PAIR)) | u64::from(u32_at(at::PAIR + 4)) << 32,
            build_id: wire::array(fixed, at::BUILD_ID).expect("inside the header"),
            chip: chip
                .and_then(|chip| {
                    let mut padded = [0; MAX_NAME_BYTES];
                    padded[..CHIP_BYTES].copy_from_slice(chip);
                    Name::from_padded(padded)
                })
                .ok_or(ImageError::BadName { offset: at::CHIP as u32 })?,
            name: wire::array(fixed, at::NAME)
                .and_then(Name::from_padded)
                .ok_or(ImageError::BadName { offset: at::NAME as u32 })?,
        };
        let exactly = |offset: usize, field, actual: u32, expected: u32| {
            if actual == expected {
                Ok(())
            } else {
                Err(ImageError::Field { offset: offset as u32, field, actual, expected })
            }
        };
        let header_bytes = u32::from(u16_at(at::HEADER_BYTES));
        exactly(at::HEADER_BYTES, "header length", header_bytes, HEADER_BYTES as u32)?;
        exactly(at::RESERVED_1, "reserved field", u32::from(u16_at(at::RESERVED_1)), 0)?;
        exactly(at::RESERVED_2, "reserved field", u32_at(at::RESERVED_2), 0)?;
        header.validate()?;
        Ok(header)
    }

    /// Holds the fields against one another.
    ///
    /// # Errors
    /// The first field that contradicts the others.
    pub fn validate(&self) -> Result<(), ImageError> {
        let fault = |offset: usize, field, actual: u32, expected: u32| {
            Err(ImageError::Field { offset: offset as u32, field, actual, expected })
        };
        let at_most = |offset, field, actual: u32, limit: usize| {
            if actual as usize > limit {
                fault(offset, field, actual, limit as u32)
            } else {
                Ok(())
            }
        };
        let abi_fits = match self.abi {
            Abi::Ilp32 => self.isa.is_riscv(),
            Abi::Ilp32f => self.isa == Isa::Rv32imafc,
            Abi::Call0 => !self.isa.is_riscv(),
            Abi::Windowed => matches!(self.isa, Isa::XtensaLx6 | Isa::XtensaLx7),
        };
        if !abi_fits {
            let expected = if self.isa.is_riscv() { Abi::Ilp32 } else { Abi::Call0 };
            return fault(
                at::ABI,
                "calling convention",
                self.abi.code().into(),
                expected.code().into(),
            );
        }
        at_most(at::SEGMENT_COUNT, "segment count", self.segment_count.into(), MAX_SEGMENT_COUNT)?;
        at_most(
            at::DEPENDENCY_COUNT,
            "dependency count",
            self.dependency_count.into(),
            MAX_DEPENDENCY_COUNT,
        )?;
        at_most(at::BLOCK_BYTES, "block length", self.block_bytes.into(), MAX_BLOCK_BYTES)?;
        if !self.block_bytes.is_multiple_of(STRIPE_BYTES as u16) {
            let below = self.block_bytes / STRIPE_BYTES as u16 * STRIPE_BYTES as u16;
            return fault(at::BLOCK_BYTES, "block length", self.block_bytes.into(), below.into());
        }
        if self.chip.as_str().len() > CHIP_BYTES {
            return Err(ImageError::BadName { offset: at::CHIP as u32 });
        }
        match self.tables_bytes_needed() {
            Some(expected) if expected == self.tables_bytes => {}
            expected => {
                let expected = expected.unwrap_or(u32::MAX);
                return fault(
                    at::TABLES_BYTES,
                    "length of the tables",
                    self.tables_bytes,
                    expected,
                );
            }
        }
        let prefix_bytes = self.tables_bytes.checked_add(HEADER_BYTES as u32);
        match prefix_bytes {
            Some(prefix) if prefix <= self.image_bytes => {}
            _ => {
                let expected = prefix_bytes.unwrap_or(u32::MAX);
                return fault(at::IMAGE_BYTES, "length of the image", self.image_bytes, expected);
            }
        }
        for (offset, field, value) in [
            (at::CODE_ADDR, "address of the code", self.code_addr),
            (at::CODE_BYTES, "length of the code", self.code_bytes),
            (at::DATA_ADDR, "address of the data", self.data_addr),
            (at::DATA_BYTES, "length of the data", self.data_bytes),
            (at::CONSTRUCTORS_ADDR, "address of the constructors", self.constructors_addr),
            (at::DESTRUCTORS_ADDR, "address of the destructors", self.destructors_addr),
        ] {
            if !value.is_multiple_of(4) {
                return fault(offset, field, value, value & !3);
            }
        }
        for (offset, field, addr, len) in [
            (at::CODE_BYTES, "length of the code", self.code_addr, self.code_bytes),
            (at::DATA_BYTES, "length of the data", self.data_addr, self.data_bytes),
        ] {
            if addr.checked_add(len).is_none() {
                return fault(offset, field, len, u32::MAX - addr);
            }
        }
        for (offset, field, addr, count) in [
            (
                at::CONSTRUCTORS_ADDR,
                "address of the constructors",
                self.constructors_addr,
                self.constructor_count,
            ),
            (
                at::DESTRUCTORS_ADDR,
                "address of the destructors",
                self.destructors_addr,
                self.destructor_count,
            ),
        ] {
            let inside = addr
                .checked_sub(self.data_addr)
                .and_then(|from| from.checked_add(4 * u32::from(count)))
                .is_some_and(|end| end <= self.data_bytes);
            if count != 0 && !inside {
                return fault(offset, field, addr, self.data_addr);
            }
        }
        Ok(())
    }

    /// How long the tables are by the counts; `None` past 4 GiB.
    pub(crate) fn tables_bytes_needed(&self) -> Option<u32> {
        let entries = self.exports_offset() - HEADER_BYTES as u32
            + u32::from(self.export_count) * EXPORT_BYTES as u32;
        let with_names = entries.checked_add(self.names_bytes)?.checked_add(4)?;
        wire::round_up(with_names, STRIPE_BYTES as u32)
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
