//! The image's own words, read back: magic, segments within the chip's memory, checksum, digest.
//!
//! A header of 24 bytes, then segments: address and length as words, then the bytes. The last byte of
//! a multiple of 16 is the exclusive-or of all bytes of segments and 0xEF; the SHA-256 of everything
//! comes after it.

use anyhow::{Context, Result, bail, ensure};
use esparto_chips::{AddrRange, Chip, Role};
use sha2::{Digest, Sha256};

const MAGIC: u8 = 0xE9;
const HEADER_BYTES: usize = 24;
const CHECKSUM_SEED: u8 = 0xEF;
const DIGEST_BYTES: usize = 32;

/// A part of the image, and where it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
    pub(crate) place: &'static str,
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let word = bytes.get(at..at + 4).context("the image ends inside of a segment")?;
    Ok(u32::from_le_bytes(word.try_into().context("four bytes")?))
}

/// Holds an application's image to the chip's map.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn hold(chip: &Chip, image: &[u8]) -> Result<Vec<Segment>> {
    ensure!(image.len() > HEADER_BYTES + DIGEST_BYTES, "{} bytes are no image", image.len());
    ensure!(image[0] == MAGIC, "the image begins with {:#04x}, not {MAGIC:#04x}", image[0]);
    let entry_addr = word(image, 4)?;
    let (mut at, mut sum, mut segments) = (HEADER_BYTES, CHECKSUM_SEED, Vec::new());
    for index in 0..image[1] {
        let (addr, len_bytes) = (word(image, at)?, word(image, at + 4)?);
        let bytes = image.get(at + 8..at + 8 + len_bytes as usize);
        let bytes = bytes.with_context(|| format!("segment {index} is longer than the image"))?;
        sum = bytes.iter().fold(sum, |sum, byte| sum ^ byte);
        at += 8 + bytes.len();
        // What fills the flash up to the next page is for no address.
        if addr != 0 {
            let place = place_of(chip, addr, len_bytes)?;
            segments.push(Segment { addr, len_bytes, place });
        }
    }
    let end = (at + 1).next_multiple_of(16);
    let actual = *image.get(end - 1).context("the image ends before its checksum")?;
    ensure!(actual == sum, "the checksum is {actual:#04x}, and the segments have {sum:#04x}");
    ensure!(
        image.get(end..end + DIGEST_BYTES) == Some(&Sha256::digest(&image[..end])[..]),
        "the digest at {end:#x} is not that of what comes before it"
    );
    let is_entered = |segment: &Segment| entry_addr.wrapping_sub(segment.addr) < segment.len_bytes;
    ensure!(segments.iter().any(is_entered), "the entry {entry_addr:#010x} is in no segment");
    Ok(segments)
}

/// What of the chip's memory a segment lies in.
fn place_of(chip: &Chip, addr: u32, len_bytes: u32) -> Result<&'static str> {
    let range = AddrRange::checked(addr, addr.saturating_add(len_bytes));
    let range = range.with_context(|| format!("the segment at {addr:#010x} wraps"))?;
    if chip.flash.iter().any(|window| window.range.contains_range(range)) {
        return Ok("flash");
    }
    match chip.region_at(addr) {
        Some(region) if region.range.contains_range(range) => {
            let is_taken = region.role == Role::Memory
                && region.reserved.iter().any(|taken| taken.range.overlaps(range));
            if is_taken {
                bail!("the segment {range} is in a part of {} that is taken", region.name);
            }
            Ok(region.name)
        }
        _ => bail!("the segment {range} is in no memory of {}", chip.title),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image of one segment.
    fn image(addr: u32, bytes: &[u8]) -> Vec<u8> {
        let mut image = vec![0; HEADER_BYTES];
        (image[0], image[1]) = (MAGIC, 1);
        image[4..8].copy_from_slice(&addr.to_le_bytes());
        image.extend(addr.to_le_bytes());
        image.extend((bytes.len() as u32).to_le_bytes());
        image.extend(bytes);
        image.resize((image.len() + 1).next_multiple_of(16), 0);
        *image.last_mut().expect("not empty") = bytes.iter().fold(CHECKSUM_SEED, |a, b| a ^ b);
        let digest = Sha256::digest(&image);
        image.extend_from_slice(&digest);
        image
    }

    fn chip() -> &'static Chip {
        esparto_chips::find("esp32c3").expect("it is known")
    }

    #[test]
    fn a_good_image_is_read_back() {
        let segments = hold(chip(), &image(0x4038_0000, &[1, 2, 3, 4])).expect("good");
        let name = "D/IRAM as instructions";
        assert_eq!(segments, [Segment { addr: 0x4038_0000, len_bytes: 4, place: name }]);
        assert_eq!(hold(chip(), &image(0x4200_0020, &[0; 64])).expect("good")[0].place, "flash");
    }

    #[test]
    fn every_damaged_byte_is_found() {
        let good = image(0x4038_0000, &[1, 2, 3, 4]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(hold(chip(), &bad).is_err(), "byte {at}");
            assert!(hold(chip(), &good[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_segment_outside_of_the_chip_is_refused() {
        for (addr, needle) in [
            (0x2000_0000, "in no memory of ESP32-C3"),
            (0x403D_FFFE, "in no memory of ESP32-C3"),
            (0x3FCD_E800, "that is taken"),
            (0xFFFF_FFFC, "in no memory"),
        ] {
            let error = hold(chip(), &image(addr, &[0; 4])).expect_err("outside").to_string();
            assert!(error.contains(needle), "{addr:#x}: {error}");
        }
    }
}
