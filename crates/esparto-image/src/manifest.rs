//! The signed manifest: one file beside the overlays that vouches for all of them.
//!
//! It names the firmware by its build id and holds the SHA-256 of every file. A firmware that keeps a
//! public key verifies the manifest once, and from then on every file that it loads.
//!
//! | module | holds |
//! |---|---|
//! | `key` | keys, hashes |
//! | `read` | a manifest that passes by in pieces, as on a device |
//! | `write` | a manifest made (feature `build`) |
//! | `error` | what can be wrong |

mod error;
mod key;
mod read;
#[cfg(feature = "build")]
mod write;

pub use error::ManifestError;
#[cfg(feature = "build")]
pub use key::SecretKey;
pub use key::{HASH_BYTES, Hasher, KEY_BYTES, PublicKey};
pub use read::ManifestReader;
#[cfg(feature = "build")]
pub use write::{Manifest, ManifestBuilder};

use crate::{BUILD_ID_BYTES, Part};

/// The name of the file.
pub const MANIFEST_NAME: &str = "manifest";
/// The first bytes of every manifest.
pub const MANIFEST_MAGIC: [u8; 8] = [0xEA, b'E', b'S', b'P', b'M', b'\r', b'\n', 0x1A];
/// The version of the manifest's format.
pub const MANIFEST_VERSION: u16 = 1;
/// Bytes of the header, up to the first entry.
pub const MANIFEST_HEADER_BYTES: usize = 64;
/// Bytes of one entry.
pub const MANIFEST_ENTRY_BYTES: usize = 40;
/// Bytes of the signature at the end.
pub const SIGNATURE_BYTES: usize = 64;

/// What is signed begins with this, so that no signature of anything else is one of a manifest.
const DOMAIN: &[u8; 32] = b"esparto overlay manifest, v1\0\0\0\0";
/// Bytes of what is signed: the domain, and the SHA-256 of all bytes before the signature.
const MESSAGE_BYTES: usize = DOMAIN.len() + HASH_BYTES;
/// The algorithm: Ed25519 over the domain and a SHA-256.
const ED25519_SHA256: u16 = 1;

mod at {
    pub(super) const VERSION: usize = 8;
    pub(super) const HEADER_BYTES: usize = 10;
    pub(super) const ENTRY_COUNT: usize = 12;
    pub(super) const ALGORITHM: usize = 14;
    pub(super) const BUILD_ID: usize = 16;
    pub(super) const FILE_BYTES: usize = 48;
    pub(super) const KEY_START: usize = 52;
    pub(super) const RESERVED: usize = 60;
}
const _: () = assert!(at::BUILD_ID + BUILD_ID_BYTES == at::FILE_BYTES);
const _: () = assert!(at::RESERVED + 4 == MANIFEST_HEADER_BYTES);

/// One file of an overlay, as the manifest vouches for it: an entry of 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The number of the overlay.
    pub overlay: u16,
    /// Which file of the pair.
    pub part: Part,
    /// How long the file is.
    pub file_bytes: u32,
    /// The SHA-256 of the file.
    pub hash: [u8; HASH_BYTES],
}

impl ManifestEntry {
    /// The entry of a file.
    #[must_use]
    pub fn of(overlay: u16, part: Part, file: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(file);
        let file_bytes = u32::try_from(file.len()).unwrap_or(u32::MAX);
        Self { overlay, part, file_bytes, hash: hasher.finish() }
    }

    /// Reads the entry at `offset` of a manifest.
    fn parse(bytes: &[u8; MANIFEST_ENTRY_BYTES], offset: u32) -> Result<Self, ManifestError> {
        let part = Part::from_code(bytes[2]).ok_or(ManifestError::Field {
            offset: offset + 2,
            field: "part",
            actual: bytes[2].into(),
            expected: Part::Code.code().into(),
        })?;
        if bytes[3] != 0 {
            return Err(ManifestError::Field {
                offset: offset + 3,
                field: "reserved field",
                actual: bytes[3].into(),
                expected: 0,
            });
        }
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&bytes[8..]);
        Ok(Self {
            overlay: u16::from_le_bytes([bytes[0], bytes[1]]),
            part,
            file_bytes: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            hash,
        })
    }

    /// The bytes of the entry.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; MANIFEST_ENTRY_BYTES] {
        let mut bytes = [0; MANIFEST_ENTRY_BYTES];
        bytes[..2].copy_from_slice(&self.overlay.to_le_bytes());
        bytes[2] = self.part.code();
        bytes[4..8].copy_from_slice(&self.file_bytes.to_le_bytes());
        bytes[8..].copy_from_slice(&self.hash);
        bytes
    }

    /// Holds a whole file to what the manifest says of it.
    ///
    /// # Errors
    /// [`ManifestError::WrongLength`], [`ManifestError::WrongHash`].
    pub fn check(&self, file: &[u8]) -> Result<(), ManifestError> {
        let Self { overlay, part, .. } = *self;
        let found = Self::of(overlay, part, file);
        if found.file_bytes != self.file_bytes {
            let (actual_bytes, expected_bytes) = (found.file_bytes, self.file_bytes);
            return Err(ManifestError::WrongLength { overlay, part, actual_bytes, expected_bytes });
        }
        if found.hash != self.hash {
            let (actual, expected) = (start(&found.hash), start(&self.hash));
            return Err(ManifestError::WrongHash { overlay, part, actual, expected });
        }
        Ok(())
    }

    const fn order(&self) -> u32 {
        (self.overlay as u32) << 8 | self.part.code() as u32
    }
}

/// The first four bytes, for errors.
fn start(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |start| u32::from_be_bytes(*start))
}
