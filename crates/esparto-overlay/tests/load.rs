//! Loading: what comes where, when it is evicted, and what is called.

mod kit;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use esparto_image::{Part, Placement};
use esparto_overlay::{Alias, Cached, Event, Inverted, LoadError, Writer};
use kit::{Bus, EXEC_BYTES, EXEC_START, SLOT_BYTES, Spec, World};

fn two_in_one_slot() -> &'static World {
    World::new(vec![Spec::new("fft", 0), Spec::new("jpeg", 0)], 1)
}

#[test]
fn code_is_stored_as_packed_and_data_and_zeros_too() {
    let world = two_in_one_slot();
    for bounce_bytes in [512, 1024, 4096, 16384] {
        let overlays = world.overlays(bounce_bytes);
        world.chip().data.clear();
        overlays.load(0).expect("loads");
        world.assert_in_slot(0, 0);
        let (entry, chip) = (&world.entries[0], world.chip());
        for index in 0..entry.data_bytes / 4 {
            let expected = if index < 43 { entry.code_addr + 8 * index } else { 0 };
            assert_eq!(chip.data.get(&(entry.data_addr + 4 * index)), Some(&expected), "{index}");
        }
        assert_eq!(chip.data.len() as u32, entry.data_bytes / 4, "and nothing else");
        assert_eq!(chip.syncs.last(), Some(&(entry.code_addr, entry.code_bytes)));
    }
}

#[test]
fn each_byte_is_read_once_in_order_by_whole_sectors() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    overlays.load(0).expect("loads");
    let reads = world.reads.lock().expect("no panic");
    for name in ["fft_e", "fft_d"] {
        let len = world.files()[name].len();
        let mut next = 0;
        for (_, offset, count) in reads.iter().filter(|(file, ..)| file == name) {
            assert_eq!(*offset as usize, next, "no gap and nothing twice");
            next += count;
            assert!(next == len || count.is_multiple_of(512), "whole sectors");
        }
        assert_eq!(next, len);
    }
    let read: usize = reads.iter().map(|(.., count)| count).sum();
    assert_eq!(overlays.stats().read_bytes as usize, read);
}

#[test]
fn a_second_overlay_evicts_the_first_and_data_outlives_it() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    overlays.load(0).expect("loads");
    let constructors: Vec<_> = (0..2).map(|index| world.entries[0].code_addr + 8 * index).collect();
    assert_eq!(world.chip().calls, constructors, "in the order of their table");
    overlays.load(1).expect("loads");
    assert_eq!(world.mapped(), [1]);
    assert!(!overlays.is_mapped(0) && overlays.is_alive(0) && overlays.is_mapped(1));
    let marked = world.entries[0].data_addr + 20;
    world.chip().data.insert(marked, 0xC0FF_EE00);
    world.chip().calls.clear();
    overlays.load(0).expect("loads again");
    world.assert_in_slot(0, 0);
    assert_eq!(world.chip().data[&marked], 0xC0FF_EE00, "data is not read again");
    assert_eq!(world.chip().calls, [], "and not constructed again");
    let stats = overlays.stats();
    assert_eq!((stats.load_count, stats.eviction_count, stats.hit_count), (3, 2, 0));
    overlays.load(0).expect("is there");
    assert_eq!((overlays.stats().hit_count, overlays.stats().load_count), (1, 3));
    let loaded = |overlay| Event::Loaded { overlay, slot: 0, code_bytes: 1200 };
    let evicted = |overlay| Event::Evicted { overlay, slot: 0 };
    let expected = [loaded(0), evicted(0), loaded(1), evicted(1), loaded(0)];
    assert_eq!(world.chip().events, expected);
}

#[test]
fn a_pin_keeps_code_where_it_is() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    let pin = overlays.pin(0).expect("loads");
    let second = overlays.pin(0).expect("is there");
    assert_eq!(overlays.load(1), Err(LoadError::AllPinned { slot: 0, pin_count: 2 }));
    assert_eq!(overlays.unload(0), Err(LoadError::Pinned { pin_count: 2 }));
    drop(pin);
    assert_eq!(overlays.load(1), Err(LoadError::AllPinned { slot: 0, pin_count: 1 }));
    world.assert_in_slot(0, 0);
    drop(second);
    overlays.load(1).expect("nobody holds it");
}

#[test]
fn names_are_found_and_no_others() {
    let world = two_in_one_slot();
    for bounce_bytes in [512, 4096] {
        let overlays = world.overlays(bounce_bytes);
        let pin = overlays.pin(overlays.find("jpeg").expect("there is one")).expect("loads");
        let entry = &world.entries[1];
        for index in 0..40 {
            let name = format!("jpeg_{index}");
            assert_eq!(pin.symbol(&name), Ok(entry.code_addr + 4 * index), "{name}");
        }
        assert_eq!(pin.symbol("jpeg_table"), Ok(entry.data_addr));
        for name in ["jpeg_40", "jpeg", "jpeg_", "", "fft_1", "jpeg_1\0"] {
            assert_eq!(pin.symbol(name), Err(LoadError::NoSymbol), "{name}");
        }
        assert_eq!(overlays.find("png"), Err(LoadError::UnknownName));
    }
}

#[test]
fn the_end_runs_destructors_and_refuses_calls_until_it_is_loaded() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    overlays.load(0).expect("loads");
    overlays.load(1).expect("evicts");
    world.chip().calls.clear();
    overlays.unload(0).expect("its code comes back for its destructors");
    assert_eq!(world.chip().calls, [world.entries[0].code_addr + 16]);
    assert_eq!(world.mapped(), [] as [usize; 0]);
    assert!(!overlays.is_alive(0));
    assert_eq!(overlays.prefetch(0), Err(LoadError::Unloaded { overlay: 0 }));
    assert!(matches!(overlays.pin(0), Err(LoadError::Unloaded { overlay: 0 })));
    world.chip().calls.clear();
    overlays.load(0).expect("a new life");
    assert_eq!(world.chip().calls.len(), 2, "constructed anew");
    overlays.prefetch(0).expect("is there");
}

#[test]
fn an_interrupt_loads_nothing() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    world.in_interrupt.store(true, Ordering::Relaxed);
    assert_eq!(overlays.load(0), Err(LoadError::InInterrupt));
    assert_eq!(overlays.unload(0), Err(LoadError::InInterrupt));
    assert_eq!(overlays.symbol(0, "fft_1"), Err(LoadError::InInterrupt));
    assert!(world.reads.lock().expect("no panic").is_empty());
}

#[test]
fn code_that_runs_elsewhere_stays() {
    let world = two_in_one_slot();
    let overlays = world.overlays(1024);
    overlays.load(0).expect("loads");
    world.elsewhere.store(EXEC_START + 100, Ordering::Relaxed);
    assert_eq!(overlays.load(1), Err(LoadError::AllPinned { slot: 0, pin_count: 0 }));
    assert_eq!(world.mapped(), [0], "and can be called");
    world.elsewhere.store(0, Ordering::Relaxed);
    overlays.load(1).expect("it returned");
}

#[test]
fn what_an_overlay_needs_comes_first() {
    let mut specs: Vec<_> = ["app", "codec", "math"].map(|name| Spec::new(name, 0)).into();
    specs[0].needs = vec![1, 2];
    specs[1].needs = vec![2];
    let world = World::new(specs, 1);
    let overlays = world.overlays(1024);
    overlays.load(0).expect("loads");
    let loaded: Vec<_> = world
        .chip()
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Loaded { overlay, .. } => Some(*overlay),
            _ => None,
        })
        .collect();
    assert_eq!(loaded, [2, 1, 0]);
    assert!((0..3).all(|overlay| overlays.is_alive(overlay)));
    assert_eq!(world.mapped(), [0]);
}

#[test]
fn circles_and_long_chains_are_refused() {
    let mut specs: Vec<_> = ["a", "b", "c"].map(|name| Spec::new(name, 0)).into();
    specs[0].needs = vec![1];
    specs[1].needs = vec![2];
    specs[2].needs = vec![0];
    let overlays = World::new(specs, 1).overlays(1024);
    assert_eq!(overlays.load(0), Err(LoadError::CircularDependency { overlay: 2, needs: 0 }));
    assert_eq!(overlays.load(1), Err(LoadError::CircularDependency { overlay: 0, needs: 1 }));

    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let mut specs: Vec<_> = names.map(|name| Spec::new(name, 0)).into();
    for (index, spec) in specs.iter_mut().enumerate().take(8) {
        spec.needs = vec![index as u16 + 1];
    }
    let overlays = World::new(specs, 1).overlays(1024);
    assert_eq!(overlays.load(0), Err(LoadError::TooDeep { limit: 8 }));
    overlays.load(1).expect("eight in a chain");
    overlays.load(0).expect("what it needs is alive");
}

#[test]
fn data_areas_that_overlap_are_told() {
    let specs = vec![Spec::new("a", 0), Spec::new("b", 1)];
    let shared = World::with_entries(specs, 2, |entries| {
        entries[1].data_addr = entries[0].data_addr + 4;
    });
    let overlays = shared.overlays(1024);
    overlays.load(0).expect("loads");
    assert_eq!(overlays.load(1), Err(LoadError::DataInUse { by: 0 }));
    overlays.unload(0).expect("lets go");
    overlays.load(1).expect("there is room");
}

#[test]
fn relocatable_code_goes_where_there_is_room_and_old_code_gives_way() {
    let names = ["a", "b", "c", "d"];
    let mut specs: Vec<_> = names.map(|name| Spec::new(name, 0)).into();
    for spec in &mut specs {
        spec.placement = Placement::Relocatable;
        (spec.data_words, spec.zero_words) = (0, 0);
        (spec.constructors, spec.destructors) = (0, 0);
    }
    let world = World::new(specs, 3);
    let overlays = world.overlays(4096);
    for overlay in 0..3 {
        overlays.load(overlay).expect("there is a slot");
        world.assert_in_slot(overlay, overlay);
    }
    overlays.load(0).expect("is there");
    overlays.load(3).expect("evicts");
    assert_eq!(overlays.slots()[..3], [Some(0), Some(3), Some(2)], "1 was asked for longest ago");
    world.assert_in_slot(3, 1);
    overlays.load(1).expect("evicts");
    assert_eq!(overlays.slots()[..3], [Some(0), Some(3), Some(1)]);
    let pins = [0, 3].map(|overlay| overlays.pin(overlay).expect("is there"));
    overlays.load(2).expect("one slot is free to go");
    assert_eq!(overlays.slots()[..3], [Some(0), Some(3), Some(2)]);
    let held = overlays.pin(2).expect("is there");
    assert!(matches!(overlays.load(1), Err(LoadError::AllPinned { pin_count: 1, .. })));
    drop((pins, held));
    assert_eq!(world.chip().mapped[&3], SLOT_BYTES, "stubs know how far it is");
}

#[test]
fn relocatable_code_with_data_returns_to_its_slot_and_its_tables_follow() {
    let mut specs: Vec<_> = ["a", "b", "c"].map(|name| Spec::new(name, 0)).into();
    specs.iter_mut().for_each(|spec| spec.placement = Placement::Relocatable);
    let world = World::new(specs, 2);
    let overlays = world.overlays(4096);
    overlays.load(0).expect("loads");
    world.chip().calls.clear();
    overlays.load(1).expect("loads");
    let code_addr = world.slots[1].start_addr;
    assert_eq!(world.chip().calls, [code_addr, code_addr + 8], "constructors where they are");
    overlays.load(2).expect("evicts 0");
    overlays.load(2).expect("is there");
    overlays.load(0).expect("only its own slot will do");
    assert_eq!(overlays.slots()[..2], [Some(0), Some(1)]);
}

#[test]
fn compressed_code_is_the_same() {
    let mut spec = Spec::new("a", 0);
    (spec.compress, spec.placement) = (true, Placement::Relocatable);
    let world = World::new(vec![spec], 1);
    if cfg!(feature = "lz4") {
        world.overlays(4096).load(0).expect("loads");
        world.assert_in_slot(0, 0);
    }
}

#[test]
fn two_tasks_that_ask_for_one_overlay_load_it_once() {
    for _ in 0..50 {
        let world = two_in_one_slot();
        let overlays = Arc::new(world.overlays(512));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let overlays = Arc::clone(&overlays);
                std::thread::spawn(move || overlays.pin(0).map(drop))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic").expect("loads");
        }
        assert_eq!(overlays.stats().load_count, 1);
        assert_eq!(world.chip().calls.len(), 2, "constructed once");
        assert_eq!(overlays.stats().hit_count, 3);
    }
}

#[test]
fn code_that_is_taken_away_as_soon_as_it_is_there_is_refused_once() {
    let world = two_in_one_slot();
    let overlays: &'static _ = Box::leak(Box::new(world.overlays(512)));
    // Whoever is told of the one loads the other into its slot.
    *world.on_event.lock().expect("no panic") = Some(Arc::new(|event| {
        if matches!(event, Event::Loaded { overlay: 0, .. }) {
            overlays.load(1).expect("loads");
        }
    }));
    assert_eq!(overlays.load(0), Err(LoadError::Unloaded { overlay: 0 }));
    assert_eq!(overlays.stats().load_count, 2);
    assert_eq!(world.mapped(), [1]);
}

#[test]
fn nobody_else_calls_code_whose_constructors_run() {
    let world = two_in_one_slot();
    let overlays: &'static _ = Box::leak(Box::new(world.overlays(512)));
    *world.on_call.lock().expect("no panic") = Some(Box::new(move || {
        assert_eq!(world.mapped(), [] as [usize; 0], "stubs still miss");
        overlays.prefetch(0).expect("the constructor itself finds it");
        let error = overlays.load(1).expect_err("the slot is taken");
        assert_eq!(error, LoadError::AllPinned { slot: 0, pin_count: 0 });
        let other = std::thread::spawn(move || {
            overlays.load(0).expect("waits for the constructor");
            assert_eq!(world.mapped(), [0]);
        });
        while world.waits.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        assert!(!other.is_finished());
    }));
    overlays.load(0).expect("loads");
    world.assert_in_slot(0, 0);
}

/// What a data bus shows at its own addresses.
struct DataBus {
    world: &'static World,
    to_exec: fn(u32) -> u32,
    last_addr: Option<u32>,
    step: i64,
}

impl Writer for DataBus {
    unsafe fn store(&mut self, addr: u32, word: u32) {
        if let Some(last) = self.last_addr {
            assert_eq!(i64::from(addr) - i64::from(last), self.step, "in the bus's own order");
        }
        self.last_addr = Some(addr);
        // SAFETY: the memory checks every address itself.
        unsafe { Bus(self.world).store((self.to_exec)(addr), word) };
    }

    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        Bus(self.world).sync(exec_addr, len_bytes);
    }
}

#[test]
fn every_kind_of_chip_is_written_its_own_way() {
    const DATA: u32 = 0x3FC8_0000;
    fn loads(writer: impl Writer, world: &'static World) {
        let bounce = Box::leak(vec![0; 256].into_boxed_slice());
        let (card, board) = (kit::Card(world), kit::Board(world));
        let overlays = esparto_overlay::Overlays::<_, _, _, _, 4, 16>::new(
            card,
            writer,
            board,
            kit::Firmware(world),
            bounce,
        )
        .expect("fits");
        overlays.load(0).expect("loads");
        world.assert_in_slot(0, 0);
    }
    let world = two_in_one_slot();
    let same = |addr| addr - DATA + EXEC_START;
    let bus = DataBus { world, to_exec: same, last_addr: None, step: 4 };
    loads(Alias::over(bus, EXEC_START - DATA), world);

    let world = two_in_one_slot();
    let inverted = |addr| EXEC_START + (DATA + EXEC_BYTES - 4 - addr);
    let bus = DataBus { world, to_exec: inverted, last_addr: None, step: -4 };
    loads(Inverted::over(bus, EXEC_START, DATA + EXEC_BYTES), world);

    static BACK: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let world = two_in_one_slot();
    let write_back = |addr, len_bytes| {
        assert_eq!(len_bytes, 1200);
        BACK.store(addr, Ordering::Relaxed);
    };
    loads(Cached::new(Bus(world), write_back), world);
    assert_eq!(BACK.load(Ordering::Relaxed), EXEC_START);
}

#[test]
fn statistics_say_their_units() {
    let world = two_in_one_slot();
    let overlays = world.overlays(512);
    overlays.load(0).expect("loads");
    overlays.load(1).expect("loads");
    let stats = overlays.stats();
    let text = stats.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "2 loads, 0 of them for a return; 0 hits, 1 evictions, 0 failures");
    assert!(lines[1].starts_with(&format!("{} bytes read, ", stats.read_bytes)), "{text}");
    assert!(lines[2].starts_with(&format!("ticks: read {}, ", stats.read_ticks)), "{text}");
}

#[test]
fn ticks_are_told_by_phase() {
    let world = two_in_one_slot();
    let overlays = world.overlays(512);
    overlays.load(0).expect("loads");
    let stats = overlays.stats();
    for ticks in [stats.read_ticks, stats.verify_ticks, stats.copy_ticks, stats.sync_ticks] {
        assert!(ticks > 0, "{stats:?}");
    }
    assert_eq!((stats.code_bytes, stats.data_bytes), (1200, world.entries[0].data_bytes));
    assert_eq!(Part::Code.name(), "e");
}
