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
    /// List the allocators and workloads, and end
    #[arg(long)]
    pub list: bool,
}
