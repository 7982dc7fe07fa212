//! Keys and hashes, so that nobody else names the libraries behind them.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};

use super::{DOMAIN, MESSAGE_BYTES, ManifestError, SIGNATURE_BYTES, start};

/// Bytes of a key, public or secret.
pub const KEY_BYTES: usize = 32;
/// Bytes of a SHA-256.
pub const HASH_BYTES: usize = 32;

/// A SHA-256 of bytes that pass by.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// The hash of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Takes in bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of what came in.
    #[must_use]
    pub fn finish(self) -> [u8; HASH_BYTES] {
        self.0.finalize().into()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// What is signed: the domain, and the hash of everything before the signature.
pub(super) fn message(hash: &[u8; HASH_BYTES]) -> [u8; MESSAGE_BYTES] {
    let mut message = [0; MESSAGE_BYTES];
    message[..DOMAIN.len()].copy_from_slice(DOMAIN);
    message[DOMAIN.len()..].copy_from_slice(hash);
    message
}

/// An Ed25519 public key: what a firmware keeps to know its overlays by. As text, 64 hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; KEY_BYTES]);

impl PublicKey {
    /// Is `signature` this key's, of a manifest whose bytes have this hash? Takes some millions of
    /// instructions on a small core.
    pub(super) fn verify(
        &self,
        hash: &[u8; HASH_BYTES],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), ManifestError> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| ManifestError::BadKey)?;
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // Strict: no key and no signature of small order, which would fit many messages.
        key.verify_strict(&message(hash), &signature).map_err(|_| ManifestError::BadSignature)
    }

    /// The first bytes, by which a manifest names the key that signed it.
    pub(super) fn start(&self) -> [u8; 8] {
        *self.0.first_chunk().expect("a key is longer")
    }

    pub(super) fn start_word(&self) -> u32 {
        start(&self.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl FromStr for PublicKey {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        read_hex(text).map(Self)
    }
}

/// An Ed25519 secret key: whoever has it can sign overlays. As text, 64 hexadecimal digits.
#[cfg(feature = "build")]
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(pub [u8; KEY_BYTES]);

#[cfg(feature = "build")]
impl SecretKey {
    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(ed25519_dalek::SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }

    /// The signature of a manifest whose bytes have this hash.
    pub(super) fn sign(&self, hash: &[u8; HASH_BYTES]) -> [u8; SIGNATURE_BYTES] {
        use ed25519_dalek::Signer as _;
        ed25519_dalek::SigningKey::from_bytes(&self.0).sign(&message(hash)).to_bytes()
    }

    /// The key as text, which is a secret.
    #[must_use]
    pub fn to_text(&self) -> alloc::string::String {
        use alloc::string::ToString as _;
        PublicKey(self.0).to_string()
    }
}

#[cfg(feature = "build")]
impl FromStr for SecretKey {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        read_hex(text).map(Self)
    }
}

/// Says nothing of the key.
#[cfg(feature = "build")]
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_hex(text: &str) -> Result<[u8; KEY_BYTES], ManifestError> {
    let text = text.trim();
    let bad = || ManifestError::BadKeyText { actual_chars: text.chars().count() };
    if text.len() != 2 * KEY_BYTES {
        return Err(bad());
    }
    let mut bytes = [0; KEY_BYTES];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        let (high, low) = digit(0).zip(digit(1)).ok_or_else(bad)?;
        *byte = (high << 4 | low) as u8;
    }
    Ok(bytes)
}
