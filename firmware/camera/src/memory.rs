//! All memory there is, and the pools that frames and events live in.

use esparto::{Caps, Class, Owner, Policy, Tiers};
use pipeline::{LUMA_SIDE_PX, Stage};
use recording::{RECORDED_REGIONS, Recorder, Told, Traced, TracedSink};

/// Events that may wait until they are fetched.
const RING_SLOTS: usize = 256;

/// Return addresses kept with an event: enough to get past the allocator's own and `alloc`'s.
const TRACE_FRAMES: usize = 8;

#[global_allocator]
pub(crate) static MEMORY: Traced<RING_SLOTS, TRACE_FRAMES> =
    Traced::with_sink(Told(Recorder::new()));

/// Pools on that memory.
pub(crate) type Pools<const CLASSES: usize> =
    Tiers<'static, CLASSES, RECORDED_REGIONS, TracedSink<RING_SLOTS, TRACE_FRAMES>>;

/// Frames under way at once: the network looks at one while the next is taken.
pub(crate) const FRAMES_AT_ONCE: usize = 2;

/// Width and height of a photograph, and the bytes of a pixel.
const RGB_BYTES: usize = 320 * 240 * 3;

/// Where scaling waits for its turn with the slot, the next frame is decoded before it.
const RGB_COUNT: usize = if cfg!(feature = "native") { FRAMES_AT_ONCE } else { 1 };

/// Frame buffers. Far too large for internal memory.
pub(crate) static FRAMES: Pools<2> = Pools::new(
    &MEMORY,
    [
        Class::new("luma", LUMA_SIDE_PX * LUMA_SIDE_PX, FRAMES_AT_ONCE),
        // Decoding is more urgent than all that comes after it but for what is short, and scaling
        // follows at once: a second one would never be used. The heap behind would have it.
        Class::new("rgb", RGB_BYTES, RGB_COUNT),
    ],
)
.stored_in(Policy::require(Caps::EXTERNAL))
.falling_back_to(Policy::require(Caps::EXTERNAL));

/// Where frame buffers come from.
pub(crate) type FrameMemory = &'static Pools<2>;

/// Payloads of events: in internal memory, where the interrupt may take them.
pub(crate) static PAYLOADS: Pools<1> = Pools::new(&MEMORY, [Class::new("event", 16, 64)]);

pub(crate) const OWNER_POOLS: Owner = Owner(1);
pub(crate) const OWNER_TRIGGER: Owner = Owner(2);
pub(crate) const OWNER_HEALTH: Owner = Owner(3);

pub(crate) const fn owner_of(stage: Stage) -> Owner {
    Owner(4 + stage as u16)
}

/// What owners are called in the trace.
pub(crate) const OWNERS: [(Owner, &str); 9] = [
    (Owner(0), "main"),
    (OWNER_POOLS, "pools"),
    (OWNER_TRIGGER, "trigger"),
    (OWNER_HEALTH, "health"),
    (owner_of(Stage::Decode), Stage::Decode.name()),
    (owner_of(Stage::Scale), Stage::Scale.name()),
    (owner_of(Stage::Detect), Stage::Detect.name()),
    (owner_of(Stage::Report), Stage::Report.name()),
    (owner_of(Stage::Compress), Stage::Compress.name()),
];
