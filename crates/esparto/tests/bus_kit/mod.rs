//! Where the tests of the bus keep payloads, and how they wait.

#![allow(unreachable_pub)]

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use esparto::bus::{PayloadError, Payloads, Wait};

/// Exactly as much memory as was asked for, from the host's allocator, so that Miri sees every byte
/// past an end, every use after a free and every leak. At most `limit_count` blocks.
pub struct Exact {
    pub limit_count: usize,
    pub limit_bytes: usize,
    pub live_count: AtomicUsize,
}

impl Exact {
    pub const fn new(limit_count: usize, limit_bytes: usize) -> Self {
        Self { limit_count, limit_bytes, live_count: AtomicUsize::new(0) }
    }

    pub fn live_count(&self) -> usize {
        self.live_count.load(Ordering::SeqCst)
    }

    fn layout(size_bytes: usize) -> Layout {
        Layout::from_size_align(size_bytes, align_of::<usize>()).unwrap()
    }
}

// SAFETY: blocks are those of the host's allocator.
unsafe impl Payloads for Exact {
    fn allocate(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        assert_ne!(size_bytes, 0, "an event without data takes no memory");
        if size_bytes > self.limit_bytes {
            return Err(PayloadError::TooLarge { limit_bytes: self.limit_bytes });
        }
        let taken = self.live_count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
            (count < self.limit_count).then_some(count + 1)
        });
        taken.map_err(|_| PayloadError::NoMemory)?;
        // SAFETY: the size is not 0.
        Ok(NonNull::new(unsafe { alloc(Self::layout(size_bytes)) }).unwrap())
    }

    fn allocate_in_isr(&self, size_bytes: usize) -> Result<NonNull<u8>, PayloadError> {
        self.allocate(size_bytes)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, size_bytes: usize) {
        // SAFETY: the bus gives back what it got, with its size.
        unsafe { dealloc(ptr.as_ptr(), Self::layout(size_bytes)) };
        assert_ne!(self.live_count.fetch_sub(1, Ordering::SeqCst), 0);
    }
}

/// A thread that parks.
pub struct Parking {
    start: Instant,
    thread: Arc<Unpark>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Parking {
    pub fn new() -> Self {
        Self { start: Instant::now(), thread: Arc::new(Unpark(thread::current())) }
    }
}

impl Wait for Parking {
    fn now_ms(&self) -> u32 {
        self.start.elapsed().as_millis() as u32
    }

    fn wait(&self, limit_ms: u32) {
        thread::park_timeout(Duration::from_millis(limit_ms.into()));
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.thread))
    }
}

/// A clock that only a wait moves: tests of time-outs take no time.
pub struct Stepped {
    pub now_ms: AtomicUsize,
    pub wait_count: AtomicUsize,
}

impl Stepped {
    pub const fn new(now_ms: u32) -> Self {
        Self { now_ms: AtomicUsize::new(now_ms as usize), wait_count: AtomicUsize::new(0) }
    }
}

impl Wait for Stepped {
    fn now_ms(&self) -> u32 {
        self.now_ms.load(Ordering::SeqCst) as u32
    }

    fn wait(&self, limit_ms: u32) {
        self.wait_count.fetch_add(1, Ordering::SeqCst);
        // Early, as a wait may be.
        self.now_ms.fetch_add(limit_ms.min(7) as usize, Ordering::SeqCst);
    }
}
