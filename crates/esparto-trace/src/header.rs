//! What a trace says about itself.

use core::fmt;

use crate::Name;
use crate::wire::MAX_BUILD_ID_BYTES;

/// What a trace says about itself before its first event. The regions follow as records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The chip, as `esparto chips` names it.
    pub chip: Name,
    /// The heap algorithm, in words.
    pub allocator: Name,
    /// Which build of the firmware, so that call sites are looked up in the right ELF.
    pub build_id: BuildId,
    /// Ticks of the clock per second.
    pub tick_hz: u32,
    /// Bytes of a pointer of the target: 4 or 8.
    pub pointer_bytes: u8,
    /// Return addresses that an event may carry, 0 to [`MAX_FRAMES`](crate::MAX_FRAMES).
    pub frame_count: u8,
}

impl Header {
    /// A header of this target without a build id and without call sites; set the other fields
    /// as needed.
    #[must_use]
    pub fn new(chip: &str, allocator: &str, tick_hz: u32) -> Self {
        Self {
            chip: Name::new(chip),
            allocator: Name::new(allocator),
            build_id: BuildId::default(),
            tick_hz,
            pointer_bytes: size_of::<usize>() as u8,
            frame_count: 0,
        }
    }
}

impl Default for Header {
    fn default() -> Self {
        Self::new("", "", 1)
    }
}

/// The identity of a build, for instance the first bytes of the ELF's hash. At most 32 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BuildId {
    bytes: [u8; MAX_BUILD_ID_BYTES],
    len: u8,
}

impl BuildId {
    /// Takes the first 32 bytes of `id`.
    #[must_use]
    pub fn new(id: &[u8]) -> Self {
        let len = id.len().min(MAX_BUILD_ID_BYTES);
        let mut bytes = [0; MAX_BUILD_ID_BYTES];
        for (to, from) in bytes.iter_mut().zip(id) {
            *to = *from;
        }
        Self { bytes, len: len as u8 }
    }

    /// As bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Writes lower-case hexadecimal digits.
impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
