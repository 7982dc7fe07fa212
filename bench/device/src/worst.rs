//! The dearest single operation of each kind.

use crate::jobs::{Bench, Block};
use crate::report::Line;
use crate::timing::timed_call;
use crate::work::{ALLOCATE, FREE};

/// The alignment of every block, which costs nothing.
const PLAIN_ALIGN: usize = 4;

/// The dearest operation of a kind, and which it was.
#[derive(Clone, Copy, Default)]
struct Dearest {
    instructions: usize,
    op_index: usize,
}

impl Dearest {
    fn add(&mut self, instructions: usize, op_index: usize) {
        if instructions > self.instructions {
            *self = Self { instructions, op_index };
        }
    }
}

impl Bench<'_> {
    /// Does the operations and says what the dearest of each kind cost. Those that find no memory
    /// count like the others.
    pub(crate) fn worst(&self) {
        if !self.start(self.job.arena_bytes as usize) {
            return Line::new("worst").text("failed", "it does not start on this arena").end();
        }
        let mut dearest = [Dearest::default(); 5];
        let [allocate, aligned, free, grow, shrink] = &mut dearest;
        for (index, &op) in self.ops.iter().enumerate() {
            let block = self.block(op.slot());
            let size = op.size as usize;
            match op.kind() {
                ALLOCATE => {
                    let align = op.align();
                    // SAFETY: the subject's function, with the arguments of its type.
                    let timed =
                        unsafe { timed_call(size, align, 0, 0, self.calls.alloc as *const ()) };
                    let ptr = core::ptr::with_exposed_provenance_mut(timed.value);
                    *block = Block { ptr, size, align };
                    let kind = if align > PLAIN_ALIGN { &mut *aligned } else { &mut *allocate };
                    kind.add(timed.instructions, index);
                }
                _ if block.ptr.is_null() => {}
                FREE => {
                    let at = block.ptr.expose_provenance();
                    let call = self.calls.dealloc as *const ();
                    // SAFETY: the subject's function; the block is live, and is so no more.
                    let timed = unsafe { timed_call(at, block.size, block.align, 0, call) };
                    block.ptr = core::ptr::null_mut();
                    free.add(timed.instructions, index);
                }
                _ => {
                    let at = block.ptr.expose_provenance();
                    let call = self.calls.resize_in_place as *const ();
                    // SAFETY: the subject's function; the block is live.
                    let timed = unsafe { timed_call(at, block.size, block.align, size, call) };
                    let kind = if size >= block.size { &mut *grow } else { &mut *shrink };
                    kind.add(timed.instructions, index);
                    // A `bool` is the low byte.
                    if timed.value & 0xff != 0 {
                        block.size = size;
                    }
                }
            }
        }
        const KEYS: [[&str; 2]; 5] = [
            ["allocate", "allocate_at"],
            ["aligned", "aligned_at"],
            ["free", "free_at"],
            ["grow", "grow_at"],
            ["shrink", "shrink_at"],
        ];
        let mut line = Line::new("worst");
        for (one, keys) in dearest.iter().zip(KEYS) {
            line =
                line.number(keys[0], one.instructions as u64).number(keys[1], one.op_index as u64);
        }
        line.end();
    }
}
