//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures every allocator on the same work, on an emulated RISC-V core.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "esparto-bench", version)]
pub struct Options {
    /// Only these allocators (the names of the programs in `bench/device/src/bin`)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Measure the structures that were tried and not shipped, too (always those that --only names)
    #[arg(long)]
    pub structures: bool,
    /// Only these workloads
    #[arg(long = "workload", value_name = "NAME", value_delimiter = ',')]
    pub workloads: Vec<String>,
    /// Leave out the smallest arena, which takes most of the time
    #[arg(long)]
    pub quick: bool,
    /// Write the results to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw speed against fill into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Measure time on this machine instead: random actions, ours and the fastest peers in turn
    #[arg(long, conflicts_with = "worst")]
    pub host: bool,
    /// Search for the dearest single operation of each kind instead, and fail when one is above the
    /// bound that `docs/heap.md` derives
    #[arg(long)]
    pub worst: bool,
    /// Derive from the machine code what each kind of operation can cost at the most instead, and fail
    /// when one is above the bound that `docs/heap.md` states
    #[arg(long, conflicts_with_all = ["worst", "host"])]
    pub bound: bool,
    /// With --worst: how many times the dearest operations are changed and tried again
    #[arg(long, value_name = "COUNT", default_value_t = 40, requires = "worst")]
    pub rounds: u32,
    /// With --worst: another search
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "worst")]
    pub seed: u64,
    /// Measure nothing: print and draw what an earlier run wrote with --json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "only", "workloads", "quick"])]
    pub read: Option<PathBuf>,
    /// List the allocators and workloads, and end
    #[arg(long)]
    pub list: bool,
}
