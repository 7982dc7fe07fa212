//! How a heap trades speed, memory and the worst case.

use core::marker::PhantomData;

/// Memory is plentiful, and aligned to 16 bytes as a rule.
const IS_HOST: bool = size_of::<usize>() > 4;

/// The policy of a [`Heap`](super::Heap), settled at compile time.
///
/// Two are named, [`Realtime`] and [`Throughput`]; a crate may have its own. On a 64-bit host their figures
/// are a host's; [`OnChip`] has those of a chip anywhere.
pub trait Preset: 'static {
    /// What sizes are rounded to, a power of two from 4 to 16. A request aligned to no more than
    /// this never leaves a gap.
    const GRANULE_BYTES: usize = if IS_HOST { 16 } else { 4 };

    /// How many blocks of the right list a request looks at, when no larger list has a block and
    /// the first one is too small. More find a fit more often; each costs sixteen instructions in the
    /// worst case.
    const PROBE_COUNT: usize = 3;

    /// The largest request that freed blocks are kept aside for, unmerged; 0 keeps none. Where blocks of
    /// some four times this size come often, only smaller ones are kept: a quarter of this and below.
    const CACHE_SIZE_LIMIT_BYTES: usize = 0;

    /// The most that is kept aside for each size that is not coarse.
    const CACHE_LIST_BYTES: usize = 256;

    /// From this size on, a power of two, requests that have a cache list are rounded up to powers of two. Few
    /// lists then serve all of them, and a block has room to grow in; it takes a third more on average. Only
    /// sizes of which the memory holds many have such a list.
    const COARSE_FROM_BYTES: usize = usize::MAX;
}

/// A hard bound: every block is merged when it is freed, and nothing is put off.
#[derive(Clone, Copy, Debug)]
pub struct Realtime;

impl Preset for Realtime {}

/// The highest speed on average: small blocks are kept aside by exact size for the next request.
/// What was put off is done in steps of bounded cost, once memory becomes scarce. On a host larger
/// blocks are kept too, by powers of two.
#[derive(Clone, Copy, Debug)]
pub struct Throughput;

impl Preset for Throughput {
    const CACHE_SIZE_LIMIT_BYTES: usize =
        if IS_HOST { (128 << 10) - 1 } else { OnChip::<Self>::CACHE_SIZE_LIMIT_BYTES };
    const CACHE_LIST_BYTES: usize = if IS_HOST { 8192 } else { OnChip::<Self>::CACHE_LIST_BYTES };
    const COARSE_FROM_BYTES: usize = if IS_HOST { 1024 } else { OnChip::<Self>::COARSE_FROM_BYTES };
}

/// A named preset as a chip has it, whatever this is compiled for. With it, a replay on a host takes
/// the blocks that the chip would.
#[derive(Clone, Copy, Debug)]
pub struct OnChip<P>(PhantomData<P>);

impl Preset for OnChip<Realtime> {
    const GRANULE_BYTES: usize = 4;
}

impl Preset for OnChip<Throughput> {
    const GRANULE_BYTES: usize = 4;
    const CACHE_SIZE_LIMIT_BYTES: usize = 139;
    const CACHE_LIST_BYTES: usize = 320;
}
