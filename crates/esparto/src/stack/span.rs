//! The memory of a stack, whoever keeps it.

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

use crate::region::trimmed;

use super::{GuardError, GuardRange, StackBreach, StackError, StackUnit};

/// What an unused word of a stack holds.
const PAINT: u32 = 0xE57A_C0DE;

/// What the canary is made of. Each word is mixed with its address, so that the words of one stack
/// copied over another are noticed.
const CANARY: u32 = 0xB17E_57AC;

/// The memory of a stack: painted, with a canary at its end.
///
/// Reading it is sound while a task runs on the stack: words are read one by one, as memory that
/// others change.
pub struct StackSpan {
    name: &'static str,
    /// Aligned and trimmed to `ALIGN_BYTES`, initialised by `paint`.
    memory: NonNull<[u8]>,
}

// SAFETY: the memory moves along with whoever keeps it; a span only ever reads it after `paint`.
unsafe impl Send for StackSpan {}
// SAFETY: as above; volatile reads of single words.
unsafe impl Sync for StackSpan {}

impl StackSpan {
    /// Both ends of a stack are multiples of this: what the ABIs of RISC-V and Xtensa ask of a
    /// stack pointer.
    pub const ALIGN_BYTES: usize = 16;

    /// What the canary takes of a stack.
    pub const CANARY_BYTES: usize = CANARY_COUNT * WORD_BYTES;

    /// The least that can be a stack: the canary and one frame.
    pub const MIN_BYTES: usize = Self::CANARY_BYTES + Self::ALIGN_BYTES;

    pub(super) fn ensure_size(name: &'static str, len_bytes: usize) -> Result<(), StackError> {
        let needed_bytes = Self::MIN_BYTES;
        if len_bytes < needed_bytes {
            return Err(StackError::TooSmall { name, len_bytes, needed_bytes });
        }
        Ok(())
    }

    /// Trims `memory`, paints it and sets the canary.
    ///
    /// # Safety
    /// The memory is valid for reads and writes and belongs to the span alone, as long as that
    /// lives.
    pub(super) unsafe fn paint(
        name: &'static str,
        memory: NonNull<[u8]>,
    ) -> Result<Self, StackError> {
        let memory = trimmed(memory, Self::ALIGN_BYTES);
        Self::ensure_size(name, memory.len())?;
        let span = Self { name, memory };
        for index in 0..span.word_count() {
            let word = if index < CANARY_COUNT { span.canary(index) } else { PAINT };
            // SAFETY: the memory is ours alone and aligned, and `index` stays inside.
            unsafe { span.word(index).write(word) };
        }
        Ok(span)
    }

    /// The name of the task, for people and for breaches.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The lowest address. A stack pointer below it is an overrun.
    #[must_use]
    pub const fn start(&self) -> NonNull<u8> {
        self.memory.cast()
    }

    /// One past the highest byte: what the stack pointer starts with.
    #[must_use]
    pub const fn top(&self) -> NonNull<u8> {
        // SAFETY: one past the memory.
        unsafe { self.start().add(self.memory.len()) }
    }

    /// The addresses of the stack.
    #[must_use]
    pub fn addrs(&self) -> Range<usize> {
        let start_addr = self.start().addr().get();
        start_addr..start_addr + self.memory.len()
    }

    /// The length, the canary included.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.memory.len()
    }

    /// What a task may use: the length without the canary.
    #[must_use]
    pub const fn usable_bytes(&self) -> usize {
        self.memory.len() - Self::CANARY_BYTES
    }

    /// What was never used, canary aside. O(unused words). Words that a frame reserves and leaves
    /// alone count as unused: only [`check`](Self::check) says that a stack did not overrun.
    #[must_use]
    pub fn unused_bytes(&self) -> usize {
        let painted =
            (CANARY_COUNT..self.word_count()).take_while(|&index| self.read(index) == PAINT);
        painted.count() * WORD_BYTES
    }

    /// What was never used, in the unit that the system counts in: see [`StackUnit`].
    #[must_use]
    pub fn unused(&self, unit: StackUnit) -> usize {
        unit.count(self.unused_bytes())
    }

    /// The most that was ever in use. O(unused words).
    #[must_use]
    pub fn high_water_bytes(&self) -> usize {
        self.usable_bytes() - self.unused_bytes()
    }

    /// Looks at the canary: four loads and compares. On demand, or whenever the task is switched
    /// away from.
    ///
    /// # Errors
    /// [`StackBreach::Canary`]: the task ran over the end of its stack.
    pub fn check(&self) -> Result<(), StackBreach> {
        // From the top: the first that an overrun gets to.
        for index in (0..CANARY_COUNT).rev() {
            let (expected, actual) = (self.canary(index), self.read(index));
            if expected != actual {
                let addr = self.addrs().start + index * WORD_BYTES;
                return Err(StackBreach::Canary { name: self.name, addr, expected, actual });
            }
        }
        Ok(())
    }

    /// Looks at the canary and at the stack pointer of a task that is not running: it finds frames
    /// that jumped over the canary too.
    ///
    /// # Errors
    /// [`StackBreach::Pointer`]; as for [`check`](Self::check).
    pub fn check_at(&self, sp_addr: usize) -> Result<(), StackBreach> {
        self.check_pointer(sp_addr)?;
        self.check()
    }

    /// Looks at the stack pointer alone and touches no memory of the stack: for interrupts, in which
    /// that of a stack in external memory may not answer.
    ///
    /// # Errors
    /// [`StackBreach::Pointer`].
    pub fn check_pointer(&self, sp_addr: usize) -> Result<(), StackBreach> {
        let Range { start, end } = self.addrs();
        let limit_addr = start + Self::CANARY_BYTES;
        // A stack pointer at the top is an empty stack.
        if sp_addr < limit_addr || sp_addr > end {
            return Err(StackBreach::Pointer {
                name: self.name,
                sp_addr,
                limit_addr,
                end_addr: end,
            });
        }
        Ok(())
    }

    /// The lowest range of `size_bytes` in the stack that starts at a multiple of its size: what a
    /// watchpoint ([`GuardRange::WATCHPOINT_BYTES`]) and a PMP entry can be set to. What lies below
    /// it, the canary as a rule, is lost to the task then.
    ///
    /// Arm it for stores only, or check canaries with it disarmed: the canary may lie inside.
    ///
    /// # Errors
    /// [`GuardError`]: no such size, or more than half of the stack would be gone.
    pub fn guard(&self, size_bytes: usize) -> Result<GuardRange, GuardError> {
        GuardRange::inside(self, size_bytes)
    }

    fn word_count(&self) -> usize {
        self.memory.len() / WORD_BYTES
    }

    fn canary(&self, index: usize) -> u32 {
        // Truncated on hosts: any part of the address will do.
        CANARY ^ self.word(index).addr().get() as u32
    }

    fn word(&self, index: usize) -> NonNull<u32> {
        // SAFETY: callers stay below the count of words.
        unsafe { self.memory.cast::<u32>().add(index) }
    }

    fn read(&self, index: usize) -> u32 {
        // SAFETY: (span invariant) every word was initialised, and stays ours as long as we live.
        // Volatile: the task may be changing it.
        unsafe { self.word(index).read_volatile() }
    }
}

const WORD_BYTES: usize = size_of::<u32>();
const CANARY_COUNT: usize = 4;

impl fmt::Debug for StackSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.addrs();
        write!(f, "{} {start:#010x}..{end:#010x}", self.name)
    }
}

/// Writes `NAME: 320 of 2032 bytes used, 1712 bytes (428 words of 4) never used`.
impl fmt::Display for StackSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unused_bytes, usable_bytes) = (self.unused_bytes(), self.usable_bytes());
        write!(
            f,
            "{}: {} of {usable_bytes} bytes used, {unused_bytes} bytes ({} words of {}) never used",
            self.name,
            usable_bytes - unused_bytes,
            StackUnit::Words.count(unused_bytes),
            StackUnit::WORD_BYTES,
        )
    }
}
