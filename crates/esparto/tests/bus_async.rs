//! The bus under async executors: embassy's on the host, and one that polls by hand.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::bus_kit::Exact;
use esparto::bus::{Bus, EventType, PostError, Priority, ReceiveError, Settings};

const SAMPLE: EventType = EventType(0);

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A refused try gives back the memory that it got, which is no news to who waits for a queue.
#[test]
fn who_waits_for_a_queue_sleeps_until_there_is_room() {
    let bus: Bus<Exact, 2, 1, 8> = Bus::new(Exact::new(8, 64));
    bus.start().unwrap();
    let receiver = bus.register("receiver", Settings::new().depth(Priority::High, 1)).unwrap();
    receiver.subscribe(SAMPLE).unwrap();
    let mut sender = bus.register("sender", Settings::new()).unwrap();
    sender.post(SAMPLE, b"first", Priority::High).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut post = pin!(sender.post_when_room(SAMPLE, b"second", Priority::High));
    for _ in 0..3 {
        assert!(post.as_mut().poll(&mut context).is_pending());
        assert_eq!(woken.count(), 0, "woken by its own refusal");
    }
    drop(receiver.try_receive().unwrap());
    assert_ne!(woken.count(), 0);
    assert_eq!(post.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
}

#[test]
fn a_pending_receive_is_woken_once_and_dropped_takes_nothing_along() {
    let bus: Bus<Exact, 2, 1, 8> = Bus::new(Exact::new(8, 64));
    bus.start().unwrap();
    let mut service = bus.register("both", Settings::new()).unwrap();
    let id = service.id();
    service.subscribe(SAMPLE).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    {
        let mut receive = pin!(service.receive());
        assert!(receive.as_mut().poll(&mut context).is_pending());
        assert!(receive.as_mut().poll(&mut context).is_pending());
        bus.post(id, SAMPLE, b"1", Priority::Normal).unwrap();
        bus.post(id, SAMPLE, b"2", Priority::Normal).unwrap();
        assert_eq!(woken.count(), 1, "once is enough");
        let Poll::Ready(Ok(message)) = receive.as_mut().poll(&mut context) else { panic!() };
        assert_eq!(message.bytes(), b"1");
    }
    {
        let mut receive = pin!(service.receive());
        assert!(receive.as_mut().poll(&mut context).is_ready(), "2 waited");
    }
    {
        let mut given_up = pin!(service.receive());
        assert!(given_up.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(Arc::strong_count(&woken), 2, "the bus keeps no waker of a future that is gone");
    bus.post(id, SAMPLE, b"3", Priority::Normal).unwrap();
    assert_eq!(woken.count(), 1);
    assert_eq!(service.try_receive().unwrap().bytes(), b"3", "the dropped future took nothing");

    let mut receive = pin!(service.receive());
    assert!(receive.as_mut().poll(&mut context).is_pending());
    bus.stop().unwrap();
    assert_eq!(woken.count(), 2);
    let Poll::Ready(stopped) = receive.as_mut().poll(&mut context) else { panic!() };
    assert_eq!(stopped.unwrap_err(), ReceiveError::NotStarted);
}

#[test]
fn a_post_waits_for_room_of_each_kind() {
    // Two places, one block.
    let bus: Bus<Exact, 3, 1, 2> = Bus::new(Exact::new(1, 64));
    bus.start().unwrap();
    let receiver = bus.register("receiver", Settings::new().depth(Priority::High, 1)).unwrap();
    receiver.subscribe(SAMPLE).unwrap();
    let mut sender = bus.register("sender", Settings::new()).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let id = sender.id();
    let mut wakes = 0;
    let mut waits_until = |payload: &[u8], make_room: &mut dyn FnMut()| {
        let mut post = pin!(sender.post_when_room(SAMPLE, payload, Priority::High));
        assert!(post.as_mut().poll(&mut context).is_pending());
        make_room();
        wakes += 1;
        assert_eq!(woken.count(), wakes);
        assert_eq!(post.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    };
    bus.post(id, SAMPLE, b"", Priority::High).unwrap();
    waits_until(b"", &mut || drop(receiver.try_receive().unwrap()));
    drop(receiver.try_receive().unwrap());
    // Memory.
    bus.post(id, SAMPLE, b"x", Priority::High).unwrap();
    let mut held = Some(receiver.try_receive().unwrap());
    waits_until(b"y", &mut || drop(held.take()));
    // Places.
    let mut all = [Some(receiver.try_receive().unwrap()), None];
    bus.post(id, SAMPLE, b"", Priority::High).unwrap();
    all[1] = Some(receiver.try_receive().unwrap());
    waits_until(b"", &mut || drop(all[1].take()));
    drop(all);
    assert_eq!(bus.stats().refused.total(), 0, "who waits is not refused");
    let mut too_large = pin!(sender.post_when_room(SAMPLE, &[0; 65], Priority::High));
    let Poll::Ready(Err(error)) = too_large.as_mut().poll(&mut context) else { panic!() };
    assert!(matches!(error, PostError::TooLarge { size_bytes: 65, limit_bytes: 64 }));
}

// Its executor never returns, and leaves its own memory behind.
#[cfg(not(miri))]
mod embassy {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use embassy_executor::{Executor, Spawner};
    use esparto::bus::Service;

    const EVENTS: u32 = 10_000;

    type Shared = Bus<Exact, 3, 1, 8>;
    static BUS: Shared = Bus::new(Exact::new(8, 64));

    #[embassy_executor::task(pool_size = 2)]
    async fn listen(mut service: Service<'static, Shared>, done: mpsc::Sender<u32>) {
        for expected in 0..EVENTS {
            let message = service.receive().await.unwrap();
            assert_eq!(message.value(), Ok(expected), "in order, none lost, none twice");
        }
        drop(service);
        done.send(EVENTS).unwrap();
    }

    #[embassy_executor::task]
    async fn post(mut service: Service<'static, Shared>) {
        for number in 0..EVENTS {
            let payload = number.to_le_bytes();
            let count = service.post_when_room(SAMPLE, &payload, Priority::Normal).await.unwrap();
            assert_eq!(count, 2);
        }
    }

    #[test]
    fn tasks_of_an_embassy_executor_post_and_receive() {
        BUS.start().unwrap();
        let settings = Settings::new().depth(Priority::Normal, 3);
        let services = ["a", "b"].map(|name| BUS.register(name, settings).unwrap());
        services.iter().for_each(|service| service.subscribe(SAMPLE).unwrap());
        let sender = BUS.register("sender", Settings::new()).unwrap();
        let (done, results) = mpsc::channel();
        // Ends with the process.
        thread::spawn(move || {
            let executor = Box::leak(Box::new(Executor::new()));
            executor.run(|spawner: Spawner| {
                for service in services {
                    spawner.spawn(listen(service, done.clone()).unwrap());
                }
                spawner.spawn(post(sender).unwrap());
            })
        });
        assert_eq!([results.recv(), results.recv()], [Ok(EVENTS); 2]);
        assert_eq!(BUS.stats().delivered_count, 2 * EVENTS);
    }
}
