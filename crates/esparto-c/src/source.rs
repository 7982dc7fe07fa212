//! What a monitor or a trace looks at.

use core::ffi::{c_char, c_void};

use esparto::monitor::{Named, Reading, Snapshot, Source};

use crate::caps::caps;
use crate::name::name;
use crate::system::MEMORY;
use crate::text::Text;
use crate::{Status, bus, pool, stack, tiers};

/// Every region by itself.
pub const ESPARTO_SOURCE_MEMORY: u8 = 0;
/// All regions that have `caps`, as one; `name` is for people.
pub const ESPARTO_SOURCE_CAPS: u8 = 1;
/// A pool: `what` is its handle, and `name` for people.
pub const ESPARTO_SOURCE_POOL: u8 = 2;
/// Every class of tiers: `what` is their handle.
pub const ESPARTO_SOURCE_TIERS: u8 = 3;
/// A stack: `what` is its handle.
pub const ESPARTO_SOURCE_STACK: u8 = 4;
/// A bus: `what` is its handle, and `name` for people.
pub const ESPARTO_SOURCE_BUS: u8 = 5;

/// Something to look at.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawSource {
    /// One of `ESPARTO_SOURCE_`.
    pub kind: u8,
    /// What its regions have, of `ESPARTO_SOURCE_CAPS`.
    pub caps: u16,
    /// Its handle, of those that have one.
    pub what: *mut c_void,
    /// Its name, of those that have none themselves; lives for ever.
    pub name: *const c_char,
    /// The length of the name.
    pub name_len: usize,
}

impl RawSource {
    /// Shows the readings to `take`.
    ///
    /// # Safety
    /// `what` is null or a handle of that kind, and `name` is null or text that lives for ever.
    unsafe fn read(&self, take: &mut dyn FnMut(Reading)) -> Result<(), Status> {
        // SAFETY: passed on.
        let label = || unsafe { name(self.name, self.name_len) };
        // SAFETY: passed on; every handle says itself whether it is one.
        unsafe {
            match self.kind {
                ESPARTO_SOURCE_MEMORY => MEMORY.read(take),
                ESPARTO_SOURCE_CAPS => {
                    Named::new(label()?, &MEMORY).with_caps(caps(self.caps)?).read(take);
                }
                ESPARTO_SOURCE_POOL => {
                    Named::new(label()?, pool::get(self.what.cast())?).read(take);
                }
                ESPARTO_SOURCE_TIERS => tiers::get(self.what.cast())?.read(take),
                ESPARTO_SOURCE_STACK => stack::get(self.what.cast())?.read(take),
                ESPARTO_SOURCE_BUS => {
                    Named::new(label()?, bus::get(self.what.cast())?).read(take);
                }
                _ => return Err(Status::NotFound),
            }
        }
        Ok(())
    }
}

/// Sources of which each was found to be one.
pub(crate) struct Sources<'s>(&'s [RawSource]);

impl<'s> Sources<'s> {
    /// # Safety
    /// There are `count` sources (or `sources` is null), and what they name is not ended meanwhile.
    pub(crate) unsafe fn new(sources: *const RawSource, count: usize) -> Result<Self, Status> {
        if sources.is_null() || !sources.is_aligned() {
            return Err(Status::NullPointer);
        }
        if count > isize::MAX as usize / size_of::<RawSource>() {
            return Err(Status::TooMany);
        }
        // SAFETY: passed on.
        let sources = unsafe { core::slice::from_raw_parts(sources, count) };
        for source in sources {
            // SAFETY: passed on.
            unsafe { source.read(&mut |_| ())? };
        }
        Ok(Self(sources))
    }
}

impl Source for Sources<'_> {
    fn read(&self, take: &mut dyn FnMut(Reading)) {
        for source in self.0 {
            // SAFETY: as promised when this was made; what was one is one.
            let _ = unsafe { source.read(take) };
        }
    }
}

/// All figures of all sources, a line for each. Returns the length of the whole text, as `snprintf`
/// does; 0 when one of the sources is none.
///
/// # Safety
/// There are `count` sources, whose handles nobody ends meanwhile and whose names live for ever.
/// `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_snapshot_describe(
    sources: *const RawSource,
    count: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    let Ok(sources) = (unsafe { Sources::new(sources, count) }) else { return 0 };
    // SAFETY: passed on.
    unsafe { Text::new(buffer, size) }.write(Snapshot(&[&sources]))
}
