//! What a connected device does: events through queues, packets, documents built and dropped, and
//! settings that stay.

use std::collections::VecDeque;

use oorandom::Rand32;

use super::{below, pick};
use crate::script::Script;

/// A device at work.
#[derive(Default)]
struct Device {
    /// Queue nodes, first in, first out.
    queue: VecDeque<u32>,
    /// Packets under way: most leave in order, some overtake.
    packets: VecDeque<u32>,
    /// Documents: the nodes and strings of each.
    documents: VecDeque<Vec<u32>>,
    /// Blocks that stay: sessions, settings, names.
    lasting: Vec<u32>,
}

impl Device {
    /// A burst of events arrives; the handlers take most of the queue.
    fn events(&mut self, random: &mut Rand32, script: &mut Script) {
        for _ in 0..random.rand_range(1..12) {
            self.queue.push_back(script.allocate(random.rand_range(16..65), 4));
        }
        while self.queue.len() > below(random, 24) {
            let slot = self.queue.pop_front().expect("longer than some number");
            script.free(slot);
        }
    }

    /// A packet arrives or is built; at most twelve are under way.
    fn packet(&mut self, random: &mut Rand32, script: &mut Script) {
        let size = match random.rand_range(0..10) {
            0..5 => random.rand_range(64..129),
            5..8 => random.rand_range(128..577),
            _ => random.rand_range(576..1501),
        };
        self.packets.push_back(script.allocate(size, 4));
        while self.packets.len() > 4 + below(random, 9) {
            let at = if below(random, 4) == 0 { below(random, self.packets.len()) } else { 0 };
            let slot = self.packets.remove(at).expect("inside the queue");
            script.free(slot);
        }
    }

    /// A document is parsed: nodes, short strings, and arrays that grow; an older one is dropped,
    /// from its root or from its leaves.
    fn document(&mut self, random: &mut Rand32, script: &mut Script) {
        let mut blocks = Vec::new();
        for _ in 0..random.rand_range(8..60) {
            match random.rand_range(0..10) {
                0..5 => blocks.push(script.allocate(random.rand_range(4..25), 4)),
                5..9 => blocks.push(script.allocate([24, 32, 40][below(random, 3)], 8)),
                _ => {
                    let array = script.allocate(64, 8);
                    for doubling in 1..=below(random, 4) {
                        script.resize(array, 64 << doubling);
                    }
                    blocks.push(array);
                }
            }
        }
        self.documents.push_back(blocks);
        while self.documents.len() > 2 + below(random, 4) {
            let mut old = self.documents.pop_front().expect("more than two");
            if below(random, 2) == 0 {
                old.reverse();
            }
            for slot in old {
                script.free(slot);
            }
        }
    }

    /// Something that stays is made; beyond `keep_count`, something older goes.
    fn lasting(&mut self, random: &mut Rand32, script: &mut Script, keep_count: usize) {
        self.lasting.push(script.allocate(random.rand_range(12..200), 4));
        if self.lasting.len() > keep_count {
            let (at, slot) = pick(random, &self.lasting);
            self.lasting.swap_remove(at);
            script.free(slot);
        }
    }

    fn step(&mut self, random: &mut Rand32, script: &mut Script, keep_count: usize) {
        match random.rand_range(0..16) {
            0..8 => self.events(random, script),
            8..13 => self.packet(random, script),
            13..15 => self.document(random, script),
            _ => self.lasting(random, script, keep_count),
        }
    }
}

/// A device with a hundred lasting blocks, 40,000 operations.
pub(super) fn steady(random: &mut Rand32) -> Script {
    let mut script = Script::default();
    let mut device = Device::default();
    while script.ops.len() < 10_000 {
        device.step(random, &mut script, 100);
    }
    script.end_warming();
    while script.ops.len() < 50_000 {
        device.step(random, &mut script, 100);
    }
    script
}

/// A device that forgets nothing that lasts.
pub(super) fn growing(random: &mut Rand32, limit_bytes: u64) -> Script {
    let mut script = Script::default();
    let mut device = Device::default();
    while script.live_bytes() <= limit_bytes {
        device.step(random, &mut script, usize::MAX);
    }
    script
}
