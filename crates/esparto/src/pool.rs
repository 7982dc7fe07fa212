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
//! A free block holds the link to the next one, a block in use holds nothing of ours. (The links of
//! a lock-free pool are in a table: a context that is late would read them from a block that is
//! somebody else's by then, which is a data race.) Sizes to start from are constants of [`Shape`].
//!
//! What it costs, in instructions at the worst, the call and the return included (`firmware/pools`
//! measures it, and fails when a typed pool of one owner is above 12 or its checked free above 30):
//!
//! | | `Single` | `Critical` | `LockFree`, alone |
//! |---|---|---|---|
//! | [`Pool::take`] | 12 | 16 | 29 |
//! | drop of a [`PoolBox`], but for the value's own drop | 10 | 13 | 29 |
//! | [`BlockPool::allocate`] | 29 | 38 | 49 |
//! | the same, of a block that nobody had yet | 53 | 58 | 49 |
//! | [`BlockPool::deallocate`] | 30 | 33 | 71 |
//!
//! The first two on riscv32imc, the last on riscv32imac.
//!
//! None of it depends on the number of blocks.

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
pub use state::Storage;
pub(crate) use state::{BlockState, RawBlocks, Taken};
pub use stats::{PoolStats, Refused};
pub use typed::Pool;
