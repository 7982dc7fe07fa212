//! The least that a firmware with overlays has: stubs that load, evict and find back, and files in
//! memory.
//!
//! Together with `blank` it tells how much resident code the loader is: what this program has more.
#![no_std]
#![no_main]

use board_virt::{exit, stack};
use esparto_overlay::{Direct, LoadError, MemoryStore, Overlays, Platform, Resident};
use overlay::{Place, REFUSED, calls};

type All = Overlays<MemoryStore<'static>, Direct, Board, Resident, 2, 32>;

static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();

/// What every firmware answers, in its shortest form.
struct Board;

impl Platform for Board {
    fn in_interrupt(&self) -> bool {
        false
    }

    fn stack_end_addr(&self) -> usize {
        stack::in_use().end
    }

    fn refused(&self, _overlay: usize, _error: &LoadError) -> u32 {
        REFUSED
    }

    fn lost(&self, _overlay: usize, _error: &LoadError) -> ! {
        exit::failure()
    }
}

/// What C and C++ firmware needs: from here on stubs load what they call.
fn install() -> Result<(), LoadError> {
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let made = Overlays::new(MemoryStore::new(&[]), Direct, Board, Resident::new()?, bounce)?;
    place.write(made).install()
}

#[board_virt::entry]
fn main() -> ! {
    if install().is_ok() && calls::bulk(1) as u32 == REFUSED {
        exit::success()
    } else {
        exit::failure()
    }
}
