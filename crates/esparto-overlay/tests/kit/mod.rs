//! A chip, a card and a firmware, as strict as the real ones: stores that the memory does not take
//! panic, and so does code that is written while it can be called.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use esparto_image::firmware::{OverlayEntry, SlotEntry};
use esparto_image::{
    Abi, Change, Contents, Distance, Header, ImageBuilder, Isa, Name, Part, Place, Placement,
    SegmentKind,
};
use esparto_overlay::{
    Event, Identity, LoadError, Overlays, Platform, Store, StoreError, Tables, Writer,
};

/// Executable memory, as the instruction bus sees it.
pub const EXEC_START: u32 = 0x4038_0000;
pub const EXEC_BYTES: u32 = 0x4000;
/// Data memory.
pub const DATA_START: u32 = 0x3FC8_0000;
pub const DATA_BYTES: u32 = 0x8000;
pub const SLOT_BYTES: u32 = 0x1000;

/// What an overlay is made of.
#[derive(Clone, Debug)]
pub struct Spec {
    pub name: &'static str,
    pub slot: u16,
    pub placement: Placement,
    pub code_words: u32,
    pub data_words: u32,
    pub zero_words: u32,
    pub constructors: u16,
    pub destructors: u16,
    pub needs: Vec<u16>,
    pub compress: bool,
}

impl Spec {
    pub fn new(name: &'static str, slot: u16) -> Self {
        Self {
            name,
            slot,
            placement: Placement::Prelinked,
            code_words: 300,
            data_words: 40,
            zero_words: 10,
            constructors: 2,
            destructors: 1,
            needs: Vec::new(),
            compress: false,
        }
    }
}

/// The chip: its memory and what happened to it.
#[derive(Default)]
pub struct Chip {
    pub exec: BTreeMap<u32, u32>,
    pub data: BTreeMap<u32, u32>,
    pub calls: Vec<u32>,
    pub events: Vec<Event>,
    pub mapped: BTreeMap<usize, u32>,
    pub syncs: Vec<(u32, u32)>,
    /// Where the next store of code may be, once one was.
    next_store: Option<u32>,
    pub store_count: usize,
}

/// Everything, shared by storage, writer, platform and tables.
pub struct World {
    pub chip: Mutex<Chip>,
    pub files: Mutex<BTreeMap<String, Vec<u8>>>,
    pub reads: Mutex<Vec<(String, u32, usize)>>,
    pub specs: Vec<Spec>,
    pub slots: Vec<SlotEntry>,
    pub entries: Vec<OverlayEntry>,
    pub build_id: [u8; 32],
    build_id_words: [u32; 8],
    pub in_interrupt: AtomicBool,
    pub elsewhere: AtomicU32,
    /// The read to fail, counted from 0; and how: short or not at all.
    pub fail_at: Mutex<Option<(usize, bool)>>,
    pub waits: AtomicU32,
    /// What a constructor does besides being called.
    pub on_call: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Who is told of events, besides the list of them.
    pub on_event: Mutex<Option<Arc<OnEvent>>>,
    ticks: AtomicU32,
}

/// Who is told of an event.
pub type OnEvent = dyn Fn(Event) + Send + Sync;

pub type Tested = Overlays<Card, Bus, Board, Firmware, 4, 16>;

#[derive(Clone, Copy)]
pub struct Card(pub &'static World);
#[derive(Clone, Copy)]
pub struct Bus(pub &'static World);
#[derive(Clone, Copy)]
pub struct Board(pub &'static World);
#[derive(Clone, Copy)]
pub struct Firmware(pub &'static World);

pub fn code_word(overlay: usize, index: u32) -> u32 {
    (overlay as u32 + 1).wrapping_mul(0x9E37_79B9).wrapping_add(index.wrapping_mul(0x85EB_CA6B))
}

impl World {
    /// A firmware with these overlays and `slot_count` slots of [`SLOT_BYTES`].
    pub fn new(specs: Vec<Spec>, slot_count: usize) -> &'static Self {
        Self::with_entries(specs, slot_count, |_| {})
    }

    /// The same with the firmware's entries changed before anything is packed.
    pub fn with_entries(
        specs: Vec<Spec>,
        slot_count: usize,
        change: impl Fn(&mut [OverlayEntry]),
    ) -> &'static Self {
        let slots: Vec<_> = (0..slot_count as u32)
            .map(|index| SlotEntry {
                start_addr: EXEC_START + index * SLOT_BYTES,
                len_bytes: SLOT_BYTES,
            })
            .collect();
        let mut data_addr = DATA_START;
        let mut entries: Vec<_> = specs
            .iter()
            .map(|spec| {
                let tables = u32::from(spec.constructors + spec.destructors);
                let data_bytes = 4 * (tables + spec.data_words + spec.zero_words);
                let entry = OverlayEntry {
                    name_addr: 0,
                    name_bytes: spec.name.len() as u16,
                    slot: spec.slot,
                    code_addr: slots[usize::from(spec.slot).min(slot_count - 1)].start_addr,
                    code_bytes: 4 * spec.code_words,
                    data_addr,
                    data_bytes,
                    base_addr: 0,
                    reserved: 0,
                };
                data_addr += data_bytes;
                entry
            })
            .collect();
        change(&mut entries);
        let build_id: [u8; 32] = core::array::from_fn(|index| index as u8 ^ 0xA5);
        let word = |index: usize| build_id.as_chunks().0[index];
        let world = Self {
            chip: Mutex::default(),
            files: Mutex::default(),
            reads: Mutex::default(),
            specs,
            slots,
            entries,
            build_id,
            build_id_words: core::array::from_fn(|index| u32::from_le_bytes(word(index))),
            in_interrupt: AtomicBool::new(false),
            elsewhere: AtomicU32::new(0),
            fail_at: Mutex::new(None),
            waits: AtomicU32::new(0),
            on_call: Mutex::new(None),
            on_event: Mutex::new(None),
            ticks: AtomicU32::new(0),
        };
        let world = Box::leak(Box::new(world));
        for overlay in 0..world.specs.len() {
            world.pack(overlay, |_| {}, |_| {});
        }
        world
    }

    /// Builds the pair of an overlay, with the header and the code changed by the test.
    pub fn pack(
        &self,
        overlay: usize,
        change: impl Fn(&mut Header),
        change_code: impl Fn(&mut ImageBuilder),
    ) {
        let (spec, entry) = (&self.specs[overlay], &self.entries[overlay]);
        for part in [Part::Code, Part::Data] {
            let mut header = Header {
                part,
                placement: spec.placement,
                isa: Isa::Rv32imc,
                abi: Abi::Ilp32,
                slot: spec.slot,
                overlay: overlay as u16,
                segment_count: 0,
                dependency_count: 0,
                block_bytes: if spec.placement == Placement::Relocatable { 512 } else { 0 },
                export_count: 0,
                names_bytes: 0,
                tables_bytes: 0,
                image_bytes: 0,
                code_addr: entry.code_addr,
                code_bytes: entry.code_bytes,
                data_addr: entry.data_addr,
                data_bytes: entry.data_bytes,
                constructors_addr: entry.data_addr,
                constructor_count: spec.constructors,
                destructor_count: spec.destructors,
                destructors_addr: entry.data_addr + 4 * u32::from(spec.constructors),
                pair: 0x1234_5678_0000_0000 + overlay as u64,
                build_id: self.build_id,
                chip: Name::new("esp32c3").expect("a name"),
                name: Name::new(spec.name).expect("a name"),
            };
            change(&mut header);
            let mut builder = ImageBuilder::new(header);
            builder.compress = spec.compress;
            builder.dependencies.clone_from(&spec.needs);
            if part == Part::Code {
                builder.exports = (0..40)
                    .map(|index| (format!("{}_{index}", spec.name), header.code_addr + 4 * index))
                    .collect();
                if header.data_bytes != 0 {
                    builder.exports.push((format!("{}_table", spec.name), header.data_addr));
                }
                let words = (0..header.code_bytes / 4).map(|index| code_word(overlay, index));
                builder.contents.push(Contents {
                    kind: SegmentKind::Code,
                    addr: header.code_addr,
                    bytes: words.flat_map(u32::to_le_bytes).collect(),
                    places: Vec::new(),
                });
            } else {
                let tables = u32::from(spec.constructors + spec.destructors);
                let count = tables + spec.data_words;
                let words = (0..count).map(|index| header.code_addr + 8 * index);
                let is_relocatable = spec.placement == Placement::Relocatable;
                let places = (0..if is_relocatable { tables } else { 0 }).map(|index| Place {
                    offset: 4 * index,
                    change: Change::Word,
                    distance: Distance::Code,
                    low: 0,
                });
                if count != 0 {
                    builder.contents.push(Contents {
                        kind: SegmentKind::Data,
                        addr: header.data_addr,
                        bytes: words.flat_map(u32::to_le_bytes).collect(),
                        places: places.collect(),
                    });
                }
                if spec.zero_words != 0 {
                    builder.contents.push(Contents {
                        kind: SegmentKind::Zero,
                        addr: header.data_addr + 4 * count,
                        bytes: vec![0; 4 * spec.zero_words as usize],
                        places: Vec::new(),
                    });
                }
            }
            change_code(&mut builder);
            let bytes = builder.build().unwrap_or_else(|error| panic!("{error}"));
            let end = if part == Part::Code { "e" } else { "d" };
            self.files().insert(format!("{}_{end}", spec.name), bytes);
        }
    }

    pub fn chip(&self) -> MutexGuard<'_, Chip> {
        self.chip.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The overlays of this firmware, through a bounce buffer of so many bytes.
    pub fn overlays(&'static self, bounce_bytes: usize) -> Tested {
        // As after a reset.
        self.chip().mapped.clear();
        let bounce = Box::leak(vec![0_u32; bounce_bytes / 4].into_boxed_slice());
        let made = Overlays::new(Card(self), Bus(self), Board(self), Firmware(self), bounce);
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Panics unless the code of `overlay` is in `slot`, whole and as packed.
    pub fn assert_in_slot(&self, overlay: usize, slot: usize) {
        let chip = self.chip();
        for index in 0..self.entries[overlay].code_bytes / 4 {
            let addr = self.slots[slot].start_addr + 4 * index;
            assert_eq!(chip.exec.get(&addr), Some(&code_word(overlay, index)), "word {index}");
        }
    }

    /// What is mapped, by what stubs see.
    pub fn mapped(&self) -> Vec<usize> {
        self.chip().mapped.keys().copied().collect()
    }
}

impl Store for Card {
    type File = String;

    fn open(&mut self, name: &str) -> Result<String, StoreError> {
        if self.0.files().contains_key(name) {
            Ok(name.to_owned())
        } else {
            Err(StoreError::NotFound)
        }
    }

    fn len_bytes(&mut self, file: &String) -> Result<u32, StoreError> {
        Ok(self.0.files()[file].len() as u32)
    }

    fn read_at(
        &mut self,
        file: &mut String,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let mut reads = self.0.reads.lock().expect("no panic while held");
        let number = reads.len();
        reads.push((file.clone(), offset, buffer.len()));
        drop(reads);
        let files = self.0.files();
        let rest = &files[file][offset as usize..];
        let mut count = rest.len().min(buffer.len());
        match *self.0.fail_at.lock().expect("no panic while held") {
            Some((at, false)) if at == number => return Err(StoreError::Failed { code: 7 }),
            Some((at, true)) if at == number => count /= 2,
            _ => {}
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl Writer for Bus {
    unsafe fn store(&mut self, addr: u32, word: u32) {
        let mut chip = self.0.chip();
        assert!(addr.is_multiple_of(4), "{addr:#x}: not a word");
        let from = addr.checked_sub(EXEC_START);
        assert!(from.is_some_and(|from| from < EXEC_BYTES), "{addr:#x}: out of bounds");
        let is_next = chip.next_store == Some(addr);
        let is_first = self.0.slots.iter().any(|slot| slot.start_addr == addr);
        assert!(is_next || is_first, "{addr:#x}: out of order");
        chip.next_store = Some(addr + 4);
        for (&overlay, &moved) in &chip.mapped {
            let entry = &self.0.entries[overlay];
            let from = addr.wrapping_sub(entry.code_addr.wrapping_add(moved));
            assert!(from >= entry.code_bytes, "overlay {overlay} is overwritten while mapped");
        }
        chip.exec.insert(addr, word);
        chip.store_count += 1;
    }

    fn sync(&mut self, addr: u32, len_bytes: u32) {
        let mut chip = self.0.chip();
        chip.next_store = None;
        chip.syncs.push((addr, len_bytes));
    }
}

impl Platform for Board {
    fn in_interrupt(&self) -> bool {
        self.0.in_interrupt.load(Ordering::Relaxed)
    }

    fn task(&self) -> u32 {
        thread_local!(static ID: u8 = const { 0 });
        ID.with(|id| (&raw const *id).addr() as u32)
    }

    fn wait(&self) {
        self.0.waits.fetch_add(1, Ordering::Relaxed);
        std::thread::yield_now();
    }

    fn ticks(&self) -> u32 {
        self.0.ticks.fetch_add(1, Ordering::Relaxed)
    }

    fn stack_end_addr(&self) -> usize {
        0
    }

    fn is_elsewhere(&self, start_addr: u32, end_addr: u32) -> bool {
        (start_addr..end_addr).contains(&self.0.elsewhere.load(Ordering::Relaxed))
    }

    fn refused(&self, overlay: usize, error: &LoadError) -> u32 {
        panic!("overlay {overlay}: {error}")
    }

    fn lost(&self, overlay: usize, error: &LoadError) -> ! {
        panic!("overlay {overlay} is lost: {error}")
    }

    fn event(&self, event: Event) {
        self.0.chip().events.push(event);
        let on_event = self.0.on_event.lock().expect("no panic while held").clone();
        if let Some(tell) = on_event {
            tell(event);
        }
    }

    unsafe fn store_data(&self, addr: u32, word: u32) {
        assert!(addr.is_multiple_of(4), "{addr:#x}: not a word");
        let from = addr.checked_sub(DATA_START);
        assert!(from.is_some_and(|from| from < DATA_BYTES), "{addr:#x}: out of bounds");
        self.0.chip().data.insert(addr, word);
    }

    unsafe fn load_data(&self, addr: u32) -> u32 {
        self.0.chip().data[&addr]
    }

    unsafe fn call(&self, addr: u32) {
        self.0.chip().calls.push(addr);
        let work = self.0.on_call.lock().expect("no panic while held").take();
        if let Some(work) = work {
            work();
        }
    }
}

impl Tables for Firmware {
    fn identity(&self) -> Identity<'_> {
        const CHIP: [u32; 5] =
            [u32::from_le_bytes(*b"esp3"), u32::from_le_bytes(*b"2c3\0"), 0, 0, 0];
        Identity {
            build_id: &self.0.build_id_words,
            chip: &CHIP,
            isa: Isa::Rv32imc.code(),
            abi: Abi::Ilp32.code(),
        }
    }

    fn overlay_count(&self) -> usize {
        self.0.entries.len()
    }

    fn overlay(&self, index: usize) -> &OverlayEntry {
        &self.0.entries[index]
    }

    fn name(&self, index: usize) -> &str {
        self.0.specs[index].name
    }

    fn slot_count(&self) -> usize {
        self.0.slots.len()
    }

    fn slot(&self, index: usize) -> SlotEntry {
        self.0.slots[index]
    }

    fn set_mapped(&self, index: usize, moved: Option<u32>) {
        let mut chip = self.0.chip();
        match moved {
            Some(moved) => chip.mapped.insert(index, moved),
            None => chip.mapped.remove(&index),
        };
    }
}
