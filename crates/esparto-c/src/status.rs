//! What a function says about its outcome.

use core::ffi::c_char;

use esparto::{AllocError, RegionError, SizedError, bus, pool, stack, tiers};

/// The outcome of a call. Numbers never change; new ones are added behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Status {
    /// It was done.
    Ok = 0,
    /// A pointer that must not be null is.
    NullPointer = 1,
    /// A size or a count is 0.
    ZeroSize = 2,
    /// A product or a sum of sizes is more than the address space.
    Overflow = 3,
    /// An alignment is no power of two, or too small or large here.
    BadAlign = 4,
    /// A capability that does not exist, or memory without the one that is needed.
    BadCaps = 5,
    /// A name is too long or no printable ASCII.
    BadName = 6,
    /// A handle that was not set up, was ended or moved, or is of another kind.
    BadHandle = 7,
    /// A handle or a region that is there already.
    AlreadyInitialised = 8,
    /// Called from inside another operation of the same memory.
    Reentered = 9,
    /// No such region, class or service.
    NotFound = 10,
    /// Blocks are in use.
    InUse = 11,
    /// Start or length of memory is not aligned.
    Misaligned = 12,
    /// Memory or blocks are too small for this.
    TooSmall = 13,
    /// More than can be managed, or than the largest region has.
    TooLarge = 14,
    /// Every place is taken.
    TooMany = 15,
    /// No region has what the request requires.
    NoRegion = 16,
    /// There is no free block for it now.
    Exhausted = 17,
    /// A region overlaps another one.
    Overlaps = 18,
    /// No internal region has room for a control block.
    NoInternalMemory = 19,
    /// A pointer that is not of this memory or pool.
    Foreign = 20,
    /// A pointer into a block, not at its start.
    Interior = 21,
    /// A block that is free already.
    Repeated = 22,
    /// Not a live block: foreign, interior or freed twice.
    NotABlock = 23,
    /// Bookkeeping or a free block was written over.
    Corrupt = 24,
    /// A stack was overrun.
    StackOverrun = 25,
    /// Too little is free, or it is in too many pieces, or a class is full or failed.
    Unhealthy = 26,
    /// There is more to check: call again.
    More = 27,
    /// Something that this version has no name for.
    Other = 28,
    /// The bus is not started, or was stopped.
    NotStarted = 29,
    /// There is no such priority.
    BadPriority = 30,
    /// The service is not registered.
    UnknownService = 31,
    /// The bus has no events of this type.
    UnknownType = 32,
    /// No event waits.
    Empty = 33,
    /// A queue of a subscriber is full.
    QueueFull = 34,
    /// The sender has used its quota up.
    Quota = 35,
    /// There was nothing, or no room, until the time was over.
    TimedOut = 36,
    /// There is no memory for the payload now.
    NoMemory = 37,
    /// Called from an interrupt handler, where that is not allowed.
    InInterrupt = 38,
    /// The firmware was not made by the packer, or by that of another release.
    NotPacked = 39,
    /// There is no such file on the storage.
    NoFile = 40,
    /// The storage could not be read.
    StorageFailed = 41,
    /// A file of an overlay is damaged, cut off or none.
    BadImage = 42,
    /// A file is of another overlay, build, chip, core, slot or place.
    WrongImage = 43,
    /// The overlay was unloaded: load it first.
    Unloaded = 44,
}

/// The names by number, one behind the other: one piece, which the linker drops when nobody asks.
static NAMES: [u8; NAMES_TEXT.len()] = *NAMES_TEXT;

const NAMES_TEXT: &[u8; 825] = b"\
ESPARTO_OK\0ESPARTO_NULL_POINTER\0ESPARTO_ZERO_SIZE\0ESPARTO_OVERFLOW\0\
ESPARTO_BAD_ALIGN\0ESPARTO_BAD_CAPS\0ESPARTO_BAD_NAME\0ESPARTO_BAD_HANDLE\0\
ESPARTO_ALREADY_INITIALISED\0ESPARTO_REENTERED\0ESPARTO_NOT_FOUND\0ESPARTO_IN_USE\0\
ESPARTO_MISALIGNED\0ESPARTO_TOO_SMALL\0ESPARTO_TOO_LARGE\0ESPARTO_TOO_MANY\0\
ESPARTO_NO_REGION\0ESPARTO_EXHAUSTED\0ESPARTO_OVERLAPS\0ESPARTO_NO_INTERNAL_MEMORY\0\
ESPARTO_FOREIGN\0ESPARTO_INTERIOR\0ESPARTO_REPEATED\0ESPARTO_NOT_A_BLOCK\0\
ESPARTO_CORRUPT\0ESPARTO_STACK_OVERRUN\0ESPARTO_UNHEALTHY\0ESPARTO_MORE\0ESPARTO_OTHER\0\
ESPARTO_NOT_STARTED\0ESPARTO_BAD_PRIORITY\0ESPARTO_UNKNOWN_SERVICE\0\
ESPARTO_UNKNOWN_TYPE\0ESPARTO_EMPTY\0ESPARTO_QUEUE_FULL\0ESPARTO_QUOTA\0\
ESPARTO_TIMED_OUT\0ESPARTO_NO_MEMORY\0\
ESPARTO_IN_INTERRUPT\0ESPARTO_NOT_PACKED\0ESPARTO_NO_FILE\0ESPARTO_STORAGE_FAILED\0\
ESPARTO_BAD_IMAGE\0ESPARTO_WRONG_IMAGE\0ESPARTO_UNLOADED\0\
";

/// The name of a status, as in the header; `"ESPARTO_UNKNOWN"` for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn esparto_status_name(status: i32) -> *const c_char {
    let names = NAMES.split_inclusive(|&byte| byte == 0);
    let name = usize::try_from(status).ok().and_then(|at| names.into_iter().nth(at));
    name.unwrap_or(b"ESPARTO_UNKNOWN\0").as_ptr().cast()
}

impl Status {
    /// The one with the largest number.
    const LAST: Self = Self::Unloaded;

    /// The status of a number, if it is one.
    pub(crate) fn from_raw(number: i32) -> Option<Self> {
        // SAFETY: the numbers are without a gap, and the last one is the largest.
        (0..=Self::LAST as i32).contains(&number).then(|| unsafe { core::mem::transmute(number) })
    }

    pub(crate) fn of(result: Result<(), Self>) -> Self {
        result.err().unwrap_or(Self::Ok)
    }
}

impl From<AllocError> for Status {
    fn from(error: AllocError) -> Self {
        match error {
            AllocError::ZeroSize => Self::ZeroSize,
            AllocError::NoRegion { .. } => Self::NoRegion,
            AllocError::TooLarge { .. } => Self::TooLarge,
            AllocError::Exhausted { .. } => Self::Exhausted,
            AllocError::Reentered => Self::Reentered,
            _ => Self::Other,
        }
    }
}

impl From<SizedError> for Status {
    fn from(error: SizedError) -> Self {
        match error {
            SizedError::NotABlock { .. } => Self::NotABlock,
            SizedError::Alloc(error) => error.into(),
            _ => Self::Other,
        }
    }
}

impl From<RegionError> for Status {
    fn from(error: RegionError) -> Self {
        match error {
            RegionError::Empty { .. } => Self::ZeroSize,
            RegionError::Misaligned { .. } => Self::Misaligned,
            RegionError::Wraps { .. } => Self::Overflow,
            RegionError::NotByteAddressable { .. } => Self::BadCaps,
            RegionError::Duplicate { .. } => Self::AlreadyInitialised,
            RegionError::Overlaps { .. } => Self::Overlaps,
            RegionError::TooMany { .. } => Self::TooMany,
            RegionError::TooSmall { .. } => Self::TooSmall,
            RegionError::TooLarge { .. } => Self::TooLarge,
            RegionError::NoInternalMemory { .. } => Self::NoInternalMemory,
            RegionError::Reentered => Self::Reentered,
            _ => Self::Other,
        }
    }
}

impl From<pool::ShapeError> for Status {
    fn from(error: pool::ShapeError) -> Self {
        match error {
            pool::ShapeError::Zero { .. } => Self::ZeroSize,
            pool::ShapeError::BlockTooSmall { .. } => Self::TooSmall,
            pool::ShapeError::Align { .. } => Self::BadAlign,
            pool::ShapeError::TooMany { .. } => Self::TooMany,
            pool::ShapeError::TooLarge { .. } => Self::Overflow,
            _ => Self::Other,
        }
    }
}

impl From<pool::InitError> for Status {
    fn from(error: pool::InitError) -> Self {
        match error {
            pool::InitError::AlreadyInitialised => Self::AlreadyInitialised,
            pool::InitError::Misaligned { .. } => Self::Misaligned,
            pool::InitError::TooSmall { .. } => Self::TooSmall,
            pool::InitError::NoMemory(error) => error.into(),
            _ => Self::Other,
        }
    }
}

impl From<pool::FreeError> for Status {
    fn from(error: pool::FreeError) -> Self {
        match error {
            pool::FreeError::NotInitialised => Self::BadHandle,
            pool::FreeError::Foreign { .. } => Self::Foreign,
            pool::FreeError::Interior { .. } => Self::Interior,
            pool::FreeError::Repeated { .. } => Self::Repeated,
            _ => Self::Other,
        }
    }
}

impl From<pool::DeinitError> for Status {
    fn from(error: pool::DeinitError) -> Self {
        match error {
            pool::DeinitError::NotInitialised => Self::BadHandle,
            pool::DeinitError::InUse { .. } => Self::InUse,
            _ => Self::Other,
        }
    }
}

impl From<tiers::InitError> for Status {
    fn from(error: tiers::InitError) -> Self {
        match error {
            tiers::InitError::AlreadyInitialised => Self::AlreadyInitialised,
            tiers::InitError::Class { error, .. } => error.into(),
            tiers::InitError::NoMemory { error, .. } => error.into(),
            _ => Self::Other,
        }
    }
}

impl From<tiers::DeinitError> for Status {
    fn from(error: tiers::DeinitError) -> Self {
        match error {
            tiers::DeinitError::NotInitialised => Self::BadHandle,
            tiers::DeinitError::InUse { .. } => Self::InUse,
            _ => Self::Other,
        }
    }
}

impl From<stack::StackError> for Status {
    fn from(error: stack::StackError) -> Self {
        match error {
            stack::StackError::TooSmall { .. } => Self::TooSmall,
            stack::StackError::TooLarge { .. } => Self::TooLarge,
            stack::StackError::NoMemory { error, .. } => error.into(),
            _ => Self::Other,
        }
    }
}

impl From<bus::PostError> for Status {
    fn from(error: bus::PostError) -> Self {
        match error {
            bus::PostError::NotStarted => Self::NotStarted,
            bus::PostError::NullData { .. } => Self::NullPointer,
            bus::PostError::UnknownPriority { .. } => Self::BadPriority,
            bus::PostError::UnknownSender { .. } => Self::UnknownService,
            bus::PostError::UnknownType { .. } => Self::UnknownType,
            bus::PostError::TooLarge { .. } => Self::TooLarge,
            bus::PostError::NoMemory { .. } => Self::NoMemory,
            bus::PostError::TooManyEvents { .. } => Self::TooMany,
            bus::PostError::QueueFull { .. } => Self::QueueFull,
            bus::PostError::Quota { .. } => Self::Quota,
            bus::PostError::TimedOut { .. } => Self::TimedOut,
            _ => Self::Other,
        }
    }
}

impl From<bus::ReceiveError> for Status {
    fn from(error: bus::ReceiveError) -> Self {
        match error {
            bus::ReceiveError::NotStarted => Self::NotStarted,
            bus::ReceiveError::UnknownService { .. } => Self::UnknownService,
            bus::ReceiveError::Empty => Self::Empty,
            bus::ReceiveError::TimedOut { .. } => Self::TimedOut,
            _ => Self::Other,
        }
    }
}

impl From<bus::ServiceError> for Status {
    fn from(error: bus::ServiceError) -> Self {
        match error {
            bus::ServiceError::TooMany { .. } => Self::TooMany,
            bus::ServiceError::NoDepth { .. } => Self::ZeroSize,
            bus::ServiceError::UnknownService { .. } => Self::UnknownService,
            bus::ServiceError::UnknownType { .. } => Self::UnknownType,
            _ => Self::Other,
        }
    }
}

impl From<bus::LifeError> for Status {
    fn from(error: bus::LifeError) -> Self {
        match error {
            bus::LifeError::Started => Self::AlreadyInitialised,
            bus::LifeError::NotStarted => Self::NotStarted,
            _ => Self::InUse,
        }
    }
}
