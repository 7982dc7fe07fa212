//! Any image comes back as it was made; any bytes are refused without a panic.

#[allow(dead_code, reason = "the other tests use the rest")]
mod common;

use esparto_image::{Change, Contents, Distance, Image, ImageBuilder, Part, Place, SegmentKind};
use proptest::prelude::*;

fn places(len_bytes: usize) -> impl Strategy<Value = Vec<Place>> {
    let changes = prop_oneof![
        Just((Change::Word, 0_u16)),
        (0..0x1000_u16).prop_map(|low| (Change::Upper, low)),
        Just((Change::LowerI, 0)),
        Just((Change::LowerS, 0)),
    ];
    let distances = prop_oneof![
        Just(Distance::Code),
        Just(Distance::Data),
        Just(Distance::FromCode),
        Just(Distance::DataFromCode),
    ];
    let one = (0..2_u32, changes, distances);
    // Four bytes apart, so that no two overlap.
    proptest::collection::vec(proptest::option::weighted(0.3, one), len_bytes / 4).prop_map(
        move |slots| {
            slots
                .into_iter()
                .zip((0_u32..).step_by(4))
                .filter_map(|(one, offset)| {
                    let (half, (change, low), distance) = one?;
                    let offset = offset + 2 * half;
                    let fits = offset as usize + 4 <= len_bytes;
                    fits.then_some(Place { offset, change, distance, low })
                })
                .fold(Vec::new(), |mut places: Vec<Place>, place| {
                    if places.last().is_none_or(|last| last.offset + 4 <= place.offset) {
                        places.push(place);
                    }
                    places
                })
        },
    )
}

prop_compose! {
    fn image()(
        bytes in proptest::collection::vec(any::<u8>(), 1..900),
    )(
        places in places(bytes.len()),
        bytes in Just(bytes),
        block_bytes in (1..20_u16).prop_map(|stripes| stripes * 16),
        exports in proptest::collection::btree_map("[a-z_]{1,9}", 0..4096_u32, 0..20),
        dependencies in proptest::collection::vec(10..99_u16, 0..16),
        compress in any::<bool>(),
    ) -> ImageBuilder {
        let mut builder = ImageBuilder::new(common::header(Part::Code));
        builder.header.block_bytes = block_bytes;
        builder.exports =
            exports.into_iter().map(|(name, at)| (name, common::CODE_ADDR + at)).collect();
        builder.dependencies = dependencies;
        builder.compress = compress;
        let addr = common::CODE_ADDR;
        builder.contents = vec![Contents { kind: SegmentKind::Code, addr, bytes, places }];
        builder
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_image_comes_back(builder in image(), damage in any::<prop::sample::Index>()) {
        let mut bytes = builder.build().expect("within the limits");
        let image = Image::parse(&bytes).expect("just made");
        let contents = &builder.contents[0];
        let segment = image.prefix().segments()[0];
        let mut memory = vec![0xAA; segment.memory_bytes as usize];
        image.read(&segment, &mut memory).expect("just made");
        prop_assert_eq!(&memory[..contents.bytes.len()], &contents.bytes[..]);
        let mut start = 0;
        let mut found = Vec::new();
        for block in image.blocks(&segment) {
            let (block, _) = block.expect("just made");
            for relocation in block.relocations() {
                let relocation = relocation.expect("just made");
                let offset = start + u32::from(relocation.halfword) * 2 - 4;
                let (change, distance, low) =
                    (relocation.change, relocation.distance, relocation.low);
                found.push(Place { offset, change, distance, low });
            }
            start += u32::from(block.header.memory_bytes);
        }
        prop_assert_eq!(&found, &contents.places);
        for (name, addr) in &builder.exports {
            prop_assert_eq!(image.exports().find(name).map(|export| export.addr), Some(*addr));
        }
        prop_assert_eq!(image.prefix().dependencies(), &builder.dependencies[..]);
        let at = damage.index(bytes.len());
        bytes[at] ^= 0x10;
        prop_assert!(Image::parse(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Image::parse(&bytes).is_err());
    }
}
