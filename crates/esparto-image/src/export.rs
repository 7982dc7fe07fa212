//! What an overlay offers by name.

use crate::{
    Field, Header, ImageError,
    wire::{self, EXPORT_BYTES},
};

/// The hash that exports are sorted by: 32-bit FNV-1a.
#[must_use]
pub const fn name_hash(name: &str) -> u32 {
    let name = name.as_bytes();
    let mut hash = 0x811C_9DC5_u32;
    let mut index = 0;
    while index < name.len() {
        hash = (hash ^ name[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

/// One entry of the export table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportEntry {
    /// The hash of the name.
    pub hash: u32,
    /// The address it was linked at.
    pub addr: u32,
    /// Where the name begins, from the start of the names: two bytes of length, then the name.
    pub name_offset: u32,
}

impl ExportEntry {
    /// Reads an entry.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; EXPORT_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let [hash, addr, name_offset] = [0, 1, 2].map(|at| u32::from_le_bytes(words[at]));
        Self { hash, addr, name_offset }
    }

    /// The bytes of the entry.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; EXPORT_BYTES] {
        let mut bytes = [0; EXPORT_BYTES];
        let words = [self.hash, self.addr, self.name_offset];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }
}

/// A function or variable that an overlay offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export<'a> {
    /// Its name.
    pub name: &'a str,
    /// The address it was linked at, in the code or in the data.
    pub addr: u32,
}

/// All exports of an image, sorted by hash, then by name.
#[derive(Clone, Copy, Debug)]
pub struct Exports<'a> {
    entries: &'a [[u8; EXPORT_BYTES]],
    names: &'a [u8],
}

impl<'a> Exports<'a> {
    /// Reads the tables of a whole image and verifies every entry.
    ///
    /// # Errors
    /// An entry out of order, outside code and data, or whose name is not there, is not UTF-8 or has
    /// another hash.
    pub(crate) fn parse(image: &'a [u8], header: &Header) -> Result<Self, ImageError> {
        let exports_offset = header.exports_offset() as usize;
        let names_offset = header.names_offset() as usize;
        let truncated = || ImageError::Truncated {
            expected_bytes: header.segments_offset(),
            actual_bytes: image.len() as u32,
        };
        let entries = image.get(exports_offset..names_offset).ok_or_else(truncated)?;
        let (entries, _) = entries.as_chunks();
        let names = image
            .get(names_offset..)
            .and_then(|rest| rest.get(..header.names_bytes as usize))
            .ok_or_else(truncated)?;
        let exports = Self { entries, names };
        let mut last: Option<(u32, &str)> = None;
        for (index, bytes) in entries.iter().enumerate() {
            let entry = ExportEntry::from_bytes(bytes);
            let at = (exports_offset + index * EXPORT_BYTES) as u32;
            let fault = |offset, field, actual, expected| {
                Err(ImageError::Field { offset: at + offset, field, actual, expected })
            };
            let name = exports.name(&entry).ok_or(ImageError::BadName { offset: at + 8 })?;
            if name_hash(name) != entry.hash {
                return fault(0, Field::ExportHash, entry.hash, name_hash(name));
            }
            if last.is_some_and(|last| last >= (entry.hash, name)) {
                return fault(0, Field::ExportOrder, entry.hash, last.map_or(0, |last| last.0));
            }
            let within = |addr: u32, bytes: u32| {
                entry.addr.checked_sub(addr).is_some_and(|from| from < bytes)
            };
            if !within(header.code_addr, header.code_bytes)
                && !within(header.data_addr, header.data_bytes)
            {
                return fault(4, Field::ExportAddress, entry.addr, header.code_addr);
            }
            last = Some((entry.hash, name));
        }
        Ok(exports)
    }

    fn name(&self, entry: &ExportEntry) -> Option<&'a str> {
        let at = entry.name_offset as usize;
        let len = usize::from(wire::u16_at(self.names, at)?);
        let name = self.names.get(at + 2..)?.get(..len)?;
        core::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Export<'a>> + '_ {
        self.entries.iter().map(|bytes| {
            let entry = ExportEntry::from_bytes(bytes);
            // Every name was verified when the table was read.
            Export { name: self.name(&entry).unwrap_or_default(), addr: entry.addr }
        })
    }

    /// The export with this name. Logarithmic in their number.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Export<'a>> {
        let wanted = (name_hash(name), name);
        let index = self
            .entries
            .binary_search_by(|bytes| {
                let entry = ExportEntry::from_bytes(bytes);
                (entry.hash, self.name(&entry).unwrap_or_default()).cmp(&wanted)
            })
            .ok()?;
        let entry = ExportEntry::from_bytes(&self.entries[index]);
        Some(Export { name: self.name(&entry)?, addr: entry.addr })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
