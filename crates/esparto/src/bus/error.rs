//! Why the bus refused something. Nothing changed but a counter.

use core::fmt;

use super::{EventType, Priority, ServiceId};

/// Why an event was not posted. Nobody got it, and its memory is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostError {
    /// The bus was not started, or was stopped.
    NotStarted,
    /// No data, but a size (C only).
    NullData {
        /// The size given.
        size_bytes: usize,
    },
    /// No such priority (C only).
    UnknownPriority {
        /// The number given.
        priority: u8,
    },
    /// The sender is not registered, or not any more.
    UnknownSender {
        /// The sender given.
        sender: ServiceId,
    },
    /// The bus has no place for this type.
    UnknownType {
        /// The type given.
        event_type: EventType,
        /// How many types the bus knows.
        type_count: usize,
    },
    /// No memory there is could ever hold the payload.
    TooLarge {
        /// The payload.
        size_bytes: usize,
        /// The largest that could.
        limit_bytes: usize,
    },
    /// There is no memory for the payload now.
    NoMemory {
        /// The payload.
        size_bytes: usize,
    },
    /// As many events are alive as the bus has places for, and none of them may be dropped.
    TooManyEvents {
        /// The places.
        event_count: usize,
    },
    /// A subscriber's queue is full, and its events of this priority may not be dropped.
    QueueFull {
        /// The subscriber.
        service: ServiceId,
        /// The priority.
        priority: Priority,
        /// The bound of that queue.
        depth: u16,
    },
    /// The sender has posted as much as it may.
    Quota {
        /// The sender.
        sender: ServiceId,
        /// How long it is until it may post one more.
        retry_after_ms: u32,
    },
    /// What stood in the way stood there until the time was over.
    TimedOut {
        /// The time that the poster would wait.
        timeout_ms: u32,
    },
}

impl PostError {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 11;

    /// Their names, by number.
    pub(super) const KINDS: [&'static str; Self::COUNT] = [
        "not started",
        "null data",
        "unknown priority",
        "unknown sender",
        "unknown type",
        "too large",
        "no memory",
        "too many events",
        "queue full",
        "quota",
        "timed out",
    ];

    /// The number of the kind.
    pub(super) const fn kind(&self) -> usize {
        match self {
            Self::NotStarted => 0,
            Self::NullData { .. } => 1,
            Self::UnknownPriority { .. } => 2,
            Self::UnknownSender { .. } => 3,
            Self::UnknownType { .. } => 4,
            Self::TooLarge { .. } => 5,
            Self::NoMemory { .. } => 6,
            Self::TooManyEvents { .. } => 7,
            Self::QueueFull { .. } => 8,
            Self::Quota { .. } => 9,
            Self::TimedOut { .. } => 10,
        }
    }

    /// May the same post succeed when others have received or given back something?
    #[must_use]
    pub const fn is_want_of_room(&self) -> bool {
        matches!(self, Self::NoMemory { .. } | Self::TooManyEvents { .. } | Self::QueueFull { .. })
    }
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotStarted => f.write_str("the bus is not started"),
            Self::NullData { size_bytes } => {
                write!(f, "{size_bytes} bytes of data at a null pointer: give a size of 0")
            }
            Self::UnknownPriority { priority } => {
                write!(f, "there is no priority {priority}: give 0 to {}", Priority::COUNT - 1)
            }
            Self::UnknownSender { sender } => {
                write!(f, "service {sender} is not registered: register it first")
            }
            Self::UnknownType { event_type, type_count } => write!(
                f,
                "event type {} is unknown: the bus has types 0 to {}, give it more",
                event_type.0,
                type_count.saturating_sub(1)
            ),
            Self::TooLarge { size_bytes, limit_bytes } => write!(
                f,
                "a payload of {size_bytes} bytes fits nowhere: no block is larger than {limit_bytes}"
            ),
            Self::NoMemory { size_bytes } => {
                write!(f, "there is no memory for a payload of {size_bytes} bytes now")
            }
            Self::TooManyEvents { event_count } => write!(
                f,
                "all {event_count} events are alive: receivers are late, or the bus needs more places"
            ),
            Self::QueueFull { service, priority, depth } => {
                write!(f, "the {priority} queue of service {service} is full with {depth} events")
            }
            Self::Quota { sender, retry_after_ms } => write!(
                f,
                "service {sender} has used its quota up: it may post again in {retry_after_ms} ms"
            ),
            Self::TimedOut { timeout_ms } => {
                write!(f, "there was no room for the event for {timeout_ms} ms")
            }
        }
    }
}

impl core::error::Error for PostError {}

/// Why there is no event to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The bus was not started, or was stopped.
    NotStarted,
    /// The service is not registered, or not any more.
    UnknownService {
        /// The service given.
        service: ServiceId,
    },
    /// Nothing waits for this service.
    Empty,
    /// Nothing came until the time was over.
    TimedOut {
        /// The time that the receiver would wait.
        timeout_ms: u32,
    },
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotStarted => f.write_str("the bus is not started"),
            Self::UnknownService { service } => {
                write!(f, "service {service} is not registered: register it first")
            }
            Self::Empty => f.write_str("no event waits"),
            Self::TimedOut { timeout_ms } => write!(f, "no event came for {timeout_ms} ms"),
        }
    }
}

impl core::error::Error for ReceiveError {}

/// Why a service was not registered, or did not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceError {
    /// Every place for a service is taken.
    TooMany {
        /// The places.
        service_count: usize,
    },
    /// A queue that may hold nothing.
    NoDepth {
        /// Its priority.
        priority: Priority,
    },
    /// The service is not registered, or not any more.
    UnknownService {
        /// The service given.
        service: ServiceId,
    },
    /// The bus has no place for this type.
    UnknownType {
        /// The type given.
        event_type: EventType,
        /// How many types the bus knows.
        type_count: usize,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooMany { service_count } => {
                write!(f, "all {service_count} places for services are taken")
            }
            Self::NoDepth { priority } => {
                write!(f, "the {priority} queue has a depth of 0: give it at least 1")
            }
            Self::UnknownService { service } => {
                write!(f, "service {service} is not registered: register it first")
            }
            Self::UnknownType { event_type, type_count } => write!(
                f,
                "event type {} is unknown: the bus has types 0 to {}, give it more",
                event_type.0,
                type_count.saturating_sub(1)
            ),
        }
    }
}

impl core::error::Error for ServiceError {}

/// Why the bus was not started or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifeError {
    /// It runs already.
    Started,
    /// It does not run.
    NotStarted,
    /// Another context is stopping it right now.
    Stopping,
}

impl fmt::Display for LifeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "the bus is started already",
            Self::NotStarted => "the bus is not started",
            Self::Stopping => "the bus is being stopped",
        })
    }
}

impl core::error::Error for LifeError {}

/// The payload is not a value of the type asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The size of a value.
    pub expected_bytes: usize,
    /// The size of the payload.
    pub actual_bytes: usize,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected_bytes, actual_bytes } = self;
        write!(f, "the payload has {actual_bytes} bytes, a value has {expected_bytes}")
    }
}

impl core::error::Error for ValueError {}
