//! Building the programs of `bench/device` and reading what they weigh.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, SectionKind};

/// A way of building all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    /// The harness, to be run.
    Speed,
    /// For its size, at opt-level 3.
    SpeedSize,
    /// The same without allocate and free.
    SpeedInit,
    /// For its size, at opt-level "s".
    SmallSize,
    /// The same without allocate and free.
    SmallInit,
}

impl Variant {
    const ALL: [Self; 5] =
        [Self::Speed, Self::SpeedSize, Self::SpeedInit, Self::SmallSize, Self::SmallInit];

    fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::SpeedSize => "speed-size",
            Self::SpeedInit => "speed-init",
            Self::SmallSize => "small-size",
            Self::SmallInit => "small-init",
        }
    }

    fn profile(self) -> &'static str {
        match self {
            Self::Speed | Self::SpeedSize | Self::SpeedInit => "speed",
            Self::SmallSize | Self::SmallInit => "small",
        }
    }

    fn features(self) -> &'static str {
        match self {
            Self::Speed => "",
            Self::SpeedSize | Self::SmallSize => "size",
            Self::SpeedInit | Self::SmallInit => "init-only",
        }
    }
}

const TARGET: &str = "riscv32imc-unknown-none-elf";

/// The program without an allocator, against which sizes are counted.
const EMPTY: &str = "empty";

/// The program whose blocks overlap, with which the guard is tested.
pub(crate) const FAULTY: &str = "faulty";

/// The bytes of code and constants that allocate and free need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeBytes {
    /// At opt-level 3, as measured for speed.
    pub(crate) speed: u64,
    /// At opt-level "s".
    pub(crate) small: u64,
}

/// Says what is missing for building.
fn find_tools() -> Result<()> {
    let sysroot = Command::new("rustc")
        .current_dir(device_dir())
        .args(["--print", "sysroot"])
        .output()
        .context("`rustc` does not run: install Rust with rustup")?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim_end().to_owned();
    if !Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir() {
        bail!("the standard library for {TARGET} is missing: `rustup target add {TARGET}`");
    }
    let compiler = Command::new("riscv64-unknown-elf-gcc")
        .args(["--specs=picolibc.specs", "--version"])
        .output();
    if !compiler.is_ok_and(|output| output.status.success()) {
        bail!(
            "`riscv64-unknown-elf-gcc` with picolibc does not run: \
             `apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf`"
        );
    }
    Ok(())
}

/// The built programs.
pub(crate) struct Programs {
    dir: PathBuf,
}

fn device_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("device")
}

/// The allocators under test: the programs of `bench/device`, by name.
pub(crate) fn subjects() -> Result<Vec<String>> {
    let dir = device_dir().join("src/bin");
    let mut names = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            && ![EMPTY, FAULTY].contains(&name)
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

impl Programs {
    /// Builds the programs of `names` in every variant.
    pub(crate) fn build(names: &[String], progress: impl Fn(&str)) -> Result<Self> {
        Self::build_variants(names, &Variant::ALL, progress)
    }

    fn build_variants(
        names: &[String],
        variants: &[Variant],
        progress: impl Fn(&str),
    ) -> Result<Self> {
        find_tools()?;
        let target_dir = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
            .join("bench-device");
        let programs = Self { dir: target_dir.join("programs") };
        for &variant in variants {
            progress(variant.name());
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            cargo
                .current_dir(device_dir())
                .args(["build", "--quiet", "--profile", variant.profile()])
                .args(["--target", TARGET, "--features", variant.features()])
                .arg("--target-dir")
                .arg(&target_dir)
                .args(["--bin", EMPTY]);
            for name in names {
                cargo.args(["--bin", name]);
            }
            // The host's flags and target are not the device's.
            for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
                cargo.env_remove(name);
            }
            let output = cargo.output().context("cannot run cargo")?;
            if !output.status.success() {
                bail!(
                    "the programs of bench/device do not build:\n{}",
                    String::from_utf8_lossy(&output.stderr).trim_end()
                );
            }
            // The next variant puts its programs where these are.
            let built = target_dir.join(TARGET).join(variant.profile());
            for name in names.iter().map(String::as_str).chain([EMPTY]) {
                let copy = programs.path(variant, name);
                let parent = copy.parent().expect("it was joined");
                std::fs::create_dir_all(parent)
                    .and_then(|()| std::fs::copy(built.join(name), &copy))
                    .with_context(|| format!("cannot keep {}", copy.display()))?;
            }
        }
        Ok(programs)
    }

    /// Builds the programs of `names` only to be run.
    pub(crate) fn build_runnable(names: &[String]) -> Result<Self> {
        Self::build_variants(names, &[Variant::Speed], |_| {})
    }

    fn path(&self, variant: Variant, name: &str) -> PathBuf {
        self.dir.join(variant.name()).join(name)
    }

    /// The program to run.
    pub(crate) fn runnable(&self, name: &str) -> PathBuf {
        self.path(Variant::Speed, name)
    }

    /// What the code of allocate and free weighs: the linked size with them, less the size without
    /// them, less what two calls of nothing weigh.
    pub(crate) fn code_bytes(&self, name: &str) -> Result<CodeBytes> {
        let path_of = |with, without| -> Result<u64> {
            let of = |name| -> Result<u64> {
                let with = loaded_bytes(&self.path(with, name))?;
                Ok(with.saturating_sub(loaded_bytes(&self.path(without, name))?))
            };
            Ok(of(name)?.saturating_sub(of(EMPTY)?))
        };
        Ok(CodeBytes {
            speed: path_of(Variant::SpeedSize, Variant::SpeedInit)?,
            small: path_of(Variant::SmallSize, Variant::SmallInit)?,
        })
    }
}

/// The bytes of code, constants and initial values in a program.
fn loaded_bytes(path: &Path) -> Result<u64> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = object::File::parse(&*bytes)
        .with_context(|| format!("{} is not an ELF file", path.display()))?;
    let loaded = file.sections().filter(|section| {
        matches!(
            section.kind(),
            SectionKind::Text
                | SectionKind::ReadOnlyData
                | SectionKind::ReadOnlyString
                | SectionKind::Data
        )
    });
    Ok(loaded.map(|section| section.size()).sum())
}
