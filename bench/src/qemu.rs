//! Running a program on the emulated core.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A program that needs longer than this hangs, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The costs of one kind of operation, in instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Costs {
    pub(crate) count: u64,
    pub(crate) sum: u64,
    pub(crate) max: u64,
    pub(crate) p99: u64,
    /// Which operation of the script was the dearest.
    pub(crate) max_at: u64,
}

impl Costs {
    /// The mean, or `None` when there was no such operation.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

/// One line that the device printed.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The program started.
    Hello { name: String, static_bytes: u64, max_align: usize },
    /// A measured script.
    Measure(Box<Measured>),
    /// A checked script.
    Verify { failed: Option<String>, op_index: Option<u64> },
    /// What was live when memory ran out.
    Fill { failed: Option<String>, live_bytes: Option<u64> },
    /// The smallest arena.
    Fit { failed: Option<String>, arena_bytes: Option<u64> },
    /// The dearest operations.
    Worst(Box<Worst>),
    /// All jobs are done.
    Done {},
    /// The harness refused.
    Error { reason: String },
    /// The core trapped.
    Fault { cause: u64, pc: u64, value: u64 },
    /// The program panicked.
    Panic {},
}

/// The measurements of one script.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Measured {
    pub(crate) failed: Option<String>,
    #[serde(default)]
    pub(crate) arena_control_bytes: u64,
    #[serde(default)]
    pub(crate) failed_count: u64,
    #[serde(default)]
    alloc_count: u64,
    #[serde(default)]
    alloc_sum: u64,
    #[serde(default)]
    alloc_max: u64,
    #[serde(default)]
    alloc_p99: u64,
    #[serde(default)]
    alloc_max_at: u64,
    #[serde(default)]
    free_count: u64,
    #[serde(default)]
    free_sum: u64,
    #[serde(default)]
    free_max: u64,
    #[serde(default)]
    free_p99: u64,
    #[serde(default)]
    free_max_at: u64,
    #[serde(default)]
    realloc_count: u64,
    #[serde(default)]
    realloc_sum: u64,
    #[serde(default)]
    realloc_max: u64,
    #[serde(default)]
    realloc_p99: u64,
    #[serde(default)]
    realloc_max_at: u64,
}

impl Measured {
    /// The costs of allocating.
    pub(crate) fn alloc(&self) -> Costs {
        Costs {
            count: self.alloc_count,
            sum: self.alloc_sum,
            max: self.alloc_max,
            p99: self.alloc_p99,
            max_at: self.alloc_max_at,
        }
    }

    /// The costs of freeing.
    pub(crate) fn free(&self) -> Costs {
        Costs {
            count: self.free_count,
            sum: self.free_sum,
            max: self.free_max,
            p99: self.free_p99,
            max_at: self.free_max_at,
        }
    }

    /// The costs of changing sizes.
    pub(crate) fn realloc(&self) -> Costs {
        Costs {
            count: self.realloc_count,
            sum: self.realloc_sum,
            max: self.realloc_max,
            p99: self.realloc_p99,
            max_at: self.realloc_max_at,
        }
    }
}

/// What the dearest operation of each kind cost, and which it was.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Worst {
    pub(crate) failed: Option<String>,
    #[serde(default)]
    allocate: u64,
    #[serde(default)]
    allocate_at: u64,
    #[serde(default)]
    aligned: u64,
    #[serde(default)]
    aligned_at: u64,
    #[serde(default)]
    free: u64,
    #[serde(default)]
    free_at: u64,
    #[serde(default)]
    grow: u64,
    #[serde(default)]
    grow_at: u64,
    #[serde(default)]
    shrink: u64,
    #[serde(default)]
    shrink_at: u64,
}

impl Worst {
    /// The instructions and the operation, kind by kind: allocate, aligned, free, grow, shrink.
    pub(crate) fn per_kind(&self) -> [(u64, u64); 5] {
        [
            (self.allocate, self.allocate_at),
            (self.aligned, self.aligned_at),
            (self.free, self.free_at),
            (self.grow, self.grow_at),
            (self.shrink, self.shrink_at),
        ]
    }
}

/// Says whether the emulator is there.
pub(crate) fn find() -> Result<()> {
    let found = Command::new(EMULATOR).arg("--version").stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        bail!("`{EMULATOR}` does not run: `apt-get install qemu-system-misc`");
    }
    Ok(())
}

const EMULATOR: &str = "qemu-system-riscv32";

/// Runs `program` on the job file `jobs`, and returns what it printed.
///
/// A program that faults, panics or hangs is no error here: its last line tells, or is missing.
pub(crate) fn run(program: &Path, jobs: &[u8]) -> Result<Vec<Line>> {
    let mut file = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    file.write_all(jobs).context("cannot write the job file")?;
    let mut child = Command::new(EMULATOR)
        .args(["-M", "virt", "-m", "256M", "-bios", "none", "-display", "none"])
        .args(["-monitor", "none", "-serial", "stdio", "-icount", "shift=0", "-kernel"])
        .arg(program)
        .arg("-device")
        .arg(format!("loader,addr=0x84000000,force-raw=on,file={}", file.path().display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {EMULATOR}"))?;
    let mut stdout = child.stdout.take().expect("it was asked for");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let begun = Instant::now();
    let hung = loop {
        if child.try_wait().context("cannot wait for the emulator")?.is_some() {
            break false;
        }
        if begun.elapsed() > LIMIT {
            child.kill().context("cannot end the emulator")?;
            child.wait().context("cannot wait for the emulator")?;
            break true;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = reader
        .join()
        .expect("reading does not panic")
        .context("the device printed something that is not text")?;
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(
            serde_json::from_str(line)
                .with_context(|| format!("the device printed a line of another kind: {line}"))?,
        );
    }
    if hung {
        let reason = format!("it did not end within {} s", LIMIT.as_secs());
        lines.push(Line::Error { reason });
    }
    Ok(lines)
}
