//! Pools: equal blocks, in constant time, without fragmentation.
//!
//! | | [`Pool<T, N, A>`](Pool) | [`BlockPool<A>`](BlockPool) |
//! |---|---|---|
//! | blocks | values of one type, inside the pool | a size chosen at run time, on memory of any capability |
//! | had as | [`PoolBox`] | [`PoolBlock`], or raw for C |
//! | a free | cannot be wrong, by type | is checked: foreign, interior and repeated pointers are refused |
//! | costs besides | nothing | one bit a block |
//!
//! Who may use a pool is part of its type, `A`:
//!
//! | | [`Single`] | [`Critical`] | [`LockFree`] |
//! |---|---|---|---|
//! | users | one | tasks and interrupt handlers | tasks and interrupt handlers, on all cores |
//! | lock | none, and not `Sync` | a critical section of a few instructions | none; retries when contexts meet |
//! | targets | all | all | those with compare-and-swap |
//! | costs besides | nothing | nothing | two bytes a block |
//!
//! A free block holds the link to the next one, a block in use holds nothing of ours. Sizes to
//! start from are constants of [`Shape`].

mod access;
#[cfg(target_has_atomic = "32")]
mod atomic;
mod block;
mod boxed;
mod error;
mod list;
#[cfg(target_has_atomic = "32")]
mod lock_free;
mod shape;
mod state;
mod stats;
#[cfg(target_has_atomic = "32")]
mod sync;
mod typed;

#[cfg(target_has_atomic = "32")]
pub use access::LockFree;
pub(crate) use access::Locked;
pub use access::{Access, Critical, Exclusive, Shared, Single};
pub use block::{BlockPool, PoolBlock};
pub use boxed::{PoolBox, Vacant};
pub use error::{DeinitError, FreeError, Full, InitError, TakeError};
pub use shape::{Shape, ShapeError};
pub(crate) use state::BlockState;
pub use state::Storage;
pub use stats::{PoolStats, Refused};
pub use typed::Pool;
