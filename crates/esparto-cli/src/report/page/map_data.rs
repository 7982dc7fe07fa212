//! The history of the blocks as the page's script reads it: columns of numbers.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::report::Model;
use crate::report::history::Life;
use crate::report::summary::owner_name;

/// Blocks in a page at the most; the smallest are left out.
const BLOCKS: usize = 150_000;

/// The blocks that the heap map shows, and its frames.
#[derive(Debug, Serialize)]
pub(crate) struct MapData {
    /// Events between two frames.
    pub(crate) frame_event_count: u64,
    /// Blocks that lived between two frames.
    pub(crate) unseen_count: u64,
    /// Blocks that are in a frame but not in the page.
    pub(crate) omitted_count: u64,
    /// Events before each frame.
    event_count: Vec<u64>,
    /// The time of each frame.
    time_ticks: Vec<u64>,
    /// Names, by the numbers in `owner`.
    owners: Vec<String>,
    /// Names, by the numbers in `site`.
    sites: Vec<String>,
    /// One entry a block in each of these: index of its region,
    region: Vec<u8>,
    /// its offset from the start of the region,
    offset: Vec<u64>,
    /// its size,
    size: Vec<u64>,
    /// its owner,
    owner: Vec<usize>,
    /// its site,
    site: Vec<usize>,
    /// when it was allocated, in ticks,
    born: Vec<u64>,
    /// the first frame that shows it,
    first: Vec<usize>,
    /// the first frame after that which does not.
    end: Vec<usize>,
}

/// Numbers things in the order in which they come.
#[derive(Default)]
struct Numbered<K>(FxHashMap<K, usize>, Vec<String>);

impl<K: std::hash::Hash + Eq + Copy> Numbered<K> {
    fn number(&mut self, key: K, name: impl FnOnce() -> String) -> usize {
        *self.0.entry(key).or_insert_with(|| {
            self.1.push(name());
            self.1.len() - 1
        })
    }
}

impl MapData {
    pub(crate) fn new(model: &Model) -> Self {
        let frames = model.history.frames();
        let frame_at = |event: u64| frames.partition_point(|frame| frame.event_count < event);
        let mut shown: Vec<(usize, usize, &Life)> = model
            .history
            .lives()
            .iter()
            .map(|life| (frame_at(life.first_event), frame_at(life.end_event), life))
            .filter(|(first, end, _)| first < end)
            .collect();
        let omitted_count = shown.len().saturating_sub(BLOCKS);
        if omitted_count > 0 {
            shown.sort_unstable_by_key(|(_, _, life)| {
                (std::cmp::Reverse(life.size_bytes), life.addr)
            });
            shown.truncate(BLOCKS);
        }
        shown.sort_unstable_by_key(|&(first, _, life)| (first, life.region, life.addr));

        // Owners in the order of the summary, so that the same owner has the same colour.
        let mut owners = Numbered::default();
        let mut by_peak: Vec<_> = model.by_owner.iter().collect();
        by_peak.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.peak_bytes));
        for (owner, tally) in by_peak {
            if tally.allocation_count > 0 {
                owners.number(owner as u16, || owner_name(model, owner as u16));
            }
        }
        let mut sites = Numbered::default();
        let mut data = Self {
            frame_event_count: model.history.stride(),
            unseen_count: model.history.dropped_count(),
            omitted_count: omitted_count as u64,
            event_count: frames.iter().map(|frame| frame.event_count).collect(),
            time_ticks: frames.iter().map(|frame| frame.time_ticks).collect(),
            owners: Vec::new(),
            sites: Vec::new(),
            region: shown.iter().map(|(_, _, life)| life.region).collect(),
            offset: Vec::with_capacity(shown.len()),
            size: shown.iter().map(|(_, _, life)| life.size_bytes).collect(),
            owner: Vec::with_capacity(shown.len()),
            site: Vec::with_capacity(shown.len()),
            born: shown.iter().map(|(_, _, life)| life.born_ticks).collect(),
            first: shown.iter().map(|(first, ..)| *first).collect(),
            end: shown.iter().map(|(_, end, _)| *end).collect(),
        };
        for (_, _, life) in shown {
            let start_addr = model.regions[usize::from(life.region)].start_addr();
            data.offset.push(life.addr - start_addr);
            data.owner.push(owners.number(life.owner, || owner_name(model, life.owner)));
            data.site.push(sites.number(life.site, || {
                let site = model.sites.site(life.site);
                match &site.location {
                    Some(location) => format!("{} ({location})", site.name),
                    None => site.name.clone(),
                }
            }));
        }
        data.owners = owners.1;
        data.sites = sites.1;
        data
    }

    /// How many frames there are; at least the one before the first event.
    pub(crate) fn frame_count(&self) -> usize {
        self.event_count.len()
    }
}
