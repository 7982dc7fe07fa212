//! A chip's memory as regions.

use core::fmt;
use core::mem::MaybeUninit;

use esparto::{Caps, Heap, Memory, RegionError, RegionId, Sink};
use esparto_chips::Chip;

/// Why a stretch of memory did not become a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// The chip has no memory for data there.
    Unknown {
        /// Where it is.
        addr: u32,
        /// The chip.
        chip: &'static str,
    },
    /// The memory does not take it.
    Region(RegionError),
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { addr, chip } => write!(
                f,
                "{chip} has no memory for data at {addr:#010x}: name the chip that this runs on"
            ),
            Self::Region(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AddError {}

/// Gives `stretch` to `memory` as a region called `name`, with the capabilities that `chip` has at its
/// address. Not [`EXEC`](Caps::EXEC): what a heap hands out by its data address is data.
///
/// # Errors
/// [`AddError`]; the stretch is lost then, and nothing else.
pub fn add<const N: usize, S: Sink>(
    memory: &'static Memory<N, S>,
    chip: &'static Chip,
    name: &'static str,
    stretch: &'static mut [MaybeUninit<u8>],
) -> Result<RegionId, AddError> {
    let addr = stretch.as_ptr().addr();
    let unknown = AddError::Unknown { addr: addr as u32, chip: chip.title };
    let start_addr = u32::try_from(addr).map_err(|_| unknown)?;
    let region = chip.region_at(start_addr).filter(|region| {
        let holds_all = stretch.len() <= (region.range.end_addr() - start_addr) as usize;
        holds_all && region.caps.contains(Caps::BYTE)
    });
    let caps = region.ok_or(unknown)?.caps.difference(Caps::EXEC);
    memory.add_static::<Heap>(name, stretch, caps).map_err(AddError::Region)
}
