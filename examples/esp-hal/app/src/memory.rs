//! The chip's memory, in Esparto's hands.

use core::mem::MaybeUninit;

use esp_println::println;
use esparto::Memory;
use esparto_chips::Chip;
use esparto_esp::AddError;

/// All of it.
#[global_allocator]
pub static MEMORY: Memory<4> = Memory::new();

esparto_esp::radio_symbols!(MEMORY);

/// What of the SRAM is the heap's from the start.
pub const SRAM_BYTES: usize = 96 << 10;

/// What of the bootloader's memory is the heap's once that is over. The rest is the overlays'.
pub const RECLAIMED_BYTES: usize = 20 << 10;

/// Gives the stretches to the memory, with what the chip's map says of their addresses, and tells.
///
/// # Errors
/// One is not memory of this chip.
pub fn add<const COUNT: usize>(
    chip: &'static Chip,
    stretches: [(&'static str, &'static mut [MaybeUninit<u8>]); COUNT],
) -> Result<(), AddError> {
    for (name, stretch) in stretches {
        let len_bytes = stretch.len();
        let id = esparto_esp::add(&MEMORY, chip, name, stretch)?;
        println!("region {name}: {len_bytes} bytes, {:?}", MEMORY.region_caps(id));
    }
    Ok(())
}
