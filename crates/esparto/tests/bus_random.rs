//! The bus against an oracle: random posts, receives, subscriptions, stops and departures, with
//! every answer foretold and every byte of memory accounted for after every step.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::bus_kit::Exact;
use esparto::bus::{
    Bus, EventType, Message, Overflow, PostError, Priority, Quota, RawEvent, ReceiveError, Service,
    ServiceError, ServiceId, Settings,
};
use proptest::prelude::*;

const SERVICES: usize = 4;
const TYPES: usize = 3;
const EVENTS: usize = 6;
const BLOCKS: usize = 5;
const LIMIT_BYTES: usize = 48;

type Tested = Bus<Exact, SERVICES, TYPES, EVENTS>;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start,
    Stop,
    Register { depth: u16, drops: u8, quota: Option<(u16, u32)> },
    Leave { service: usize },
    Subscribe { service: usize, event_type: u16, is_wanted: bool },
    Post { service: usize, event_type: u16, len_bytes: usize, priority: Priority, how: u8 },
    Receive { service: usize },
    DropMessage { index: usize },
    Pass { ms: u32 },
}

fn ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    let service = 0..SERVICES;
    let priority = proptest::sample::select(Priority::ALL.to_vec());
    let len = prop_oneof![1 => Just(0), 2 => 0..=LIMIT_BYTES + 1];
    let op = prop_oneof![
        1 => Just(Op::Start),
        1 => Just(Op::Stop),
        3 => (1..4_u16, any::<u8>(), proptest::option::of((0..4_u16, 1..100_u32)))
            .prop_map(|(depth, drops, quota)| Op::Register { depth, drops, quota }),
        1 => service.clone().prop_map(|service| Op::Leave { service }),
        6 => (service.clone(), 0..=TYPES as u16, prop::bool::weighted(0.8)).prop_map(
            |(service, event_type, is_wanted)| Op::Subscribe { service, event_type, is_wanted }
        ),
        20 => (service.clone(), 0..=TYPES as u16, len, priority, 0..4_u8)
            .prop_map(|(service, event_type, len_bytes, priority, how)| Op::Post {
                service, event_type, len_bytes, priority, how
            }),
        14 => service.prop_map(|service| Op::Receive { service }),
        5 => any::<usize>().prop_map(|index| Op::DropMessage { index }),
        3 => (0..200_u32).prop_map(|ms| Op::Pass { ms }),
    ];
    // Started early, so that most sequences do something.
    proptest::collection::vec(op, 1..count).prop_map(|mut ops| {
        let front = Op::Register { depth: 2, drops: 1, quota: None };
        ops.splice(0..0, [Op::Start, front, front]);
        ops
    })
}

/// What a post should be received as. Shared, as the payload is.
#[derive(Debug)]
struct Sent {
    number: u32,
    event_type: EventType,
    sender: ServiceId,
    priority: Priority,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Tank {
    burst: u32,
    interval_ms: u64,
    left: u32,
    filled_ms: u64,
}

impl Tank {
    /// Event by event, where the bus divides.
    fn take(&mut self, now_ms: u64) -> bool {
        while self.left < self.burst && self.filled_ms + self.interval_ms <= now_ms {
            self.left += 1;
            self.filled_ms += self.interval_ms;
        }
        if self.left == self.burst {
            self.filled_ms = now_ms;
        }
        let is_granted = self.left > 0;
        self.left -= u32::from(is_granted);
        is_granted
    }
}

struct Expected {
    queues: [VecDeque<Rc<Sent>>; Priority::COUNT],
    depth: usize,
    drops: u8,
    subscribed: [bool; TYPES],
    tank: Option<Tank>,
    dropped_count: u32,
}

impl Expected {
    fn does_drop(&self, priority: Priority) -> bool {
        self.drops & (1 << priority as u8) != 0
    }
}

#[derive(Default)]
struct Counts {
    posted: u32,
    delivered: u32,
    dropped: u32,
    refused: u32,
}

struct Oracle<'b> {
    bus: &'b Tested,
    services: Vec<Option<(Service<'b, Tested>, Expected)>>,
    held: Vec<(Message<'b, Tested>, Rc<Sent>)>,
    is_started: bool,
    now_ms: u64,
    next_number: u32,
    counts: Counts,
}

impl<'b> Oracle<'b> {
    fn new(bus: &'b Tested) -> Self {
        Self {
            bus,
            services: (0..SERVICES).map(|_| None).collect(),
            held: Vec::new(),
            is_started: false,
            now_ms: 0,
            next_number: 0,
            counts: Counts::default(),
        }
    }

    /// Every event alive, once.
    fn alive(&self) -> Vec<&Rc<Sent>> {
        let queued = self.services.iter().flatten();
        let queued = queued.flat_map(|(_, expected)| expected.queues.iter().flatten());
        let mut alive: Vec<_> = queued.chain(self.held.iter().map(|(_, sent)| sent)).collect();
        alive.sort_by_key(|sent| sent.number);
        alive.dedup_by_key(|sent| sent.number);
        alive
    }

    fn block_count(&self) -> usize {
        self.alive().iter().filter(|sent| !sent.bytes.is_empty()).count()
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Start => {
                assert_eq!(self.bus.start().is_ok(), !self.is_started);
                if !self.is_started {
                    self.is_started = true;
                    for (_, expected) in self.services.iter_mut().flatten() {
                        if let Some(tank) = &mut expected.tank {
                            (tank.left, tank.filled_ms) = (tank.burst, self.now_ms);
                        }
                    }
                }
            }
            Op::Stop => {
                assert_eq!(self.bus.stop().is_ok(), self.is_started);
                if std::mem::take(&mut self.is_started) {
                    for index in 0..SERVICES {
                        self.throw_away(index);
                    }
                }
            }
            Op::Register { depth, drops, quota } => self.register(depth, drops, quota),
            Op::Leave { service } => {
                self.throw_away(service);
                self.services[service] = None;
            }
            Op::Subscribe { service, event_type, is_wanted } => {
                let Some((service, expected)) = &mut self.services[service] else { return };
                let event_type = EventType(event_type);
                let result = if is_wanted {
                    service.subscribe(event_type)
                } else {
                    service.unsubscribe(event_type)
                };
                match expected.subscribed.get_mut(usize::from(event_type.0)) {
                    Some(subscribed) => {
                        assert_eq!(result, Ok(()));
                        *subscribed = is_wanted;
                    }
                    None => {
                        let type_count = TYPES;
                        assert_eq!(
                            result,
                            Err(ServiceError::UnknownType { event_type, type_count })
                        );
                    }
                }
            }
            Op::Post { service, event_type, len_bytes, priority, how } => {
                self.post(service, EventType(event_type), len_bytes, priority, how);
            }
            Op::Receive { service } => self.receive(service),
            Op::DropMessage { index } => {
                if !self.held.is_empty() {
                    self.held.swap_remove(index % self.held.len());
                }
            }
            Op::Pass { ms } => {
                self.now_ms += u64::from(ms);
                self.bus.set_time(self.now_ms as u32);
            }
        }
    }

    fn throw_away(&mut self, index: usize) {
        let Some((_, expected)) = &mut self.services[index] else { return };
        for queue in &mut expected.queues {
            let count = queue.drain(..).count() as u32;
            expected.dropped_count += count;
            self.counts.dropped += count;
        }
    }

    fn register(&mut self, depth: u16, drops: u8, quota: Option<(u16, u32)>) {
        let mut settings = Settings::new();
        for priority in Priority::ALL {
            let does_drop = drops & (1 << priority as u8) != 0;
            let overflow = if does_drop { Overflow::DropOldest } else { Overflow::Refuse };
            settings = settings.depth(priority, depth).overflow(priority, overflow);
        }
        if let Some((burst, interval_ms)) = quota {
            settings = settings.quota(Quota::new(burst, interval_ms));
        }
        let Some(index) = self.services.iter().position(Option::is_none) else {
            let error = self.bus.register("late", settings).unwrap_err();
            assert_eq!(error, ServiceError::TooMany { service_count: SERVICES });
            return;
        };
        let service = self.bus.register("service", settings).unwrap();
        let expected = Expected {
            queues: Default::default(),
            depth: depth.into(),
            drops,
            subscribed: [false; TYPES],
            tank: quota.map(|(burst, interval_ms)| Tank {
                burst: burst.into(),
                interval_ms: interval_ms.into(),
                left: burst.into(),
                filled_ms: self.now_ms,
            }),
            dropped_count: 0,
        };
        self.services[index] = Some((service, expected));
    }

    /// Posts in one of four ways, which all come to the same.
    fn post(
        &mut self,
        index: usize,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
        how: u8,
    ) {
        let Some((service, _)) = &self.services[index] else { return };
        let (number, sender) = (self.next_number, service.id());
        self.next_number += 1;
        let bytes: Vec<u8> = (0..len_bytes).map(|at| (number as usize * 31 + at) as u8).collect();
        let result = match how {
            0 => service.post(event_type, &bytes, priority),
            1 => self.bus.post_from_isr(service.id(), event_type, &bytes, priority),
            2 => service.post_with(event_type, len_bytes, priority, |place| {
                assert!(place.iter().all(|&byte| byte == 0));
                place.copy_from_slice(&bytes);
            }),
            _ => {
                // Given up half-way, an event leaves nothing behind; then for real.
                let given_up = service.draft(event_type, len_bytes, priority);
                self.counts.refused += u32::from(given_up.is_err());
                drop(given_up);
                // SAFETY: a slice is what is asked for.
                unsafe {
                    let data = bytes.as_ptr();
                    self.bus.post_raw(&RawEvent {
                        sender: service.id(),
                        event_type,
                        data,
                        size_bytes: len_bytes,
                        priority: priority as u8,
                    })
                }
            }
        };
        let is_built = how == 2;
        let foretold = self.foretell(index, event_type, len_bytes, priority, is_built);
        match (&result, &foretold) {
            (Ok(count), Ok(receivers)) => assert_eq!(*count, receivers.len()),
            (Err(error), Err(kind)) => {
                assert_eq!(std::mem::discriminant(error), std::mem::discriminant(kind), "{error}");
                self.counts.refused += 1;
            }
            _ => panic!("{result:?}, but {foretold:?} was foretold"),
        }
        if let Ok(receivers) = foretold {
            self.counts.posted += 1;
            let sent = Rc::new(Sent { number, event_type, sender, priority, bytes });
            for at in receivers {
                let (_, expected) = self.services[at].as_mut().unwrap();
                if expected.queues[priority as usize].len() == expected.depth {
                    assert!(expected.does_drop(priority));
                    expected.queues[priority as usize].pop_front();
                    expected.dropped_count += 1;
                    self.counts.dropped += 1;
                }
                expected.queues[priority as usize].push_back(Rc::clone(&sent));
            }
        }
    }

    /// Who gets it, or the kind of error; figures in it do not matter.
    fn foretell(
        &mut self,
        index: usize,
        event_type: EventType,
        len_bytes: usize,
        priority: Priority,
        is_built: bool,
    ) -> Result<Vec<usize>, PostError> {
        let sender = self.services[index].as_ref().unwrap().0.id();
        if !self.is_started {
            return Err(PostError::NotStarted);
        }
        if usize::from(event_type.0) >= TYPES {
            return Err(PostError::UnknownType { event_type, type_count: TYPES });
        }
        let receivers: Vec<usize> = (0..SERVICES)
            .filter(|&at| {
                let service = self.services[at].as_ref();
                service.is_some_and(|(_, it)| it.subscribed[usize::from(event_type.0)])
            })
            .collect();
        if !receivers.is_empty() || is_built {
            if len_bytes > LIMIT_BYTES {
                return Err(PostError::TooLarge {
                    size_bytes: len_bytes,
                    limit_bytes: LIMIT_BYTES,
                });
            }
            if len_bytes != 0 && self.block_count() == BLOCKS {
                return Err(PostError::NoMemory { size_bytes: len_bytes });
            }
        }
        let now_ms = self.now_ms;
        let (_, expected) = self.services[index].as_mut().unwrap();
        if expected.tank.as_mut().is_some_and(|tank| !tank.take(now_ms)) {
            return Err(PostError::Quota { sender, retry_after_ms: 0 });
        }
        let refused = self.foretell_room(&receivers, priority);
        if let (Err(_), Some((_, expected))) = (&refused, self.services[index].as_mut())
            && let Some(tank) = &mut expected.tank
        {
            tank.left += 1;
        }
        refused.map(|()| receivers)
    }

    fn foretell_room(&mut self, receivers: &[usize], priority: Priority) -> Result<(), PostError> {
        let full = receivers.iter().any(|&at| {
            let (_, expected) = self.services[at].as_ref().unwrap();
            expected.queues[priority as usize].len() == expected.depth
                && !expected.does_drop(priority)
        });
        if full {
            let service = self.services[receivers[0]].as_ref().unwrap().0.id();
            return Err(PostError::QueueFull { service, priority, depth: 0 });
        }
        if !receivers.is_empty() && self.alive().len() == EVENTS {
            return self.foretell_eviction();
        }
        Ok(())
    }

    /// The oldest LOW event goes, if all agree and nobody holds it.
    fn foretell_eviction(&mut self) -> Result<(), PostError> {
        const LOW: usize = Priority::Low as usize;
        let error = Err(PostError::TooManyEvents { event_count: EVENTS });
        let heads = self.services.iter().flatten().filter_map(|(_, it)| it.queues[LOW].front());
        let Some(oldest) = heads.min_by_key(|sent| sent.number).cloned() else { return error };
        let waits = |it: &Expected| it.queues[LOW].iter().any(|sent| sent.number == oldest.number);
        let is_held = self.held.iter().any(|(_, sent)| sent.number == oldest.number);
        let all_agree =
            self.services.iter().flatten().all(|(_, it)| !waits(it) || it.does_drop(Priority::Low));
        if is_held || !all_agree {
            return error;
        }
        for (_, it) in self.services.iter_mut().flatten().filter(|(_, it)| waits(it)) {
            it.queues[LOW].pop_front();
            it.dropped_count += 1;
            self.counts.dropped += 1;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) {
        let Some((service, expected)) = &mut self.services[index] else { return };
        let result = service.try_receive();
        if !self.is_started {
            assert_eq!(result.unwrap_err(), ReceiveError::NotStarted);
            return;
        }
        let next = expected.queues.iter_mut().rev().find_map(VecDeque::pop_front);
        let Some(sent) = next else {
            assert_eq!(result.unwrap_err(), ReceiveError::Empty);
            return;
        };
        let message = result.unwrap();
        self.counts.delivered += 1;
        assert_eq!(message.event_type(), sent.event_type);
        assert_eq!(message.priority(), sent.priority);
        assert_eq!(message.bytes(), sent.bytes);
        assert_eq!(message.sender(), sent.sender);
        self.held.push((message, sent));
    }

    fn assert_sound(&self) {
        for (message, sent) in &self.held {
            assert_eq!(message.bytes(), sent.bytes, "nobody writes to what somebody looks at");
        }
        let stats = self.bus.stats();
        assert_eq!(stats.is_started, self.is_started);
        assert_eq!(stats.alive_count, self.alive().len());
        assert!(stats.alive_count <= stats.peak_count && stats.peak_count <= EVENTS);
        assert_eq!(self.bus.payloads().live_count(), self.block_count(), "payloads shared, freed");
        assert_eq!(stats.service_count, self.services.iter().flatten().count());
        let Counts { posted, delivered, dropped, refused } = self.counts;
        assert_eq!(
            (stats.posted_count, stats.delivered_count, stats.dropped_count, stats.refused.total()),
            (posted, delivered, dropped, refused)
        );
        for (service, expected) in self.services.iter().flatten() {
            let stats = self.bus.service_stats(service.id()).unwrap();
            let queued = expected.queues.each_ref().map(|queue| queue.len() as u16);
            assert_eq!(stats.queued_counts, queued);
            assert_eq!(stats.dropped_count, expected.dropped_count);
            assert!(queued.iter().zip(stats.peak_counts).all(|(&now, peak)| now <= peak));
        }
    }
}

fn run(ops: &[Op]) {
    let bus = Tested::new(Exact::new(BLOCKS, LIMIT_BYTES));
    {
        let mut oracle = Oracle::new(&bus);
        for &op in ops {
            oracle.apply(op);
            oracle.assert_sound();
        }
    }
    // Services and messages are gone: so is all memory, whatever waited or was held.
    assert_eq!(bus.stats().alive_count, 0);
    assert_eq!(bus.stats().service_count, 0);
    assert_eq!(bus.payloads().live_count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 1000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_answer_is_as_foretold_and_nothing_leaks(ops in ops(if cfg!(miri) { 6 } else { 120 })) {
        run(&ops);
    }
}
