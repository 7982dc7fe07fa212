//! The camera whose stages are overlays: linked, packed, put on a card, run on a machine that has an SD
//! card, which QEMU and the simulator both know.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use card_image::Format;
use serde_json::Value;

use crate::emulator::{Emulator, Said};
use crate::exec::Cmd;
use crate::firmware::{self, Stages};
use crate::program::{IMC, Program};
use crate::tally::Tally;
use crate::{Repo, tools};

/// QEMU's machine with an SD card.
const MACHINE: &str = "sifive_u";

/// The camera with more code than its flash.
pub(crate) const STREAMED: Program =
    Program::new("camera-card", "camera-card", IMC).on(MACHINE, "flash");

/// What the camera is given of the flash: with its overlays in it, it would not fit.
pub(crate) const FLASH_BYTES: u64 = 832 << 10;

/// Together the overlays are at least so many times as large as the memory that they run in.
const TIMES: f64 = 3.0;

/// Mounting a card takes more than `main` usually has.
const BOOT_STACK_BYTES: &str = "16384";

/// What the files are in.
const PARTITION_BYTES: usize = 64 << 20;

/// QEMU takes nothing smaller for a card of high capacity. The rest is a hole in the image.
const CARD_BYTES: u64 = 4 << 30;

/// Like the runner in the firmware's cargo configuration, but for the machine.
const QEMU: &str = "-bios none -display none -monitor none -serial stdio \
    -semihosting-config enable=on,target=native -icount shift=0,sleep=off";

/// The firmware, packed.
pub(crate) struct Packed {
    /// The card's image.
    card: PathBuf,
    /// The firmware with its overlays, for names and lines.
    pub(crate) elf: PathBuf,
    /// What is flashed.
    flash: PathBuf,
    /// What the packer says.
    pub(crate) account: Account,
}

/// How large the parts are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    before_bytes: u64,
    after_bytes: u64,
    slot_bytes: u64,
    overlays: Vec<(String, u64, u64)>,
}

impl Account {
    fn read(packed: &Value) -> Option<Self> {
        let overlays = packed["overlays"].as_array()?.iter().map(|overlay| {
            let bytes = |field: &str| overlay[field].as_u64();
            Some((overlay["name"].as_str()?.to_owned(), bytes("code_bytes")?, bytes("data_bytes")?))
        });
        Some(Self {
            before_bytes: packed["flash_bytes_before"].as_u64()?,
            after_bytes: packed["flash_bytes_after"].as_u64()?,
            slot_bytes: packed["slots"][0]["len_bytes"].as_u64()?,
            overlays: overlays.collect::<Option<_>>()?,
        })
    }

    fn code_bytes(&self) -> u64 {
        self.overlays.iter().map(|(_, code_bytes, _)| code_bytes).sum()
    }

    fn times(&self) -> f64 {
        self.code_bytes() as f64 / self.slot_bytes as f64
    }

    /// Holds the firmware to what it is there to show.
    fn hold(&self) -> Result<()> {
        let Self { before_bytes, after_bytes, .. } = *self;
        ensure!(
            before_bytes > FLASH_BYTES && after_bytes <= FLASH_BYTES,
            "of {FLASH_BYTES} bytes of flash the camera takes {after_bytes}, and {before_bytes} with its overlays"
        );
        let times = self.times();
        ensure!(times >= TIMES, "the overlays are only {times:.1} times as large as their slot");
        Ok(())
    }

    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .overlays
            .iter()
            .map(|(name, code_bytes, data_bytes)| {
                format!("overlay {name:6} {code_bytes:>6} bytes of code, {data_bytes:>5} of data")
            })
            .collect();
        lines.push(format!(
            "{} bytes of code for a slot of {}: {:.1} times as much",
            self.code_bytes(),
            self.slot_bytes,
            self.times()
        ));
        lines.push(format!(
            "flash: {} bytes with them, {} without, of {FLASH_BYTES} that there are",
            self.before_bytes, self.after_bytes
        ));
        lines
    }
}

impl Packed {
    /// Builds everything in `folder`: compiles, links with `esparto-ld`, packs.
    ///
    /// # Errors
    /// A step failed, or it does not show what it is there to show.
    pub(crate) fn build(repo: &Repo, esparto: &Path, folder: &Path) -> Result<Self> {
        tools::RISCV_GCC.ensure()?;
        let context = || folder.display().to_string();
        fs::create_dir_all(folder).with_context(context)?;
        let config = folder.join("esparto.toml");
        let source = repo.path("firmware/camera-card/esparto.toml");
        fs::copy(&source, &config).with_context(|| source.display().to_string())?;
        let linker = esparto.with_file_name("esparto-ld");
        let build = STREAMED.cargo_in_profile(repo, "build --quiet", "streamed");
        let build = build.env("ESPARTO_OBJECTS", folder).env("ESPARTO_CONFIG", &config);
        let build = build.env("ESPARTO_BOOT_STACK", BOOT_STACK_BYTES);
        build.env("CARGO_TARGET_RISCV32IMC_UNKNOWN_NONE_ELF_LINKER", linker).run()?;

        let elf = STREAMED.elf_in_profile(repo, "streamed");
        let flash = folder.join("camera.flash.elf");
        let data = folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).with_context(context)?;
        }
        let pack = Cmd::new(esparto, folder).quiet().words("overlay pack --json --config");
        let pack = pack.arg(&config).arg("--out").arg(&data).arg("--flash").arg(&flash);
        let said = pack.arg(&elf).read()?;
        let account = serde_json::from_str(&said)
            .ok()
            .and_then(|packed| Account::read(&packed))
            .with_context(|| format!("the packer said something else:\n{said}"))?;
        account.hold()?;
        let card = folder.join("card.img");
        write_card(&data, &card)?;
        Ok(Self { card, elf, flash, account })
    }

    /// Boots it with the card. The trace goes to `trace`, `take` sees the lines.
    ///
    /// # Errors
    /// It did not end well.
    pub(crate) fn boot(
        &self,
        emulator: &Emulator,
        trace: &Path,
        take: impl FnMut(&str),
    ) -> Result<Said> {
        let name =
            trace.file_name().and_then(|name| name.to_str()).context("a trace has a name")?;
        // What is on the firmware's command line is split at blanks: bare names only.
        let dir = trace.parent().context("a trace lies in a folder")?;
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let run = match emulator {
            Emulator::Sim { esparto } => {
                let run = Cmd::new(esparto, dir).words("sim --board").arg(MACHINE);
                let run = run.arg("--sd").arg(&self.card);
                run.words("--trace").arg(name).arg(&self.flash)
            }
            Emulator::Qemu => {
                let card = self.card.to_str().context("the path to the card is no text")?;
                let run = Cmd::new("qemu-system-riscv32", dir).words("-machine").arg(MACHINE);
                let run = run.words(QEMU).arg("-drive");
                let run = run.arg(format!("file={},if=sd,format=raw", card.replace(',', ",,")));
                run.arg("-append").arg(name).arg("-kernel").arg(&self.flash)
            }
        };
        emulator.listen(&run.quiet(), take)
    }
}

/// Writes the image of a card with the files of the folder `data`.
fn write_card(data: &Path, image: &Path) -> Result<()> {
    let context = || data.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(data).with_context(context)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name is text")?;
        files.push((name.to_owned(), fs::read(&path).with_context(context)?));
    }
    files.sort();
    let pairs = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let bytes = card_image::build(PARTITION_BYTES, Format::Fat32, pairs).context("the card")?;
    let write = || {
        let mut file = File::create(image)?;
        file.write_all(&bytes)?;
        file.set_len(CARD_BYTES)
    };
    write().with_context(|| image.display().to_string())
}

/// The camera on both emulators: what this machine computes, and down to the instruction and the byte of
/// the trace the same on both.
pub(crate) fn test(repo: &Repo, sim: &Emulator, tally: &mut Tally) -> Result<()> {
    tools::HOST_CPP.ensure()?;
    let Emulator::Sim { esparto } = sim else { bail!("the simulator is QEMU") };
    let out = repo.target_dir()?.join("streamed-test");
    let packed = Packed::build(repo, esparto, &out)?;
    packed.account.lines().iter().for_each(|line| println!("{line}"));
    let expected = firmware::camera_on_host(repo, Stages::Native)?;
    let [trace, qemu_trace] = ["sim", "qemu"].map(|name| out.join(name).join("camera.trace"));
    let said = packed.boot(sim, &trace, |_| ())?;
    firmware::hold_camera(&said, &expected)?;
    said.loads().for_each(|line| println!("{line}"));
    tally.pass();
    said.hold_to(&packed.boot(&Emulator::qemu()?, &qemu_trace, |_| ())?)?;
    firmware::compare_traces(&trace, &qemu_trace)?;
    println!(
        "camera-card: the same {} instructions and the same trace as in QEMU",
        said.instructions
    );
    tally.pass();
    Ok(())
}
