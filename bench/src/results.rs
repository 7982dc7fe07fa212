//! What was found, in the form of `--json`.

use serde::{Deserialize, Serialize};

use crate::build::CodeBytes;
use crate::qemu::Costs;

/// Everything found.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) workloads: Vec<WorkloadResults>,
}

/// One workload, every allocator.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct WorkloadResults {
    pub(crate) name: String,
    pub(crate) allocators: Vec<Row>,
    /// Those that could not do the work, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed: Vec<Failure>,
}

/// An allocator that could not do a workload.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Failure {
    pub(crate) name: String,
    pub(crate) reason: String,
    /// Whether it did something that no allocator may, rather than run out of memory.
    pub(crate) is_fault: bool,
}

/// One allocator on one workload. Costs are instructions, the call and the return included.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) alloc_mean: Option<f64>,
    pub(crate) alloc_p99: u64,
    pub(crate) alloc_max: u64,
    pub(crate) free_mean: Option<f64>,
    pub(crate) free_p99: u64,
    pub(crate) free_max: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realloc_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realloc_p99: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) realloc_max: Option<u64>,
    /// Of the arena, what was live of what was asked for when the first request failed. For a
    /// trace: its peak, of the smallest arena that holds it (absent when that was not looked for).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fill_percent: Option<f64>,
    /// The smallest arena in which the work succeeds; absent when it was not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_arena_bytes: Option<u64>,
    /// Code and constants of allocate and free, at opt-level "s".
    pub(crate) code_bytes: u64,
    /// The same at opt-level 3, as it was measured.
    pub(crate) code_bytes_o3: u64,
    /// What the allocator keeps for itself when it is empty, statics and arena.
    pub(crate) control_bytes: u64,
}

impl Row {
    /// A row of what was measured.
    #[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
    pub(crate) fn new(
        name: &str,
        alloc: Costs,
        free: Costs,
        realloc: Costs,
        fill_percent: Option<f64>,
        min_arena_bytes: Option<u64>,
        code: CodeBytes,
        control_bytes: u64,
    ) -> Self {
        let resized = (realloc.count > 0).then_some(realloc);
        Self {
            name: name.to_owned(),
            alloc_mean: alloc.mean().map(hundredths),
            alloc_p99: alloc.p99,
            alloc_max: alloc.max,
            free_mean: free.mean().map(hundredths),
            free_p99: free.p99,
            free_max: free.max,
            realloc_mean: realloc.mean().map(hundredths),
            realloc_p99: resized.map(|costs| costs.p99),
            realloc_max: resized.map(|costs| costs.max),
            fill_percent: fill_percent.map(hundredths),
            min_arena_bytes,
            code_bytes: code.small,
            code_bytes_o3: code.speed,
            control_bytes,
        }
    }

    /// Whether it is one of Esparto's own.
    pub(crate) fn is_ours(&self) -> bool {
        is_ours(&self.name)
    }

    /// The mean of an allocation and a free together.
    pub(crate) fn pair_mean(&self) -> f64 {
        self.alloc_mean.unwrap_or(0.0) + self.free_mean.unwrap_or(0.0)
    }
}

/// Whether an allocator of this name is one of Esparto's own.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with("esparto") || is_prototype(name)
}

/// Whether it is a structure that was tried: no peer to be compared with, and not shipped.
pub(crate) fn is_prototype(name: &str) -> bool {
    name.starts_with("prototype")
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
