//! A list of operations that every allocator is given alike.

/// One operation. Slots name blocks: they are reused, so that the device's table stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Ask for a block and keep it in `slot`.
    Allocate { slot: u32, size_bytes: u32, align_log2: u8 },
    /// Give back the block in `slot`.
    Free { slot: u32 },
    /// Change the size of the block in `slot`.
    Resize { slot: u32, size_bytes: u32 },
}

/// Operations under construction, with the account of what they keep live.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) ops: Vec<Op>,
    /// The operations before this one only bring the heap to where measuring begins.
    pub(crate) warm_count: usize,
    sizes: Vec<u32>,
    empty: Vec<u32>,
    live_bytes: u64,
    peak_bytes: u64,
}

impl Script {
    /// Asks for a block, returns its slot.
    pub(crate) fn allocate(&mut self, size_bytes: u32, align: u32) -> u32 {
        let slot = self.empty.pop().unwrap_or_else(|| {
            self.sizes.push(0);
            u32::try_from(self.sizes.len() - 1).expect("a script has fewer blocks")
        });
        self.sizes[slot as usize] = size_bytes;
        let align_log2 = u8::try_from(align.trailing_zeros()).expect("at most 31");
        self.ops.push(Op::Allocate { slot, size_bytes, align_log2 });
        self.account(0, size_bytes);
        slot
    }

    /// Gives a block back.
    pub(crate) fn free(&mut self, slot: u32) {
        self.account(self.sizes[slot as usize], 0);
        self.sizes[slot as usize] = 0;
        self.empty.push(slot);
        self.ops.push(Op::Free { slot });
    }

    /// Changes the size of a block.
    pub(crate) fn resize(&mut self, slot: u32, size_bytes: u32) {
        self.account(self.sizes[slot as usize], size_bytes);
        self.sizes[slot as usize] = size_bytes;
        self.ops.push(Op::Resize { slot, size_bytes });
    }

    fn account(&mut self, old_bytes: u32, new_bytes: u32) {
        self.live_bytes = self.live_bytes + u64::from(new_bytes) - u64::from(old_bytes);
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    /// What follows is measured.
    pub(crate) fn end_warming(&mut self) {
        self.warm_count = self.ops.len();
    }

    /// The bytes asked for and not given back.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// The most that was live at once.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// The largest alignment asked for.
    pub(crate) fn max_align(&self) -> usize {
        let aligns = self.ops.iter().map(|op| match op {
            Op::Allocate { align_log2, .. } => 1 << align_log2,
            Op::Free { .. } | Op::Resize { .. } => 1,
        });
        aligns.max().unwrap_or(1)
    }

    /// The slots that the operations use.
    pub(crate) fn slot_count(&self) -> usize {
        self.sizes.len()
    }
}
