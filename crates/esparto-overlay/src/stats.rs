//! What the loader did, counted.

use core::fmt;

/// What the loader did since it was set up. Counts and sums wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stats {
    /// Times that code was brought into a slot.
    pub load_count: u32,
    /// Times that a request found the code mapped. Calls through stubs that find it are not counted:
    /// they cost nothing.
    pub hit_count: u32,
    /// Times that code gave way to other code.
    pub eviction_count: u32,
    /// Times that a load failed.
    pub failure_count: u32,
    /// Loads that found code back for a return or a `longjmp` into it.
    pub restore_count: u32,
    /// Bytes that came from the storage.
    pub read_bytes: u32,
    /// Bytes of code that were stored.
    pub code_bytes: u32,
    /// Bytes of data and zeros that were stored.
    pub data_bytes: u32,
    /// Ticks in the storage.
    pub read_ticks: u32,
    /// Ticks in checksums.
    pub verify_ticks: u32,
    /// Ticks in relocating and copying.
    pub copy_ticks: u32,
    /// Ticks in making code visible to the instruction fetch.
    pub sync_ticks: u32,
    /// Ticks in constructors and destructors.
    pub construct_ticks: u32,
}

impl Stats {
    /// Of a loader that did nothing yet.
    pub(crate) const NONE: Self = Self {
        load_count: 0,
        hit_count: 0,
        eviction_count: 0,
        failure_count: 0,
        restore_count: 0,
        read_bytes: 0,
        code_bytes: 0,
        data_bytes: 0,
        read_ticks: 0,
        verify_ticks: 0,
        copy_ticks: 0,
        sync_ticks: 0,
        construct_ticks: 0,
    };

    /// Takes over what was spent on one overlay.
    pub(crate) fn take(&mut self, spent: &mut Self) {
        for (sum, more) in self.words_mut().iter_mut().zip(spent.words_mut()) {
            *sum = sum.wrapping_add(core::mem::take(more));
        }
    }

    fn words_mut(&mut self) -> &mut [u32] {
        bytemuck::cast_slice_mut(core::slice::from_mut(self))
    }
}

/// A line of counts, one of bytes and one of ticks by phase, each figure with its unit.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} loads, {} of them for a return; {} hits, {} evictions, {} failures",
            self.load_count,
            self.restore_count,
            self.hit_count,
            self.eviction_count,
            self.failure_count
        )?;
        writeln!(
            f,
            "{} bytes read, {} bytes of code and {} of data stored",
            self.read_bytes, self.code_bytes, self.data_bytes
        )?;
        write!(
            f,
            "ticks: read {}, verify {}, copy {}, sync {}, construct {}",
            self.read_ticks,
            self.verify_ticks,
            self.copy_ticks,
            self.sync_ticks,
            self.construct_ticks
        )
    }
}

// SAFETY: words and nothing else, of which all may be zero.
unsafe impl bytemuck::Zeroable for Stats {}
// SAFETY: words and nothing else, as C lays them out.
unsafe impl bytemuck::Pod for Stats {}

/// Something that happened, for a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Code is in a slot and can be called.
    Loaded {
        /// The overlay's number.
        overlay: u16,
        /// The slot.
        slot: u16,
        /// How much executable memory it takes.
        code_bytes: u32,
    },
    /// Code gave way.
    Evicted {
        /// The overlay's number.
        overlay: u16,
        /// The slot.
        slot: u16,
    },
    /// An overlay was unloaded: its data is gone.
    Unloaded {
        /// The overlay's number.
        overlay: u16,
    },
}
