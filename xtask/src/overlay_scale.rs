//! `cargo xtask overlay-scale`: 64 MB of overlays on an SD card, called in a random order.
//!
//! The code is machine-made, each function with answers of its own, but everything after that is what
//! any firmware goes through: `esparto overlay link`, the linker, `esparto overlay pack`, a FAT image,
//! the SD card over SPI, the loader. This machine interprets the same operations and says what every
//! answer has to be.

mod code;
mod object;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use card_image::Format;

use crate::emulator::Emulator;
use crate::exec::Cmd;
use crate::firmware::Progress;
use crate::program::{IMC, Program};
use crate::tally::Tally;
use crate::{Repo, demo, tools};

use code::Library;

const SCALE: Program = Program::new("scale", "scale", IMC);

/// What a size of the run is.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Where its files are, below the target directory.
    folder: &'static str,
    overlay_count: usize,
    overlay_bytes: usize,
    slot_count: usize,
    call_count: usize,
    card_bytes: usize,
}

impl Scale {
    /// 512 overlays of 128 KB: 64 MB, sixteen times the flash of the emulated board.
    const FULL: Self = Self {
        folder: "overlay-scale",
        overlay_count: 512,
        overlay_bytes: 128 << 10,
        slot_count: 2,
        call_count: 1500,
        card_bytes: 128 << 20,
    };

    /// 2 MB, for the tests.
    const SMALL: Self = Self {
        folder: "overlay-scale-small",
        overlay_count: 128,
        overlay_bytes: 16 << 10,
        slot_count: 2,
        call_count: 400,
        card_bytes: 64 << 20,
    };

    fn code_bytes(&self) -> usize {
        self.overlay_count * self.overlay_bytes
    }
}

/// Where the slots begin: far above what the board's firmware uses.
const SLOTS_ADDR: usize = 0x8400_0000;

/// The same calls every time.
const SEED: u64 = 0x0E5A_27F0_0000_0001;

/// Every third call is of an overlay that was called just before, as calls are.
const RECENT_ONE_IN: u64 = 3;
const RECENT_COUNT: usize = 2;

/// Generates, links, packs, runs and checks; says what it took.
///
/// # Errors
/// A step failed, or an answer on the core is not this machine's.
pub(crate) fn run(repo: &Repo, is_small: bool) -> Result<()> {
    let start = Instant::now();
    let figures = at(repo, if is_small { Scale::SMALL } else { Scale::FULL })?;
    println!("{figures}");
    println!("Done in {:.0} s.", start.elapsed().as_secs_f32());
    Ok(())
}

/// The small edition, as a test.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    println!("{}", at(repo, Scale::SMALL)?);
    tally.pass();
    Ok(())
}

fn at(repo: &Repo, scale: Scale) -> Result<String> {
    tools::ensure_targets(&[SCALE.target])?;
    let out = repo.target_dir()?.join(scale.folder);
    let fresh = || out.display().to_string();
    if out.exists() {
        fs::remove_dir_all(&out).with_context(fresh)?;
    }
    fs::create_dir_all(&out).with_context(fresh)?;
    let sim = Emulator::sim(repo)?;
    let Emulator::Sim { esparto } = &sim else { bail!("the simulator is QEMU") };
    let esparto = || Cmd::new(esparto, &out).quiet();

    let step = Instant::now();
    let library = Library::new(scale.overlay_count, scale.overlay_bytes, SEED);
    write_objects(&out, &library)?;
    write(&out.join("esparto.toml"), config(scale).as_bytes())?;
    eprintln!("{} overlays generated in {:.1} s", scale.overlay_count, seconds(step));

    let step = Instant::now();
    esparto().words("overlay link --config esparto.toml --json --out").arg(&out).read()?;
    SCALE.build_with(repo, &[("ESPARTO_OVERLAYS", out.as_os_str())])?;
    eprintln!("linked in {:.1} s", seconds(step));

    let step = Instant::now();
    let elf = SCALE.elf(repo);
    let flash = out.join("scale.flash.elf");
    let pack = esparto().words("overlay pack --config esparto.toml --out data --json --flash");
    pack.arg(&flash).arg(&elf).read()?;
    eprintln!("packed in {:.1} s", seconds(step));

    let plan = Plan::new(&library, scale);
    let image = out.join("card.img");
    let files = files(&out.join("data"), &plan)?;
    let pairs = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let card = card_image::build(scale.card_bytes, Format::Fat32, pairs).context("the card")?;
    write(&image, &card)?;
    drop(card);

    let step = Instant::now();
    let run = esparto().words("sim --max-instructions 200000000000 --sd");
    let said = boot(&run.arg(&image).arg(&flash))?;
    let seconds = seconds(step);
    // The card is as large as it is: it is not kept.
    fs::remove_file(&image).with_context(|| image.display().to_string())?;
    plan.hold(&said)?;
    figures(scale, &said, seconds)
}

fn seconds(since: Instant) -> f32 {
    since.elapsed().as_secs_f32()
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(file, bytes).with_context(|| file.display().to_string())
}

/// The objects of the overlays, and the resident table of their functions.
fn write_objects(out: &Path, library: &Library) -> Result<()> {
    for overlay in 0..library.overlay_count() {
        let bytes = object::overlay(library, overlay)?;
        write(&out.join(format!("{}.o", name(overlay))), &bytes)?;
    }
    write(&out.join("table.o"), &object::table(library)?)
}

/// The name of an overlay. Two of its digits are the folder that it is in.
fn name(overlay: usize) -> String {
    format!("o{overlay:04}")
}

/// What `esparto overlay` is told.
fn config(scale: Scale) -> String {
    let mut text =
        String::from("chip = \"virt\"\nisa = \"rv32imc\"\nfat = true\nld = \"rust-lld\"\n");
    // Overlays have no constants, but each has a place for its data, of nothing.
    let data_addr = SLOTS_ADDR + scale.slot_count * scale.overlay_bytes;
    text.push_str(&format!("data = {{ addr = {data_addr:#x}, size = \"64K\" }}\n"));
    for slot in 0..scale.slot_count {
        let addr = SLOTS_ADDR + slot * scale.overlay_bytes;
        text.push_str(&format!("[[slot]]\naddr = {addr:#x}\nsize = {}\n", scale.overlay_bytes));
    }
    for overlay in 0..scale.overlay_count {
        let (name, slot) = (name(overlay), overlay % scale.slot_count);
        text.push_str(&format!(
            "[[overlay]]\nname = \"{name}\"\nslot = {slot}\nfiles = [\"{name}.o\"]\n"
        ));
    }
    text
}

/// What is on the card: the packed pairs in folders, and the plan.
fn files(data: &Path, plan: &Plan) -> Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(data)
        .with_context(|| data.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let mut files = vec![("PLAN.BIN".to_owned(), plan.bytes())];
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).context("a name is text")?;
        if name.ends_with("_e") || name.ends_with("_d") {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            files.push((format!("{}/{name}", &name[1..3]), bytes));
        }
    }
    Ok(files)
}

/// The calls, and their answers as this machine computes them.
struct Plan {
    calls: Vec<[u32; 3]>,
}

impl Plan {
    /// Every overlay once, in a random order, then any, now and then one that was there just before.
    fn new(library: &Library, scale: Scale) -> Self {
        let mut chance = code::Chance::new(SEED ^ 0x5CA1_E000);
        let mut order: Vec<usize> = (0..scale.overlay_count).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, chance.below(last + 1));
        }
        let mut overlays: Vec<usize> = Vec::with_capacity(scale.call_count);
        for call in 0..scale.call_count {
            let recent = overlays.len().min(RECENT_COUNT);
            let overlay = if recent > 0 && chance.next().is_multiple_of(RECENT_ONE_IN) {
                overlays[overlays.len() - 1 - chance.below(recent)]
            } else {
                order.get(call).copied().unwrap_or_else(|| chance.below(scale.overlay_count))
            };
            overlays.push(overlay);
        }
        // Those that something recent was called instead of are called at the end.
        let mut is_called = vec![false; scale.overlay_count];
        overlays.iter().for_each(|&overlay| is_called[overlay] = true);
        overlays.extend((0..scale.overlay_count).filter(|&overlay| !is_called[overlay]));
        let calls = overlays.into_iter().map(|overlay| {
            let function = chance.below(library.functions_per_overlay());
            let number = overlay * library.functions_per_overlay() + function;
            let argument = chance.next() as u32;
            [number as u32, argument, library.answer(number, argument)]
        });
        Self { calls: calls.collect() }
    }

    fn bytes(&self) -> Vec<u8> {
        self.calls.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Holds what the firmware says of all its answers to ours.
    fn hold(&self, said: &[String]) -> Result<()> {
        let digest = self
            .calls
            .iter()
            .fold(0_u32, |digest, [.., answer]| (digest ^ answer).wrapping_mul(0x0100_0193));
        let expected = format!("calls {} digest {digest:08x}", self.calls.len());
        ensure!(
            said.contains(&expected),
            "the core's answers are not this machine's, `{expected}`; it said:\n{}",
            said.join("\n")
        );
        Ok(())
    }
}

/// Runs the simulator, shows how far it is, gives all other lines.
fn boot(run: &Cmd) -> Result<Vec<String>> {
    let bar = demo::progress_bar();
    let mut lines = Vec::new();
    let outcome = run.lines(|line| {
        let line = line.trim_end();
        demo::show(&bar, line);
        if Progress::read(line).is_none() {
            lines.push(line.to_owned());
        }
    });
    bar.finish_and_clear();
    outcome.with_context(|| format!("the firmware said:\n{}", lines.join("\n")))?;
    ensure!(lines.iter().any(|line| line == "ok"), "it did not end well:\n{}", lines.join("\n"));
    Ok(lines)
}

/// The number behind a word in one of the lines.
fn figure(said: &[String], before: &str) -> Result<u64> {
    let found = said.iter().find_map(|line| {
        let (_, rest) = line.split_once(before)?;
        rest.split_whitespace().next()?.parse().ok()
    });
    found.with_context(|| format!("the firmware said no `{before}`:\n{}", said.join("\n")))
}

fn figures(scale: Scale, said: &[String], seconds: f32) -> Result<String> {
    let read = |before: &str| figure(said, before);
    let (calls, loads, hits) = (read("calls ")?, read("loads ")?, read("hits ")?);
    let (evictions, restores) = (read("evictions ")?, read("restores ")?);
    ensure!(loads as usize >= scale.overlay_count, "only {loads} loads");
    ensure!(read("failures ")? == 0, "loads failed:\n{}", said.join("\n"));
    let (read_bytes, code_bytes) = (read("read ")?, read("code ")?);
    let per_load = read("miss instructions ")? / loads;
    Ok(format!(
        "{} overlays, {:.1} MB of code on the card, {} slots of {} KB\n\
         {calls} calls, every answer right: {loads} loads, {hits} hits, {evictions} evictions, {restores} found back\n\
         {:.1} MB read, {:.1} MB of it stored as code\n\
         {per_load} instructions per load ({:.1} a byte), the SD card's bytes over SPI and the calls included\n\
         {} instructions in all, {seconds:.0} s",
        scale.overlay_count,
        scale.code_bytes() as f64 / f64::from(1 << 20),
        scale.slot_count,
        scale.overlay_bytes >> 10,
        read_bytes as f64 / f64::from(1 << 20),
        code_bytes as f64 / f64::from(1 << 20),
        per_load as f64 / scale.overlay_bytes as f64,
        read("instructions ")?,
    ))
}
