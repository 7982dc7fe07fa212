//! What a trace tells of pools, and of health, in lines.

use std::collections::BTreeMap;

use esparto::PoolEvent;
use esparto_trace::{Entry, Figures, Health};

/// A trace of months may tell of any number of things; so many are shown.
const LIMIT: usize = 200;

/// How the lines begin.
const OF_A_POOL: &str = "Pool of ";
const OF_HEALTH: &str = "Health at last: ";

/// Is a note one of [`Pools::lines`]?
pub(crate) fn is_about_pools_or_health(note: &str) -> bool {
    note.starts_with(OF_A_POOL) || note.starts_with(OF_HEALTH)
}

/// A pool, from its events.
#[derive(Debug, Default)]
struct Pool {
    block_bytes: usize,
    block_count: usize,
    taken_count: u64,
    given_count: u64,
    refused_count: u64,
    peak_count: u64,
}

/// The pools by their first address, and the last that was heard of everything's health.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pools: BTreeMap<usize, Pool>,
    /// By kind and name.
    health: BTreeMap<(usize, String), Health>,
}

impl Pools {
    /// Takes what is about pools or health.
    pub(crate) fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Pool(event) => self.event(event),
            Entry::Health(health) if self.health.len() < LIMIT => {
                let kind = match health.figures {
                    Figures::Heap { .. } => 0,
                    Figures::Pool(_) => 1,
                    Figures::Class { .. } => 2,
                    Figures::Stack { .. } => 3,
                    Figures::Bus { .. } => 4,
                    // Each reason is a thing of its own.
                    Figures::RefusedPosts { reason, .. } => 5 + usize::from(reason),
                    _ => usize::MAX,
                };
                self.health.insert((kind, health.name.to_string()), *health);
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &PoolEvent) {
        if let PoolEvent::SetUp { start_addr, block_bytes, block_count } = *event {
            if self.pools.len() < LIMIT {
                let pool = Pool { block_bytes, block_count, ..Pool::default() };
                self.pools.insert(start_addr, pool);
            }
            return;
        }
        let addr = match *event {
            PoolEvent::Take { addr, .. }
            | PoolEvent::Give { addr }
            | PoolEvent::Refused { addr } => addr,
            _ => return,
        };
        // The pool that begins last at or before the address; of one whose start the trace does
        // not have, nothing is known.
        let Some((&start_addr, pool)) = self.pools.range_mut(..=addr).next_back() else { return };
        if addr - start_addr >= pool.block_bytes.saturating_mul(pool.block_count) {
            return;
        }
        match event {
            PoolEvent::Take { .. } => pool.taken_count += 1,
            PoolEvent::Give { .. } => pool.given_count += 1,
            _ => pool.refused_count += 1,
        }
        pool.peak_count = pool.peak_count.max(pool.taken_count.saturating_sub(pool.given_count));
    }

    /// A line for each pool and for each thing whose health was told, as it was last.
    pub(crate) fn lines(&self) -> Vec<String> {
        let pools = self.pools.iter().map(|(start_addr, pool)| {
            let Pool { block_bytes, block_count, taken_count, given_count, .. } = pool;
            format!(
                "{OF_A_POOL}{block_count} blocks of {block_bytes} bytes at {start_addr:#010x}: {taken_count} taken, {given_count} given back, at most {} in use, {} frees refused.",
                pool.peak_count, pool.refused_count
            )
        });
        let health = self.health.values().map(|health| format!("{OF_HEALTH}{health}."));
        pools.chain(health).collect()
    }
}
