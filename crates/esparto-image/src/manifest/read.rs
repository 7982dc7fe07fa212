//! A manifest that passes by in pieces of any length, in constant memory.

use super::{
    ED25519_SHA256, HASH_BYTES, Hasher, MANIFEST_ENTRY_BYTES, MANIFEST_HEADER_BYTES,
    MANIFEST_MAGIC, MANIFEST_VERSION, ManifestEntry, ManifestError, PublicKey, SIGNATURE_BYTES, at,
    start,
};
use crate::{BUILD_ID_BYTES, wire};

/// The longest of header, entry and signature.
const PENDING_BYTES: usize = 64;
const _: () = assert!(MANIFEST_HEADER_BYTES <= PENDING_BYTES);
const _: () = assert!(MANIFEST_ENTRY_BYTES <= PENDING_BYTES);
const _: () = assert!(SIGNATURE_BYTES <= PENDING_BYTES);

/// Reads a manifest in pieces and verifies its signature at the end.
///
/// What it says of files counts only after [`finish`](Self::finish) has said so: entries are handed
/// over as they pass by, and the signature is what comes last.
#[derive(Clone, Debug)]
pub struct ManifestReader {
    key: PublicKey,
    hasher: Hasher,
    pending: [u8; PENDING_BYTES],
    pending_bytes: usize,
    /// How much came in and was understood.
    done_bytes: u32,
    file_bytes: u32,
    build_id: [u8; BUILD_ID_BYTES],
    entry_count: u16,
    entries_left: u16,
    last_order: Option<u32>,
}

impl ManifestReader {
    /// A reader of a manifest of `file_bytes` bytes that `key` has signed.
    ///
    /// # Errors
    /// [`ManifestError::Truncated`] when no manifest is that short.
    pub fn new(key: PublicKey, file_bytes: u32) -> Result<Self, ManifestError> {
        let expected_bytes = (MANIFEST_HEADER_BYTES + SIGNATURE_BYTES) as u32;
        if file_bytes < expected_bytes {
            return Err(ManifestError::Truncated { expected_bytes, actual_bytes: file_bytes });
        }
        Ok(Self {
            key,
            hasher: Hasher::new(),
            pending: [0; PENDING_BYTES],
            pending_bytes: 0,
            done_bytes: 0,
            file_bytes,
            build_id: [0; BUILD_ID_BYTES],
            entry_count: 0,
            entries_left: 0,
            last_order: None,
        })
    }

    /// Takes in the bytes that come next and hands over each entry that they complete.
    ///
    /// # Errors
    /// The first fault of the manifest, or what `entry` returns.
    pub fn update<E: From<ManifestError>>(
        &mut self,
        mut bytes: &[u8],
        mut entry: impl FnMut(&ManifestEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let wanted = self.wanted_bytes();
            let count = bytes.len().min(wanted - self.pending_bytes);
            if count == 0 {
                // The signature is there already.
                let actual_bytes = self.done_bytes + (SIGNATURE_BYTES + bytes.len()) as u32;
                return Err(self.trailing(actual_bytes).into());
            }
            let (now, rest) = bytes.split_at(count);
            self.pending[self.pending_bytes..][..count].copy_from_slice(now);
            self.pending_bytes += count;
            bytes = rest;
            if self.pending_bytes == wanted && !self.is_at_signature() {
                if let Some(found) = self.understand()? {
                    entry(&found)?;
                }
                self.pending_bytes = 0;
                self.done_bytes += wanted as u32;
            }
        }
        Ok(())
    }

    /// Verifies the signature; all bytes came in. Gives the build id of the firmware that the
    /// manifest is for.
    ///
    /// # Errors
    /// [`ManifestError::Truncated`], [`ManifestError::BadKey`], [`ManifestError::BadSignature`].
    pub fn finish(self) -> Result<[u8; BUILD_ID_BYTES], ManifestError> {
        if !self.is_at_signature() || self.pending_bytes != SIGNATURE_BYTES {
            return Err(ManifestError::Truncated {
                expected_bytes: self.file_bytes,
                actual_bytes: self.done_bytes + self.pending_bytes as u32,
            });
        }
        let signature = self.pending.first_chunk().expect("as long as a signature");
        self.key.verify(&self.hasher.finish(), signature)?;
        Ok(self.build_id)
    }

    /// How many entries the header promises; 0 before it came in.
    #[must_use]
    pub fn entry_count(&self) -> u16 {
        self.entry_count
    }

    fn is_at_signature(&self) -> bool {
        self.done_bytes != 0 && self.entries_left == 0
    }

    fn wanted_bytes(&self) -> usize {
        match (self.done_bytes, self.entries_left) {
            (0, _) => MANIFEST_HEADER_BYTES,
            (_, 0) => SIGNATURE_BYTES,
            _ => MANIFEST_ENTRY_BYTES,
        }
    }

    fn trailing(&self, actual_bytes: u32) -> ManifestError {
        let expected_bytes = self.done_bytes + SIGNATURE_BYTES as u32;
        ManifestError::TrailingBytes { expected_bytes, actual_bytes }
    }

    /// Reads the header or the entry that is pending.
    fn understand(&mut self) -> Result<Option<ManifestEntry>, ManifestError> {
        self.hasher.update(&self.pending[..self.pending_bytes]);
        if self.done_bytes == 0 {
            self.header()?;
            return Ok(None);
        }
        let bytes = self.pending.first_chunk().expect("as long as an entry");
        let entry = ManifestEntry::parse(bytes, self.done_bytes)?;
        if self.last_order.is_some_and(|last| last >= entry.order()) {
            return Err(ManifestError::Field {
                offset: self.done_bytes,
                field: "order of an entry",
                actual: entry.order(),
                expected: self.last_order.map_or(0, |last| last + 1),
            });
        }
        self.last_order = Some(entry.order());
        self.entries_left -= 1;
        Ok(Some(entry))
    }

    fn header(&mut self) -> Result<(), ManifestError> {
        let bytes = &self.pending;
        let half = |offset: usize| u16::from_le_bytes([bytes[offset], bytes[offset + 1]]);
        let word = |offset| wire::array(bytes, offset).map_or(0, u32::from_le_bytes);
        let exactly = |offset: usize, field, actual: u32, expected: u32| {
            if actual == expected {
                return Ok(());
            }
            Err(ManifestError::Field { offset: offset as u32, field, actual, expected })
        };
        let magic = *bytes.first_chunk().expect("the header is longer than its magic");
        if magic != MANIFEST_MAGIC {
            return Err(ManifestError::NotAManifest { actual: magic });
        }
        let version = half(at::VERSION);
        if version != MANIFEST_VERSION {
            let (actual, expected) = (version, MANIFEST_VERSION);
            return Err(ManifestError::UnsupportedVersion { actual, expected });
        }
        let header_bytes = half(at::HEADER_BYTES).into();
        exactly(at::HEADER_BYTES, "header length", header_bytes, MANIFEST_HEADER_BYTES as u32)?;
        let algorithm = half(at::ALGORITHM).into();
        exactly(at::ALGORITHM, "algorithm", algorithm, ED25519_SHA256.into())?;
        exactly(at::RESERVED, "reserved field", word(at::RESERVED), 0)?;
        let entry_count = half(at::ENTRY_COUNT);
        let expected_bytes = file_bytes(entry_count);
        exactly(at::FILE_BYTES, "length of the manifest", word(at::FILE_BYTES), expected_bytes)?;
        let actual_bytes = self.file_bytes;
        if actual_bytes < expected_bytes {
            return Err(ManifestError::Truncated { expected_bytes, actual_bytes });
        }
        if actual_bytes > expected_bytes {
            return Err(ManifestError::TrailingBytes { expected_bytes, actual_bytes });
        }
        if bytes[at::KEY_START..at::RESERVED] != self.key.start() {
            let actual = start(&bytes[at::KEY_START..]);
            return Err(ManifestError::WrongKey { actual, expected: self.key.start_word() });
        }
        self.build_id.copy_from_slice(&bytes[at::BUILD_ID..at::FILE_BYTES]);
        (self.entry_count, self.entries_left) = (entry_count, entry_count);
        Ok(())
    }
}

/// How long a manifest of so many entries is.
pub(super) const fn file_bytes(entry_count: u16) -> u32 {
    (MANIFEST_HEADER_BYTES + SIGNATURE_BYTES) as u32
        + entry_count as u32 * MANIFEST_ENTRY_BYTES as u32
}

const _: () = assert!(HASH_BYTES + 8 == MANIFEST_ENTRY_BYTES);
