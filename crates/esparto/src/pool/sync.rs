//! The atomics under the lock-free list.

pub(super) use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// The head's word: the widest that can be exchanged.
#[cfg(target_has_atomic = "64")]
pub(super) type Word = u64;
#[cfg(target_has_atomic = "64")]
pub(super) use core::sync::atomic::AtomicU64 as AtomicWord;

/// The head's word: the widest that can be exchanged.
#[cfg(not(target_has_atomic = "64"))]
pub(super) type Word = u32;
#[cfg(not(target_has_atomic = "64"))]
pub(super) use core::sync::atomic::AtomicU32 as AtomicWord;
