//! A message of 64 bytes, posted and received, its last byte looked at.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use esparto::bus::{Bus, EventType, PayloadBlock, Payloads, Priority, ServiceId, Settings};
use esparto::pool::{Critical, Pool};
use esparto::{Class, Heap, Memory, Tiers};
use heapless::{mpmc, spsc};

use crate::timed::pair;

#[derive(Clone, Copy)]
#[repr(C, align(4))]
struct Item([u8; 64]);

/// Not known to the compiler.
static ITEM: SharedItem = SharedItem(UnsafeCell::new(Item([0x5a; 64])));

struct SharedItem(UnsafeCell<Item>);

// SAFETY: the program has one context.
unsafe impl Sync for SharedItem {}

#[inline(always)]
fn item() -> &'static Item {
    // SAFETY: nobody writes to it; volatile, so that it is not taken for a constant.
    unsafe { &*core::ptr::read_volatile(&raw const POINTER).0.get() }
}

static POINTER: &SharedItem = &ITEM;

const EVENT: EventType = EventType(0);
const LENGTH: usize = 16;

static MEMORY: Memory<4> = Memory::new();
static TIERS: Tiers<'static, 4, 4> = Tiers::new(&MEMORY, Class::SERVICE);

/// A bus with a service that posts and one that receives.
struct Posts<P: Payloads> {
    bus: Bus<P, 8, 16, 32>,
    ids: [AtomicU32; 2],
}

impl<P: Payloads> Posts<P> {
    const fn new(payloads: P) -> Self {
        Self { bus: Bus::new(payloads), ids: [const { AtomicU32::new(0) }; 2] }
    }

    fn start(&'static self) {
        self.bus.start().expect("it is new");
        for (id, name) in self.ids.iter().zip(["sender", "receiver"]) {
            let service = self.bus.register(name, Settings::new()).expect("there is a place");
            id.store(service.into_id().to_raw(), Ordering::Relaxed);
        }
        self.bus.subscribe(self.id(1), EVENT).expect("the type is known");
    }

    #[inline(always)]
    fn id(&self, which: usize) -> ServiceId {
        ServiceId::from_raw(self.ids[which].load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn post(&self) -> bool {
        self.bus.post(self.id(0), EVENT, &item().0, Priority::Normal).is_ok()
    }

    #[inline(always)]
    fn receive(&self) -> bool {
        self.bus.try_receive(self.id(1)).is_ok_and(|message| message[63] == 0x5a)
    }
}

static IN_TIERS: Posts<&Tiers<'static, 4, 4>> = Posts::new(&TIERS);
static IN_POOL: Posts<Pool<PayloadBlock<64>, 20, Critical>> = Posts::new(Pool::new());

#[inline(never)]
fn tiers_post() -> bool {
    IN_TIERS.post()
}

#[inline(never)]
fn tiers_receive() -> bool {
    IN_TIERS.receive()
}

#[inline(never)]
fn pool_post() -> bool {
    IN_POOL.post()
}

#[inline(never)]
fn pool_receive() -> bool {
    IN_POOL.receive()
}

static CHANNEL: Channel<CriticalSectionRawMutex, Item, LENGTH> = Channel::new();

#[inline(never)]
fn channel_send() -> bool {
    CHANNEL.try_send(*item()).is_ok()
}

#[inline(never)]
fn channel_receive() -> bool {
    CHANNEL.try_receive().is_ok_and(|item| item.0[63] == 0x5a)
}

// Deprecated for what happens when a context is held up for as many operations as there are places;
// there is one context here.
#[allow(deprecated)]
static MPMC: mpmc::Queue<Item, LENGTH> = mpmc::Queue::new();

#[inline(never)]
fn mpmc_enqueue() -> bool {
    MPMC.enqueue(*item()).is_ok()
}

#[inline(never)]
fn mpmc_dequeue() -> bool {
    MPMC.dequeue().is_some_and(|item| item.0[63] == 0x5a)
}

static SPSC: Single = Single(UnsafeCell::new(spsc::Queue::new()));

struct Single(UnsafeCell<spsc::Queue<Item, LENGTH>>);

// SAFETY: the program has one context.
unsafe impl Sync for Single {}

#[inline(never)]
fn spsc_enqueue() -> bool {
    // SAFETY: one context, and nothing is borrowed.
    unsafe { (*SPSC.0.get()).enqueue(*item()) }.is_ok()
}

#[inline(never)]
fn spsc_dequeue() -> bool {
    // SAFETY: as above.
    unsafe { (*SPSC.0.get()).dequeue() }.is_some_and(|item| item.0[63] == 0x5a)
}

unsafe extern "C" {
    fn bench_queue_new() -> *mut c_void;
    fn bench_queue_send(queue: *mut c_void, item: *const Item) -> i32;
    fn bench_queue_receive(queue: *mut c_void, item: *mut Item) -> i32;
}

static FREERTOS: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

#[inline(never)]
fn freertos_send() -> bool {
    // SAFETY: the queue is live and takes such items.
    unsafe { bench_queue_send(FREERTOS.load(Ordering::Relaxed), item()) == 1 }
}

#[inline(never)]
fn freertos_receive() -> bool {
    let mut item = core::mem::MaybeUninit::<Item>::uninit();
    // SAFETY: the queue is live and gives such items.
    let is_there =
        unsafe { bench_queue_receive(FREERTOS.load(Ordering::Relaxed), item.as_mut_ptr()) == 1 };
    // SAFETY: written, if there was one.
    is_there && unsafe { item.assume_init() }.0[63] == 0x5a
}

pub(crate) fn measure() {
    for region in board_virt::memory::regions() {
        // SAFETY: the linker keeps these ranges free, and they are added once.
        unsafe { MEMORY.add::<Heap>(region) }.expect("the memory map is sound");
    }
    TIERS.init().expect("there is room for all classes");
    IN_TIERS.start();
    IN_POOL.start();
    // SAFETY: made once, here.
    FREERTOS.store(unsafe { bench_queue_new() }, Ordering::Relaxed);
    pair("queue", "esparto Bus over tiers", tiers_post, tiers_receive);
    pair("queue", "esparto Bus over a pool", pool_post, pool_receive);
    pair("queue", "FreeRTOS queue", freertos_send, freertos_receive);
    pair("queue", "embassy-sync Channel", channel_send, channel_receive);
    pair("queue", "heapless mpmc, atomics by critical section", mpmc_enqueue, mpmc_dequeue);
    pair("queue", "heapless spsc, one sender and one receiver", spsc_enqueue, spsc_dequeue);
}
