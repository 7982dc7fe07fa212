//! Floating-point arguments and answers on their way through the loader: on a core with registers for them.
//!
//! Prints `ok`.
#![no_std]
#![no_main]

use board_virt::{exit, println};
use esparto_overlay::{Direct, Overlays, Resident, Store, StoreError};
use overlay::{Files, Machine, Place};

type All = Overlays<Floating, Direct, Machine, Resident, 1, 2>;

static BOUNCE: Place<[u32; 1024]> = Place::new();
static ALL: Place<All> = Place::new();

unsafe extern "C" {
    /// A sum of all, each counted twice as much as the one before. From the overlay `blend`.
    safe fn blend(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32) -> f32;
    /// Three times and a half more: from `blend` by way of `tilt`, which takes its slot.
    safe fn sway(value: f32) -> f32;
}

/// Files whose driver computes with floats, as any may: nothing in their registers lasts.
struct Floating(Files);

impl Store for Floating {
    type File = <Files as Store>::File;

    fn open(&mut self, name: &str) -> Result<Self::File, StoreError> {
        self.0.open(name)
    }

    fn len_bytes(&mut self, file: &Self::File) -> Result<u32, StoreError> {
        self.0.len_bytes(file)
    }

    fn read_at(
        &mut self,
        file: &mut Self::File,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        let outcome = self.0.read_at(file, offset, buffer);
        // SAFETY: registers that a call may change, all of them.
        unsafe {
            core::arch::asm!(
                "li t0, 0x7fc00000",
                ".irp reg, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7, ft0, ft1, ft2, ft3, ft4, ft5, \
                 ft6, ft7, ft8, ft9, ft10, ft11",
                "fmv.w.x \\reg, t0",
                ".endr",
                clobber_abi("C"),
                options(nostack)
            );
        }
        outcome
    }

    fn close(&mut self, file: Self::File) {
        self.0.close(file);
    }
}

#[board_virt::entry]
fn main() -> ! {
    let files = Files::of_command_line().expect("the overlays are in a folder of the host");
    let files = Floating(files);
    let tables = Resident::new().unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: nothing else touches these places, and this runs once.
    let (bounce, place) = unsafe { (BOUNCE.take().write([0; 1024]), ALL.take()) };
    let made = Overlays::new(files, Direct, Machine::new(), tables, bounce);
    let all = place.write(made.unwrap_or_else(|error| panic!("{error}")));
    all.install().unwrap_or_else(|error| panic!("{error}"));
    for loads in [1, 3, 5] {
        let sum = blend(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5);
        assert_eq!(sum, 1.5 + 5.0 + 14.0 + 36.0 + 88.0 + 208.0 + 480.0 + 1088.0, "loads {loads}");
        assert_eq!(sway(sum), 3.0 * sum + 0.5);
        assert_eq!(all.stats().load_count, loads + 2, "there and back");
    }
    println!("ok");
    exit::success()
}
