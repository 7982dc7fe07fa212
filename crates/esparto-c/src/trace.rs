//! What happens, written down for `esparto report`.

use core::cell::{Cell, RefCell, UnsafeCell};
use core::ffi::{c_char, c_void};

use critical_section::Mutex;
use esparto::{Event, Owner, PoolEvent, RegionId, RegionStats, Sink};
use esparto_trace::{BuildId, Encoder, Header, Probe, Recorder, RegionDefinition};

use crate::Status;
use crate::name::name;
use crate::source::{RawSource, Sources};
use crate::system::{Listener, MEMORY, REGION_LIMIT};

mod calls;
mod heaps;

pub use calls::*;
pub use heaps::*;

/// How many events may wait to be written; what comes when there are more is counted.
pub const ESPARTO_TRACE_EVENT_LIMIT: usize = 256;

/// The longest piece that is written at once.
const BLOCK_BYTES: usize = 512;

/// How a trace is written.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TraceSettings {
    /// The clock, which may wrap. Called inside the lock of the memory: one read of a counter.
    pub now_ticks: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
    /// Takes bytes to where the trace goes: a file, a serial line. Called outside of locks.
    pub write:
        Option<unsafe extern "C" fn(bytes: *const u8, len_bytes: usize, context: *mut c_void)>,
    /// Handed to both.
    pub context: *mut c_void,
    /// Ticks of the clock in a second.
    pub tick_hz: u32,
    /// The chip, as `esparto chips` names it; may be null.
    pub chip: *const c_char,
    /// The length of its name.
    pub chip_len: usize,
    /// The identity of the build, of which 32 bytes are kept; may be null.
    pub build_id: *const u8,
    /// Its length.
    pub build_id_len: usize,
}

/// The functions of a trace that runs.
#[derive(Clone, Copy)]
struct Ways {
    now_ticks: unsafe extern "C" fn(*mut c_void) -> u32,
    write: unsafe extern "C" fn(*const u8, usize, *mut c_void),
    context: *mut c_void,
}

// SAFETY: whoever started the trace promised that its functions may be called from anywhere.
unsafe impl Send for Ways {}

static WAYS: Mutex<Cell<Option<Ways>>> = Mutex::new(Cell::new(None));

fn ways() -> Option<Ways> {
    critical_section::with(|cs| WAYS.borrow(cs).get())
}

struct Clock;

impl Probe for Clock {
    fn now() -> u32 {
        // SAFETY: as promised by whoever started the trace.
        ways().map_or(0, |ways| unsafe { (ways.now_ticks)(ways.context) })
    }

    fn frames(frames: &mut [usize]) {
        if let Some(frame) = frames.first_mut() {
            *frame = calls::under_way();
        }
    }
}

/// The call that asked, if somebody tells ([`esparto_trace_call`]).
const FRAME_COUNT: usize = 1;

type Ring = Recorder<Clock, ESPARTO_TRACE_EVENT_LIMIT, FRAME_COUNT>;

static RING: Mutex<RefCell<Ring>> = Mutex::new(RefCell::new(Ring::new()));

fn ring<R>(work: impl FnOnce(&mut Ring) -> R) -> Option<R> {
    critical_section::with(|cs| {
        RING.borrow(cs).try_borrow_mut().ok().map(|mut ring| work(&mut ring))
    })
}

fn listen(owner: Owner, event: &Event) {
    ring(|ring| ring.record(owner, *event));
}

fn listen_to_pools(event: &PoolEvent) {
    ring(|ring| ring.record_pool(*event));
}

fn send(bytes: &[u8]) {
    if let Some(ways) = ways() {
        // SAFETY: bytes and their length, as promised by whoever started the trace.
        unsafe { (ways.write)(bytes.as_ptr(), bytes.len(), ways.context) };
    }
}

/// What writes, while a trace runs.
struct Writer {
    encoder: Encoder<fn(&[u8]), BLOCK_BYTES>,
    region_count: usize,
}

impl Writer {
    /// Writes the regions that came since, and `limit` of the events that wait.
    fn drain(&mut self, limit: usize) {
        while self.region_count < MEMORY.region_count() {
            if let Some(stats) = MEMORY.region_stats(RegionId(self.region_count as u8)) {
                self.encoder.define_region(&RegionDefinition::from(&stats));
            }
            self.region_count += 1;
        }
        let mut left = limit;
        self.encoder.drain_from(|slots| {
            let room = slots.len().min(left);
            let count = ring(|ring| ring.drain(&mut slots[..room])).unwrap_or(0);
            left -= count;
            count
        });
    }

    /// Writes the figures of all regions, behind the events that led to them.
    fn snapshot(&mut self) {
        const NONE: Option<RegionStats> = None;
        let mut figures = [NONE; REGION_LIMIT];
        let pending_count = critical_section::with(|_| {
            for (id, place) in figures.iter_mut().enumerate() {
                *place = MEMORY.region_stats(RegionId(id as u8));
            }
            ring(|ring| ring.pending_count()).unwrap_or(0)
        });
        self.drain(pending_count);
        let mut known = figures.iter().flatten().peekable();
        let now = Clock::now();
        while let Some(stats) = known.next() {
            let is_last = known.peek().is_none();
            let figures = esparto_trace::RegionSnapshot::new(stats, is_last);
            self.encoder.region_snapshot(now, &figures);
        }
    }
}

/// The writer, for one task at a time.
struct Desk {
    is_taken: Mutex<Cell<bool>>,
    writer: UnsafeCell<Option<Writer>>,
}

// SAFETY: the writer is used by whoever took the desk alone.
unsafe impl Sync for Desk {}

static DESK: Desk = Desk { is_taken: Mutex::new(Cell::new(false)), writer: UnsafeCell::new(None) };

/// The desk, until this goes.
struct Seat;

impl Seat {
    fn take() -> Result<Self, Status> {
        let was_taken = critical_section::with(|cs| DESK.is_taken.borrow(cs).replace(true));
        if was_taken { Err(Status::Reentered) } else { Ok(Self) }
    }

    fn place(&mut self) -> &mut Option<Writer> {
        // SAFETY: there is one seat at a time, and this is borrowed from it.
        unsafe { &mut *DESK.writer.get() }
    }

    fn writer(&mut self) -> Result<&mut Writer, Status> {
        self.place().as_mut().ok_or(Status::NotStarted)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        critical_section::with(|cs| DESK.is_taken.borrow(cs).set(false));
    }
}

fn with(work: impl FnOnce(&mut Writer)) -> Status {
    Status::of(Seat::take().and_then(|mut seat| seat.writer().map(work)))
}

/// # Safety
/// As for `esparto_trace_start`.
unsafe fn start(settings: *const TraceSettings) -> Result<(), Status> {
    // SAFETY: passed on.
    let settings = unsafe { settings.as_ref() }.ok_or(Status::NullPointer)?;
    let (Some(now_ticks), Some(write)) = (settings.now_ticks, settings.write) else {
        return Err(Status::NullPointer);
    };
    if settings.tick_hz == 0 {
        return Err(Status::ZeroSize);
    }
    let chip = match settings.chip.is_null() {
        true => "",
        // SAFETY: passed on.
        false => unsafe { name(settings.chip, settings.chip_len)? },
    };
    let mut header = Header::new(chip, "esparto", settings.tick_hz);
    header.frame_count = FRAME_COUNT as u8;
    if !settings.build_id.is_null() {
        let len = settings.build_id_len.min(32);
        // SAFETY: passed on.
        header.build_id =
            BuildId::new(unsafe { core::slice::from_raw_parts(settings.build_id, len) });
    }
    let mut seat = Seat::take()?;
    let place = seat.place();
    if place.is_some() {
        return Err(Status::AlreadyInitialised);
    }
    let ways = Ways { now_ticks, write, context: settings.context };
    critical_section::with(|cs| WAYS.borrow(cs).set(Some(ways)));
    ring(Ring::clear);
    let out: fn(&[u8]) = send;
    let writer = place.insert(Writer { encoder: Encoder::new(out, &header, []), region_count: 0 });
    writer.drain(0);
    Listener::set_trace(Some((listen, listen_to_pools)));
    Ok(())
}

/// Writes down from now on what happens in the memory: every block that comes, goes or is resized, in
/// tiers too, and every request that fails. Blocks that are live already are not in it.
///
/// An event costs a few dozen instructions where it happens; it is written by `esparto_trace_poll`. One
/// trace runs at a time. `ESPARTO_ALREADY_INITIALISED` when one does.
///
/// # Safety
/// `settings` is null or can be read; its functions can be called with its context from anywhere until
/// the trace is stopped; chip and build id are that long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_trace_start(settings: *const TraceSettings) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { start(settings) })
}

/// Writes what waits. For one task, as often as it takes; `ESPARTO_REENTERED` while another one is at
/// it, `ESPARTO_NOT_STARTED` when no trace runs. Not for interrupt handlers.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_poll() -> Status {
    with(|writer| {
        writer.drain(usize::MAX);
        writer.encoder.flush();
    })
}

/// Writes the figures of all regions as they are now, behind the events that led to them.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_snapshot() -> Status {
    with(Writer::snapshot)
}

/// Writes how everything fares that a monitor can look at.
///
/// # Safety
/// As for `esparto_monitor_poll`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_trace_health(sources: *const RawSource, count: usize) -> Status {
    // SAFETY: passed on.
    match unsafe { Sources::new(sources, count) } {
        Ok(sources) => with(|writer| {
            writer.drain(usize::MAX);
            writer.encoder.health(Clock::now(), &[&sources]);
        }),
        Err(status) => status,
    }
}

/// Marks this moment in the trace; nothing if none runs. From anywhere.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_mark(id: u32) {
    MEMORY.mark(id);
}

/// Says what the marks of a number are called.
///
/// # Safety
/// `label` is null or text of `label_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_trace_name_mark(
    id: u32,
    label: *const c_char,
    label_len: usize,
) -> Status {
    // SAFETY: passed on; it is used during the call alone.
    match unsafe { name(label, label_len) } {
        Ok(label) => with(|writer| writer.encoder.define_mark(id, label)),
        Err(status) => status,
    }
}

/// Says what an owner is called.
///
/// # Safety
/// `label` is null or text of `label_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_trace_name_owner(
    owner: u16,
    label: *const c_char,
    label_len: usize,
) -> Status {
    // SAFETY: passed on; it is used during the call alone.
    match unsafe { name(label, label_len) } {
        Ok(label) => with(|writer| writer.encoder.define_owner(Owner(owner), label)),
        Err(status) => status,
    }
}

/// How many events found no place since the trace was started; the trace says where they are missing.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_lost_count() -> u32 {
    ring(|ring| ring.lost_total_count()).unwrap_or(0)
}

/// Ends a trace: writes what waits, and that it is the end.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_trace_stop() -> Status {
    let stop = || {
        let mut seat = Seat::take()?;
        seat.writer()?;
        Listener::set_trace(None);
        if let Some(mut writer) = seat.place().take() {
            writer.drain(usize::MAX);
            writer.encoder.finish();
        }
        critical_section::with(|cs| WAYS.borrow(cs).set(None));
        Ok(())
    };
    Status::of(stop())
}
