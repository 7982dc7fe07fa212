//! esp-hal: the radio's C names on the emulated core, and the applications for real chips, built by the
//! stable compiler, their overlays packed, made into flash images that are held to the chips' maps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::emulator::Emulator;
use crate::exec::Cmd;
use crate::program::{IMAC, IMC, Program};
use crate::steps::{checked, tested};
use crate::tally::Tally;
use crate::{Repo, tools};

/// The workspace.
const DIR: &str = "examples/esp-hal";

/// The chips, and what their cores are.
const CHIPS: [(&str, &str); 2] = [("esp32c3", IMC), ("esp32c6", IMAC)];

/// The radio's C names, called from C on the core.
const RADIO: Program = Program::new("radio", "radio", IMC);

/// Cargo in that workspace, with its own place for what it builds.
fn cargo(repo: &Repo, out: &Path, words: &str) -> Cmd {
    repo.cargo_in(DIR, words).words("--locked --target-dir").arg(out)
}

/// Everything that can be shown without a chip.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    tools::RISCV_GCC.ensure()?;
    Emulator::qemu()?.boot(repo, &RADIO, None, |line| println!("{line}"))?;
    tally.pass();
    let tools_dir = repo.host_tools()?;
    let out = repo.target_dir()?.join("esp-hal");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    tested(&cargo(repo, &out, "test --quiet -p image"), tally)?;
    for (chip, target) in CHIPS {
        let elf = build(repo, &out, &tools_dir, chip, target)?;
        let config = repo.path(DIR).join(chip).join("esparto.toml");
        let pack = Cmd::new(tools_dir.join("esparto"), &out).quiet().words("overlay pack");
        let data = out.join(chip);
        println!("{}", pack.arg(&elf).arg("--config").arg(config).arg("--out").arg(data).read()?);
        let image = cargo(repo, &out, "run --quiet -p image").arg("--").arg(chip);
        let image = image.arg(elf.with_extension("flash.elf"));
        checked(&image.arg(out.join(chip).with_extension("bin")), tally)?;
    }
    Ok(())
}

/// Links the application of a chip with its overlays taken out.
fn build(repo: &Repo, out: &Path, tools: &Path, chip: &str, target: &str) -> Result<PathBuf> {
    let name = format!("app-{chip}");
    let linker = format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase());
    cargo(repo, out, "build --quiet --release")
        .arg("--target")
        .arg(target)
        .arg("-p")
        .arg(&name)
        .env(&linker, tools.join("esparto-ld"))
        .env("ESPARTO_CONFIG", repo.path(DIR).join(chip).join("esparto.toml"))
        .run()?;
    Ok(out.join(target).join("release").join(name))
}

/// Lints the workspace, each part for the machine it runs on: the most expensive of all lints, since
/// nothing of what they look at is built elsewhere.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    tools::ensure_lint_components()?;
    let out = repo.target_dir()?.join("esp-hal");
    checked(&cargo(repo, &out, "clippy -p image --all-targets").words("-- -D warnings"), tally)?;
    // The two applications differ in a few lines: what lints one lints both.
    let [_, (chip, target)] = CHIPS;
    let clippy = cargo(repo, &out, "clippy --release").arg("--target").arg(target);
    let clippy = clippy.arg("-p").arg("app").arg("-p").arg(format!("app-{chip}"));
    checked(&clippy.words("-- -D warnings"), tally)?;
    Ok(())
}
