//! The jobs as the host writes them. Held in step with `bench/src/job.rs`.

/// The first words of the job file.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: u32,
    pub(crate) job_count: u32,
    pub(crate) ops_offset: u32,
    pub(crate) ops_count: u32,
}

pub(crate) const MAGIC: u32 = 0x4553_504a;

/// Do the operations, and say what each kind cost.
pub(crate) const MEASURE: u32 = 0;
/// Do the operations with every block filled, checked and kept apart from the others.
pub(crate) const VERIFY: u32 = 1;
/// Do the operations until the first that fails, and say how much was live.
pub(crate) const FILL: u32 = 2;
/// Find the smallest arena in which no operation fails.
pub(crate) const FIT: u32 = 3;
/// Do the operations, resizing in place only, and say what the dearest of each kind cost.
pub(crate) const WORST: u32 = 4;

/// One job.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) kind: u32,
    /// The arena, the subject's statics included.
    pub(crate) arena_bytes: u32,
    pub(crate) first_op: u32,
    pub(crate) op_count: u32,
    /// How many of the operations are not measured: the warming up.
    pub(crate) warm_count: u32,
    /// The blocks that can be live at once.
    pub(crate) slot_count: u32,
    /// `FIT`: no smaller arena can do.
    pub(crate) low_bytes: u32,
    pub(crate) reserved: u32,
}

/// One operation: kind in bits 30–31, log2 of the alignment in bits 25–29, slot in bits 0–24.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Op {
    word: u32,
    pub(crate) size: u32,
}

pub(crate) const ALLOCATE: u32 = 0;
pub(crate) const FREE: u32 = 1;

impl Op {
    /// Allocate, free, or (anything else) reallocate.
    pub(crate) fn kind(self) -> u32 {
        self.word >> 30
    }

    pub(crate) fn align(self) -> usize {
        1 << (self.word >> 25 & 0x1f)
    }

    pub(crate) fn slot(self) -> usize {
        (self.word & 0x1ff_ffff) as usize
    }
}
