//! The bus: services post events, those who have subscribed receive them.

use core::ffi::{c_char, c_void};

use esparto::bus::{
    Bus, EventType, Message, Overflow, PostError, Priority, Quota, RawEvent, ServiceId, Settings,
    Wait,
};

use crate::handle::{Kind, Place, put};
use crate::name::name;
use crate::tiers::SystemTiers;
use crate::{Status, TiersHandle, tiers};

/// The most services of a bus.
pub const ESPARTO_SERVICE_LIMIT: usize = 16;
/// How many types of events there are: 0 to this less 1.
pub const ESPARTO_EVENT_TYPE_LIMIT: usize = 64;
/// The most events of a bus that are alive at once.
pub const ESPARTO_EVENT_LIMIT: usize = 64;

/// The priorities of events: the lowest. When there is no room, the oldest of these makes some.
pub const ESPARTO_PRIORITY_LOW: u8 = 0;
/// What most events have.
pub const ESPARTO_PRIORITY_NORMAL: u8 = 1;
/// Before normal ones.
pub const ESPARTO_PRIORITY_HIGH: u8 = 2;
/// Before all others.
pub const ESPARTO_PRIORITY_CRITICAL: u8 = 3;

const _: () = {
    assert!(Priority::Low as u8 == ESPARTO_PRIORITY_LOW);
    assert!(Priority::Normal as u8 == ESPARTO_PRIORITY_NORMAL);
    assert!(Priority::High as u8 == ESPARTO_PRIORITY_HIGH);
    assert!(Priority::Critical as u8 == ESPARTO_PRIORITY_CRITICAL);
};

/// A time-out that is never over.
pub const ESPARTO_FOREVER: u32 = u32::MAX;

/// A bus. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct BusHandle {
    /// Private.
    opaque: [u64; 960],
}

pub(crate) type SystemBus =
    Bus<&'static SystemTiers, ESPARTO_SERVICE_LIMIT, ESPARTO_EVENT_TYPE_LIMIT, ESPARTO_EVENT_LIMIT>;

impl Kind for SystemBus {
    const SEAL: usize = 0x4275_7321;
}

/// A received event. Its bytes stay until it is released.
#[repr(C)]
pub struct BusMessage {
    /// The payload; not null, even if it is empty.
    pub data: *const c_void,
    /// Its size.
    pub size_bytes: usize,
    /// Who posted it.
    pub sender: u32,
    /// What kind of event it is.
    pub event_type: u16,
    /// How urgent it is.
    pub priority: u8,
    /// Private.
    opaque: [usize; 10],
}

impl Kind for Message<'static, SystemBus> {
    const SEAL: usize = 0x4D65_7373;
}

/// How a service takes part. Zeroed, it is as if null were given: 16 events of each priority may wait,
/// and there is no quota.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BusSettings {
    /// How many events of each priority may wait; 0 is 16.
    pub depths: [u16; 4],
    /// By priority: is the oldest dropped when there are more? Else the post is refused. Of LOW the
    /// oldest is always dropped.
    pub drops_oldest: [bool; 4],
    /// How many events the service may post at once; 0 is no limit.
    pub burst_count: u16,
    /// After how many milliseconds it may post one more.
    pub interval_ms: u32,
}

impl From<&BusSettings> for Settings {
    fn from(raw: &BusSettings) -> Self {
        let mut settings = Self::new();
        for (at, priority) in Priority::ALL.into_iter().enumerate() {
            if raw.depths[at] != 0 {
                settings = settings.depth(priority, raw.depths[at]);
            }
            if raw.drops_oldest[at] {
                settings = settings.overflow(priority, Overflow::DropOldest);
            }
        }
        match raw.burst_count {
            0 => settings,
            burst => settings.quota(Quota::new(burst, raw.interval_ms)),
        }
    }
}

/// # Safety
/// As for `Place::get`.
pub(crate) unsafe fn get<'h>(bus: *mut BusHandle) -> Result<&'h SystemBus, Status> {
    // SAFETY: passed on.
    unsafe { Place::<SystemBus>::get(bus) }
}

/// Sets a bus up, with payloads in tiers that live as long. It is not started.
///
/// # Safety
/// Both handles are the caller's, and stay where they are until they are ended, the bus first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_init(bus: *mut BusHandle, tiers: *mut TiersHandle) -> Status {
    // SAFETY: passed on.
    let done = unsafe { tiers::get(tiers) }.and_then(|payloads| {
        // SAFETY: passed on.
        unsafe { Place::set(bus, |place| Ok(place.write(SystemBus::new(payloads)))) }
    });
    Status::of(done)
}

/// Ends a bus: stops it if it runs. Messages are to be released before.
///
/// # Safety
/// As for `esparto_bus_init`; nobody uses the bus or a message of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_deinit(bus: *mut BusHandle) -> Status {
    // SAFETY: passed on.
    let done = unsafe {
        Place::<SystemBus>::end(bus, |bus| {
            let _ = bus.stop();
            if bus.stats().alive_count == 0 { Ok(()) } else { Err(Status::InUse) }
        })
    };
    Status::of(done)
}

/// Starts a bus.
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_start(bus: *mut BusHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(bus) }.and_then(|bus| Ok(bus.start()?)))
}

/// Stops a bus: what waits is freed, posts and receives are refused until it is started again.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_stop(bus: *mut BusHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(bus) }.and_then(|bus| Ok(bus.stop()?)))
}

/// Says what time it is, in milliseconds from anywhere; quotas refill by it.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_set_time(bus: *mut BusHandle, now_ms: u32) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { get(bus) }.map(|bus| bus.set_time(now_ms)))
}

/// Registers a service. `settings` may be null.
///
/// # Safety
/// As for `esparto_bus_start`; the name lives for ever, `settings` is null or can be read, `service`
/// is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_register(
    bus: *mut BusHandle,
    service_name: *const c_char,
    service_name_len: usize,
    settings: *const BusSettings,
    service: *mut u32,
) -> Status {
    let register = || {
        if service.is_null() {
            return Err(Status::NullPointer);
        }
        // SAFETY: passed on.
        let (bus, name) = unsafe { (get(bus)?, name(service_name, service_name_len)?) };
        // SAFETY: passed on.
        let settings = unsafe { settings.as_ref() }.map_or_else(Settings::new, Settings::from);
        let id = bus.register(name, settings)?.into_id();
        // SAFETY: passed on.
        unsafe { put(service, id.to_raw()) }
    };
    Status::of(register())
}

/// Unregisters a service; what waits for it is freed.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_unregister(bus: *mut BusHandle, service: u32) -> Status {
    // SAFETY: passed on.
    Status::of(
        unsafe { get(bus) }.and_then(|bus| Ok(bus.unregister(ServiceId::from_raw(service))?)),
    )
}

/// Lets a service get events of a type from now on.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_subscribe(
    bus: *mut BusHandle,
    service: u32,
    event_type: u16,
) -> Status {
    // SAFETY: passed on.
    Status::of(
        unsafe { get(bus) }.and_then(|bus| {
            Ok(bus.subscribe(ServiceId::from_raw(service), EventType(event_type))?)
        }),
    )
}

/// Lets a service get no more events of a type. Those that wait already stay.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_unsubscribe(
    bus: *mut BusHandle,
    service: u32,
    event_type: u16,
) -> Status {
    // SAFETY: passed on.
    Status::of(
        unsafe { get(bus) }.and_then(|bus| {
            Ok(bus.unsubscribe(ServiceId::from_raw(service), EventType(event_type))?)
        }),
    )
}

/// Posts an event: copies the data once, into memory that all subscribers share and that is free again
/// after the last. Never waits. Null with a size of 0 is an event without data.
///
/// # Safety
/// As for `esparto_bus_start`; the data can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_post(
    bus: *mut BusHandle,
    sender: u32,
    event_type: u16,
    data: *const c_void,
    size_bytes: usize,
    priority: u8,
) -> Status {
    let event = raw(sender, event_type, data, size_bytes, priority);
    // SAFETY: passed on.
    Status::of(unsafe { get(bus).and_then(|bus| Ok(bus.post_raw(&event).map(drop)?)) })
}

fn raw(
    sender: u32,
    event_type: u16,
    data: *const c_void,
    size_bytes: usize,
    priority: u8,
) -> RawEvent {
    let (sender, event_type) = (ServiceId::from_raw(sender), EventType(event_type));
    RawEvent { sender, event_type, data: data.cast(), size_bytes, priority }
}

/// As `esparto_bus_post`, from an interrupt handler: in bounded time, from memory that interrupt
/// handlers may use at any time.
///
/// # Safety
/// As for `esparto_bus_post`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_post_from_isr(
    bus: *mut BusHandle,
    sender: u32,
    event_type: u16,
    data: *const c_void,
    size_bytes: usize,
    priority: u8,
) -> Status {
    let event = raw(sender, event_type, data, size_bytes, priority);
    // SAFETY: passed on.
    Status::of(unsafe { get(bus).and_then(|bus| Ok(bus.post_raw_from_isr(&event).map(drop)?)) })
}

/// How a task waits: with a clock in milliseconds, and a way to let others run for a while. Both are
/// called outside of locks.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BusWait {
    /// The time, from anywhere; it may wrap.
    pub now_ms: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
    /// Lets others run, for this long at the most.
    pub wait: Option<unsafe extern "C" fn(limit_ms: u32, context: *mut c_void)>,
    /// Handed to both.
    pub context: *mut c_void,
}

/// A wait with both of its functions.
struct Waiting {
    now_ms: unsafe extern "C" fn(*mut c_void) -> u32,
    wait: unsafe extern "C" fn(u32, *mut c_void),
    context: *mut c_void,
}

impl Waiting {
    /// # Safety
    /// `wait` is null or can be read, and its functions can be called with its context.
    unsafe fn new(wait: *const BusWait) -> Result<Self, Status> {
        // SAFETY: passed on.
        let wait = unsafe { wait.as_ref() }.ok_or(Status::NullPointer)?;
        let (Some(now_ms), Some(function)) = (wait.now_ms, wait.wait) else {
            return Err(Status::NullPointer);
        };
        Ok(Self { now_ms, wait: function, context: wait.context })
    }
}

impl Wait for Waiting {
    fn now_ms(&self) -> u32 {
        // SAFETY: as promised when this was made.
        unsafe { (self.now_ms)(self.context) }
    }

    fn wait(&self, limit_ms: u32) {
        // SAFETY: as promised when this was made.
        unsafe { (self.wait)(limit_ms, self.context) }
    }
}

/// As `esparto_bus_post`, and waits for room for at most `timeout_ms`.
///
/// # Safety
/// As for `esparto_bus_post`; `wait` is null or can be read, and its functions can be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_post_timeout(
    bus: *mut BusHandle,
    sender: u32,
    event_type: u16,
    data: *const c_void,
    size_bytes: usize,
    priority: u8,
    wait: *const BusWait,
    timeout_ms: u32,
) -> Status {
    let event = raw(sender, event_type, data, size_bytes, priority);
    let post = || {
        // SAFETY: passed on.
        unsafe {
            let (bus, wait) = (get(bus)?, Waiting::new(wait)?);
            bus.post_raw_timeout(&event, &wait, timeout_ms)?;
        }
        Ok(())
    };
    Status::of(post())
}

/// # Safety
/// `message` is null or the caller's, and not in use.
unsafe fn hand_out(
    message: *mut BusMessage,
    received: Message<'static, SystemBus>,
) -> Result<(), Status> {
    let bytes = received.bytes();
    let figures = (bytes.as_ptr(), bytes.len());
    let (sender, event_type) = (received.sender().to_raw(), received.event_type().0);
    let priority = received.priority() as u8;
    // SAFETY: not null, checked before there was a message; the fields are the caller's.
    unsafe {
        Place::set(&raw mut (*message).opaque, |place| Ok(place.write(received)))?;
        (&raw mut (*message).data).write(figures.0.cast());
        (&raw mut (*message).size_bytes).write(figures.1);
        (&raw mut (*message).sender).write(sender);
        (&raw mut (*message).event_type).write(event_type);
        (&raw mut (*message).priority).write(priority);
    }
    Ok(())
}

/// # Safety
/// `message` is null or the caller's.
unsafe fn is_vacant(message: *mut BusMessage) -> Result<(), Status> {
    if message.is_null() {
        return Err(Status::NullPointer);
    }
    // SAFETY: not null, and the caller's.
    match unsafe { Place::<Message<'static, SystemBus>>::get(&raw mut (*message).opaque) } {
        Ok(_) => Err(Status::InUse),
        Err(_) => Ok(()),
    }
}

/// The next event of a service, the most urgent first. `ESPARTO_EMPTY` when none waits. The message is
/// the caller's until it is released; `ESPARTO_IN_USE` when it was not released since last time.
///
/// # Safety
/// As for `esparto_bus_start`; `message` is null or the caller's, zeroed to begin with.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_receive(
    bus: *mut BusHandle,
    service: u32,
    message: *mut BusMessage,
) -> Status {
    let receive = || {
        // SAFETY: passed on.
        let bus = unsafe {
            is_vacant(message)?;
            get(bus)?
        };
        let received = bus.try_receive(ServiceId::from_raw(service))?;
        // SAFETY: passed on.
        unsafe { hand_out(message, received) }
    };
    Status::of(receive())
}

/// As `esparto_bus_receive`, and waits for at most `timeout_ms`, or `ESPARTO_FOREVER`. Not for interrupt handlers.
///
/// # Safety
/// As for `esparto_bus_receive`; `wait` is null or can be read, and its functions can be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_receive_timeout(
    bus: *mut BusHandle,
    service: u32,
    message: *mut BusMessage,
    wait: *const BusWait,
    timeout_ms: u32,
) -> Status {
    let receive = || {
        // SAFETY: passed on.
        let (bus, wait) = unsafe {
            is_vacant(message)?;
            (get(bus)?, Waiting::new(wait)?)
        };
        let limit_ms = (timeout_ms != ESPARTO_FOREVER).then_some(timeout_ms);
        let received = bus.receive_timeout(ServiceId::from_raw(service), &wait, limit_ms)?;
        // SAFETY: passed on.
        unsafe { hand_out(message, received) }
    };
    Status::of(receive())
}

/// Lets go of a message; its memory is free after the last who received it.
///
/// # Safety
/// `message` is null or the caller's; its data is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_message_release(message: *mut BusMessage) -> Status {
    if message.is_null() {
        return Status::NullPointer;
    }
    // SAFETY: not null, and the caller's.
    let released = unsafe {
        Place::<Message<'static, SystemBus>>::end(&raw mut (*message).opaque, |_| Ok(()))
    };
    Status::of(released)
}

/// A bus at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct BusStats {
    /// Does it run?
    pub is_started: bool,
    /// Events posted, those that nobody had subscribed to included.
    pub posted_count: u32,
    /// Events received; one that several subscribers received counts for each.
    pub delivered_count: u32,
    /// Events that a subscriber lost.
    pub dropped_count: u32,
    /// Posts refused.
    pub refused_count: u32,
    /// Events alive: waiting, or being looked at.
    pub alive_count: usize,
    /// The most that were ever alive at once.
    pub peak_count: usize,
    /// The services registered.
    pub service_count: usize,
}

/// The figures of a bus.
///
/// # Safety
/// As for `esparto_bus_start`; `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_stats(bus: *mut BusHandle, stats: *mut BusStats) -> Status {
    // SAFETY: passed on.
    let done = unsafe { get(bus) }.and_then(|bus| {
        let now = bus.stats();
        let figures = BusStats {
            is_started: now.is_started,
            posted_count: now.posted_count,
            delivered_count: now.delivered_count,
            dropped_count: now.dropped_count,
            refused_count: now.refused.total(),
            alive_count: now.alive_count,
            peak_count: now.peak_count,
            service_count: now.service_count,
        };
        // SAFETY: passed on.
        unsafe { put(stats, figures) }
    });
    Status::of(done)
}

/// How many posts were refused for a reason, which is a status that `esparto_bus_post` returns.
///
/// # Safety
/// As for `esparto_bus_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_bus_refused_count(bus: *mut BusHandle, reason: i32) -> u32 {
    let Some(example) = EXAMPLES.iter().find(|&&example| Status::from(example) as i32 == reason)
    else {
        return 0;
    };
    // SAFETY: passed on.
    unsafe { get(bus) }.map_or(0, |bus| bus.stats().refused.by(*example))
}

/// One of each kind.
const EXAMPLES: [PostError; 10] = [
    PostError::NotStarted,
    PostError::NullData { size_bytes: 0 },
    PostError::UnknownPriority { priority: 0 },
    PostError::UnknownSender { sender: ServiceId::from_raw(0) },
    PostError::UnknownType { event_type: EventType(0), type_count: 0 },
    PostError::TooLarge { size_bytes: 0, limit_bytes: 0 },
    PostError::NoMemory { size_bytes: 0 },
    PostError::QueueFull { service: ServiceId::from_raw(0), priority: Priority::Low, depth: 0 },
    PostError::Quota { sender: ServiceId::from_raw(0), retry_after_ms: 0 },
    PostError::TimedOut { timeout_ms: 0 },
];
