//! An image that uses everything.

use esparto_image::{
    Abi, Change, Contents, Distance, Header, ImageBuilder, Isa, Name, Part, Place, Placement,
    SegmentKind,
};

pub(crate) const CODE_ADDR: u32 = 0x4038_0000;
pub(crate) const DATA_ADDR: u32 = 0x3FC9_0000;

pub(crate) fn header(part: Part) -> Header {
    Header {
        part,
        placement: Placement::Relocatable,
        isa: Isa::Rv32imc,
        abi: Abi::Ilp32,
        slot: 1,
        overlay: 2,
        segment_count: 0,
        dependency_count: 0,
        block_bytes: 0,
        export_count: 0,
        names_bytes: 0,
        tables_bytes: 0,
        image_bytes: 0,
        code_addr: CODE_ADDR,
        code_bytes: 4096,
        data_addr: DATA_ADDR,
        data_bytes: 1024,
        constructors_addr: DATA_ADDR,
        constructor_count: 2,
        destructor_count: 1,
        destructors_addr: DATA_ADDR + 8,
        pair: 0x0123_4567_89AB_CDEF,
        build_id: core::array::from_fn(|index| index as u8),
        chip: Name::new("esp32c3").unwrap(),
        name: Name::new("fft").unwrap(),
    }
}

pub(crate) fn code(placement: Placement, compress: bool) -> ImageBuilder {
    let mut builder = ImageBuilder::new(Header { placement, ..header(Part::Code) });
    builder.compress = compress;
    builder.dependencies = vec![0, 1, 7];
    builder.exports = vec![
        ("fft_run".to_owned(), CODE_ADDR + 4),
        ("fft_size".to_owned(), DATA_ADDR + 16),
        ("_ZN3fft4Plan4makeEv".to_owned(), CODE_ADDR + 40),
    ];
    let relocated = |places| if placement == Placement::Relocatable { places } else { Vec::new() };
    let place = |offset, change, distance, low| Place { offset, change, distance, low };
    builder.contents = vec![
        Contents {
            kind: SegmentKind::Code,
            addr: CODE_ADDR,
            bytes: (0..2500_u32).map(|index| (index * index / 7) as u8).collect(),
            places: relocated(vec![
                place(0, Change::Word, Distance::Code, 0),
                place(6, Change::Upper, Distance::Data, 0xF00),
                place(10, Change::LowerI, Distance::Data, 0),
                // Across the end of the first block.
                place(1022, Change::LowerS, Distance::FromCode, 0),
                place(1026, Change::LowerI, Distance::DataFromCode, 0),
            ]),
        },
        Contents {
            kind: SegmentKind::Code,
            addr: CODE_ADDR + 3000,
            bytes: vec![0x13; 20],
            places: Vec::new(),
        },
    ];
    builder
}

pub(crate) fn data() -> ImageBuilder {
    let mut builder = ImageBuilder::new(header(Part::Data));
    builder.contents = vec![
        Contents {
            kind: SegmentKind::Data,
            addr: DATA_ADDR,
            bytes: (0..333_u32).map(|index| index as u8).collect(),
            places: Vec::new(),
        },
        Contents {
            kind: SegmentKind::Zero,
            addr: DATA_ADDR + 400,
            bytes: vec![0; 600],
            places: Vec::new(),
        },
    ];
    builder
}
