//! Who is told when something is wrong.

use core::cell::RefCell;
use core::ffi::{c_char, c_void};

use critical_section::Mutex;
use esparto::monitor::{self, Finding, Monitor, Thresholds};

use crate::Status;
use crate::handle::{Kind, Place, put};
use crate::source::{RawSource, Sources};
use crate::text::Text;

/// The most readings of which a monitor remembers what it told.
pub const ESPARTO_MONITOR_READING_LIMIT: usize = 24;
/// Fragmentation is usually too high from here on, in percent.
pub const ESPARTO_LIMIT_FRAGMENTATION_PERCENT: u8 = 30;
/// Too little is usually free below this.
pub const ESPARTO_LIMIT_FREE_BYTES: usize = 10_240;
/// Too little of a stack was usually never used below this.
pub const ESPARTO_LIMIT_STACK_BYTES: usize = 128;

const _: () = {
    let usual = Thresholds::DEFAULT;
    assert!(ESPARTO_LIMIT_FRAGMENTATION_PERCENT == usual.fragmentation_percent);
    assert!(ESPARTO_LIMIT_FREE_BYTES == usual.free_bytes);
    assert!(ESPARTO_LIMIT_STACK_BYTES == usual.stack_bytes);
};

/// What kind of trouble it is. Numbers never change; new ones are added behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Diagnosis {
    /// Less is free than should be.
    LowFreeHeap = 0,
    /// What is free is in too many pieces.
    Fragmentation = 1,
    /// A region, a pool or a stack could not be set up.
    InitFailure = 2,
    /// A request could not be met.
    Exhaustion = 3,
    /// Bookkeeping, or memory that is nobody's, was written over.
    Corruption = 4,
    /// Something starts where it must not.
    Misalignment = 5,
    /// Little of a stack was never used.
    LowStack = 6,
    /// A task ran over the end of its stack.
    StackOverrun = 7,
    /// Something was given back that is no live block, or a request made no sense.
    WrongUse = 8,
    /// Events were lost.
    LostEvents = 9,
    /// Something that this version has no name for.
    Unknown = 10,
}

impl From<monitor::Diagnosis> for Diagnosis {
    fn from(diagnosis: monitor::Diagnosis) -> Self {
        match diagnosis {
            monitor::Diagnosis::LowFreeHeap => Self::LowFreeHeap,
            monitor::Diagnosis::Fragmentation => Self::Fragmentation,
            monitor::Diagnosis::InitFailure => Self::InitFailure,
            monitor::Diagnosis::Exhaustion => Self::Exhaustion,
            monitor::Diagnosis::Corruption => Self::Corruption,
            monitor::Diagnosis::Misalignment => Self::Misalignment,
            monitor::Diagnosis::LowStack => Self::LowStack,
            monitor::Diagnosis::StackOverrun => Self::StackOverrun,
            monitor::Diagnosis::WrongUse => Self::WrongUse,
            monitor::Diagnosis::LostEvents => Self::LostEvents,
            _ => Self::Unknown,
        }
    }
}

impl From<Status> for Diagnosis {
    fn from(status: Status) -> Self {
        match status {
            Status::Exhausted | Status::TooLarge | Status::NoRegion | Status::NoMemory => {
                Self::Exhaustion
            }
            Status::QueueFull | Status::TooMany | Status::Quota | Status::TimedOut => {
                Self::Exhaustion
            }
            Status::Corrupt => Self::Corruption,
            Status::Misaligned | Status::BadAlign => Self::Misalignment,
            Status::StackOverrun => Self::StackOverrun,
            Status::Unhealthy => Self::LowFreeHeap,
            Status::Overlaps
            | Status::NoInternalMemory
            | Status::TooSmall
            | Status::AlreadyInitialised
            | Status::NotStarted => Self::InitFailure,
            Status::Ok | Status::More | Status::Empty | Status::Other => Self::Unknown,
            _ => Self::WrongUse,
        }
    }
}

/// What kind of trouble a status is a sign of, as a `esparto_diagnosis_t`;
/// `ESPARTO_DIAGNOSIS_UNKNOWN` of one that is no trouble, and of any other number.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_status_diagnosis(status: i32) -> Diagnosis {
    Status::from_raw(status).map_or(Diagnosis::Unknown, Diagnosis::from)
}

/// The name of a kind of trouble and what mends it, as a line for a log. Returns the length of the
/// whole text, as `snprintf` does; 0 for any other number.
///
/// # Safety
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_diagnosis_describe(
    diagnosis: i32,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    const ALL: [monitor::Diagnosis; 10] = [
        monitor::Diagnosis::LowFreeHeap,
        monitor::Diagnosis::Fragmentation,
        monitor::Diagnosis::InitFailure,
        monitor::Diagnosis::Exhaustion,
        monitor::Diagnosis::Corruption,
        monitor::Diagnosis::Misalignment,
        monitor::Diagnosis::LowStack,
        monitor::Diagnosis::StackOverrun,
        monitor::Diagnosis::WrongUse,
        monitor::Diagnosis::LostEvents,
    ];
    let Some(known) = ALL.into_iter().find(|&known| Diagnosis::from(known) as i32 == diagnosis)
    else {
        return 0;
    };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(known)
}

/// A monitor. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct MonitorHandle {
    /// Private.
    opaque: [usize; 132],
}

struct Watch {
    monitor: Mutex<RefCell<Option<Monitor<ESPARTO_MONITOR_READING_LIMIT>>>>,
}

impl Kind for Watch {
    const SEAL: usize = 0x5761_7463;
}

/// Something that a monitor has to tell.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawFinding {
    /// What it is about: text without an end.
    pub name: *const c_char,
    /// The length of the name.
    pub name_len: usize,
    /// What kind of trouble.
    pub diagnosis: Diagnosis,
    /// Is it well again? Else it began, or went wrong again.
    pub is_over: bool,
    /// All of it with figures, as a line for a log with an end; there as long as the call.
    pub text: *const c_char,
}

/// Is told what a monitor found.
pub type FindingFunction =
    Option<unsafe extern "C" fn(finding: *const RawFinding, context: *mut c_void)>;

/// What one look came to.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Polled {
    /// How many readings there were.
    pub reading_count: usize,
    /// How many things are in trouble, told of now or before.
    pub trouble_count: usize,
    /// How many readings were beyond `ESPARTO_MONITOR_READING_LIMIT`: their trouble is told every time.
    pub beyond_count: usize,
}

/// Sets a monitor up that told nothing yet. Of a heap less than 4 times as large as `min_free_bytes`, a
/// quarter has to be free. Usual limits are the `ESPARTO_LIMIT_` ones.
///
/// # Safety
/// The handle is the caller's, and stays where it is until it is ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_monitor_init(
    monitor: *mut MonitorHandle,
    min_free_bytes: usize,
    limit_percent: u8,
    min_stack_bytes: usize,
) -> Status {
    let limits = Thresholds {
        fragmentation_percent: limit_percent,
        free_bytes: min_free_bytes,
        stack_bytes: min_stack_bytes,
    };
    // SAFETY: passed on.
    let done = unsafe {
        Place::set(monitor, |place| {
            let monitor = Mutex::new(RefCell::new(Some(Monitor::new(limits))));
            Ok(place.write(Watch { monitor }))
        })
    };
    Status::of(done)
}

/// Ends a monitor.
///
/// # Safety
/// As for `esparto_monitor_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_monitor_deinit(monitor: *mut MonitorHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { Place::<Watch>::end(monitor, |_| Ok(())) })
}

/// Looks at everything, and tells `report` what began and what is over since the last look. No lock is
/// held meanwhile: `report` may allocate, post and log, but not poll the same monitor:
/// `ESPARTO_REENTERED`, as for two tasks at a time. Sources are the same in every call, in the same
/// order. `report` and `polled` may be null. Not for interrupt handlers: free blocks are walked.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile. There are `count` sources,
/// whose handles nobody ends meanwhile and whose names live for ever. `report` can be called with
/// `context`; `polled` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_monitor_poll(
    monitor: *mut MonitorHandle,
    sources: *const RawSource,
    count: usize,
    report: FindingFunction,
    context: *mut c_void,
    polled: *mut Polled,
) -> Status {
    let poll = || {
        // SAFETY: passed on.
        let (watch, sources) =
            unsafe { (Place::<Watch>::get(monitor)?, Sources::new(sources, count)?) };
        let exchange = |with| {
            critical_section::with(|cs| {
                let place = watch.monitor.borrow(cs).try_borrow_mut();
                place.ok().and_then(|mut place| core::mem::replace(&mut *place, with))
            })
        };
        // Taken out, so that no lock is held.
        let mut taken = exchange(None).ok_or(Status::Reentered)?;
        let outcome = taken.poll(&[&sources], |finding| {
            if let Some(report) = report {
                // SAFETY: passed on.
                unsafe { tell(report, &finding, context) };
            }
        });
        exchange(Some(taken));
        if !polled.is_null() {
            let figures = Polled {
                reading_count: outcome.reading_count,
                trouble_count: outcome.trouble_count,
                beyond_count: outcome.beyond_count,
            };
            // SAFETY: passed on.
            unsafe { put(polled, figures)? };
        }
        Ok(())
    };
    Status::of(poll())
}

/// # Safety
/// `report` can be called with `context`.
unsafe fn tell(
    report: unsafe extern "C" fn(*const RawFinding, *mut c_void),
    finding: &Finding,
    context: *mut c_void,
) {
    let (name, diagnosis, is_over) = match finding {
        Finding::Began { name, trouble } => (*name, trouble.diagnosis(), false),
        Finding::Over { name, diagnosis } => (*name, *diagnosis, true),
        _ => return,
    };
    let mut text = [0 as c_char; 192];
    // SAFETY: this long.
    unsafe { Text::new(text.as_mut_ptr(), text.len()) }.write(finding);
    let told = RawFinding {
        name: name.as_ptr().cast(),
        name_len: name.len(),
        diagnosis: diagnosis.into(),
        is_over,
        text: text.as_ptr(),
    };
    // SAFETY: passed on.
    unsafe { report(&raw const told, context) };
}
