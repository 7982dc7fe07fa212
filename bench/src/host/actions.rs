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

/// The blocks live at once.
const LEAST_LIVE: usize = 100;
const MOST_LIVE: usize = 300;

impl Actions {
    /// Random actions: of five two allocate, two free, and one resizes; every block that lives is
    /// as likely as any other. Sizes are small more often than large. Three in four are aligned to
    /// 8 bytes, three in sixteen to 16, and so on.
    pub(super) fn random(largest_bytes: usize, count: usize) -> Self {
        let random = &mut Rand64::new(0xac7);
        let mut below = |limit: usize| random.rand_range(0..limit as u64) as usize;
        let size = |below: &mut dyn FnMut(usize) -> usize| {
            let limit_bytes = 16 + below(largest_bytes - 15);
            4 + below(limit_bytes - 3)
        };
        let mut live: Vec<u32> = Vec::new();
        let mut empty: Vec<u32> = (0..MOST_LIVE as u32).rev().collect();
        let mut list = Vec::with_capacity(count);
        while list.len() < count {
            match below(5) {
                action if action < 2 || live.len() < LEAST_LIVE => {
                    let Some(slot) = empty.pop() else { continue };
                    let align_log2 = 3 + (below(1 << 16) | 1 << 16).trailing_zeros() / 2;
                    let layout = Layout::from_size_align(size(&mut below), 1 << align_log2)
                        .expect("small sizes and powers of two");
                    live.push(slot);
                    list.push(Action::Allocate { slot, layout });
                }
                2..4 => {
                    let slot = live.swap_remove(below(live.len()));
                    empty.push(slot);
                    list.push(Action::Free { slot });
                }
                _ => {
                    let slot = live[below(live.len())];
                    list.push(Action::Resize { slot, new_size: size(&mut below) });
                }
            }
        }
        Self { list, slot_count: MOST_LIVE }
    }
}
