//! The core's memory protection, where accesses ask for it.

use super::flags::{DEVICE, MEMORY};
use super::{Bus, PAGE_BYTES};
use crate::pmp::Guard;

impl Bus {
    /// The core's memory protection says something else from now on.
    pub(crate) fn guard(&mut self, guards: Vec<Guard>) {
        self.guards = guards;
        // Pages that are no longer guarded stay slow and right: entries are locked for good.
        self.slow_guarded_pages();
        self.is_code_changed = true;
    }

    /// Sends loads and stores to guarded memory the slow way, which asks the guards.
    pub(super) fn slow_guarded_pages(&mut self) {
        for guard in
            self.guards.iter().filter(|guard| guard.refused != 0).copied().collect::<Vec<_>>()
        {
            let last = guard.end.saturating_sub(1).min(u64::from(u32::MAX)) as u32 / PAGE_BYTES;
            for page in guard.start as u32 / PAGE_BYTES..=last {
                let entry = self.pages[page as usize];
                if entry & MEMORY != 0 {
                    self.set_page(page as usize, entry | DEVICE);
                }
            }
        }
    }

    /// Does the core's memory protection refuse one of the page flags `wanted` to an access of
    /// `size_bytes` at `addr`? The first entry that holds a byte of it has to hold all of it.
    pub(super) fn is_refused(&self, addr: u32, size_bytes: u32, wanted: u32) -> bool {
        let last = addr.wrapping_add(size_bytes - 1);
        let first_guard = self.guards.iter().find(|guard| guard.holds(addr) || guard.holds(last));
        first_guard.is_some_and(|guard| {
            !(guard.holds(addr) && guard.holds(last)) || guard.refused & wanted != 0
        })
    }
}
