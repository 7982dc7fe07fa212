//! Writing executable memory: aligned 32-bit words and nothing else.
//!
//! Where the core fetches an instruction and where a store reaches the same bytes are two addresses
//! on some chips, and the words lie in reverse order on one. A [`Writer`] knows the way.

/// Stores words where the instruction bus will see them.
///
/// The loader hands over addresses as the instruction bus counts them, multiples of 4, each once
/// and in ascending order.
pub trait Writer {
    /// Stores one word.
    ///
    /// # Safety
    /// `exec_addr` is a multiple of 4 and a word of a slot that nothing executes.
    unsafe fn store(&mut self, exec_addr: u32, word: u32);

    /// Makes what was stored visible to the instruction fetch. Called once, after the last word.
    fn sync(&mut self, exec_addr: u32, len_bytes: u32);
}

/// Stores one word with one instruction.
///
/// # Safety
/// `addr` is a multiple of 4 and memory that takes 32-bit stores.
#[inline(always)]
unsafe fn store_word(addr: u32, word: u32) {
    let place = core::ptr::with_exposed_provenance_mut::<u32>(addr as usize);
    // SAFETY: as promised by the caller; volatile, so that no compiler makes a `memcpy` of it.
    unsafe { place.write_volatile(word) };
}

/// Orders stores before the instruction fetch: `fence; fence.i` on RISC-V, `memw; isync` on Xtensa,
/// nothing elsewhere.
#[inline]
pub fn sync_instructions() {
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: the two order memory and have no other effect.
    unsafe {
        core::arch::asm!("fence", ".word 0x0000100f", options(nostack));
    }
    #[cfg(target_arch = "xtensa")]
    // SAFETY: the two order memory and have no other effect.
    unsafe {
        core::arch::asm!("memw", "isync", options(nostack));
    }
    #[cfg(not(any(target_arch = "riscv32", target_arch = "riscv64", target_arch = "xtensa")))]
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

/// The same address for data and instructions: ESP32 (IRAM), C6, H2, C5, C61, ESP8266.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Writer for Direct {
    #[inline(always)]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        // SAFETY: as promised by the caller.
        unsafe { store_word(exec_addr, word) };
    }

    #[inline]
    fn sync(&mut self, _exec_addr: u32, _len_bytes: u32) {
        sync_instructions();
    }
}

/// Code is written through a data address at a fixed distance: S2, S3, C2, C3.
#[derive(Clone, Copy, Debug)]
pub struct Alias<W = Direct> {
    distance: u32,
    data: W,
}

impl Alias {
    /// Instruction addresses are `distance` bytes above the data addresses of the same bytes.
    #[must_use]
    pub const fn new(distance: u32) -> Self {
        Self::over(Direct, distance)
    }
}

impl<W> Alias<W> {
    /// The same, with the data bus stored to by `data`.
    #[must_use]
    pub const fn over(data: W, distance: u32) -> Self {
        Self { distance, data }
    }
}

impl<W: Writer> Writer for Alias<W> {
    #[inline(always)]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        // SAFETY: the same word, by its data address.
        unsafe { self.data.store(exec_addr.wrapping_sub(self.distance), word) };
    }

    #[inline]
    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        self.data.sync(exec_addr, len_bytes);
    }
}

/// Code is written through data addresses that count the other way, word by word: the D/IRAM of the
/// ESP32.
#[derive(Clone, Copy, Debug)]
pub struct Inverted<W = Direct> {
    sum: u32,
    data: W,
}

impl Inverted {
    /// The instruction bus sees the first word of the memory at `exec_start_addr`; the data bus
    /// sees the same word last, just below `data_end_addr`.
    #[must_use]
    pub const fn new(exec_start_addr: u32, data_end_addr: u32) -> Self {
        Self::over(Direct, exec_start_addr, data_end_addr)
    }
}

impl<W> Inverted<W> {
    /// The same, with the data bus stored to by `data`.
    #[must_use]
    pub const fn over(data: W, exec_start_addr: u32, data_end_addr: u32) -> Self {
        let sum = exec_start_addr.wrapping_add(data_end_addr).wrapping_sub(4);
        Self { sum, data }
    }
}

impl<W: Writer> Writer for Inverted<W> {
    #[inline(always)]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        // SAFETY: the same word, by its data address.
        unsafe { self.data.store(self.sum.wrapping_sub(exec_addr), word) };
    }

    #[inline]
    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        self.data.sync(exec_addr, len_bytes);
    }
}

/// Code behind a cache (PSRAM, the P4's SRAM): stored as `W` stores, then `sync` writes the data
/// cache back and invalidates the instruction cache over the instruction addresses it is given
/// (`esp_cache_msync` with C2M, then M2C, or the ROM's functions).
#[derive(Clone, Copy, Debug)]
pub struct Cached<W> {
    writer: W,
    write_back: fn(exec_addr: u32, len_bytes: u32),
}

impl<W: Writer> Cached<W> {
    /// Stores as `writer` does, with `write_back` in front of its synchronization.
    #[must_use]
    pub const fn new(writer: W, write_back: fn(exec_addr: u32, len_bytes: u32)) -> Self {
        Self { writer, write_back }
    }
}

impl<W: Writer> Writer for Cached<W> {
    #[inline(always)]
    unsafe fn store(&mut self, exec_addr: u32, word: u32) {
        // SAFETY: as promised by the caller.
        unsafe { self.writer.store(exec_addr, word) };
    }

    fn sync(&mut self, exec_addr: u32, len_bytes: u32) {
        (self.write_back)(exec_addr, len_bytes);
        self.writer.sync(exec_addr, len_bytes);
    }
}
