//! Regions that become longer while blocks of them are live.

use std::alloc::Layout;
use std::ptr::NonNull;

use esparto::heap::{Bump, ExtendError};
use esparto::{
    AllocError, Caps, Cursor, GrowError, Heap, Memory, Progress, RawHeap, Region, RegionError,
    RegionId, Throughput,
};

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// One buffer, handed over piece by piece.
struct Board {
    start: NonNull<u8>,
}

impl Board {
    fn new() -> Self {
        Self { start: NonNull::from(crate::kept::bytes(64 << 10)).cast() }
    }

    fn piece(&self, offset: usize, len: usize) -> NonNull<[u8]> {
        // SAFETY: every offset used here is inside the buffer.
        NonNull::slice_from_raw_parts(unsafe { self.start.add(offset) }, len)
    }

    fn add<H: RawHeap + 'static, const N: usize>(
        &self,
        memory: &Memory<N>,
        caps: Caps,
        offset: usize,
        len: usize,
    ) -> RegionId {
        // SAFETY: each piece is handed over once, and the buffer is kept for ever.
        unsafe { memory.add::<H>(Region::new("piece", self.piece(offset, len), caps)) }.unwrap()
    }
}

fn assert_exact<const N: usize>(memory: &Memory<N>) {
    for id in 0..memory.region_count() as u8 {
        let stats = memory.region_stats(RegionId(id)).unwrap();
        let sum = stats.free_bytes + stats.live_bytes + stats.bookkeeping_bytes;
        assert_eq!(sum, stats.size_bytes, "{stats:?}");
        let checked = memory.check(RegionId(id), &mut Cursor::default(), usize::MAX);
        assert_eq!(checked, Some(Ok(Progress::Done)));
    }
}

fn grows<H: RawHeap + 'static>() {
    let board = Board::new();
    let memory: Memory<2> = Memory::new();
    let sram = board.add::<H, 2>(&memory, SRAM, 0, 8 << 10);
    let mut live = Vec::new();
    while let Ok(ptr) = memory.allocate(layout(200), SRAM) {
        live.push(ptr);
    }
    let full = live.len();
    let error = memory.allocate(layout(9000), SRAM).unwrap_err();
    assert!(matches!(error, AllocError::TooLarge { .. }), "{error}");

    // SAFETY: the piece behind the region, of the same buffer, handed over once.
    unsafe { memory.extend(sram, board.piece(8 << 10, 24 << 10)) }.unwrap();
    assert_eq!(memory.region_stats(sram).unwrap().size_bytes, 32 << 10);
    assert_exact(&memory);
    let large = memory.allocate(layout(7000), SRAM).unwrap();
    while let Ok(ptr) = memory.allocate(layout(200), SRAM) {
        live.push(ptr);
    }
    assert!(live.len() > 2 * full, "{} after {full}", live.len());
    assert_exact(&memory);

    // Blocks of the new part go back like those of the old.
    // SAFETY: the live block with its layout.
    unsafe { memory.deallocate(large, layout(7000)) };
    for ptr in live {
        // SAFETY: a live block with its layout.
        unsafe { memory.deallocate(ptr, layout(200)) };
    }
    assert_eq!(memory.foreign_free_count(), 0);
    assert_exact(&memory);
    let stats = memory.region_stats(sram).unwrap();
    assert_eq!((stats.live_bytes, stats.live_count), (0, 0));
    let large: Vec<_> = (0..4).map_while(|_| memory.allocate(layout(7000), SRAM).ok()).collect();
    assert_eq!(large.len(), 4, "the old part alone holds one");
}

#[test]
fn a_region_grows_while_its_blocks_are_live() {
    grows::<Heap>();
    grows::<Heap<Throughput>>();
}

#[test]
fn an_external_region_grows_too() {
    let board = Board::new();
    let memory: Memory<2> = Memory::new();
    board.add::<Heap, 2>(&memory, SRAM, 48 << 10, 4096);
    let psram = board.add::<Heap, 2>(&memory, PSRAM, 0, 8 << 10);
    // SAFETY: as above.
    unsafe { memory.extend(psram, board.piece(8 << 10, 8 << 10)) }.unwrap();
    assert_exact(&memory);
    assert!(memory.allocate(layout(7000), PSRAM).is_ok());
    assert!(memory.allocate(layout(7000), PSRAM).is_ok(), "the old part alone holds one");
}

#[test]
fn what_cannot_be_added_is_named_and_changes_nothing() {
    let board = Board::new();
    let memory: Memory<3> = Memory::new();
    let sram = board.add::<Heap, 3>(&memory, SRAM, 0, 8 << 10);
    let bump = board.add::<Bump, 3>(&memory, SRAM, 16 << 10, 4096);
    let before = [sram, bump].map(|id| memory.region_stats(id));
    let start_addr = board.start.addr().get();
    let at = |offset| start_addr + offset;
    // SAFETY: pieces of one buffer; those that are in a region already are refused.
    let extend = |id, offset, len| unsafe { memory.extend(id, board.piece(offset, len)) };

    let id = RegionId(2);
    assert_eq!(extend(id, 8 << 10, 1024), Err(GrowError::NoRegion { id, region_count: 2 }));
    let expected_addr = at(8 << 10);
    let not_behind = |offset| GrowError::NotBehind { start_addr: at(offset), expected_addr };
    assert_eq!(extend(sram, 9 << 10, 1024), Err(not_behind(9 << 10)));
    assert_eq!(extend(sram, 4 << 10, 1024), Err(not_behind(4 << 10)));
    assert_eq!(
        extend(sram, 8 << 10, 9 << 10),
        Err(GrowError::Region(RegionError::Overlaps {
            with: bump,
            start_addr: at(8 << 10),
            other_start_addr: at(16 << 10),
        }))
    );
    let empty = RegionError::Empty { start_addr: at(8 << 10) };
    assert_eq!(extend(sram, 8 << 10, 0), Err(GrowError::Region(empty)));
    assert!(matches!(
        extend(sram, 8 << 10, 1020),
        Err(GrowError::Region(RegionError::Misaligned { len_bytes: 1020, .. }))
    ));
    assert_eq!(extend(bump, 20 << 10, 4096), Err(GrowError::Heap(ExtendError::Unsupported)));

    assert_eq!([sram, bump].map(|id| memory.region_stats(id)), before);
    let error = extend(sram, 9 << 10, 1024).unwrap_err().to_string();
    assert!(error.ends_with("add it as a region of its own"), "{error}");
}
