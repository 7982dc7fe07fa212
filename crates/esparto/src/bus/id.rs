//! Who posts, what, and how urgent it is.

use core::fmt;

/// What kind of event it is. The user numbers the kinds from 0; a bus knows as many as it has
/// places for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(pub u16);

/// A registered service: who posts, and whose queue it is.
///
/// Says which registration it was, too, so that the number of a service that is gone names nobody,
/// not the one that came after it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceId(u32);

impl ServiceId {
    /// Registrations count from 1.
    pub(super) const NOBODY: Self = Self(0);
    /// Of a registration, 24 bits count.
    pub(super) const LAST_REGISTRATION: u32 = u32::MAX >> 8;

    pub(super) const fn new(index: usize, registration: u32) -> Self {
        Self(registration << 8 | (index as u32 & 0xff))
    }

    pub(super) const fn index(self) -> usize {
        (self.0 & 0xff) as usize
    }

    const fn registration(self) -> u32 {
        self.0 >> 8
    }

    /// As a plain number, for C.
    #[must_use]
    pub const fn to_raw(self) -> u32 {
        self.0
    }

    /// From the plain number. One that no registration made is refused wherever it is used.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.registration())
    }
}

impl fmt::Debug for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceId({self})")
    }
}

/// How urgent an event is. A receiver gets the most urgent first, and equals in the order in which
/// they were posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// May be lost when there are too many.
    Low = 0,
    /// What most events are.
    #[default]
    Normal = 1,
    /// Before all of those.
    High = 2,
    /// Before everything.
    Critical = 3,
}

impl Priority {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// All, the least urgent first.
    pub const ALL: [Self; Self::COUNT] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// From its number, as C gives it.
    #[must_use]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            0 => Some(Self::Low),
            1 => Some(Self::Normal),
            2 => Some(Self::High),
            3 => Some(Self::Critical),
            _ => None,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        })
    }
}
