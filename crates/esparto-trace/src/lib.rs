//! The trace of a memory: recorded on the device, decoded anywhere.
//!
//! A trace says what happened in a [`Memory`](esparto::Memory), event by event, in a few bytes
//! each. Its way from the heap to the desk:
//!
//! ```text
//!  inside the lock                outside the lock                        on the host
//!  Memory ──Event──▶ Recorder ──Slot──▶ Encoder ──blocks──▶ wire or file ──▶ Decoder ──▶ Record
//!                    (a ring of words)  (delta + varint, checksums)
//! ```
//!
//! * [`Recorder`] is the [`Sink`](esparto::Sink): it stores a few words and nothing else, so an
//!   event costs some thirty instructions. A full ring counts what it drops.
//! * [`Encoder`] turns the words into checked blocks, in bounded memory and bounded bytes per
//!   record ([`MAX_RECORD_BYTES`]).
//! * [`Decoder`] reads them back from a slice or (feature `std`) from any reader, in constant
//!   memory. It never panics, whatever it is fed: every fault is a [`DecodeError`] with offset.
//!
//! The same stream carries [`Health`]: how regions, pools, tiers, stacks and buses fare, as often
//! as the device likes to tell ([`Encoder::health`]).
//!
//! Every byte of the format is in `docs/format.md`.
//!
//! ```
//! use esparto::{Event, Owner, RegionId, Sink};
//! use esparto_trace::{Decoder, Encoder, Entry, Header, Mode, Probe, Recorder, RegionDefinition};
//!
//! struct Clock;
//! impl Probe for Clock {
//!     fn now() -> u32 {
//!         0 // The cycle counter, on a device.
//!     }
//! }
//!
//! let mut recorder = Recorder::<Clock, 64>::new();
//! recorder.record(Owner(1), Event::Mark { id: 7 });
//!
//! let mut bytes = Vec::new();
//! let mut encoder = Encoder::<_, 512>::new(|block: &[u8]| bytes.extend(block), &Header::default(), []);
//! encoder.drain_from(|slots| recorder.drain(slots));
//! encoder.finish();
//!
//! let mut decoder = Decoder::from_slice(&bytes, Mode::Strict)?;
//! let record = decoder.next().unwrap()?;
//! assert_eq!((record.owner, record.entry), (Owner(1), Entry::Event(Event::Mark { id: 7 })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

mod decode;
mod encode;
mod error;
mod header;
mod health;
mod name;
mod overlay;
mod record;
mod recorder;
mod slot;
mod source;
mod state;
mod wire;

pub use decode::{Decoder, Mode, Skipped};
pub use encode::Encoder;
pub use error::{DecodeError, ReadError};
pub use header::{BuildId, Header};
pub use health::{Figures, Health, PoolFigures};
pub use name::Name;
pub use overlay::{LoadTicks, OverlayEvent};
pub use record::{Entry, Record, RegionDefinition, RegionSnapshot};
pub use recorder::{Probe, Recorder};
pub use slot::Slot;
#[cfg(feature = "std")]
pub use source::Chunks;
pub use source::{Slice, Source};
pub use wire::{
    BLOCK_HEADER_BYTES, MAGIC, MAX_BLOCK_BYTES, MAX_FRAMES, MAX_NAME_BYTES, MAX_RECORD_BYTES, SYNC,
    VERSION,
};
