//! Measures pools and queues side by side: builds `bench/queues`, runs it on the emulated core, and
//! prints a table of pools and one of queues. What is measured and how is told in `bench/README.md`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

/// Measures pools and queues, Esparto's and others, on an emulated RISC-V core.
#[derive(Debug, Parser)]
#[command(name = "esparto-bench-queues", version)]
struct Options {
    /// Write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A line of the program.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    /// The instructions of two operations, the worst of many.
    Row { table: String, name: String, put: u64, take: u64 },
    /// All is measured.
    Done,
}

const TARGET: &str = "riscv32imc-unknown-none-elf";
const EMULATOR: &str = "qemu-system-riscv32";

/// The tables, with the names of their two operations.
const TABLES: [(&str, &str, [&str; 2]); 2] = [
    ("pool", "pools: a block of 64 bytes", ["take", "give back"]),
    ("queue", "queues: a message of 64 bytes", ["post", "receive"]),
];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let lines = measure(&build()?)?;
    for (table, title, operations) in TABLES {
        println!("{}\n", draw(&lines, table, title, operations));
    }
    if let Some(path) = &options.json {
        let rows: Vec<_> = lines.iter().filter(|line| matches!(line, Line::Row { .. })).collect();
        let text = serde_json::to_string_pretty(&rows)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Builds the program; returns where it is.
fn build() -> Result<PathBuf> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target_dir = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| bench.join("../target"), PathBuf::from)
        .join("bench-queues");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(bench.join("queues")).args(["build", "--quiet", "--locked", "--release"]);
    cargo.args(["--target", TARGET, "--target-dir"]).arg(&target_dir);
    // The host's flags and target are not the device's.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "bench/queues does not build (it needs `rustup target add {TARGET}` and `apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf`):\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(target_dir.join(TARGET).join("release/esparto-bench-queues"))
}

/// Runs the program; it has to come to its end.
fn measure(program: &Path) -> Result<Vec<Line>> {
    let output = Command::new(EMULATOR)
        .args(["-M", "virt", "-bios", "none", "-display", "none", "-monitor", "none"])
        .args(["-serial", "stdio", "-semihosting-config", "enable=on,target=native"])
        .args(["-icount", "shift=0,sleep=off", "-kernel"])
        .arg(program)
        .output()
        .with_context(|| {
            format!("`{EMULATOR}` does not run: `apt-get install qemu-system-misc`")
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the program failed; it said:\n{text}");
    // The board's own lines are for people.
    let json = text.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Line> = json
        .map(|line| serde_json::from_str(line).with_context(|| format!("not a row: {line}")))
        .collect::<Result<_>>()?;
    ensure!(matches!(lines.last(), Some(Line::Done)), "the program did not end; it said:\n{text}");
    Ok(lines)
}

fn draw(lines: &[Line], wanted: &str, title: &str, [put_name, take_name]: [&str; 2]) -> Table {
    let mut drawn = Table::new();
    drawn.load_preset(presets::ASCII_MARKDOWN);
    drawn.set_header([title, put_name, take_name, "together"]);
    for line in lines {
        if let Line::Row { table, name, put, take } = line
            && table == wanted
        {
            drawn.add_row([
                name.clone(),
                put.to_string(),
                take.to_string(),
                (put + take).to_string(),
            ]);
        }
    }
    for column in drawn.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    drawn
}
