//! `bare` with all of the loader's front: pins, names, typed functions, prefetch, unloading, statistics.
#![no_std]
#![no_main]

use board_virt::{exit, stack};
use esparto_overlay::{Direct, Function, LoadError, MemoryStore, Overlays, Platform, Resident};
use overlay::calls::{self, IntFunction};
use overlay::{Place, REFUSED};

type All = Overlays<MemoryStore<'static>, Direct, Board, Resident, 2, 32>;

static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();

// SAFETY: `bulk` exports `int bulk(int)`.
static BULK: Function<IntFunction> = unsafe { Function::new("bulk", "bulk") };

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

/// Everything that the loader offers, and whether each refused, as it does without files.
fn all_refuse() -> Result<bool, LoadError> {
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let made = Overlays::new(MemoryStore::new(&[]), Direct, Board, Resident::new()?, bounce)?;
    let all = &*place.write(made);
    all.install()?;
    let bulk = all.find("bulk")?;
    // SAFETY: the caller is resident.
    let at_top = unsafe { all.load_at_top(bulk) };
    Ok(at_top.is_err()
        && all.load(bulk).is_err()
        && all.prefetch(bulk).is_err()
        && all.pin(bulk).is_err()
        && BULK.pin(all).is_err()
        && all.call(&BULK, |bulk| bulk(1)).is_err()
        && all.unload(bulk).is_ok()
        && !all.is_mapped(bulk)
        && all.stats().failure_count == 4)
}

#[board_virt::entry]
fn main() -> ! {
    match all_refuse() {
        Ok(true) if calls::bulk(1) as u32 == REFUSED => exit::success(),
        _ => exit::failure(),
    }
}
