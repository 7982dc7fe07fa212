//! The bytes that all parts of the format agree on. `docs/format.md` has the prose.

/// The first bytes of every overlay image.
pub const MAGIC: [u8; 8] = [0xEA, b'E', b'S', b'P', b'I', b'\r', b'\n', 0x1A];
/// The version of the format, after the magic.
pub const VERSION: u16 = 1;
/// Bytes of the header, up to the first table.
pub const HEADER_BYTES: usize = 160;
/// Bytes of one entry of the segment table.
pub const SEGMENT_BYTES: usize = 24;
/// Bytes of one dependency.
pub const DEPENDENCY_BYTES: usize = 2;
/// Bytes of one entry of the export table.
pub const EXPORT_BYTES: usize = 12;
/// The most segments of an image.
pub const MAX_SEGMENT_COUNT: usize = 8;
/// The most overlays that one overlay needs.
pub const MAX_DEPENDENCY_COUNT: usize = 16;
/// Header, segments and dependencies of any image lie within so many bytes from its start.
pub const MAX_PREFIX_BYTES: usize =
    HEADER_BYTES + MAX_SEGMENT_COUNT * SEGMENT_BYTES + MAX_DEPENDENCY_COUNT * DEPENDENCY_BYTES;
/// The longest block of a segment, before compression.
pub const MAX_BLOCK_BYTES: usize = 4096;
/// The longest name of an overlay or a chip.
pub const MAX_NAME_BYTES: usize = 24;
/// Everything with a checksum is a multiple of this long.
pub const STRIPE_BYTES: usize = 16;
/// Bytes of a build id.
pub const BUILD_ID_BYTES: usize = 32;

const _: () = assert!(MAX_PREFIX_BYTES <= 512, "one sector holds what a load decides on");

/// `bytes[offset..offset + N]`, or nothing if that is not there.
#[inline]
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

/// The next multiple of `step`, a power of two; `None` past `u32::MAX`.
#[cfg(feature = "build")]
#[inline]
pub(crate) const fn round_up(value: u32, step: u32) -> Option<u32> {
    match value.checked_add(step - 1) {
        Some(sum) => Some(sum & !(step - 1)),
        None => None,
    }
}
