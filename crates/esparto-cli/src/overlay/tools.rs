//! The linker, found and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use esparto_image::Isa;

use crate::Failure;

/// Linkers for RISC-V by their usual names, the first that is there is taken.
const RISCV: [&str; 5] = [
    "riscv32-esp-elf-ld",
    "riscv32-unknown-elf-ld",
    "riscv64-unknown-elf-ld",
    "ld.lld",
    "rust-lld",
];
const LX106: [&str; 1] = ["xtensa-lx106-elf-ld"];
const LX6: [&str; 2] = ["xtensa-esp32-elf-ld", "xtensa-esp-elf-ld"];
const LX7: [&str; 2] = ["xtensa-esp32s3-elf-ld", "xtensa-esp-elf-ld"];

/// A linker.
#[derive(Debug)]
pub(crate) struct Linker {
    program: PathBuf,
    isa: Isa,
}

impl Linker {
    /// The linker `named`, or the first of the usual ones for `isa`.
    ///
    /// # Errors
    /// None is there.
    pub(crate) fn find(named: Option<&str>, isa: Isa) -> Result<Self, Failure> {
        let usual: &[&str] = match isa {
            Isa::XtensaLx106 => &LX106,
            Isa::XtensaLx6 => &LX6,
            Isa::XtensaLx7 => &LX7,
            _ => &RISCV,
        };
        let candidates = named.as_ref().map_or(usual, std::slice::from_ref);
        match candidates.iter().find_map(|name| locate(name)) {
            Some(program) => Ok(Self { program, isa }),
            None => {
                Err(Failure::bad_input(format!("no linker for {isa}: {}", candidates.join(", ")))
                    .mend("install one of them, or name yours as `ld` in esparto.toml"))
            }
        }
    }

    /// Is it of the LLVM family?
    pub(crate) fn is_lld(&self) -> bool {
        self.program
            .file_stem()
            .and_then(|stem| stem.to_str())
            .is_some_and(|stem| stem.contains("lld"))
    }

    /// A command that runs it for this instruction set.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if self.is_lld() {
            command.args(["-flavor", "gnu"]);
        }
        if self.isa.is_riscv() {
            command.args(["-m", "elf32lriscv"]);
        }
        command
    }

    /// Runs a command of this linker.
    ///
    /// # Errors
    /// It cannot be run, or ends badly: what it said is in the message.
    pub(crate) fn run(&self, command: &mut Command, making: &Path) -> Result<(), Failure> {
        let output = command.output().map_err(|error| Failure::io("run", &self.program, error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::bad_input(format!(
            "{} ended with {}:\n{}",
            self.program.display(),
            output.status,
            said.trim_end()
        ))
        .in_file(making)
        .mend("mend what the linker names"))
    }
}

/// The program `name`: a path, on the search path, or in the toolchain of `rustc`.
fn locate(name: &str) -> Option<PathBuf> {
    let direct = Path::new(name);
    if direct.components().count() > 1 {
        return direct.is_file().then(|| direct.to_owned());
    }
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file())
    });
    on_path.or_else(|| if name == "rust-lld" { in_rust_toolchain(name) } else { None })
}

fn in_rust_toolchain(name: &str) -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).output().ok()?;
    let libdir = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let program = libdir.parent()?.join("bin").join(name);
    program.is_file().then_some(program)
}
