//! Images of SD cards, made on the host: a partition table, one FAT partition, files in it.
//!
//! The same files give the same image, byte for byte.
//!
//! ```
//! let files = [("readme.txt", b"hello".as_slice()), ("overlays/camera_e", &[1, 2, 3])];
//! let image = card_image::build(16 << 20, card_image::Format::Fat16, files)?;
//! assert_eq!(card_image::read(&image, "overlays/camera_e")?, [1, 2, 3]);
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::{self, Cursor, Read, Write};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use fscommon::StreamSlice;

/// The unit of addresses on a card.
pub const BLOCK_BYTES: usize = 512;

/// Where the partition begins: at the first mebibyte, as formatters have it.
pub const PARTITION_BLOCK: u32 = 2048;

/// Where the list is that [`sums`] writes.
pub const SUMS: &str = "SUMS.TXT";

/// A kind of FAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// From about 4 MiB up.
    Fat16,
    /// From 64 MiB up.
    Fat32,
}

/// Makes an image of `size_bytes` with the files at these paths; `/` makes folders.
///
/// # Errors
/// The size suits no card or not the format; the files do not fit; a name that FAT cannot have.
pub fn build<'a>(
    size_bytes: usize,
    format: Format,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> io::Result<Vec<u8>> {
    let is_card = size_bytes.is_power_of_two() && size_bytes >= 4 << 20;
    if !is_card || (format == Format::Fat32 && size_bytes < 64 << 20) {
        let text = format!(
            "{size_bytes} bytes: give a power of two from 4 MiB up, for FAT32 from 64 MiB up"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut image = vec![0; size_bytes];
    let (kind, fat_type) = match format {
        Format::Fat16 => (0x0E, FatType::Fat16),
        Format::Fat32 => (0x0C, FatType::Fat32),
    };
    let entry = &mut image[446..446 + 16];
    entry[4] = kind;
    entry[8..12].copy_from_slice(&PARTITION_BLOCK.to_le_bytes());
    let block_count = (size_bytes / BLOCK_BYTES) as u32 - PARTITION_BLOCK;
    entry[12..].copy_from_slice(&block_count.to_le_bytes());
    image[510..512].copy_from_slice(&[0x55, 0xAA]);

    // The smallest clusters with which a partition of this size still is what it shall be.
    let cluster_bytes = match format {
        Format::Fat16 => (size_bytes / 32_768).clamp(BLOCK_BYTES, 32 << 10),
        Format::Fat32 => (size_bytes / (1 << 20)).clamp(BLOCK_BYTES, 32 << 10),
    };
    let options =
        FormatVolumeOptions::new().fat_type(fat_type).bytes_per_cluster(cluster_bytes as u32);
    fatfs::format_volume(partition(&mut image)?, options)?;
    let system = FileSystem::new(partition(&mut image)?, FsOptions::new())?;
    for (path, bytes) in files {
        let mut folder = system.root_dir();
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            if names.peek().is_some() {
                folder = folder.create_dir(name)?;
            } else {
                folder.create_file(name)?.write_all(bytes)?;
            }
        }
    }
    system.unmount()?;
    Ok(image)
}

/// The bytes of the file at `path`.
///
/// # Errors
/// It is no image of [`build`]'s shape, or there is no such file.
pub fn read(image: &[u8], path: &str) -> io::Result<Vec<u8>> {
    let mut image = image.to_vec();
    let system = FileSystem::new(partition(&mut image)?, FsOptions::new())?;
    let mut bytes = Vec::new();
    system.root_dir().open_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The list of files that the firmware `card` checks, for [`SUMS`]: a line `CRC LENGTH PATH` each.
#[must_use]
pub fn sums<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    files.into_iter().fold(String::new(), |mut list, (path, bytes)| {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{:08x} {} {path}", crc32fast::hash(bytes), bytes.len());
        list
    })
}

/// The partition of an image.
fn partition(image: &mut [u8]) -> io::Result<StreamSlice<Cursor<&mut [u8]>>> {
    let (start, end) = (u64::from(PARTITION_BLOCK) * BLOCK_BYTES as u64, image.len() as u64);
    StreamSlice::new(Cursor::new(image), start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_hold_their_files() {
        let long: Vec<u8> = (0..100_000u32).map(|k| (k >> 3) as u8).collect();
        let files = [("a.bin", long.as_slice()), ("below/a name that is long", b"x")];
        for (size_bytes, format) in
            [(4 << 20, Format::Fat16), (64 << 20, Format::Fat16), (64 << 20, Format::Fat32)]
        {
            let image = build(size_bytes, format, files).expect("there is room");
            assert_eq!(image.len(), size_bytes);
            for (path, bytes) in files {
                assert!(read(&image, path).expect("the file is there") == bytes, "{path}");
            }
            assert!(read(&image, "b.bin").is_err());
            assert!(image == build(size_bytes, format, files).expect("there is room"));
        }
    }

    #[test]
    fn what_is_no_card_is_refused() {
        for (size_bytes, format) in
            [(0, Format::Fat16), (5 << 20, Format::Fat16), (32 << 20, Format::Fat32)]
        {
            assert!(build(size_bytes, format, []).is_err(), "{size_bytes}");
        }
        let too_long = vec![0; 4 << 20];
        assert!(build(4 << 20, Format::Fat16, [("a", too_long.as_slice())]).is_err());
    }
}
