//! What runs a device for months, on the core: tasks that are preempted, stacks, pools and queues
//! without a heap; figures, health and exhaustion with one.

extern crate alloc;

use alloc::string::ToString;
use core::alloc::Layout;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use board::task::{Blocking, CONTROL_BYTES, Crew, Table};
use board::{println, timer};
use esparto::bus::{Bus, EventType, PayloadBlock, Priority, ReceiveError, Settings, Wait};
use esparto::guard::Ledger;
use esparto::monitor::{Diagnosis, Finding, HeapStats, Monitor, Thresholds, Unhealthy};
use esparto::pool::{BlockPool, Critical, Pool, Shape};
use esparto::stack::{
    NodePool, StackBreach, StackError, StackPool, StackSpan, StackUnit, Task, TaskTable,
};
use esparto::{AllocError, Caps, Heap, Memory, Owner, RegionId, Stack};

/// Bytes of a static, once.
macro_rules! bytes {
    ($len:expr) => {{
        #[repr(align(16))]
        struct Place([MaybeUninit<u8>; $len]);
        static mut PLACE: Place = Place([MaybeUninit::uninit(); $len]);
        // SAFETY: this expression runs once, and nothing else names the static.
        let place: &'static mut Place = unsafe { &mut *(&raw mut PLACE) };
        &mut place.0[..]
    }};
}

const COUNT: EventType = EventType(0);
const EVENT_COUNT: u32 = 1000;
const PRODUCER: Owner = Owner(1);
const CONSUMER: Owner = Owner(2);
const WORKER: Owner = Owner(3);
const PERIOD_MS: u32 = 1;

static BUS: Bus<Pool<PayloadBlock<4>, 4, Critical>, 3, 1, 4> = Bus::new(Pool::new());
static TICK_COUNT: AtomicU32 = AtomicU32::new(0);
static SWITCH_COUNT: AtomicU32 = AtomicU32::new(0);

#[cfg_attr(
    target_arch = "riscv32",
    riscv_rt::core_interrupt(riscv::interrupt::Interrupt::MachineTimer)
)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn on_timer() {
    timer::acknowledge();
    TICK_COUNT.store(TICK_COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Tasks, stacks, pools and queues in static memory: no region has been given to the heap yet, so
/// that any request would fail.
pub(crate) fn without_heap() {
    let stacks = [
        Stack::adopt("consumer", bytes!(2048)).expect("large enough"),
        Stack::adopt("producer", bytes!(2048)).expect("large enough"),
        Stack::adopt("worker", bytes!(1024)).expect("large enough"),
    ];
    let mut table = Table::with_overhead(0);
    for (stack, owner) in stacks.iter().zip([CONSUMER, PRODUCER, WORKER]) {
        let task = Task::new(owner, stack).with_control_bytes(CONTROL_BYTES);
        table.add(task).expect("every task is another");
    }
    assert_eq!(table.needed_bytes(400), 400 + StackSpan::CANARY_BYTES);

    BUS.start().expect("it is new");
    let settings = Settings::new().depth(Priority::Normal, 2);
    let producer = BUS.register("producer", settings).expect("there is a place");
    let mut consumer = BUS.register("consumer", settings).expect("there is a place");
    consumer.subscribe(COUNT).expect("the type is known");
    let mut crew = Crew::new(&table, |_| {
        SWITCH_COUNT.store(SWITCH_COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    });
    let (mut received_count, mut worked_count) = (0, 0);
    let (received, worked) = (&mut received_count, &mut worked_count);
    // SAFETY: (all of them) the stack is the task's alone.
    unsafe {
        crew.add(CONSUMER, move || {
            for expected in 0..EVENT_COUNT {
                let message = consumer.receive_timeout(&Blocking, None).expect("the bus runs");
                assert_eq!(message.value(), Ok(expected), "in order, none lost, none twice");
                *received += 1;
            }
            // Nothing comes any more: the wait ends by the clock.
            let (limit_ms, start_ms) = (20, Blocking.now_ms());
            let end = consumer.receive_timeout(&Blocking, Some(limit_ms));
            assert!(matches!(end, Err(ReceiveError::TimedOut { timeout_ms: 20 })));
            assert_eq!(Blocking.now_ms() - start_ms, limit_ms);
            BUS.stop().expect("it runs");
        });
        crew.add(PRODUCER, move || {
            for count in 0..EVENT_COUNT {
                let payload = count.to_le_bytes();
                let timeout_ms = u32::MAX;
                producer
                    .post_timeout(COUNT, &payload, Priority::Normal, &Blocking, timeout_ms)
                    .expect("the consumer makes room");
            }
        });
        // The least urgent, and never waits: it gets what the others leave, and they get in between.
        crew.add(WORKER, move || {
            while BUS.stats().is_started {
                *worked += black_box(1_u32);
            }
        });
    }
    timer::start(PERIOD_MS);
    assert_eq!(crew.run(), Ok(()));
    timer::stop();
    assert_eq!(received_count, EVENT_COUNT);
    assert!(worked_count > EVENT_COUNT, "worked {worked_count} times");
    let switch_count = SWITCH_COUNT.load(Ordering::Relaxed);
    assert!(switch_count > EVENT_COUNT, "{switch_count} switches");
    assert_eq!(BUS.stats().alive_count, 0);
    assert_eq!(table.check(), Ok(()));

    let stack_pool: &'static StackPool = {
        static POOL: StackPool = StackPool::new();
        &POOL
    };
    assert_eq!(stack_pool.init_static(bytes!(4096), 1008, 4), Ok(4032));
    drop(stack_pool.take("driver").expect("there are four"));
    let nodes: &'static NodePool<u32> = {
        static POOL: NodePool<u32> = NodePool::new(32, 8);
        &POOL
    };
    nodes.init_static(bytes!(256), 4).expect("there is room");
    drop(nodes.take(7).expect("there are four"));
    let blocks: &'static BlockPool<Critical> = {
        static POOL: BlockPool<Critical> = BlockPool::new();
        &POOL
    };
    let shape = Shape::new(64, 4).expect("a shape");
    blocks.init_static(bytes!(512), shape).expect("there is room");
    let block = blocks.allocate().expect("there are four");
    assert_eq!(blocks.deallocate(block), Ok(()));

    let tick_count = TICK_COUNT.load(Ordering::Relaxed);
    println!("service: {EVENT_COUNT} events over two tasks and no heap, {tick_count} ticks");
    for stack in &stacks {
        println!("service: {}", **stack);
    }
}

/// A frame that jumps over the canary and writes nothing: only the stack pointer tells, and only
/// while it is there.
pub(crate) fn overrun() {
    /// Goes on for ever on a frame larger than its stack.
    #[inline(never)]
    fn leap() {
        let mut frame = [const { MaybeUninit::<u8>::uninit() }; 2048];
        black_box(&mut frame);
        loop {
            core::hint::spin_loop();
        }
    }

    let place = bytes!(4096);
    for byte in place.iter_mut() {
        byte.write(0x5A);
    }
    let (below, stack) = place.split_at_mut(3072);
    let leaper = Stack::adopt("leaper", stack).expect("large enough");
    let bystander = Stack::adopt("bystander", bytes!(512)).expect("large enough");
    let mut table = Table::with_overhead(0);
    for (stack, owner) in [(&leaper, PRODUCER), (&bystander, WORKER)] {
        table.add(Task::new(owner, stack)).expect("every task is another");
    }
    let mut crew = Crew::new(&table, |_| ());
    // SAFETY: (both) the stack is the task's alone.
    unsafe {
        crew.add(PRODUCER, leap);
        crew.add(WORKER, || {
            loop {
                Blocking.wait(1);
            }
        });
    }
    timer::start(PERIOD_MS);
    let end = crew.run();
    timer::stop();
    let Err(breach @ StackBreach::Pointer { name: "leaper", .. }) = end else { panic!("{end:?}") };
    assert_eq!(leaper.check(), Ok(()), "the canary saw nothing");
    assert_eq!(bystander.check(), Ok(()));
    // SAFETY: written above.
    assert!(below.iter().all(|byte| unsafe { byte.assume_init() } == 0x5A), "nor did anybody else");
    println!("service: {breach}");
}

/// Uses `BYTES` of the stack, and a frame or two.
#[inline(never)]
fn use_bytes<const BYTES: usize>() -> u8 {
    let mut array = [1_u8; BYTES];
    black_box(&mut array);
    array[BYTES / 2]
}

/// Stacks, nodes, exhaustion, figures, logs and health over two regions of their own.
pub(crate) fn with_regions() {
    static OWN: Memory<2, Ledger<16>> = Memory::with_sink(Ledger::new());
    const SRAM: Caps =
        Caps::INTERNAL.union(Caps::BYTE).union(Caps::DMA).union(Caps::ATOMIC).union(Caps::ISR_SAFE);
    const PSRAM: Caps = Caps::EXTERNAL.union(Caps::BYTE);
    OWN.add_static::<Heap>("sram", bytes!(32 << 10), SRAM).expect("a sound region");
    OWN.add_static::<Heap>("psram", bytes!(24 << 10), PSRAM).expect("a sound region");

    // A task's control block, stack and heap; then the end of the memory, by name and with figures.
    let stack = Stack::allocate("task", &OWN, Caps::INTERNAL, 2048).expect("there is room");
    let before_bytes = stack.high_water_bytes();
    // SAFETY: nothing else runs on it.
    unsafe { board::stack::run_on(&stack, || assert_eq!(use_bytes::<400>(), 1)) };
    let used_bytes = stack.high_water_bytes();
    assert_eq!(before_bytes, 0);
    assert!((400..600).contains(&used_bytes), "{used_bytes}");
    assert_eq!(stack.unused(StackUnit::ESP_IDF), 2048 - StackSpan::CANARY_BYTES - used_bytes);
    assert_eq!(stack.unused(StackUnit::FREERTOS) * 4, stack.unused(StackUnit::ESP_IDF));
    assert!(
        (1025..1500).contains(&TaskTable::<1>::new().needed_bytes(400)),
        "with the overhead of FreeRTOS"
    );
    let mut table = TaskTable::<1>::new();
    table.add(Task::new(WORKER, &stack).with_control_bytes(CONTROL_BYTES)).expect("large enough");
    OWN.set_owner(WORKER);
    let held = OWN.take(Layout::new::<[u32; 100]>(), Caps::INTERNAL).expect("there is room");
    let stats = table.get(WORKER).expect("added").stats().with_heap(OWN.owner_heap(WORKER));
    assert_eq!(stats.total_bytes(), CONTROL_BYTES + 2048 + 400);
    let error = Stack::allocate("next", &OWN, Caps::INTERNAL, 1 << 20).expect_err("too much");
    let StackError::NoMemory { name: "next", len_bytes, error } = error else {
        panic!("{error}");
    };
    assert_eq!((len_bytes, OWN.last_failure()), (1 << 20, Some(error)));
    assert_eq!(Diagnosis::from(error), Diagnosis::Exhaustion);
    assert!(matches!(error, AllocError::TooLarge { .. } | AllocError::Exhausted { .. }), "{error}");
    drop(held);
    OWN.set_owner(Owner::default());

    figures(&OWN);
    pools(&OWN);
    println!("service: {}", stats);
}

/// Figures per region, their logs, and health that turns where it should.
fn figures(own: &'static Memory<2, Ledger<16>>) {
    let of_region = |id| HeapStats::from(&own.region_stats(RegionId(id)).expect("it was added"));
    let (sram, psram) = (of_region(0), of_region(1));
    assert_eq!(own.heap_stats(Caps::INTERNAL), Some(sram), "one region, and no other mixed in");
    assert_eq!(own.heap_stats(Caps::EXTERNAL), Some(psram));
    assert_eq!(sram.failure_count, 1);
    let info = own.info();
    assert_eq!((info.internal.total_bytes, info.external.total_bytes), (32 << 10, 24 << 10));
    assert_eq!(info.internal.min_free_bytes, sram.min_free_bytes);
    assert!(info.has_external() && sram.min_free_bytes < sram.free_bytes);
    let log = info.log(Some("core")).to_string();
    assert!(log.starts_with("[core] SRAM: ") && log.contains(" of 32KB free (min "), "{log}");
    assert!(log.contains("PSRAM: 23.8KB of 24KB free"), "{log}");
    let (dma, internal) = (own.usage().dma, own.usage().internal);
    assert_eq!(dma, internal, "external memory does no DMA");
    let usage = own.usage().to_string();
    assert!(usage.starts_with("Memory Usage:\n  DMA: ") && usage.ends_with(" bytes free"));

    // Under 10,240 bytes, and well again; psram is not asked.
    let thresholds = Thresholds::DEFAULT;
    let mut monitor = Monitor::<4>::new(thresholds);
    let source = esparto::monitor::Named::new("internal", own).with_caps(Caps::INTERNAL);
    let mut told = 0;
    assert_eq!(monitor.poll(&[&source], |_| told += 1).trouble_count, 0);
    let layout = Layout::from_size_align(sram.free_bytes - 6000, 4).expect("a small layout");
    let most = own.take(layout, Caps::INTERNAL).expect("it is the largest block");
    let low = own.heap_stats(Caps::INTERNAL).expect("there is internal memory");
    assert!(matches!(low.health(&thresholds), Err(Unhealthy::LowFree { .. })));
    assert!(low.log(&thresholds).to_string().ends_with("% WARNING"));
    let mut began = None;
    monitor.poll(&[&source], |finding| began = Some(finding));
    // Told outside of the lock: who is told may allocate.
    let Some(Finding::Began { name: "internal", trouble }) = began else { panic!("{began:?}") };
    assert_eq!(trouble.diagnosis(), Diagnosis::LowFreeHeap);
    drop(most);
    let mut over = None;
    monitor.poll(&[&source], |finding| {
        drop(own.take(Layout::new::<u64>(), Caps::INTERNAL).expect("no lock is held"));
        over = Some(finding);
    });
    let diagnosis = Diagnosis::LowFreeHeap;
    assert_eq!(over, Some(Finding::Over { name: "internal", diagnosis }));
    let log = psram.log(&thresholds).to_string();
    assert!(log.starts_with("Heap Fragmentation:\n  Total: 24KB\n  Free: 23.8KB\n"), "{log}");
    assert!(log.ends_with(" HEALTHY"), "{log}");
}

/// Pools of stacks and of nodes over a region: they report their total, and what is dropped is there
/// for the next.
fn pools(own: &'static Memory<2, Ledger<16>>) {
    static STACKS: StackPool = StackPool::new();
    static NODES: NodePool<u32> = NodePool::new(64, 16);
    assert_eq!(STACKS.init_in(own, Caps::INTERNAL, 1024, 3), Ok(3072));
    let stacks = ["a", "b", "c"].map(|name| STACKS.take(name).expect("there are three"));
    assert!(matches!(STACKS.take("d"), Err(StackError::Pool { name: "d", .. })));
    let start = stacks[1].start();
    drop(stacks);
    let again = ["a", "b", "c"].map(|name| STACKS.take(name).expect("they came back"));
    assert!(again.iter().any(|stack| stack.start() == start));
    NODES.init_in(own, Caps::INTERNAL, 2).expect("there is room");
    let mut node = NODES.take(7).expect("there are two");
    node.buffer_mut().fill(0xA5);
    assert_eq!((*node, node.buffer().len(), node.data().len()), (7, 64, 16));
    drop(node);
    assert_eq!(NODES.stats().used_count, 0);
    let node = NODES.take(8).expect("it came back");
    assert_eq!((*node, node.buffer()), (8, &[0; 64][..]), "and is clean");
}
