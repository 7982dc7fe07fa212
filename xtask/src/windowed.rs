//! Xtensa with register windows, as ESP32, S2 and S3 have them, run for real: the suite, the pools and
//! overlays on an emulated LX6 and an emulated LX7.
//!
//! A nightly compiler makes the code, as for the LX106. GCC's assembler and linker for that core link
//! it, once they are told of the other one.

mod config;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::c::tool;
use crate::exec::Cmd;
use crate::tally::Tally;
use crate::xtensa::{self, Kind, boot};
use crate::{Repo, tools};

/// The cores that run what is built for all of them: an LX6 and an LX7.
const CORES: [&str; 2] = ["de212", "sample_controller"];

/// The programs of the firmware workspace that run on these cores too.
const PROGRAMS: [&str; 2] = ["suite", "pools"];

/// What is linted as code for these cores.
const LINTED: [&str; 4] = ["board-windowed", "overlay-windowed", "pools", "suite"];

/// The program with the loader.
const OVERLAY_PROGRAM: &str = "overlay-windowed";

/// Its overlays besides those that the other cores have.
const OVERLAYS: [&str; 1] = ["wide.c"];

/// What GCC makes code for register windows by.
const WINDOWED_C: &str = "-mabi=windowed";

/// No program takes longer.
const LIMIT: Duration = Duration::from_secs(240);

const QEMU: &str = "-M sim -display none -monitor none -serial stdio -semihosting \
    -icount shift=10,sleep=off -cpu";

/// Everything on these cores.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_nightly()?;
    tools::QEMU_XTENSA.ensure()?;
    tools::XTENSA_GCC.ensure()?;
    let out = repo.target_dir()?.join("windowed");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let kind = Kind {
        board: "board-windowed",
        target: "xtensa-windowed-none-elf",
        config: Some(config::ensure(repo, &out)?),
    };
    kind.clippy(repo, &out, &LINTED)?;
    tally.pass();
    for program in PROGRAMS {
        let elf = kind.program(repo, &out, program)?;
        for core in CORES {
            let said = boot(&qemu(&out, core, &elf))?;
            println!("{program}.{core}: {} instructions", said.instructions);
            tally.pass();
        }
    }
    let packed = xtensa::packed(repo, &kind, &out, OVERLAY_PROGRAM, WINDOWED_C, &OVERLAYS)?;
    for core in CORES {
        let said = boot(&qemu(&packed.data, core, &packed.flash))?;
        println!("{OVERLAY_PROGRAM}.{core}: {} instructions", said.instructions);
        tally.pass();
    }
    Ok(())
}

/// The emulator of a core with a program, started in `dir`.
fn qemu(dir: &Path, core: &str, elf: &Path) -> Cmd {
    let qemu = tool("qemu-system-xtensa", dir).words(QEMU).arg(core);
    qemu.arg("-kernel").arg(elf).limit(LIMIT)
}
