//! The event bus on the emulated core.
//!
//! First the instructions of a post and its delivery, printed as `bus PAYLOADS SIZE post=… receive=…
//! read=… drop=… total=…`; the 64-byte lines in tiers are held to [`LIMIT`], in a bus twice as large
//! too, and the heap to standing still. Then interrupts post, and a task
//! under an async executor receives and asks for the next interrupt. Ends with `ok`, or a failure.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use board::{counter, doorbell, exit, memory, println};
use embassy_executor::{Executor, Spawner};
use esparto::bus::{
    Bus, EventType, PayloadBlock, Payloads, Priority, Service, ServiceId, Settings,
};
use esparto::pool::{BlockPool, Critical, Pool, Shape};
use esparto::{Class, Heap, Memory, Tiers};

/// What a post of 64 bytes and its delivery to one subscriber may take.
const LIMIT: u32 = if cfg!(target_arch = "riscv32") { 250 } else { 280 };
/// The same as two functions that are called: calls, returns and saved registers on top.
const CALLED_LIMIT: u32 = LIMIT + 30;
const SIZE_BYTES: usize = 64;
const ROUNDS: u32 = 100;
/// Events that the interrupt posts.
const EVENTS: u32 = 10_000;

const MEASURED: EventType = EventType(0);
const RUNG: EventType = EventType(1);

type Kept<P> = Bus<P, 8, 16, 32>;
/// With twice of everything.
type Larger<P> = Bus<P, 16, 32, 64>;
type Payload = Tiers<'static, 4, 4>;

#[global_allocator]
static MEMORY: Memory<4> = Memory::new();
static TIERS: Payload = Tiers::new(&MEMORY, Class::SERVICE);
static IN_TIERS: Kept<&Payload> = Bus::new(&TIERS);
static LARGER: Larger<&Payload> = Bus::new(&TIERS);
static BLOCK_POOL: BlockPool<Critical> = BlockPool::new();
static IN_BLOCK_POOL: Kept<&BlockPool<Critical>> = Bus::new(&BLOCK_POOL);
static IN_POOL: Kept<Pool<PayloadBlock<64>, 20, Critical>> = Bus::new(Pool::new());

/// Instructions of the costliest of many rounds, and of all parts of it.
#[inline(never)]
fn measure<P: Payloads, const SERVICES: usize, const TYPES: usize, const EVENTS: usize>(
    bus: &Bus<P, SERVICES, TYPES, EVENTS>,
    name: &str,
) -> u32 {
    let payload = black_box([0x5a; SIZE_BYTES]);
    let sender = bus.register("sender", Settings::new()).expect("there is a place");
    let receiver = bus.register("receiver", Settings::new()).expect("there is a place");
    receiver.subscribe(MEASURED).expect("the type is known");
    let (mut most, mut parts) = (0, [0; 4]);
    for turn in 0..=ROUNDS {
        let start = counter::mark();
        let posted = sender.post(MEASURED, &payload, Priority::Normal);
        posted.expect("there is room");
        let posted_at = counter::mark();
        let message = receiver.try_receive().expect("it was posted");
        let received_at = counter::mark();
        let bytes = message.bytes();
        let (first, len) = (bytes.as_ptr(), bytes.len());
        let read_at = counter::mark();
        black_box((first, len));
        let left_at = counter::mark();
        drop(message);
        let end = counter::mark();
        // Nothing is computed of them before the last one.
        let [start, posted_at, received_at, read_at, left_at, end] =
            black_box([start, posted_at, received_at, read_at, left_at, end]);
        let round = [
            counter::between(start, posted_at),
            counter::between(posted_at, received_at),
            counter::between(received_at, read_at),
            counter::between(left_at, end),
        ];
        let total = round.iter().sum();
        // The first takes blocks and places into use that nobody had before.
        if turn != 0 && total > most {
            (most, parts) = (total, round);
        }
    }
    let [post, receive, read, drop] = parts;
    println!(
        "bus {name} {SIZE_BYTES} post={post} receive={receive} read={read} drop={drop} total={most}"
    );
    most
}

#[inline(never)]
fn post_called(sender: &Service<'static, Kept<&'static Payload>>, payload: &[u8]) -> bool {
    sender.post(MEASURED, payload, Priority::Normal).is_ok()
}

#[inline(never)]
fn receive_called(receiver: &Service<'static, Kept<&'static Payload>>) -> u8 {
    receiver.try_receive().map_or(0, |message| message[0])
}

/// The same where the compiler cannot see through: calls of functions from elsewhere.
#[inline(never)]
fn measure_called(bus: &'static Kept<&'static Payload>) -> u32 {
    let payload = black_box([0x5a; SIZE_BYTES]);
    let sender = bus.register("caller", Settings::new()).expect("there is a place");
    let receiver = bus.register("called", Settings::new()).expect("there is a place");
    receiver.subscribe(MEASURED).expect("the type is known");
    let mut most = [0; 2];
    for _ in 0..ROUNDS {
        let start = counter::mark();
        let is_posted = post_called(&sender, &payload);
        let posted_at = counter::mark();
        let first = receive_called(&receiver);
        let end = counter::mark();
        assert!(is_posted && first == 0x5a);
        let [start, posted_at, end] = black_box([start, posted_at, end]);
        let round = [counter::between(start, posted_at), counter::between(posted_at, end)];
        most = [most[0].max(round[0]), most[1].max(round[1])];
    }
    let total = most[0] + most[1];
    println!(
        "bus tiers-called {SIZE_BYTES} post={} receive-and-drop={} total={total}",
        most[0], most[1]
    );
    total
}

/// A static that is all zeros before it is used takes no room in flash and no copy at the start.
fn assert_in_bss<T>(what: &'static T, name: &str) {
    unsafe extern "C" {
        static __sbss: u8;
        static __ebss: u8;
    }
    let bss = (&raw const __sbss).addr()..(&raw const __ebss).addr();
    assert!(bss.contains(&core::ptr::from_ref(what).addr()), "{name} is not all zeros");
}

static RINGER: AtomicU32 = AtomicU32::new(0);
static RUNG_COUNT: AtomicU32 = AtomicU32::new(0);

/// Posts how often it was called.
#[cfg_attr(
    target_arch = "riscv32",
    riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineSoft)
)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn on_ring() {
    doorbell::silence();
    let ringer = ServiceId::from_raw(RINGER.load(Ordering::Relaxed));
    let count = RUNG_COUNT.load(Ordering::Relaxed);
    RUNG_COUNT.store(count + 1, Ordering::Relaxed);
    IN_TIERS
        .post_from_isr(ringer, RUNG, &count.to_le_bytes(), Priority::High)
        .expect("the task keeps up");
}

#[embassy_executor::task]
async fn listen(mut listener: Service<'static, Kept<&'static Payload>>) {
    for expected in 0..EVENTS {
        doorbell::ring();
        let message = listener.receive().await.expect("the bus runs");
        assert_eq!(message.value(), Ok(expected), "in order, none lost, none twice");
    }
    doorbell::ignore();
    drop(listener);
    let (stats, tiers) = (IN_TIERS.stats(), TIERS.stats());
    assert_eq!(stats.alive_count, 0, "nothing is left");
    assert!(tiers.classes.iter().all(|class| class.used_count == 0 && class.failure_count == 0));
    println!("bus isr posted={} alive_at_once={} heap=0", EVENTS, stats.peak_count);
    println!("ok");
    exit::success()
}

fn memory_use() -> [esparto::RegionStats; 3] {
    [0, 1, 2].map(|id| MEMORY.region_stats(esparto::RegionId(id)).expect("it was added"))
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    for region in memory::regions() {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<Heap>(region) }.expect("the memory map is sound");
    }
    TIERS.init().expect("there is room for all classes");
    IN_TIERS.start().expect("it is new");
    static mut BLOCKS: [MaybeUninit<u8>; 4096] = [MaybeUninit::uninit(); 4096];
    // SAFETY: taken once, here.
    let blocks = unsafe { (&raw mut BLOCKS).as_mut() }.expect("a static is somewhere");
    BLOCK_POOL.init_static(blocks, Shape::ISR).expect("there is room for 20 blocks");
    IN_BLOCK_POOL.start().expect("it is new");
    IN_POOL.start().expect("it is new");

    assert_in_bss(&IN_POOL, "a bus with its payloads inside");
    LARGER.start().expect("it is new");
    // What the pools took is all that the heap ever gives.
    let heap_use = || memory_use().map(|stats| (stats.live_bytes, stats.failure_count));
    let before = heap_use();
    measure(&IN_POOL, "pool");
    measure(&IN_BLOCK_POOL, "block-pool");
    let total = measure(&IN_TIERS, "tiers");
    let larger = measure(&LARGER, "tiers-twice-the-bus");
    let called = measure_called(&IN_TIERS);
    assert_eq!(before, heap_use(), "the heap was used");
    assert!(total <= LIMIT, "{total} instructions are more than {LIMIT}");
    assert!(called <= CALLED_LIMIT, "{called} instructions are more than {CALLED_LIMIT}, called");
    assert!(larger <= LIMIT, "{larger} instructions are more than {LIMIT} in a larger bus");

    let ringer = IN_TIERS.register("ringer", Settings::new()).expect("there is a place");
    RINGER.store(ringer.into_id().to_raw(), Ordering::Relaxed);
    let listener = IN_TIERS.register("listener", Settings::new()).expect("there is a place");
    listener.subscribe(RUNG).expect("the type is known");
    doorbell::listen();
    static mut EXECUTOR: MaybeUninit<Executor> = MaybeUninit::uninit();
    // SAFETY: taken once, here.
    let executor = unsafe { (&raw mut EXECUTOR).as_mut() }.expect("a static is somewhere");
    executor.write(Executor::new()).run(|spawner: Spawner| {
        spawner.spawn(listen(listener).expect("the task runs once"));
    })
}
