//! The bus: what services may rely on, and what becomes of bad input.

use std::sync::atomic::Ordering;

use crate::bus_kit::{Exact, Parking, Stepped};
use crate::kept::{bytes, kept};
use esparto::bus::{
    Bus, EventType, LifeError, Overflow, PostError, Priority, Quota, RawEvent, ReceiveError,
    ServiceError, ServiceId, Settings, ValueError,
};
use esparto::{Caps, Class, LinkedList, Memory, Tiers};

const BUTTON: EventType = EventType(0);
const SAMPLE: EventType = EventType(1);
const TYPES: usize = 4;

type Small = Bus<Exact, 4, TYPES, 16>;

fn small() -> Small {
    let bus = Bus::new(Exact::new(16, 256));
    bus.start().unwrap();
    bus
}

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::ATOMIC).union(Caps::ISR_SAFE);
const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE);

/// 8 KiB of SRAM and 8 KiB of PSRAM.
fn memory() -> &'static Memory<2> {
    let memory: &'static Memory<2> = kept(Memory::new());
    memory.add_static::<LinkedList>("sram", bytes(8192), SRAM).unwrap();
    memory.add_static::<LinkedList>("psram", bytes(8192), PSRAM).unwrap();
    memory
}

const CLASSES: [Class; 2] = [Class::new("Small", 64, 8), Class::new("Large", 256, 2)];

type InTiers = Tiers<'static, 2, 2>;

fn tiers(memory: &'static Memory<2>) -> &'static InTiers {
    let tiers: &'static InTiers = kept(Tiers::new(memory, CLASSES));
    tiers.init().unwrap();
    tiers
}

fn used(tiers: &InTiers) -> ([usize; 2], usize) {
    let stats = tiers.stats();
    (stats.classes.map(|class| class.used_count), stats.fallback_count)
}

#[test]
fn a_payload_is_copied_once_shared_and_freed_after_the_last() {
    let tiers = tiers(memory());
    let bus: Bus<&InTiers, 4, TYPES, 16> = Bus::new(tiers);
    bus.start().unwrap();
    let sensor = bus.register("sensor", Settings::new()).unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| bus.register(name, Settings::new()).unwrap());
    for service in [&a, &b] {
        service.subscribe(SAMPLE).unwrap();
    }
    let mut sample = *b"21.5 degrees";
    assert_eq!(sensor.post(SAMPLE, &sample, Priority::Normal), Ok(2));
    // The poster may reuse its memory at once.
    sample.fill(0);
    assert_eq!(used(tiers), ([1, 0], 0), "one block of the smallest class, for both");

    let (at_a, at_b) = (a.try_receive().unwrap(), b.try_receive().unwrap());
    assert_eq!((at_a.bytes(), at_b.bytes()), (&b"21.5 degrees"[..], &b"21.5 degrees"[..]));
    assert_eq!(at_a.as_ptr(), at_b.as_ptr(), "the very same bytes");
    assert_eq!((at_a.sender(), at_a.event_type()), (sensor.id(), SAMPLE));
    assert_eq!(c.try_receive().unwrap_err(), ReceiveError::Empty, "nobody asked for it");
    drop(at_a);
    assert_eq!(used(tiers), ([1, 0], 0), "b still looks at it");
    drop(at_b);
    assert_eq!(used(tiers), ([0, 0], 0));
    assert_eq!(bus.stats().delivered_count, 2);
}

#[test]
fn payloads_fall_back_to_the_heap_by_themselves_and_come_back() {
    let memory = memory();
    let tiers = tiers(memory);
    let bus: Bus<&InTiers, 4, TYPES, 16> = Bus::new(tiers);
    bus.start().unwrap();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let live_bytes = || memory.caps_stats(Caps::INTERNAL).live_bytes;
    let before = live_bytes();
    for _ in 0..3 {
        service.post(SAMPLE, &[1; 200], Priority::Normal).unwrap();
    }
    assert_eq!(used(tiers), ([0, 2], 1), "the class is exhausted: the third is the heap's");
    service.post(SAMPLE, &[2; 1000], Priority::High).unwrap();
    assert_eq!(used(tiers), ([0, 2], 2), "larger than every class");
    assert!(live_bytes() >= before + 1200);
    while let Ok(message) = service.try_receive() {
        assert!(message.iter().all(|&byte| byte == message[0]));
    }
    assert_eq!((used(tiers), live_bytes()), (([0, 0], 0), before));
}

#[test]
fn an_interrupt_gets_blocks_of_pools_alone_and_never_external_memory() {
    let memory = memory();
    let tiers = tiers(memory);
    let bus: Bus<&InTiers, 4, TYPES, 16> = Bus::new(tiers);
    bus.start().unwrap();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let sram = memory.region_stats(esparto::RegionId(0)).unwrap();
    let sram = sram.start_addr..sram.start_addr + sram.size_bytes;
    let post = |len: usize| bus.post_from_isr(service.id(), SAMPLE, &vec![7; len], Priority::High);
    assert_eq!([post(200), post(200)], [Ok(1), Ok(1)]);
    assert_eq!(post(200), Err(PostError::NoMemory { size_bytes: 200 }), "no heap, no waiting");
    assert_eq!(used(tiers), ([0, 2], 0));
    for _ in 0..2 {
        assert!(sram.contains(&service.try_receive().unwrap().as_ptr().addr()));
    }
    // Pools in external memory are for tasks only.
    let external: &InTiers = kept(Tiers::new(memory, CLASSES).stored_in(Caps::EXTERNAL.into()));
    external.init().unwrap();
    let bus: Bus<&InTiers, 4, TYPES, 16> = Bus::new(external);
    bus.start().unwrap();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let refused = bus.post_from_isr(service.id(), SAMPLE, &[1; 8], Priority::High);
    assert_eq!(refused, Err(PostError::NoMemory { size_bytes: 8 }));
    assert_eq!(service.post(SAMPLE, &[1; 8], Priority::High), Ok(1), "a task may");
}

#[test]
fn a_payload_larger_than_any_class_with_the_heap_exhausted_is_refused_and_nothing_is_kept() {
    let memory = memory();
    let tiers = tiers(memory);
    let bus: Bus<&InTiers, 4, TYPES, 16> = Bus::new(tiers);
    bus.start().unwrap();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let mut hog = Vec::new();
    for size in [1024, 256, 64, 8] {
        let layout = std::alloc::Layout::from_size_align(size, 8).unwrap();
        while let Ok(block) = memory.take(layout, Caps::INTERNAL) {
            hog.push(block);
        }
    }
    let before = used(tiers);
    assert_eq!(
        service.post(SAMPLE, &[0; 1000], Priority::Critical),
        Err(PostError::NoMemory { size_bytes: 1000 })
    );
    let too_large = service.post(SAMPLE, &[0; 100_000], Priority::Critical).unwrap_err();
    assert!(
        matches!(too_large, PostError::TooLarge { size_bytes: 100_000, limit_bytes }
        if limit_bytes < 8192),
        "{too_large}"
    );
    assert_eq!(used(tiers), before);
    assert_eq!(bus.stats().alive_count, 0);
    assert_eq!(service.post(SAMPLE, &[0; 60], Priority::Low), Ok(1), "a pool still has a block");
    drop(hog);
    assert_eq!(service.post(SAMPLE, &[0; 1000], Priority::Critical), Ok(1));
}

#[test]
fn the_most_urgent_comes_first_and_equals_in_order() {
    let bus = small();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(BUTTON).unwrap();
    use Priority::{Critical, High, Low, Normal};
    for (index, priority) in [Low, Critical, Normal, Low, High, Critical].into_iter().enumerate() {
        service.post(BUTTON, &[index as u8], priority).unwrap();
    }
    let order: Vec<u8> =
        std::iter::from_fn(|| service.try_receive().ok().map(|message| message[0])).collect();
    assert_eq!(order, [1, 5, 4, 2, 0, 3]);
}

#[test]
fn an_event_needs_no_data() {
    let bus = small();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(BUTTON).unwrap();
    assert_eq!(service.post(BUTTON, &[], Priority::Normal), Ok(1));
    // Null is allowed without a size, and refused with one.
    let event = |size_bytes, priority| RawEvent {
        sender: service.id(),
        event_type: BUTTON,
        data: std::ptr::null(),
        size_bytes,
        priority,
    };
    // SAFETY: there is nothing to be read.
    let raw = |size, priority| unsafe { bus.post_raw(&event(size, priority)) };
    assert_eq!(raw(0, 3), Ok(1));
    assert_eq!(raw(4, 1), Err(PostError::NullData { size_bytes: 4 }));
    assert_eq!(raw(0, 4), Err(PostError::UnknownPriority { priority: 4 }));
    assert_eq!(bus.payloads().live_count(), 0, "it takes no memory");
    let message = service.try_receive().unwrap();
    assert_eq!((message.bytes(), message.priority()), (&[][..], Priority::Critical));
    // SAFETY: as above.
    let from_isr = unsafe { bus.post_raw_from_isr(&event(4, 1)) };
    assert_eq!(from_isr, Err(PostError::NullData { size_bytes: 4 }));
    assert_eq!(bus.stats().refused.by(PostError::NullData { size_bytes: 0 }), 2);
}

#[test]
fn values_go_in_and_come_out_whole() {
    let bus = small();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    service.post_value(SAMPLE, &[1.5_f32, -2.0, 3.25], Priority::Normal).unwrap();
    let message = service.try_receive().unwrap();
    assert_eq!(message.value(), Ok([1.5_f32, -2.0, 3.25]));
    let wrong = message.value::<u64>();
    assert_eq!(wrong, Err(ValueError { expected_bytes: 8, actual_bytes: 12 }));
}

#[test]
fn an_event_is_built_where_it_stays() {
    let bus = small();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let mut draft = service.draft(SAMPLE, 16, Priority::Normal).unwrap();
    draft[..5].copy_from_slice(b"built");
    let place = draft.as_ptr();
    assert_eq!(draft.post(), Ok(1));
    let message = service.try_receive().unwrap();
    assert_eq!((message.as_ptr(), &message[..6]), (place, &b"built\0"[..]));
    drop(message);
    drop(service.draft(SAMPLE, 16, Priority::Normal).unwrap());
    // Nobody listens: it is built in vain, and gone.
    assert_eq!(service.post_with(BUTTON, 16, Priority::Normal, |bytes| bytes.fill(1)), Ok(0));
    assert_eq!((bus.payloads().live_count(), bus.stats().alive_count), (0, 0));
}

#[test]
fn posting_before_the_start_and_after_the_stop_is_refused() {
    let bus: Small = Bus::new(Exact::new(16, 256));
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let refused = || {
        assert_eq!(service.post(SAMPLE, b"x", Priority::High), Err(PostError::NotStarted));
        assert_eq!(service.post(BUTTON, b"x", Priority::High), Err(PostError::NotStarted));
        assert!(service.draft(SAMPLE, 4, Priority::High).is_err());
        assert_eq!(service.try_receive().unwrap_err(), ReceiveError::NotStarted);
        assert_eq!(bus.payloads().live_count(), 0);
        assert_eq!(bus.stop(), Err(LifeError::NotStarted));
    };
    refused();
    bus.start().unwrap();
    assert_eq!(bus.start(), Err(LifeError::Started));
    let late = service.draft(SAMPLE, 4, Priority::High).unwrap();
    service.post(SAMPLE, b"x", Priority::High).unwrap();
    bus.stop().unwrap();
    assert_eq!(late.post(), Err(PostError::NotStarted), "begun before the stop");
    refused();
    assert_eq!(bus.stats().refused.by(PostError::NotStarted), 7);
}

#[test]
fn a_stop_frees_what_waits_spares_what_is_held_and_a_restart_goes_on() {
    let bus = small();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    for _ in 0..3 {
        for index in 0..5_u8 {
            service.post(SAMPLE, &[index; 40], Priority::Normal).unwrap();
        }
        let held = service.try_receive().unwrap();
        bus.stop().unwrap();
        assert_eq!((bus.payloads().live_count(), bus.stats().alive_count), (1, 1));
        assert_eq!(held.bytes(), [0; 40], "past the stop");
        bus.start().unwrap();
        assert_eq!(service.try_receive().unwrap_err(), ReceiveError::Empty);
        drop(held);
        assert_eq!((bus.payloads().live_count(), bus.stats().alive_count), (0, 0));
    }
    assert_eq!(bus.stats().dropped_count, 12);
}

#[test]
fn low_overflow_drops_the_oldest_and_frees_it_others_are_refused_by_name() {
    let bus = small();
    let settings = Priority::ALL.into_iter().fold(Settings::new(), |it, at| it.depth(at, 3));
    let slow = bus.register("slow", settings).unwrap();
    slow.subscribe(SAMPLE).unwrap();
    for index in 0..10_u8 {
        assert_eq!(slow.post(SAMPLE, &[index], Priority::Low), Ok(1));
        assert!(bus.payloads().live_count() <= 3);
    }
    for priority in [Priority::Normal, Priority::High, Priority::Critical] {
        for index in 0..3 {
            slow.post(SAMPLE, &[index], priority).unwrap();
        }
        let full = PostError::QueueFull { service: slow.id(), priority, depth: 3 };
        assert_eq!(slow.post(SAMPLE, &[9], priority), Err(full));
    }
    assert_eq!(bus.payloads().live_count(), 12, "of those refused nothing is left");
    let stats = bus.service_stats(slow.id()).unwrap();
    assert_eq!((stats.dropped_count, stats.queued_counts, stats.peak_counts), (7, [3; 4], [3; 4]));
    let last: Vec<u8> = std::iter::from_fn(|| slow.try_receive().ok().map(|m| m[0])).collect();
    assert_eq!(last, [0, 1, 2, 0, 1, 2, 0, 1, 2, 7, 8, 9]);
    let (service, priority) = (slow.id(), Priority::High);
    assert_eq!(bus.stats().refused.by(PostError::QueueFull { service, priority, depth: 0 }), 3);
}

#[test]
fn a_subscriber_that_never_reads_harms_nobody_else() {
    let bus = small();
    let deaf = bus.register("deaf", Settings::new().depth(Priority::Normal, 4)).unwrap();
    let busy = bus.register("busy", Settings::new()).unwrap();
    deaf.subscribe(SAMPLE).unwrap();
    busy.subscribe(SAMPLE).unwrap();
    busy.subscribe(BUTTON).unwrap();
    let mut posted = 0;
    let error = loop {
        match busy.post(SAMPLE, &[posted], Priority::Normal) {
            Ok(_) => posted += 1,
            Err(error) => break error,
        }
        assert_eq!(busy.try_receive().unwrap().bytes(), [posted - 1]);
    };
    let (service, priority) = (deaf.id(), Priority::Normal);
    assert_eq!((posted, error), (4, PostError::QueueFull { service, priority, depth: 4 }));
    assert_eq!(busy.try_receive().unwrap_err(), ReceiveError::Empty, "refused for all or none");
    for _ in 0..100 {
        busy.post(BUTTON, b"other types go on", Priority::Normal).unwrap();
        busy.try_receive().unwrap();
    }
    deaf.unsubscribe(SAMPLE).unwrap();
    assert_eq!(busy.post(SAMPLE, b"go on", Priority::Normal), Ok(1));
    // One that lets its oldest go never stands in the way.
    let newest =
        Settings::new().depth(Priority::Normal, 1).overflow(Priority::Normal, Overflow::DropOldest);
    let lazy = bus.register("lazy", newest).unwrap();
    lazy.subscribe(BUTTON).unwrap();
    for index in 0..50_u8 {
        assert_eq!(busy.post(BUTTON, &[index], Priority::Normal), Ok(2));
        while busy.try_receive().is_ok() {}
    }
    assert_eq!(lazy.try_receive().unwrap().bytes(), [49]);
}

#[test]
fn a_receiver_dropped_with_messages_queued_leaves_nothing() {
    let bus = small();
    let sender = bus.register("sender", Settings::new()).unwrap();
    let other = bus.register("other", Settings::new()).unwrap();
    other.subscribe(SAMPLE).unwrap();
    for round in 1..=5 {
        let gone = bus.register("gone", Settings::new()).unwrap();
        let id = gone.id();
        gone.subscribe(SAMPLE).unwrap();
        for priority in Priority::ALL {
            sender.post(SAMPLE, &[round; 30], priority).unwrap();
        }
        let held = gone.try_receive().unwrap();
        drop(gone);
        assert_eq!(held.bytes(), [round; 30]);
        drop(held);
        assert_eq!(bus.payloads().live_count(), 4, "the other's");
        while other.try_receive().is_ok() {}
        assert_eq!((bus.payloads().live_count(), bus.stats().alive_count), (0, 0));
        // Its number is nobody's now, not its successor's.
        let heir = bus.register("heir", Settings::new()).unwrap();
        assert_ne!(heir.id(), id);
        let unknown = PostError::UnknownSender { sender: id };
        assert_eq!(bus.post(id, SAMPLE, b"", Priority::Low), Err(unknown));
        let unknown = ServiceError::UnknownService { service: id };
        assert_eq!(bus.subscribe(id, SAMPLE), Err(unknown));
        assert_eq!(bus.unregister(id), Err(unknown));
        let unknown = ReceiveError::UnknownService { service: id };
        assert_eq!(bus.try_receive(id).unwrap_err(), unknown);
        assert_eq!(sender.post(SAMPLE, b"", Priority::Low), Ok(1), "nothing is subscribed for it");
        other.try_receive().unwrap();
    }
}

#[test]
fn unknown_senders_and_types_are_named_whatever_else_is_wrong() {
    let bus: Small = Bus::new(Exact::new(0, 256));
    bus.start().unwrap();
    let service = bus.register("both", Settings::new()).unwrap();
    service.subscribe(SAMPLE).unwrap();
    let event_type = EventType(TYPES as u16);
    let unknown_type = PostError::UnknownType { event_type, type_count: TYPES };
    assert_eq!(service.post(event_type, b"x", Priority::Low), Err(unknown_type));
    for raw in [3, 255, u32::MAX, service.id().to_raw() + 256] {
        let sender = ServiceId::from_raw(raw);
        let unknown = Err(PostError::UnknownSender { sender });
        assert_eq!(bus.post(sender, SAMPLE, b"no memory either", Priority::Low), unknown);
        assert_eq!(bus.post(sender, BUTTON, b"nobody listens", Priority::Low), unknown);
    }
    let no_depth = bus.register("none", Settings::new().depth(Priority::High, 0)).unwrap_err();
    assert_eq!(no_depth, ServiceError::NoDepth { priority: Priority::High });
}

#[test]
fn quotas_bound_a_sender_and_refill_with_time() {
    let bus = small();
    bus.set_time(u32::MAX - 10);
    let chatty = bus.register("chatty", Settings::new().quota(Quota::new(2, 50))).unwrap();
    let calm = bus.register("calm", Settings::new()).unwrap();
    calm.subscribe(SAMPLE).unwrap();
    let sender = chatty.id();
    let post = || chatty.post(SAMPLE, b"!", Priority::Low);
    assert_eq!([post(), post()], [Ok(1), Ok(1)]);
    assert_eq!(post(), Err(PostError::Quota { sender, retry_after_ms: 50 }));
    assert_eq!(calm.post(SAMPLE, b"!", Priority::Low), Ok(1), "others are not concerned");
    bus.set_time(19);
    assert_eq!(post(), Err(PostError::Quota { sender, retry_after_ms: 20 }));
    bus.set_time(40);
    assert_eq!(post(), Ok(1), "the clock wrapped meanwhile");
    assert!(post().is_err());
    assert_eq!(bus.payloads().live_count(), 4);
}

#[test]
fn when_all_places_are_taken_the_oldest_low_event_makes_room() {
    let bus: Bus<Exact, 4, TYPES, 4> = Bus::new(Exact::new(16, 256));
    bus.start().unwrap();
    let [a, b] = ["a", "b"].map(|name| bus.register(name, Settings::new()).unwrap());
    a.subscribe(SAMPLE).unwrap();
    b.subscribe(SAMPLE).unwrap();
    for index in 0..4_u8 {
        a.post(SAMPLE, &[index], Priority::Low).unwrap();
    }
    assert_eq!(a.post(SAMPLE, &[9], Priority::Critical), Ok(2));
    assert_eq!((bus.stats().alive_count, bus.payloads().live_count()), (4, 4));
    let order: Vec<u8> = std::iter::from_fn(|| a.try_receive().ok().map(|m| m[0])).collect();
    assert_eq!(order, [9, 1, 2, 3]);
    // What somebody looks at stays.
    let held = b.try_receive().unwrap();
    let held_low = b.try_receive().unwrap();
    assert_eq!((held[0], held_low[0]), (9, 1));
    assert_eq!(a.post(SAMPLE, &[10], Priority::Normal), Ok(2), "2 went");
    assert_eq!(a.post(SAMPLE, &[11], Priority::Normal), Ok(2), "3 went");
    let full = PostError::TooManyEvents { event_count: 4 };
    assert_eq!(a.post(SAMPLE, &[12], Priority::Critical), Err(full));
    assert_eq!(bus.payloads().live_count(), 4);
    assert_eq!(bus.stats().peak_count, 4);
}

#[test]
fn time_outs_are_named_and_exact() {
    let bus = small();
    let mut service = bus.register("both", Settings::new().depth(Priority::High, 1)).unwrap();
    service.subscribe(SAMPLE).unwrap();
    for start_ms in [0, u32::MAX - 20] {
        let wait = Stepped::new(start_ms);
        let error = service.receive_timeout(&wait, Some(50)).unwrap_err();
        assert_eq!(error, ReceiveError::TimedOut { timeout_ms: 50 });
        assert_eq!(wait.now_ms.load(Ordering::SeqCst) as u32, start_ms.wrapping_add(50));
        assert_eq!(wait.wait_count.load(Ordering::SeqCst), 8, "early wake-ups wait on");
    }
    service.post(SAMPLE, b"1", Priority::High).unwrap();
    let wait = Stepped::new(0);
    let post = |timeout_ms| service.post_timeout(SAMPLE, b"2", Priority::High, &wait, timeout_ms);
    assert_eq!(post(50), Err(PostError::TimedOut { timeout_ms: 50 }));
    assert_eq!(post(0), Err(PostError::TimedOut { timeout_ms: 0 }));
    assert_eq!(bus.payloads().live_count(), 1);
    assert_eq!(bus.stats().refused.total(), 2, "attempts in between are not refusals");
    // What no waiting mends is refused at once.
    let too_large = service.post_timeout(SAMPLE, &[0; 300], Priority::High, &wait, 1000);
    assert!(matches!(too_large, Err(PostError::TooLarge { .. })));
    // A quota is waited for.
    let quota = bus.register("quota", Settings::new().quota(Quota::new(1, 30))).unwrap();
    assert_eq!(quota.post(SAMPLE, b"", Priority::Low), Ok(1));
    assert_eq!(quota.post_timeout(SAMPLE, b"", Priority::Low, &wait, 1000), Ok(1));
}

#[test]
fn a_blocked_receiver_and_a_blocked_poster_are_woken() {
    let bus = small();
    let mut receiver = bus.register("receiver", Settings::new().depth(Priority::High, 1)).unwrap();
    let sender = bus.register("sender", Settings::new()).unwrap();
    receiver.subscribe(SAMPLE).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let wait = Parking::new();
            for index in 0..20_u8 {
                // A queue of one: most posts find it full, and wait for minutes if nobody wakes them.
                let posted = sender.post_timeout(SAMPLE, &[index], Priority::High, &wait, 600_000);
                assert_eq!(posted, Ok(1));
            }
        });
        let wait = Parking::new();
        for index in 0..20_u8 {
            assert_eq!(receiver.receive_timeout(&wait, None).unwrap().bytes(), [index]);
        }
    });
    // A stop ends the wait.
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| receiver.receive_timeout(&Parking::new(), None).map(|_| ()));
        bus.stop().unwrap();
        assert_eq!(blocked.join().unwrap(), Err(ReceiveError::NotStarted));
    });
}

#[test]
fn a_bus_that_goes_out_of_scope_frees_what_waits() {
    static PAYLOADS: Exact = Exact::new(16, 256);
    let bus: Bus<&Exact, 4, TYPES, 16> = Bus::new(&PAYLOADS);
    bus.start().unwrap();
    let id = bus.register("both", Settings::new()).unwrap().into_id();
    bus.subscribe(id, SAMPLE).unwrap();
    for priority in Priority::ALL {
        bus.post(id, SAMPLE, &[1; 100], priority).unwrap();
    }
    assert_eq!(bus.services().collect::<Vec<_>>(), [id]);
    assert_eq!(PAYLOADS.live_count(), 4);
    drop(bus);
    assert_eq!(PAYLOADS.live_count(), 0);
}

#[test]
fn errors_say_what_stood_in_the_way() {
    let sender = ServiceId::from_raw(0x102);
    let texts = [
        PostError::NotStarted.to_string(),
        PostError::UnknownSender { sender }.to_string(),
        PostError::TooLarge { size_bytes: 9000, limit_bytes: 4096 }.to_string(),
        PostError::QueueFull { service: sender, priority: Priority::High, depth: 16 }.to_string(),
        PostError::Quota { sender, retry_after_ms: 20 }.to_string(),
        ReceiveError::TimedOut { timeout_ms: 50 }.to_string(),
    ];
    assert_eq!(
        texts,
        [
            "the bus is not started",
            "service 2.1 is not registered: register it first",
            "a payload of 9000 bytes fits nowhere: no block is larger than 4096",
            "the HIGH queue of service 2.1 is full with 16 events",
            "service 2.1 has used its quota up: it may post again in 20 ms",
            "no event came for 50 ms",
        ]
    );
}
