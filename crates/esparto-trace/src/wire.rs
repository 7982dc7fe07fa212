//! The bytes that writer and reader agree on. `docs/format.md` has the prose.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The first bytes of every trace. The high bit, the line ends and the stop character tell a
/// file that was mangled as text from a foreign one.
pub const MAGIC: [u8; 8] = [0xEA, b'E', b'S', b'P', b'T', b'\r', b'\n', 0x1A];

/// The version of the format, after the magic.
pub const VERSION: u16 = 1;

/// The first bytes of every block.
pub const SYNC: [u8; 4] = [0xE5, 0x9A, 0x27, 0xB1];

/// Bytes of a block before its payload.
pub const BLOCK_HEADER_BYTES: usize = 24;

/// The longest block: its payload length has 16 bits.
pub const MAX_BLOCK_BYTES: usize = BLOCK_HEADER_BYTES + u16::MAX as usize;

/// The longest record with all that goes before it, on a 64-bit target with all frames. The
/// worst is a resize: 13 bytes of prefixes, 2 of tag, 5 of time, 4 × 10 of addresses and sizes,
/// 1 + 8 × 10 of frames.
pub const MAX_RECORD_BYTES: usize = 141;

/// The most return addresses of one event.
pub const MAX_FRAMES: usize = 8;

/// The longest name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 47;

pub(crate) const MAX_BUILD_ID_BYTES: usize = 32;

/// Bytes of a trace's header before its names.
pub(crate) const HEADER_FIXED_BYTES: usize = 18;
/// The shortest header: three empty names and the checksum.
pub(crate) const HEADER_MIN_BYTES: usize = HEADER_FIXED_BYTES + 3 + CHECKSUM_BYTES;
/// The longest header without regions.
pub(crate) const HEADER_NAMED_BYTES: usize =
    HEADER_MIN_BYTES + 2 * MAX_NAME_BYTES + MAX_BUILD_ID_BYTES;
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Addresses are written as differences from the last one of the same region. So many regions
/// have a place of their own; others share.
pub(crate) const ADDRESS_PLACES: usize = 8;

/// The region of a block before it named one.
pub(crate) const NO_REGION: u16 = 0x100;

/// The low half of a tag. Zero is no kind, so that cleared memory is no record.
pub(crate) mod kind {
    pub(crate) const ALLOCATE: u8 = 1;
    pub(crate) const DEALLOCATE: u8 = 2;
    pub(crate) const RESIZE: u8 = 3;
    pub(crate) const FAILURE: u8 = 4;
    pub(crate) const MARK: u8 = 5;
    pub(crate) const LOST: u8 = 6;
    pub(crate) const REGION: u8 = 7;
    pub(crate) const OWNER: u8 = 8;
    pub(crate) const POLICY: u8 = 9;
    pub(crate) const SNAPSHOT: u8 = 10;
    pub(crate) const DEFINE: u8 = 11;
    pub(crate) const END: u8 = 12;
    pub(crate) const HEALTH: u8 = 13;
    pub(crate) const POOL: u8 = 14;
    pub(crate) const OVERLAY: u8 = 15;
}

/// What happened to an overlay, in the high half of its tag.
pub(crate) mod overlay {
    pub(crate) const LOADED: u8 = 0;
    pub(crate) const FOUND_BACK: u8 = 1;
    pub(crate) const EVICTED: u8 = 2;
    pub(crate) const UNLOADED: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const HIT: u8 = 5;
}

/// What happened in a pool, in the high half of its tag.
pub(crate) mod pool {
    pub(crate) const TAKE: u8 = 0;
    pub(crate) const GIVE: u8 = 1;
    pub(crate) const REFUSED: u8 = 2;
    pub(crate) const SET_UP: u8 = 3;
    pub(crate) const END: u8 = 4;
}

/// Whose health it is, in the high half of its tag.
pub(crate) mod health {
    pub(crate) const HEAP: u8 = 0;
    pub(crate) const POOL: u8 = 1;
    pub(crate) const CLASS: u8 = 2;
    pub(crate) const STACK: u8 = 3;
    pub(crate) const BUS: u8 = 4;
    pub(crate) const REFUSED: u8 = 5;
    pub(crate) const GUARD: u8 = 6;
}

/// What a definition defines, in the high half of its tag.
pub(crate) mod define {
    pub(crate) const REGION: u8 = 0;
    pub(crate) const OWNER: u8 = 1;
    pub(crate) const MARK: u8 = 2;
    pub(crate) const OVERLAY: u8 = 3;
}

/// The high half of a tag that says: the value is in the next byte.
pub(crate) const ARGUMENT_FOLLOWS: u8 = 15;

/// For the device: 1 KiB of table.
pub(crate) static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
/// For the reader: 16 KiB of table, sixteen bytes a step.
pub(crate) static FAST_CHECKSUM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// Differences of either sign as small numbers: 0, −1, 1, −2, … become 0, 1, 2, 3, …
#[inline]
pub(crate) const fn zigzag(difference: usize) -> usize {
    difference << 1 ^ ((difference as isize) >> (isize::BITS - 1)) as usize
}

/// The inverse of [`zigzag`].
#[inline]
pub(crate) const fn unzigzag(value: usize) -> usize {
    value >> 1 ^ (value & 1).wrapping_neg()
}
