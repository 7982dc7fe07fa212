//! Images come back as they were made, and no damage passes.

mod common;

use esparto_image::{
    Checksum, Image, ImageError, MAX_PREFIX_BYTES, Part, Placement, Prefix, SegmentKind,
};

fn all_kinds() -> Vec<Vec<u8>> {
    vec![
        common::code(Placement::Prelinked, false).build().unwrap(),
        common::code(Placement::Relocatable, false).build().unwrap(),
        common::code(Placement::Relocatable, true).build().unwrap(),
        common::data().build().unwrap(),
    ]
}

#[test]
fn the_checksum_is_xxh32() {
    for len in (0..400).step_by(16) {
        let bytes: Vec<u8> = (0..len).map(|index| (index * 37 + index / 11) as u8).collect();
        let mut checksum = Checksum::new();
        checksum.bytes(&bytes);
        assert_eq!(checksum.finish(), twox_hash::XxHash32::oneshot(0, &bytes), "{len} bytes");
        let words: Vec<u32> =
            bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let mut by_words = Checksum::new();
        by_words.words(&words);
        assert_eq!(by_words.finish(), checksum.finish());
        for hole in (0..len).step_by(4) {
            let mut holed = bytes.clone();
            holed[hole..hole + 4].fill(0);
            let mut of_holed = Checksum::new();
            of_holed.bytes(&holed);
            assert_eq!(Checksum::around(&bytes, hole), of_holed.finish());
        }
    }
}

#[test]
fn contents_come_back() {
    for builder in [
        common::code(Placement::Prelinked, false),
        common::code(Placement::Relocatable, false),
        common::code(Placement::Relocatable, true),
        common::data(),
    ] {
        let bytes = builder.build().unwrap();
        let image = Image::parse(&bytes).unwrap();
        assert_eq!(image.prefix().dependencies(), builder.dependencies);
        assert_eq!(image.exports().len(), builder.exports.len());
        for (name, addr) in &builder.exports {
            assert_eq!(image.exports().find(name).unwrap().addr, *addr);
        }
        assert_eq!(image.exports().find("nothing"), None);
        assert_eq!(image.prefix().segments().len(), builder.contents.len());
        for (segment, contents) in image.prefix().segments().iter().zip(&builder.contents) {
            let mut memory = vec![0xAA; segment.memory_bytes as usize];
            image.read(segment, &mut memory).unwrap();
            let (there, padding) = memory.split_at(contents.bytes.len());
            assert_eq!(there, contents.bytes);
            assert!(padding.iter().all(|&byte| byte == 0));
            assert_eq!((segment.kind, segment.addr), (contents.kind, contents.addr));
            let mut places = Vec::new();
            let mut start = 0;
            for block in image.blocks(segment) {
                let (block, _) = block.unwrap();
                for relocation in block.relocations() {
                    let relocation = relocation.unwrap();
                    places.push((
                        start + u32::from(relocation.halfword) * 2 - 4,
                        relocation.change,
                        relocation.distance,
                        relocation.low,
                    ));
                }
                start += u32::from(block.header.memory_bytes);
            }
            let expected: Vec<_> = contents
                .places
                .iter()
                .map(|place| (place.offset, place.change, place.distance, place.low))
                .collect();
            assert_eq!(places, expected);
        }
    }
}

#[test]
fn compression_makes_it_shorter() {
    let mut builder = common::code(Placement::Prelinked, false);
    builder.contents[0].bytes.fill(0x13);
    let plain = builder.build().unwrap().len();
    builder.compress = true;
    assert!(builder.build().unwrap().len() < plain / 2);
}

#[test]
fn every_flipped_bit_is_found() {
    for mut bytes in all_kinds() {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(Image::parse(&bytes).is_err(), "bit {bit} of byte {at:#x}");
                bytes[at] ^= 1 << bit;
            }
            bytes[at] = !bytes[at];
            assert!(Image::parse(&bytes).is_err(), "byte {at:#x}");
            bytes[at] = !bytes[at];
        }
        Image::parse(&bytes).unwrap();
    }
}

#[test]
fn every_cut_and_every_addition_is_found() {
    for mut bytes in all_kinds() {
        for len in 0..bytes.len() {
            assert!(
                matches!(
                    Image::parse(&bytes[..len]),
                    Err(ImageError::Truncated { .. } | ImageError::NotAnImage { .. })
                ),
                "{len} of {} bytes: {:?}",
                bytes.len(),
                Image::parse(&bytes[..len])
            );
        }
        let end = bytes.len() as u32;
        bytes.push(0);
        assert_eq!(
            Image::parse(&bytes).unwrap_err(),
            ImageError::TrailingBytes { offset: end, actual_bytes: end + 1 }
        );
    }
}

#[test]
fn the_prefix_is_enough_to_begin() {
    for bytes in all_kinds() {
        let whole = Image::parse(&bytes).unwrap();
        let first = &bytes[..bytes.len().min(MAX_PREFIX_BYTES)];
        assert_eq!(Prefix::parse(first, bytes.len() as u32).unwrap(), *whole.prefix());
    }
}

#[test]
fn halves_of_other_builds_do_not_pair() {
    let code = common::header(Part::Code);
    let data = common::header(Part::Data);
    assert!(code.pairs_with(&data) && data.pairs_with(&code));
    assert!(!code.pairs_with(&code));
    let mut stale = data;
    stale.pair ^= 1;
    assert!(!code.pairs_with(&stale));
    let mut other_firmware = data;
    other_firmware.build_id[31] ^= 1;
    assert!(!code.pairs_with(&other_firmware));
}

#[test]
fn contents_that_contradict_the_header_are_refused() {
    let bad = |change: &dyn Fn(&mut esparto_image::ImageBuilder)| {
        let mut builder = common::code(Placement::Relocatable, false);
        change(&mut builder);
        builder.build().unwrap_err().to_string()
    };
    assert!(bad(&|b| b.contents[1].addr = common::CODE_ADDR).contains("address of a segment"));
    assert!(bad(&|b| b.contents[1].addr += 4000).contains("address of a segment"));
    assert!(bad(&|b| b.contents[1].addr += 2).contains("address of a segment"));
    assert!(bad(&|b| b.contents[1].kind = SegmentKind::Data).contains("kind of a segment"));
    assert!(bad(&|b| b.contents[0].places[0].offset = 3).contains("odd"));
    assert!(bad(&|b| b.contents[0].places[0].offset = 8).contains("out of order"));
    assert!(bad(&|b| b.contents[0].places[4].offset = 2498).contains("outside"));
    assert!(bad(&|b| b.dependencies = (10..27).collect()).contains("at most 16"));
    assert!(bad(&|b| b.dependencies[0] = 2).contains("the overlay itself"));
    assert!(bad(&|b| b.exports[0].1 = 0).contains("address of an export"));
    assert!(bad(&|b| b.exports[0].0 = b.exports[1].0.clone()).contains("fft_size"));
    assert!(bad(&|b| b.header.destructors_addr += 4096).contains("destructors"));
    assert!(bad(&|b| b.header.block_bytes = 8192).contains("at most 4096"));
    assert!(bad(&|b| b.header.abi = esparto_image::Abi::Call0).contains("calling convention"));
}
