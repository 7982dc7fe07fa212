//! What can be wrong with a manifest.

use core::fmt;

use crate::Part;

/// What is wrong with a manifest, or with a file that it vouches for. Offsets count bytes from the
/// manifest's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestError {
    /// The magic is missing.
    NotAManifest {
        /// The first bytes.
        actual: [u8; 8],
    },
    /// Written by another version.
    UnsupportedVersion {
        /// The manifest's version.
        actual: u16,
        /// The version this code reads.
        expected: u16,
    },
    /// The manifest stops too early.
    Truncated {
        /// How long it must be at least.
        expected_bytes: u32,
        /// How long it is.
        actual_bytes: u32,
    },
    /// Something follows the signature.
    TrailingBytes {
        /// Where the manifest ends by its header.
        expected_bytes: u32,
        /// How long the file is.
        actual_bytes: u32,
    },
    /// A field has a value that it cannot have.
    Field {
        /// Where the field is.
        offset: u32,
        /// Which field.
        field: &'static str,
        /// Its value.
        actual: u32,
        /// A value it could have.
        expected: u32,
    },
    /// The bytes of the public key are not a key.
    BadKey,
    /// A key in text is not 64 hexadecimal digits.
    BadKeyText {
        /// How many characters there are.
        actual_chars: usize,
    },
    /// Signed by another key.
    WrongKey {
        /// The first bytes of the key that signed it.
        actual: u32,
        /// Of the key that was to sign it.
        expected: u32,
    },
    /// The signature is not that of this manifest: it was changed after it was signed.
    BadSignature,
    /// The manifest is that of another build of the firmware.
    WrongBuild {
        /// The first bytes of its build id.
        actual: u32,
        /// Of the firmware's.
        expected: u32,
    },
    /// The manifest does not vouch for a file.
    Missing {
        /// The number of the overlay.
        overlay: u16,
        /// Which file of the pair.
        part: Part,
    },
    /// A file has another length than the manifest says.
    WrongLength {
        /// The number of the overlay.
        overlay: u16,
        /// Which file of the pair.
        part: Part,
        /// The length of the file.
        actual_bytes: u32,
        /// What the manifest says.
        expected_bytes: u32,
    },
    /// A file has other contents than the manifest says.
    WrongHash {
        /// The number of the overlay.
        overlay: u16,
        /// Which file of the pair.
        part: Part,
        /// The first bytes of the file's SHA-256.
        actual: u32,
        /// What the manifest says.
        expected: u32,
    },
    /// More overlays than there is room for.
    TooMany {
        /// How many, or the number of one.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
}

const RESIGN: &str = "sign again and copy the manifest to the storage";

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAManifest { actual } => write!(
                f,
                "not a manifest: it begins with {actual:02x?}, expected {:02x?}: {RESIGN}",
                super::MANIFEST_MAGIC
            ),
            Self::UnsupportedVersion { actual, expected } => write!(
                f,
                "manifest has format version {actual}, expected {expected}: sign with the tool of this release"
            ),
            Self::Truncated { expected_bytes, actual_bytes } => {
                write!(f, "manifest has {actual_bytes} bytes, expected {expected_bytes}: {RESIGN}")
            }
            Self::TrailingBytes { expected_bytes, actual_bytes } => write!(
                f,
                "manifest ends at byte {expected_bytes}, but the file has {actual_bytes}: {RESIGN}"
            ),
            Self::Field { offset, field, actual, expected } => write!(
                f,
                "{field} at byte {offset} of the manifest is {actual:#x}, expected {expected:#x}: {RESIGN}"
            ),
            Self::BadKey => {
                f.write_str("these bytes are no public key: take the one that keygen wrote")
            }
            Self::BadKeyText { actual_chars } => write!(
                f,
                "a key is 64 hexadecimal digits, this has {actual_chars} characters: take the file that keygen wrote"
            ),
            Self::WrongKey { actual, expected } => write!(
                f,
                "the manifest was signed by key {actual:08x}…, expected {expected:08x}…: sign with the key whose other half the firmware has"
            ),
            Self::BadSignature => write!(f, "the manifest was changed after signing: {RESIGN}"),
            Self::WrongBuild { actual, expected } => write!(
                f,
                "the manifest is for build {actual:08x}…, the firmware is {expected:08x}…: flash and copy files of one build"
            ),
            Self::Missing { overlay, part } => write!(
                f,
                "the manifest does not vouch for the {part} file of overlay {overlay}: {RESIGN}"
            ),
            Self::WrongLength { overlay, part, actual_bytes, expected_bytes } => write!(
                f,
                "the {part} file of overlay {overlay} has {actual_bytes} bytes, signed were {expected_bytes}: copy the signed files"
            ),
            Self::WrongHash { overlay, part, actual, expected } => write!(
                f,
                "the {part} file of overlay {overlay} has hash {actual:08x}…, signed was {expected:08x}…: copy the signed files"
            ),
            Self::TooMany { actual, limit } => {
                write!(f, "{actual} overlays, room for {limit}: give more room")
            }
        }
    }
}

impl core::error::Error for ManifestError {}
