//! Every interleaving, within a bound, of contexts that share a bus: posts, receives, wake-ups, a
//! stop. The bus is compiled against a lock that the model checker knows, so that it tries every
//! order of critical sections; a context that nobody wakes is a deadlock, which it finds.
#![cfg(all(target_pointer_width = "64", not(miri)))]
#![allow(dead_code, unreachable_pub, unused_imports, missing_docs)]

#[path = "../src"]
mod source {
    pub mod bus;
}

/// In the place of the critical section.
mod lock {
    use loom::sync::{Mutex, MutexGuard};

    loom::lazy_static! {
        static ref LOCK: Mutex<()> = Mutex::new(());
    }

    pub struct Section(MutexGuard<'static, ()>);

    impl Section {
        pub fn enter() -> Self {
            Self(LOCK.lock().expect("nobody panics inside"))
        }
    }
}

mod stores {
    pub use esparto::bus::PayloadBlock;
}

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::future::block_on;
use loom::model::Builder;
use loom::thread;
use source::bus::{
    Bus, EventType, Overflow, PayloadError, Payloads, PostError, Priority, ReceiveError, Service,
    Settings, Ticket,
};

const EVENT: EventType = EventType(0);

/// The host's memory, counted; at most as many blocks as there are events.
struct Counted(AtomicUsize);

fn layout(size_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes, 8).unwrap()
}

// SAFETY: blocks are those of the host's allocator.
unsafe impl Payloads for Counted {
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        // SAFETY: an event without data takes no memory.
        Ok(NonNull::new(unsafe { alloc(layout(size_bytes)) }).unwrap())
    }

    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        self.allocate(size_bytes)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize) {
        assert_ne!(self.0.fetch_sub(1, Ordering::SeqCst), 0, "given back twice");
        // SAFETY: the bus gives back what it got, with its size.
        unsafe { dealloc(ptr.as_ptr(), layout(size_bytes)) };
    }

    fn take(&self, size_bytes: usize, _is_isr: bool) -> Option<(NonNull<u8>, Ticket)> {
        // Every other way is tried too.
        if size_bytes != 4 {
            return None;
        }
        Some((self.allocate(size_bytes).ok()?, Ticket::MIN))
    }

    unsafe fn give(&self, ptr: NonNull<u8>, _ticket: Ticket) {
        // SAFETY: taken with four bytes, above.
        unsafe { self.deallocate(ptr, 4) };
    }
}

type Tested = Bus<Counted, 3, 2, 3>;

/// A bus that runs, for a model: it outlives every context, and is checked and freed at the end.
struct Running(Arc<Tested>);

impl Running {
    fn new() -> Self {
        let bus = Arc::new(Tested::new(Counted(AtomicUsize::new(0))));
        bus.start().unwrap();
        Self(bus)
    }

    /// SAFETY of the lifetime: the bus lives until `finish`, after all contexts have joined.
    fn bus(&self) -> &'static Tested {
        // SAFETY: as above.
        unsafe { &*Arc::as_ptr(&self.0) }
    }

    fn subscriber(&self, settings: Settings) -> Service<'static, Tested> {
        let service = self.bus().register("subscriber", settings).unwrap();
        service.subscribe(EVENT).unwrap();
        service
    }

    fn poster(&self) -> Service<'static, Tested> {
        self.bus().register("poster", Settings::new()).unwrap()
    }

    /// All contexts are over: nothing is alive, and nothing leaked.
    fn finish(self) {
        assert_eq!(self.bus().stats().alive_count, 0, "an event is left");
        assert_eq!(self.bus().payloads().0.load(Ordering::SeqCst), 0, "a payload leaked");
    }
}

fn model(preemption_bound: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemption_bound);
    builder.check(f);
}

fn post(service: &Service<'static, Tested>, value: u32) -> Result<usize, PostError> {
    service.post_value(EVENT, &value, Priority::Normal)
}

/// A waker of nobody: what is pending stays so.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_post_wakes_who_goes_to_sleep() {
    model(3, || {
        let running = Running::new();
        let (mut receiver, poster) = (running.subscriber(Settings::new()), running.poster());
        let receiving = thread::spawn(move || {
            block_on(async {
                let first = receiver.receive().await.unwrap().value::<u32>().unwrap();
                let second = receiver.receive().await.unwrap().value::<u32>().unwrap();
                (first, second)
            })
        });
        assert_eq!((post(&poster, 1), post(&poster, 2)), (Ok(1), Ok(1)));
        assert_eq!(receiving.join().unwrap(), (1, 2));
        drop(poster);
        running.finish();
    });
}

#[test]
fn two_posters_lose_nothing_and_double_nothing() {
    model(2, || {
        let running = Running::new();
        let (mut receiver, one) = (running.subscriber(Settings::new()), running.poster());
        let other = running.poster();
        let posting = thread::spawn(move || post(&other, 1).unwrap());
        let posting_too = thread::spawn(move || {
            // With the slow way to memory.
            one.post(EVENT, &[2, 0, 0, 0, 0], Priority::Normal).unwrap();
        });
        let mut got = block_on(async {
            let mut got = [0; 2];
            for place in &mut got {
                *place = receiver.receive().await.unwrap()[0];
            }
            got
        });
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        posting.join().unwrap();
        posting_too.join().unwrap();
        assert_eq!(receiver.try_receive().unwrap_err(), ReceiveError::Empty);
        drop(receiver);
        running.finish();
    });
}

#[test]
fn a_stop_wakes_who_waits_and_leaks_nothing() {
    model(2, || {
        let running = Running::new();
        let (mut receiver, poster) = (running.subscriber(Settings::new()), running.poster());
        let receiving = thread::spawn(move || {
            block_on(async {
                loop {
                    match receiver.receive().await {
                        Ok(message) => assert_eq!(message.value(), Ok(7u32)),
                        Err(error) => break error,
                    }
                }
            })
        });
        let posting = thread::spawn(move || post(&poster, 7));
        running.bus().stop().unwrap();
        let posted = posting.join().unwrap();
        assert!(matches!(posted, Ok(0 | 1) | Err(PostError::NotStarted)), "{posted:?}");
        let end = receiving.join().unwrap();
        assert_eq!(end, ReceiveError::NotStarted);
        running.finish();
    });
}

#[test]
fn a_receive_wakes_who_waits_for_room() {
    model(3, || {
        let running = Running::new();
        let receiver = running.subscriber(Settings::new().depth(Priority::Normal, 1));
        let mut poster = running.poster();
        post(&poster, 1).unwrap();
        let posting = thread::spawn(move || {
            let value = 2u32.to_le_bytes();
            block_on(poster.post_when_room(EVENT, &value, Priority::Normal)).unwrap();
        });
        assert_eq!(receiver.try_receive().unwrap().value(), Ok(1u32));
        posting.join().unwrap();
        assert_eq!(receiver.try_receive().unwrap().value(), Ok(2u32));
        drop(receiver);
        running.finish();
    });
}

#[test]
fn a_receive_that_is_given_up_takes_nothing_along() {
    model(3, || {
        let running = Running::new();
        let (mut receiver, poster) = (running.subscriber(Settings::new()), running.poster());
        let posting = thread::spawn(move || post(&poster, 9).unwrap());
        let mut early = None;
        {
            let mut receiving = std::pin::pin!(receiver.receive());
            if let Poll::Ready(message) = poll_once(receiving.as_mut()) {
                early = Some(message.unwrap().value::<u32>().unwrap());
            }
        }
        posting.join().unwrap();
        let got = early.or_else(|| receiver.try_receive().ok().map(|it| it.value().unwrap()));
        assert_eq!(got, Some(9u32));
        drop(receiver);
        running.finish();
    });
}

#[test]
fn the_last_of_two_subscribers_frees_whoever_that_is() {
    model(3, || {
        let running = Running::new();
        let (one, other) =
            (running.subscriber(Settings::new()), running.subscriber(Settings::new()));
        let poster = running.poster();
        assert_eq!(post(&poster, 5), Ok(2));
        let message = one.try_receive().unwrap();
        let receiving = thread::spawn(move || {
            let message = other.try_receive().unwrap();
            assert_eq!(message.value(), Ok(5u32));
        });
        assert_eq!(message.value(), Ok(5u32));
        drop(message);
        receiving.join().unwrap();
        drop((one, poster));
        running.finish();
    });
}

#[test]
fn a_subscriber_that_leaves_during_a_post_keeps_nothing() {
    model(3, || {
        let running = Running::new();
        let (leaver, stayer) =
            (running.subscriber(Settings::new()), running.subscriber(Settings::new()));
        let poster = running.poster();
        let leaving = thread::spawn(move || drop(leaver));
        let count = post(&poster, 3).unwrap();
        assert!((1..=2).contains(&count));
        leaving.join().unwrap();
        assert_eq!(stayer.try_receive().unwrap().value(), Ok(3u32));
        drop((stayer, poster));
        running.finish();
    });
}

#[test]
fn the_oldest_makes_room_for_two_at_once_while_it_is_received() {
    model(2, || {
        let running = Running::new();
        let settings = Settings::new().depth(Priority::Low, 1);
        let (receiver, one) = (running.subscriber(settings), running.poster());
        let other = running.poster();
        let post_low = |service: &Service<'static, Tested>, value: u32| {
            service.post_value(EVENT, &value, Priority::Low).unwrap()
        };
        post_low(&one, 1);
        let posting = thread::spawn(move || post_low(&one, 2));
        let posting_too = thread::spawn(move || post_low(&other, 3));
        let early = receiver.try_receive().map(|message| message.value::<u32>().unwrap());
        posting.join().unwrap();
        posting_too.join().unwrap();
        let last = receiver.try_receive().map(|message| message.value::<u32>().unwrap());
        // Whatever was lost was counted.
        let got = usize::from(early.is_ok()) + usize::from(last.is_ok());
        assert_eq!(got + running.bus().stats().dropped_count as usize, 3);
        assert!(early != last);
        drop(receiver);
        running.finish();
    });
}
