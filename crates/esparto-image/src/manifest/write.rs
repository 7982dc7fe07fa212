//! A manifest made, and one read as a whole.

use alloc::vec::Vec;

use super::{
    ED25519_SHA256, Hasher, MANIFEST_HEADER_BYTES, MANIFEST_MAGIC, MANIFEST_VERSION, ManifestEntry,
    ManifestError, ManifestReader, PublicKey, SecretKey, read::file_bytes, start,
};
use crate::{BUILD_ID_BYTES, Part};

/// Makes a signed manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestBuilder {
    /// The firmware that the files belong to.
    pub build_id: [u8; BUILD_ID_BYTES],
    /// The files, in any order.
    pub entries: Vec<ManifestEntry>,
}

impl ManifestBuilder {
    /// A manifest of nothing yet.
    #[must_use]
    pub fn new(build_id: [u8; BUILD_ID_BYTES]) -> Self {
        Self { build_id, entries: Vec::new() }
    }

    /// Vouches for a file.
    pub fn add(&mut self, overlay: u16, part: Part, file: &[u8]) {
        self.entries.push(ManifestEntry::of(overlay, part, file));
    }

    /// Makes the bytes of the manifest and verifies them.
    ///
    /// # Errors
    /// [`ManifestError::TooMany`], or two entries of one file.
    pub fn sign(&self, key: &SecretKey) -> Result<Vec<u8>, ManifestError> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(ManifestEntry::order);
        let limit = usize::from(u16::MAX);
        let entry_count = u16::try_from(entries.len())
            .map_err(|_| ManifestError::TooMany { actual: entries.len(), limit })?;
        let public = key.public();
        let mut bytes = Vec::with_capacity(file_bytes(entry_count) as usize);
        bytes.extend(MANIFEST_MAGIC);
        bytes.extend(MANIFEST_VERSION.to_le_bytes());
        bytes.extend((MANIFEST_HEADER_BYTES as u16).to_le_bytes());
        bytes.extend(entry_count.to_le_bytes());
        bytes.extend(ED25519_SHA256.to_le_bytes());
        bytes.extend(self.build_id);
        bytes.extend(file_bytes(entry_count).to_le_bytes());
        bytes.extend(public.start());
        bytes.resize(MANIFEST_HEADER_BYTES, 0);
        entries.iter().for_each(|entry| bytes.extend(entry.to_bytes()));
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        bytes.extend(key.sign(&hasher.finish()));
        Manifest::parse(&bytes, &public)?;
        Ok(bytes)
    }
}

/// A manifest whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The firmware that the files belong to.
    pub build_id: [u8; BUILD_ID_BYTES],
    /// The files, by overlay and part.
    pub entries: Vec<ManifestEntry>,
}

impl Manifest {
    /// Reads and verifies a manifest that `key` has signed.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(bytes: &[u8], key: &PublicKey) -> Result<Self, ManifestError> {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut reader = ManifestReader::new(*key, len)?;
        let mut entries = Vec::new();
        reader.update(bytes, |entry| {
            entries.push(*entry);
            Ok::<_, ManifestError>(())
        })?;
        Ok(Self { build_id: reader.finish()?, entries })
    }

    /// Holds the manifest to the firmware.
    ///
    /// # Errors
    /// [`ManifestError::WrongBuild`].
    pub fn check_build(&self, build_id: &[u8; BUILD_ID_BYTES]) -> Result<(), ManifestError> {
        if self.build_id == *build_id {
            return Ok(());
        }
        let (actual, expected) = (start(&self.build_id), start(build_id));
        Err(ManifestError::WrongBuild { actual, expected })
    }

    /// What it says of a file. Logarithmic in the files.
    ///
    /// # Errors
    /// [`ManifestError::Missing`].
    pub fn entry(&self, overlay: u16, part: Part) -> Result<&ManifestEntry, ManifestError> {
        let wanted = u32::from(overlay) << 8 | u32::from(part.code());
        self.entries
            .binary_search_by_key(&wanted, ManifestEntry::order)
            .map(|index| &self.entries[index])
            .map_err(|_| ManifestError::Missing { overlay, part })
    }
}
