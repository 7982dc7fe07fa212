//! Right checksums on wrong traces: without them, no fuzzer sees past the first block.

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use esparto_trace::{BLOCK_HEADER_BYTES, MAGIC, SYNC, VERSION};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// Puts magic, version, markers and checksums right, as far as the lengths in the trace make
/// sense; lengths that run past the end are cut.
pub fn repair(bytes: &mut [u8]) {
    if bytes.len() < 16 {
        return;
    }
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let header_len = usize::from(u16::from_le_bytes([bytes[10], bytes[11]])).min(bytes.len());
    if header_len < 16 {
        return;
    }
    bytes[10..12].copy_from_slice(&(header_len as u16).to_le_bytes());
    let (header, mut rest) = bytes.split_at_mut(header_len);
    let (fields, checksum) = header.split_at_mut(header_len - 4);
    checksum.copy_from_slice(&CRC.checksum(fields).to_le_bytes());

    while rest.len() >= BLOCK_HEADER_BYTES {
        let (front, payload) = rest.split_at_mut(BLOCK_HEADER_BYTES);
        let payload_len = usize::from(u16::from_le_bytes([front[8], front[9]])).min(payload.len());
        let (payload, others) = payload.split_at_mut(payload_len);
        front[..4].copy_from_slice(&SYNC);
        front[8..10].copy_from_slice(&(payload_len as u16).to_le_bytes());
        front[18..22].copy_from_slice(&CRC.checksum(payload).to_le_bytes());
        let check = CRC.checksum(&front[4..22]) as u16;
        front[22..].copy_from_slice(&check.to_le_bytes());
        rest = others;
    }
}
