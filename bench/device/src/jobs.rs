//! Doing the jobs.

use crate::boot::Calls;
use crate::memory::{self, Statics};
use crate::report::Line;
use crate::timing::{Costs, Timed, timed_call};
use crate::work::{ALLOCATE, FILL, FIT, FREE, Header, Job, MAGIC, MEASURE, Op, VERIFY, WORST};

/// A block as the harness remembers it. `ptr` is null when the slot is empty.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) ptr: *mut u8,
    pub(crate) size: usize,
    pub(crate) align: usize,
}

/// The finest step in the search for the smallest arena.
const FIT_STEP: usize = 16;

/// Does every job that the host left, in order. Returns the exit code.
#[doc(hidden)]
#[inline(never)]
pub fn run(name: &str, max_align: usize, calls: &Calls) -> u32 {
    let statics = Statics::keep();
    // SAFETY: the host loads a job file there before the core starts.
    let header = unsafe { &*memory::jobs::<Header>() };
    if header.magic != MAGIC {
        Line::new("error").text("reason", "no job file was loaded").end();
        return 1;
    }
    // SAFETY: the jobs follow the header, the operations lie at their offset: the host's promise.
    let (jobs, ops) = unsafe {
        let base = memory::jobs::<u8>();
        (
            core::slice::from_raw_parts(
                base.add(size_of::<Header>()).cast::<Job>(),
                header.job_count as usize,
            ),
            core::slice::from_raw_parts(
                base.add(header.ops_offset as usize).cast::<Op>(),
                header.ops_count as usize,
            ),
        )
    };
    Line::new("hello")
        .text("name", name)
        .number("static_bytes", statics.len_bytes() as u64)
        .number("max_align", max_align as u64)
        .end();
    for job in jobs {
        let first = job.first_op as usize;
        let bench =
            Bench { calls, statics: &statics, job, ops: &ops[first..][..job.op_count as usize] };
        match job.kind {
            MEASURE => bench.measure(),
            VERIFY => bench.verify(),
            FILL => bench.fill(),
            FIT => bench.fit(),
            WORST => bench.worst(),
            _ => Line::new("error").text("reason", "unknown kind of job").end(),
        }
    }
    Line::new("done").end();
    0
}

pub(crate) struct Bench<'a> {
    pub(crate) calls: &'a Calls,
    statics: &'a Statics,
    pub(crate) job: &'a Job,
    pub(crate) ops: &'a [Op],
}

impl Bench<'_> {
    /// A fresh subject on a fresh arena, an empty table.
    pub(crate) fn start(&self, arena_bytes: usize) -> bool {
        self.statics.reset();
        let Some(len) = arena_bytes.checked_sub(self.statics.len_bytes()) else { return false };
        for slot in 0..self.job.slot_count as usize {
            *self.block(slot) = Block { ptr: core::ptr::null_mut(), size: 0, align: 1 };
        }
        // SAFETY: the arena is the subject's alone; whatever was there is gone with the statics.
        unsafe { (self.calls.init)(memory::arena(), len) }
    }

    #[allow(clippy::mut_from_ref)]
    pub(crate) fn block(&self, slot: usize) -> &mut Block {
        // SAFETY: the table's memory is the harness's own and every slot is initialised by `start`;
        // no reference is held across two calls.
        unsafe { &mut *memory::table::<Block>().add(slot) }
    }

    fn measure(&self) {
        if !self.start(self.job.arena_bytes as usize) {
            return Line::new("measure").text("failed", "it does not start on this arena").end();
        }
        let control = (self.calls.arena_control_bytes)();
        let mut costs = [Costs::new(0), Costs::new(1), Costs::new(2)];
        let mut failed_count = 0;
        for (index, &op) in self.ops.iter().enumerate() {
            let block = self.block(op.slot());
            let size = op.size as usize;
            let (timed, kind) = match op.kind() {
                ALLOCATE => {
                    let timed = self.timed_asking(size, op.align(), 0, 0, self.calls.alloc as _);
                    *block = Block {
                        ptr: core::ptr::with_exposed_provenance_mut(timed.value),
                        size,
                        align: op.align(),
                    };
                    (timed, 0)
                }
                _ if block.ptr.is_null() => continue,
                FREE => {
                    // SAFETY: the subject's function; the block is live, and is so no more.
                    let timed = unsafe {
                        timed_call(
                            block.ptr.expose_provenance(),
                            block.size,
                            block.align,
                            0,
                            self.calls.dealloc as *const (),
                        )
                    };
                    block.ptr = core::ptr::null_mut();
                    (timed, 1)
                }
                _ => {
                    let at = block.ptr.expose_provenance();
                    let call = self.calls.realloc as *const ();
                    let timed = self.timed_asking(at, block.size, block.align, size, call);
                    if timed.value != 0 {
                        block.ptr = core::ptr::with_exposed_provenance_mut(timed.value);
                        block.size = size;
                    }
                    (timed, 2)
                }
            };
            if kind != 1 && timed.value == 0 {
                failed_count += 1;
            } else if index >= self.job.warm_count as usize {
                costs[kind].add(timed.instructions, index);
            }
        }
        let mut line = Line::new("measure")
            .number("arena_control_bytes", control as u64)
            .number("failed_count", failed_count);
        const KEYS: [[&str; 5]; 3] = [
            ["alloc_count", "alloc_sum", "alloc_max", "alloc_p99", "alloc_max_at"],
            ["free_count", "free_sum", "free_max", "free_p99", "free_max_at"],
            ["realloc_count", "realloc_sum", "realloc_max", "realloc_p99", "realloc_max_at"],
        ];
        for (cost, keys) in costs.iter().zip(KEYS) {
            line = line
                .number(keys[0], cost.count)
                .number(keys[1], cost.sum)
                .number(keys[2], cost.max as u64)
                .number(keys[3], cost.p99() as u64)
                .number(keys[4], cost.max_at as u64);
        }
        line.end();
    }

    /// Calls a function that allocates; when it is refused, lets the subject do what it put off, step
    /// by step, and asks again. All of that is counted.
    fn timed_asking(&self, a: usize, b: usize, c: usize, d: usize, call: *const ()) -> Timed {
        let mut instructions = 0;
        loop {
            // SAFETY: the subject's function, with the arguments of its type; what it resizes is live.
            let timed = unsafe { timed_call(a, b, c, d, call) };
            instructions += timed.instructions;
            if timed.value == 0 {
                // SAFETY: the subject's function, without arguments.
                let settled = unsafe { timed_call(0, 0, 0, 0, self.calls.settle as *const ()) };
                // A `bool` is the low byte.
                if settled.value & 0xff != 0 {
                    instructions += settled.instructions;
                    continue;
                }
            }
            return Timed { value: timed.value, instructions };
        }
    }

    /// Does one operation untimed, and what was put off if it fails without. `false` when it failed.
    fn step(&self, op: Op) -> bool {
        while !self.step_once(op) {
            // SAFETY: the subject was started.
            if !unsafe { (self.calls.settle)() } {
                return false;
            }
        }
        true
    }

    fn step_once(&self, op: Op) -> bool {
        let block = self.block(op.slot());
        let size = op.size as usize;
        // SAFETY: what the harness got is what it resizes and gives back, once.
        unsafe {
            match op.kind() {
                ALLOCATE => {
                    let ptr = (self.calls.alloc)(size, op.align());
                    *block = Block { ptr, size, align: op.align() };
                    !ptr.is_null()
                }
                _ if block.ptr.is_null() => true,
                FREE => {
                    (self.calls.dealloc)(block.ptr, block.size, block.align);
                    block.ptr = core::ptr::null_mut();
                    true
                }
                _ => {
                    let ptr = (self.calls.realloc)(block.ptr, block.size, block.align, size);
                    if !ptr.is_null() {
                        block.ptr = ptr;
                        block.size = size;
                    }
                    !ptr.is_null()
                }
            }
        }
    }

    fn live_bytes(&self) -> usize {
        (0..self.job.slot_count as usize)
            .map(|slot| self.block(slot))
            .filter(|block| !block.ptr.is_null())
            .map(|block| block.size)
            .sum()
    }

    fn fill(&self) {
        if !self.start(self.job.arena_bytes as usize) {
            return Line::new("fill").text("failed", "it does not start on this arena").end();
        }
        for (index, &op) in self.ops.iter().enumerate() {
            if !self.step(op) {
                let live_bytes = self.live_bytes() as u64;
                return Line::new("fill")
                    .number("live_bytes", live_bytes)
                    .number("op_index", index as u64)
                    .end();
            }
        }
        Line::new("fill").text("failed", "the work ended before the memory did").end();
    }

    fn fits(&self, arena_bytes: usize) -> bool {
        self.start(arena_bytes) && self.ops.iter().all(|&op| self.step(op))
    }

    fn fit(&self) {
        let mut low = self.job.low_bytes as usize / FIT_STEP;
        let mut high = self.job.arena_bytes as usize / FIT_STEP;
        if !self.fits(high * FIT_STEP) {
            return Line::new("fit").text("failed", "the largest arena tried is too small").end();
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.fits(middle * FIT_STEP) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Line::new("fit").number("arena_bytes", (high * FIT_STEP) as u64).end();
    }

    fn verify(&self) {
        if !self.start(self.job.arena_bytes as usize) {
            return Line::new("verify").text("failed", "it does not start on this arena").end();
        }
        let arena_end = self.job.arena_bytes as usize - self.statics.len_bytes();
        let mut failed_count = 0;
        for (index, &op) in self.ops.iter().enumerate() {
            let before = *self.block(op.slot());
            let fault = |reason| {
                Line::new("verify").text("failed", reason).number("op_index", index as u64).end();
            };
            if op.kind() != ALLOCATE && !intact(before, before.size, op.slot()) {
                return fault("a live block was overwritten");
            }
            if !self.step(op) {
                failed_count += 1;
                continue;
            }
            let after = *self.block(op.slot());
            if after.ptr.is_null() {
                continue;
            }
            if after.ptr.addr() & (after.align - 1) != 0 {
                return fault("a block is not aligned as asked");
            }
            let inside = after.ptr.addr().checked_sub(memory::arena().addr());
            if inside.is_none_or(|at| at + after.size > arena_end) {
                return fault("a block lies outside the arena");
            }
            if op.kind() != ALLOCATE && !intact(after, before.size.min(after.size), op.slot()) {
                return fault("a resized block lost its contents");
            }
            for at in 0..after.size {
                // SAFETY: the block is live and the harness's.
                unsafe { after.ptr.add(at).write(pattern(op.slot(), at)) };
            }
        }
        for slot in 0..self.job.slot_count as usize {
            let block = *self.block(slot);
            if !intact(block, block.size, slot) {
                return Line::new("verify").text("failed", "a live block was overwritten").end();
            }
        }
        Line::new("verify").number("failed_count", failed_count).end();
    }
}

/// What byte `at` of the block in `slot` is filled with. Two blocks that overlap disagree.
fn pattern(slot: usize, at: usize) -> u8 {
    (slot.wrapping_mul(0x9e37_79b1) >> 24) as u8 ^ (at as u8).wrapping_mul(0x35)
}

/// Whether the first `len` bytes of the block in `slot` are as they were filled.
fn intact(block: Block, len: usize, slot: usize) -> bool {
    // SAFETY: the block is live and was filled.
    block.ptr.is_null()
        || (0..len).all(|at| unsafe { block.ptr.add(at).read() } == pattern(slot, at))
}
