//! Four threads on one bus, against an oracle: every event has a number, and whoever gets it knows
//! which number comes next. Nothing may be lost, doubled, torn, or out of order.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::kept::{bytes, kept};
use esparto::bus::{Bus, EventType, Message, PostError, Priority, Service, Settings};
use esparto::{Caps, Class, LinkedList, Memory, Tiers};

const THREADS: usize = 4;
const CLASSES: [Class; 2] = [Class::new("Small", 32, 24), Class::new("Medium", 96, 8)];

type Payloads = &'static Tiers<'static, 2, 1>;
type Tested = Bus<Payloads, THREADS, THREADS, 40>;

/// Payloads of three sizes: of both classes, and of the heap behind.
const SIZES: [usize; 3] = [24, 80, 200];

fn write(number: u64, payload: &mut [u8; 200]) -> &[u8] {
    let size = SIZES[(number % 8).saturating_sub(5) as usize];
    for part in payload[..size].chunks_exact_mut(8) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    &payload[..size]
}

fn read(payload: &[u8]) -> u64 {
    let mut parts =
        payload.chunks_exact(8).map(|part| u64::from_le_bytes(part.try_into().unwrap()));
    let number = parts.next().unwrap();
    assert!(parts.all(|part| part == number), "torn, or somebody else's");
    assert_eq!(payload.len(), SIZES[(number % 8).saturating_sub(5) as usize]);
    number
}

/// One thread: a service that posts its own type and gets those of the next two threads.
struct Worker<'b> {
    at: usize,
    service: Service<'b, Tested>,
    /// The number that comes next, by sender.
    next: [u64; THREADS],
    got_count: u64,
    gap_count: u64,
    /// May events be missing?
    is_lossy: bool,
}

impl Worker<'_> {
    fn accept(&mut self, message: &Message<'_, Tested>) {
        let sender = usize::from(message.event_type().0);
        let far = (sender + THREADS - self.at) % THREADS;
        assert!(far == 1 || far == 2, "nobody subscribed to that");
        let number = read(message);
        let next = &mut self.next[sender];
        if self.is_lossy {
            assert!(number >= *next, "{number} came after {next} was due: doubled or out of order");
            self.gap_count += number - *next;
        } else {
            assert_eq!(number, *next, "lost, doubled or out of order");
        }
        *next = number + 1;
        self.got_count += 1;
    }

    /// Takes all that waits.
    fn read_all(&mut self) {
        while let Ok(message) = self.service.try_receive() {
            self.accept(&message);
        }
    }

    fn post_all(&mut self, count: u64, priority: Priority) {
        let mut payload = [0; 200];
        for number in 0..count {
            let payload = write(number, &mut payload);
            loop {
                match self.service.post(EventType(self.at as u16), payload, priority) {
                    Ok(receiver_count) => break assert_eq!(receiver_count, 2),
                    // Reading makes room: whoever cannot post reads, so that all get on.
                    Err(
                        PostError::QueueFull { .. }
                        | PostError::TooManyEvents { .. }
                        | PostError::NoMemory { .. },
                    ) => {
                        self.read_all();
                        std::thread::yield_now();
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if number % 3 == self.at as u64 % 3 {
                self.read_all();
            }
        }
    }
}

/// Each thread posts `count` events, which two others get; returns what was received and missed.
fn stress(tiers: Payloads, count: u64, priority: Priority) -> (u64, u64) {
    let bus: Tested = Bus::new(tiers);
    bus.start().unwrap();
    let (got, gaps) = (AtomicU64::new(0), AtomicU64::new(0));
    let (barrier, posting) = (Barrier::new(THREADS), AtomicUsize::new(THREADS));
    let services: Vec<_> = (0..THREADS)
        .map(|at| {
            let service = bus.register("worker", Settings::new().depth(priority, 12)).unwrap();
            for far in [1, 2] {
                service.subscribe(EventType(((at + far) % THREADS) as u16)).unwrap();
            }
            service
        })
        .collect();
    std::thread::scope(|scope| {
        for (at, service) in services.into_iter().enumerate() {
            let (barrier, posting, got, gaps) = (&barrier, &posting, &got, &gaps);
            scope.spawn(move || {
                let is_lossy = priority == Priority::Low;
                let next = [0; THREADS];
                let mut worker = Worker { at, service, next, got_count: 0, gap_count: 0, is_lossy };
                barrier.wait();
                worker.post_all(count, priority);
                posting.fetch_sub(1, Ordering::SeqCst);
                while posting.load(Ordering::SeqCst) != 0 {
                    worker.read_all();
                    std::thread::yield_now();
                }
                worker.read_all();
                // What was dropped at the end leaves no gap behind it.
                let last: u64 =
                    [1, 2].map(|far| count - worker.next[(at + far) % THREADS]).iter().sum();
                got.fetch_add(worker.got_count, Ordering::SeqCst);
                gaps.fetch_add(worker.gap_count + last, Ordering::SeqCst);
            });
        }
    });
    let (got, gaps) = (got.into_inner(), gaps.into_inner());
    let stats = bus.stats();
    let wrapped = |count: u64| count as u32;
    assert_eq!(stats.posted_count, wrapped(count * THREADS as u64));
    assert_eq!((stats.delivered_count, stats.dropped_count), (wrapped(got), wrapped(gaps)));
    assert_eq!((stats.alive_count, stats.service_count), (0, 0));
    let tiers = tiers.stats();
    assert_eq!((tiers.classes.map(|class| class.used_count), tiers.fallback_count), ([0, 0], 0));
    (got, gaps)
}

fn run(ops: u64) {
    let memory: &'static Memory<1> = kept(Memory::new());
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::ATOMIC | Caps::ISR_SAFE;
    memory.add_static::<LinkedList>("sram", bytes(8192), caps).unwrap();
    let tiers: Payloads = kept(Tiers::new(memory, CLASSES));
    tiers.init().unwrap();
    // An event is one post and two receives.
    let count = ops / (3 * THREADS as u64);
    let (got, lost) = stress(tiers, count, Priority::Normal);
    assert_eq!((got, lost), (count * THREADS as u64 * 2, 0));
    // A tenth of that with LOW events, which make room for one another, each loss counted.
    let count = count / 10;
    let (got, lost) = stress(tiers, count, Priority::Low);
    assert_eq!(got + lost, count * THREADS as u64 * 2);
}

#[test]
fn four_threads_lose_nothing_and_double_nothing() {
    run(if cfg!(miri) { 200 } else { 1_000_000 });
}

/// `cargo test --release -p esparto bus_stress:: -- --ignored`
#[test]
#[ignore = "a hundred million operations take minutes"]
fn four_threads_lose_nothing_in_a_hundred_million_operations() {
    run(100_000_000);
}
