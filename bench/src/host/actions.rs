//! What is done: a list made before any clock runs, the same for all.

use std::alloc::Layout;

use oorandom::Rand64;

/// One action.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Allocate { slot: u32, layout: Layout },
    Free { slot: u32 },
    Resize { slot: u32, new_size: usize },
}

/// A list of actions.
pub(super) struct Actions {
    pub(super) list: Vec<Action>,
    pub(super) slot_count: usize,
}

/// The blocks live at once, at least: below, every action but a resize allocates.
const LEAST_LIVE: usize = 300;

/// A block is resized to so many times the largest size at the most.
const RESIZED_MOST: usize = 3;

impl Actions {
    /// Random actions in the shape of talc's own benchmark: of seven three allocate, three free, and one
    /// resizes; every block that lives is as likely as any other. Sizes are small more often than large, but
    /// for resized blocks all are as likely. Three in four are aligned to 8 bytes, three in sixteen to 16,
    /// and so on.
    pub(super) fn random(largest_bytes: usize, count: usize) -> Self {
        let random = &mut Rand64::new(0xac7);
        let mut below = |limit: usize| random.rand_range(0..limit as u64) as usize;
        let mut live: Vec<u32> = Vec::new();
        let mut empty: Vec<u32> = Vec::new();
        let mut slot_count = 0;
        let mut list = Vec::with_capacity(count);
        while list.len() < count {
            match below(7) {
                6 if !live.is_empty() => {
                    let slot = live[below(live.len())];
                    let new_size = 1 + below(largest_bytes * RESIZED_MOST - 1);
                    list.push(Action::Resize { slot, new_size });
                }
                action if action < 3 || live.len() < LEAST_LIVE => {
                    let slot = empty.pop().unwrap_or_else(|| {
                        slot_count += 1;
                        slot_count - 1
                    });
                    let limit_bytes = 16 + below(largest_bytes - 16);
                    let size = 4 + below(limit_bytes - 4);
                    let align_log2 = 3 + (below(1 << 16) | 1 << 16).trailing_zeros() / 2;
                    let layout = Layout::from_size_align(size, 1 << align_log2)
                        .expect("small sizes and powers of two");
                    live.push(slot);
                    list.push(Action::Allocate { slot, layout });
                }
                _ => {
                    let slot = live.swap_remove(below(live.len()));
                    empty.push(slot);
                    list.push(Action::Free { slot });
                }
            }
        }
        Self { list, slot_count: slot_count as usize }
    }
}
