//! The presets of the default heap with the granule of a chip, whatever the host.

#![allow(unreachable_pub)]

use esparto::heap::tag::Preset;
use esparto::{Realtime, Throughput};

/// The real-time heap of a 32-bit target.
pub struct Narrow;

impl Preset for Narrow {
    const GRANULE_BYTES: usize = 4;
    const PROBE_COUNT: usize = Realtime::PROBE_COUNT;
    const CACHE_SIZE_LIMIT_BYTES: usize = Realtime::CACHE_SIZE_LIMIT_BYTES;
    const CACHE_LIST_BYTES: usize = Realtime::CACHE_LIST_BYTES;
}

/// The fast heap likewise.
pub struct NarrowCached;

impl Preset for NarrowCached {
    const GRANULE_BYTES: usize = 4;
    const PROBE_COUNT: usize = Throughput::PROBE_COUNT;
    const CACHE_SIZE_LIMIT_BYTES: usize = Throughput::CACHE_SIZE_LIMIT_BYTES;
    const CACHE_LIST_BYTES: usize = Throughput::CACHE_LIST_BYTES;
}
