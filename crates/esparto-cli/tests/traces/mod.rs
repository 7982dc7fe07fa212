//! Traces for tests, and an oracle that keeps account of them the slow and obvious way.

#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use esparto::{Caps, Event, Owner, RegionId};
use esparto_trace::{BuildId, Encoder, Header, Name, RegionDefinition};
use serde_json::Value;

pub(crate) type Writer<'a> = Encoder<&'a mut dyn FnMut(&[u8]), 512>;

pub(crate) const INTERNAL: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD);
pub(crate) const EXTERNAL: Caps = Caps::EXTERNAL.union(Caps::BYTE).union(Caps::WORD);
pub(crate) const BOOKKEEPING_BYTES: usize = 32;

/// The heaps that a trace is replayed with.
pub(crate) const HEAPS: [&str; 12] = [
    "realtime",
    "throughput",
    "heap_1",
    "heap_2",
    "heap_4",
    "heap_5",
    "linked-list",
    "linked-list:best",
    "linked-list:no-merge",
    "linked-list:best:no-merge",
    "linked-list:carried",
    "linked-list:best:carried",
];

pub(crate) fn esparto(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_esparto")).args(args).output().expect("the binary runs")
}

/// Standard output as JSON; the exit code must be `code`.
pub(crate) fn json(args: &[&str], code: i32) -> Value {
    let output = esparto(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

/// The error that a command ends with: its exit code, and standard error as JSON.
pub(crate) fn error(args: &[&str]) -> (i32, Value) {
    let output = esparto(args);
    let code = output.status.code().expect("an exit code");
    assert!(output.stdout.is_empty(), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stderr)
        .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&output.stderr)));
    (code, value["error"].clone())
}

pub(crate) fn region(
    id: u8,
    name: &str,
    start_addr: usize,
    size_bytes: usize,
    caps: Caps,
) -> RegionDefinition {
    RegionDefinition {
        id: RegionId(id),
        name: Name::new(name),
        caps,
        start_addr,
        size_bytes,
        bookkeeping_bytes: BOOKKEEPING_BYTES,
    }
}

pub(crate) fn regions() -> Vec<RegionDefinition> {
    vec![
        region(0, "sram", 0x3FC8_8000, 64 << 10, INTERNAL),
        region(1, "psram", 0x3C00_0000, 256 << 10, EXTERNAL),
    ]
}

/// Encodes a trace of the chip `esp32s3` with one call site per event and a clock of 1 kHz.
pub(crate) fn encode(regions: &[RegionDefinition], fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut header = Header::new("esp32s3", "linked-list", 1000);
    header.pointer_bytes = 8;
    header.frame_count = 2;
    header.build_id = BuildId::new(&[0xAB, 0xCD]);
    let mut bytes = Vec::new();
    let mut out = |block: &[u8]| bytes.extend_from_slice(block);
    let mut writer = Writer::new(&mut out, &header, regions.iter().copied());
    fill(&mut writer);
    writer.finish();
    bytes
}

pub(crate) fn save(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file is written");
    path
}

pub(crate) fn allocate(region: u8, addr: usize, size_bytes: usize) -> Event {
    Event::Allocate {
        region: RegionId(region),
        addr,
        size_bytes,
        align_log2: 2,
        require: if region == 0 { Caps::INTERNAL } else { Caps::EXTERNAL },
        prefer: Caps::empty(),
    }
}

pub(crate) fn deallocate(region: u8, addr: usize, size_bytes: usize) -> Event {
    Event::Deallocate { region: RegionId(region), addr, size_bytes }
}

pub(crate) fn failure(size_bytes: usize, require: Caps) -> Event {
    Event::Failure { size_bytes, align_log2: 2, require, prefer: Caps::empty() }
}

/// A block as the oracle knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) region: u8,
    pub(crate) size: usize,
    pub(crate) owner: u16,
    pub(crate) site: usize,
}

/// Totals under one heading, recomputed from all live blocks after every event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) allocations: u64,
    pub(crate) allocated: u64,
    pub(crate) live: u64,
    pub(crate) count: u64,
    pub(crate) peak: u64,
    pub(crate) failures: u64,
}

/// The oracle: every event, and the state after it by adding up all blocks.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) events: Vec<(u32, Owner, Event, usize)>,
    pub(crate) live: BTreeMap<usize, Known>,
    pub(crate) by_region: BTreeMap<u8, Totals>,
    pub(crate) by_owner: BTreeMap<u16, Totals>,
    pub(crate) by_site: BTreeMap<usize, Totals>,
    pub(crate) by_size: BTreeMap<usize, Totals>,
}

impl Oracle {
    /// A random load of `count` events.
    pub(crate) fn random(count: usize, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let mut oracle = Self::default();
        let regions = regions();
        let mut now = 0;
        for _ in 0..count {
            now += numbers.below(5) as u32;
            let owner = numbers.below(4) as u16;
            let site = 0x4200_0000 + 0x100 * numbers.below(7);
            let pick = numbers.below(10);
            if pick < 5 || oracle.live.is_empty() {
                let region = numbers.below(2) as u8;
                let size = 1 + numbers.below(if region == 0 { 600 } else { 5000 });
                let Some(addr) = oracle.place(&regions[usize::from(region)], size, &mut numbers)
                else {
                    let require = regions[usize::from(region)].caps;
                    oracle.push(now, owner, failure(size, require), site);
                    continue;
                };
                oracle.push(now, owner, allocate(region, addr, size), site);
            } else {
                let at = numbers.below(oracle.live.len());
                let (&addr, &known) = oracle.live.iter().nth(at).expect("in range");
                if pick < 9 {
                    oracle.push(now, owner, deallocate(known.region, addr, known.size), site);
                } else {
                    let size = 1 + numbers.below(known.size + 64);
                    let definition = &regions[usize::from(known.region)];
                    // Moves, so that both ends of a resize count.
                    let Some(new_addr) = oracle.place(definition, size, &mut numbers) else {
                        continue;
                    };
                    let resize = Event::Resize {
                        region: RegionId(known.region),
                        old_addr: addr,
                        addr: new_addr,
                        old_size_bytes: known.size,
                        size_bytes: size,
                        align_log2: 2,
                    };
                    oracle.push(now, owner, resize, site);
                }
            }
        }
        oracle
    }

    /// A free place of `size` bytes, tried at random.
    fn place(
        &self,
        region: &RegionDefinition,
        size: usize,
        numbers: &mut Numbers,
    ) -> Option<usize> {
        (0..20).find_map(|_| {
            let room = region.size_bytes - BOOKKEEPING_BYTES - size;
            let addr = region.start_addr + BOOKKEEPING_BYTES + numbers.below(room) / 4 * 4;
            let before = self.live.range(..=addr).next_back();
            let clear_before = before.is_none_or(|(&at, known)| at + known.size <= addr);
            let clear_after = self.live.range(addr..addr + size).next().is_none();
            (clear_before && clear_after).then_some(addr)
        })
    }

    /// Takes one event.
    pub(crate) fn push(&mut self, now: u32, owner: u16, event: Event, site: usize) {
        match event {
            Event::Allocate { region, addr, size_bytes, .. } => {
                let known = Known { region: region.0, size: size_bytes, owner, site };
                self.live.insert(addr, known);
                for totals in self.totals_of(known) {
                    totals.allocations += 1;
                    totals.allocated += size_bytes as u64;
                }
            }
            Event::Deallocate { addr, .. } => {
                self.live.remove(&addr).expect("the load frees live blocks");
            }
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                let known = self.live.remove(&old_addr).expect("the load resizes live blocks");
                let grown = size_bytes.saturating_sub(known.size) as u64;
                let now_known = Known { size: size_bytes, ..known };
                self.live.insert(addr, now_known);
                self.by_owner.entry(known.owner).or_default().allocated += grown;
                self.by_site.entry(known.site).or_default().allocated += grown;
                self.by_size.entry(size_bytes).or_default();
            }
            Event::Failure { size_bytes, require, .. } => {
                self.by_owner.entry(owner).or_default().failures += 1;
                self.by_site.entry(site).or_default().failures += 1;
                self.by_size.entry(size_bytes).or_default().failures += 1;
                for region in regions().iter().filter(|region| region.caps.contains(require)) {
                    self.by_region.entry(region.id.0).or_default().failures += 1;
                }
            }
            Event::Mark { .. } => {}
        }
        self.add_up();
        self.events.push((now, Owner(owner), event, site));
    }

    fn totals_of(&mut self, known: Known) -> [&mut Totals; 4] {
        [
            self.by_region.entry(known.region).or_default(),
            self.by_owner.entry(known.owner).or_default(),
            self.by_site.entry(known.site).or_default(),
            self.by_size.entry(known.size).or_default(),
        ]
    }

    fn add_up(&mut self) {
        fn table<K: Ord + Copy>(
            totals: &mut BTreeMap<K, Totals>,
            live: &BTreeMap<usize, Known>,
            key: impl Fn(&Known) -> K,
        ) {
            for totals in totals.values_mut() {
                (totals.live, totals.count) = (0, 0);
            }
            for known in live.values() {
                let totals = totals.entry(key(known)).or_default();
                totals.live += known.size as u64;
                totals.count += 1;
            }
            for totals in totals.values_mut() {
                totals.peak = totals.peak.max(totals.live);
            }
        }
        table(&mut self.by_region, &self.live, |known| known.region);
        table(&mut self.by_owner, &self.live, |known| known.owner);
        table(&mut self.by_site, &self.live, |known| known.site);
        table(&mut self.by_size, &self.live, |known| known.size);
    }

    /// The longest stretch of a region without a live block.
    pub(crate) fn largest_gap(&self, region: &RegionDefinition) -> usize {
        let mut taken = vec![false; region.size_bytes];
        for (addr, known) in self.live.iter().filter(|(_, known)| known.region == region.id.0) {
            let offset = addr - region.start_addr;
            taken[offset..offset + known.size].fill(true);
        }
        taken.split(|byte| *byte).map(<[bool]>::len).max().unwrap_or(0)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(&regions(), |writer| {
            writer.define_owner(Owner(1), "radio");
            for (now, owner, event, site) in &self.events {
                writer.event(*now, *owner, event, &[*site, 0x4200_F000]);
            }
        })
    }
}

/// Numbers that are the same in every run (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
