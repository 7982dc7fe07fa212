//! A program of `firmware/`: how it is built, and where it is then.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Repo;
use crate::exec::Cmd;

/// The firmware workspace.
pub(crate) const DIR: &str = "firmware";

/// The core without atomics: the harder one, and the ESP32-C3's.
pub(crate) const IMC: &str = "riscv32imc-unknown-none-elf";

/// The core with atomics, which some libraries of the workloads want.
pub(crate) const IMAC: &str = "riscv32imac-unknown-none-elf";

/// Programs whose instructions are counted without the frame pointers that only a trace wants.
const FRAMELESS: [&str; 1] = ["pools"];

const TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// Where firmware is built. A target directory from the environment counts from the workspace.
pub(crate) fn target_dir(repo: &Repo) -> PathBuf {
    let target = std::env::var_os(TARGET_DIR).unwrap_or_else(|| "target".into());
    repo.path(DIR).join(target)
}

/// A program for one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) bin: &'static str,
    pub(crate) target: &'static str,
    /// The chip whose memory map it is linked for, and where its code runs there; `None` for QEMU's
    /// `virt`.
    pub(crate) chip: Option<(&'static str, &'static str)>,
}

impl Program {
    /// The program `bin` of `package`.
    pub(crate) const fn new(
        package: &'static str,
        bin: &'static str,
        target: &'static str,
    ) -> Self {
        Self { package, bin, target, chip: None }
    }

    /// The same for the memory map of `chip`, with its code in `code`: `flash` or `sram`.
    pub(crate) const fn on(self, chip: &'static str, code: &'static str) -> Self {
        Self { chip: Some((chip, code)), ..self }
    }

    /// Cargo on this program: `words` is its command, run in `dir` or in the workspace.
    pub(crate) fn cargo(&self, repo: &Repo, dir: Option<&Path>, words: &str) -> Cmd {
        // Away from its folder, the workspace's configuration is named; in it, cargo finds it by
        // itself, and naming it would give every flag twice. Behind the command: there, all
        // configurations add up.
        let cargo = match dir {
            Some(dir) => {
                let config = repo.path(DIR).join(".cargo/config.toml");
                Cmd::new("cargo", dir).words(words).arg("--config").arg(config)
            }
            None => Cmd::new("cargo", repo.path(DIR)).words(words),
        };
        // Wherever cargo runs, it builds in the same place.
        let cargo = match std::env::var_os(TARGET_DIR) {
            Some(_) => cargo.env(TARGET_DIR, target_dir(repo)),
            None => cargo,
        };
        let is_frameless = FRAMELESS.contains(&self.package);
        let cargo =
            if is_frameless { cargo.env("RUSTFLAGS", "-Clink-arg=-Tlink.x") } else { cargo };
        self.for_chip(cargo)
            .words("--locked --release --manifest-path")
            .arg(repo.path(DIR).join("Cargo.toml"))
            .words(&format!("--target {} -p {} --bin {}", self.target, self.package, self.bin))
    }

    /// Says what it is linked for.
    fn for_chip(&self, cargo: Cmd) -> Cmd {
        match self.chip {
            Some((chip, code)) => cargo.env("ESPARTO_CHIP", chip).env("ESPARTO_CODE", code),
            None => cargo,
        }
    }

    /// Builds it.
    pub(crate) fn build(&self, repo: &Repo) -> Result<()> {
        self.cargo(repo, None, "build --quiet").run()
    }

    /// Builds it with variables in the environment of its build.
    pub(crate) fn build_with(&self, repo: &Repo, envs: &[(&str, &OsStr)]) -> Result<()> {
        let build = self.cargo(repo, None, "build --quiet");
        envs.iter().fold(build, |build, (name, value)| build.env(name, value)).run()
    }

    /// Cargo on this program in another profile than `release`, run in the workspace.
    pub(crate) fn cargo_in_profile(&self, repo: &Repo, words: &str, profile: &str) -> Cmd {
        let cargo = Cmd::new("cargo", repo.path(DIR)).words(words).words("--locked --profile");
        let Self { target, package, bin, .. } = self;
        let cargo = self.for_chip(cargo);
        cargo.arg(profile).words(&format!("--target {target} -p {package} --bin {bin}"))
    }

    /// The built program in that profile.
    pub(crate) fn elf_in_profile(&self, repo: &Repo, profile: &str) -> PathBuf {
        target_dir(repo).join(self.target).join(profile).join(self.bin)
    }

    /// The built program with its names and lines.
    pub(crate) fn elf(&self, repo: &Repo) -> PathBuf {
        target_dir(repo).join(self.target).join("release").join(self.bin)
    }

    /// The bytes of the built program.
    pub(crate) fn bytes(&self, repo: &Repo) -> Result<Vec<u8>> {
        let elf = self.elf(repo);
        std::fs::read(&elf).with_context(|| elf.display().to_string())
    }

    /// Its name and its core's or its chip's, in one word.
    pub(crate) fn title(&self) -> String {
        if let Some((chip, code)) = self.chip {
            return format!("{}.{chip}-{code}", self.bin);
        }
        let core = self.target.split('-').next().unwrap_or(self.target);
        format!("{}.{core}", self.bin)
    }
}
