//! What a firmware tells the simulator: `slti x0, x0, NUMBER`, which does nothing on any core.
//! `docs/sim.md` has the numbers.

#[cfg(target_arch = "riscv32")]
use core::arch::asm;

macro_rules! hint {
    ($number:literal, $a0:expr, $a1:expr, $a2:expr) => {
        #[cfg(target_arch = "riscv32")]
        // SAFETY: the instruction changes nothing; its operands are only looked at.
        unsafe {
            asm!(
                concat!("slti x0, x0, ", $number),
                in("a0") $a0,
                in("a1") $a1,
                in("a2") $a2,
                options(nostack, preserves_flags)
            )
        }
        // Only the simulator's cores have somebody to tell.
        #[cfg(not(target_arch = "riscv32"))]
        let _ = ($a0, $a1, $a2);
    };
}

/// A block was allocated.
#[inline(always)]
pub fn allocated(addr: usize, size_bytes: usize, owner: u16) {
    hint!("0x7E1", addr, size_bytes, u32::from(owner));
}

/// A block was freed.
#[inline(always)]
pub fn freed(addr: usize) {
    hint!("0x7E2", addr, 0, 0);
}

/// A block has another size, and perhaps another place.
#[inline(always)]
pub fn resized(old_addr: usize, addr: usize, size_bytes: usize) {
    hint!("0x7E3", old_addr, addr, size_bytes);
}

/// A region is an allocator's.
#[inline(always)]
pub fn heap(addr: usize, size_bytes: usize, caps: esparto::Caps) {
    hint!("0x7E4", addr, size_bytes, u32::from(caps.bits()));
}

/// This is the stack from now on, of the task `owner`.
#[inline(always)]
pub fn stack(addr: usize, size_bytes: usize, owner: u16) {
    hint!("0x7E5", addr, size_bytes, u32::from(owner));
}

/// A task, or whoever else owns blocks, is called `text`.
#[inline(always)]
pub fn name(owner: u16, text: &'static str) {
    hint!("0x7EA", u32::from(owner), text.as_ptr(), text.len());
}

/// A device reads or writes a buffer.
#[inline(always)]
pub fn dma(addr: usize, size_bytes: usize) {
    hint!("0x7E7", addr, size_bytes, 0);
}

/// An overlay was evicted.
#[inline(always)]
pub fn evicted(addr: usize, size_bytes: usize) {
    hint!("0x7E9", addr, size_bytes, 0);
}

/// An overlay was loaded.
#[inline(always)]
pub fn loaded(addr: usize, size_bytes: usize) {
    hint!("0x7E8", addr, size_bytes, 0);
}
