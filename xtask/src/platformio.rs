//! The real PlatformIO: a project with overlays, from `pio run` to calls on the core.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::exec::Cmd;
use crate::python::Python;
use crate::steps::tested;
use crate::tally::Tally;
use crate::{Repo, library, tools};

/// Where library, scripts and tests are.
const DIR: &str = "integrations/platformio";

/// The build system that this version of PlatformIO asks for, and how it calls it.
const SCONS: (&str, &str) = ("scons==4.11.1", "4.41101.0");

/// The project's environment, and where its files are.
const BUILD: &str = ".pio/build/card";

/// What the overlays' files are called.
const FILES: [&str; 7] =
    ["fft_d", "fft_e", "filter_d", "filter_e", "manifest.json", "shapes_d", "shapes_e"];

/// A project in the making, and what builds it.
struct Desk<'a> {
    repo: &'a Repo,
    python: Python,
    /// Where PlatformIO keeps what it installs.
    core: PathBuf,
    project: PathBuf,
    /// The host tool.
    tool: PathBuf,
    target_dir: PathBuf,
}

/// One thing that is shown.
type Scenario = fn(&Desk<'_>) -> Result<()>;

/// Each starts with a project that nothing was built in.
const SCENARIOS: [(&str, Scenario); 7] = [
    ("a build, the card, calls on the core", a_build_packs_and_its_firmware_calls),
    ("what did not change is left alone", what_did_not_change_is_left_alone),
    ("editors are answered without packing", editors_are_answered_without_packing),
    ("mistakes stop the build by name", mistakes_stop_the_build_by_name),
    ("a folder for the card", a_folder_for_a_card_is_filled_and_emptied),
    ("the library as a package", the_package_needs_neither_sources_nor_cargo),
    ("the settings for real boards", the_settings_for_real_boards_are_read),
];

/// Runs everything.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::RISCV_GCC.ensure()?;
    tools::QEMU_RISCV32.ensure()?;
    let python = Python::ensure(repo)?;
    let unit = python.run(&repo.path(DIR).join("test"), "python").words("-B -m unittest");
    tested(&unit, tally)?;

    let core = core(&python)?;
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let target_dir = repo.target_dir()?;
    let tool = library::host_tool(repo)?;
    // Blanks and commas, as folders of people have them.
    let project = target_dir.join("platformio-test").join("a project, of mine");
    let desk = Desk { repo, python, core, project, tool, target_dir };
    for (title, scenario) in SCENARIOS {
        println!("{title}");
        desk.clear()?;
        scenario(&desk).with_context(|| format!("{title}, in {}", desk.project.display()))?;
        tally.pass();
    }
    Ok(())
}

/// PlatformIO's own folder, with the build system that it would download.
fn core(python: &Python) -> Result<PathBuf> {
    let core = python.keep("platformio");
    let (wanted, version) = SCONS;
    let package = python.package("platformio/packages/tool-scons", wanted)?;
    if package.join(".piopm").is_file() {
        return Ok(core);
    }
    let write = |name: &str, text: &str| {
        let file = package.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())
    };
    write(
        "scons.py",
        "import os, sys\n\
         sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))\n\
         import SCons.Script\n\
         SCons.Script.main()\n",
    )?;
    let named = serde_json::json!({ "name": "tool-scons", "version": version });
    write("package.json", &named.to_string())?;
    let spec = serde_json::json!({
        "type": "tool", "name": "tool-scons", "version": version,
        "spec": { "owner": "platformio", "id": null, "name": "tool-scons", "requirements": null, "uri": null },
    });
    write(".piopm", &spec.to_string())?;
    Ok(core)
}

/// How a command ended, and all that it said.
struct Said {
    is_done: bool,
    text: String,
}

impl Said {
    fn of(command: &Cmd) -> Self {
        let mut text = String::new();
        let outcome = command.lines(|line| {
            text.push_str(line);
            text.push('\n');
        });
        Self { is_done: outcome.is_ok(), text }
    }

    /// It ended well.
    fn done(self) -> Result<String> {
        if self.is_done { Ok(self.text) } else { bail!("it failed and said:\n{}", self.text) }
    }

    /// It failed, and said all of `parts`.
    fn refused(self, parts: &[&str]) -> Result<()> {
        ensure!(!self.is_done, "it should have failed, and said:\n{}", self.text);
        let missing: Vec<_> = parts.iter().filter(|part| !self.text.contains(**part)).collect();
        ensure!(missing.is_empty(), "{missing:?} is not in what it said:\n{}", self.text);
        Ok(())
    }
}

impl Desk<'_> {
    /// PlatformIO in the project.
    fn pio(&self, words: &str) -> Cmd {
        self.pio_with(words, &self.tool)
    }

    /// The same with another host tool.
    fn pio_with(&self, words: &str, tool: &Path) -> Cmd {
        self.python
            .run(&self.project, "pio")
            .words(words)
            .env("PLATFORMIO_CORE_DIR", &self.core)
            .env("PLATFORMIO_SETTING_ENABLE_TELEMETRY", "No")
            .env("PLATFORMIO_DISABLE_UPGRADE_CHECK", "true")
            .env("PLATFORMIO_NO_ANSI", "true")
            .env("CARGO_TARGET_DIR", &self.target_dir)
            .env("ESPARTO_ROOT", self.repo.root())
            .env("ESPARTO_TOOL", tool)
            .env("ESPARTO_XTASK", std::env::current_exe().unwrap_or_default())
    }

    fn run(&self, words: &str) -> Said {
        Said::of(&self.pio("run").words(words))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.join(name)
    }

    fn read(&self, name: &str) -> Result<String> {
        let file = self.path(name);
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.path(name);
        fs::write(&file, text).with_context(|| file.display().to_string())
    }

    /// Writes a file anew with a part of its text replaced.
    fn change(&self, name: &str, from: &str, to: &str) -> Result<()> {
        let text = self.read(name)?;
        ensure!(text.contains(from), "{name} does not hold {from:?}");
        self.write(name, &text.replace(from, to))
    }

    /// Makes the project as it was before anything was built.
    fn clear(&self) -> Result<()> {
        if self.project.is_dir() {
            fs::remove_dir_all(&self.project)
                .with_context(|| self.project.display().to_string())?;
        }
        library::copy(&self.repo.path(DIR).join("test/project"), &self.project)
    }

    /// Names and times of the files in a folder, and what is linked.
    fn state(&self, folder: &str) -> Result<BTreeMap<PathBuf, std::time::SystemTime>> {
        let folder = self.path(folder);
        let mut state = BTreeMap::new();
        let listed = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let program = self.path(BUILD).join("firmware.elf");
        let files = listed.map(|entry| Ok(entry?.path())).chain([Ok(program)]);
        for file in files.collect::<Result<Vec<_>>>()? {
            let changed = file.metadata().and_then(|about| about.modified());
            let changed = changed.with_context(|| file.display().to_string())?;
            state.insert(file, changed);
        }
        Ok(state)
    }

    /// The names of the files in a folder, in order.
    fn names(&self, folder: &str) -> Result<Vec<String>> {
        library::names(&self.path(folder))
    }

    /// The host tool finds the files of `folder` whole and of one build with what is flashed.
    fn verify(&self, folder: &str) -> Result<()> {
        let verify = Cmd::new(&self.tool, &self.project).quiet().words("overlay verify");
        let verify = verify.arg(folder).arg("--flash").arg(format!("{BUILD}/firmware.elf"));
        Said::of(&verify).done().map(drop)
    }

    /// What the firmware says, with the card in place, in QEMU and on the simulator.
    fn boot(&self) -> Result<[String; 2]> {
        let (elf, card) = (format!("{BUILD}/firmware.elf"), format!("{BUILD}/card.img"));
        // A comma in a name would end it: the drive is named from the project's folder.
        let qemu = Cmd::new("qemu-system-riscv32", &self.project)
            .quiet()
            .words("-M sifive_u -bios none -nographic -monitor none -serial none")
            .words("-semihosting-config enable=on,target=native -kernel")
            .arg(&elf)
            .arg("-drive")
            .arg(format!("file={card},if=sd,format=raw"));
        let sim = Cmd::new(&self.tool, &self.project).quiet().arg("sim").arg(&elf);
        let sim = sim.arg("--sd").arg(&card);
        Ok([Said::of(&qemu).done()?, Said::of(&sim).done()?])
    }
}

/// What the firmware says when all went well.
fn is_ok(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "ok")
}

fn a_build_packs_and_its_firmware_calls(desk: &Desk<'_>) -> Result<()> {
    desk.run("").done()?;
    let names = desk.names("data")?;
    let expected = [&FILES[..5], &["readme.txt"], &FILES[5..]].concat();
    ensure!(names == expected, "data holds {names:?}");
    desk.verify("data")?;
    // With the overlays in it, the binary would reach to their places.
    let binary_bytes = desk.path(BUILD).join("firmware.bin").metadata()?.len();
    ensure!((1..1 << 20).contains(&binary_bytes), "firmware.bin has {binary_bytes} bytes");
    desk.run("-t buildfs").done()?;
    let [on_qemu, on_sim] = desk.boot()?;
    print!("{on_qemu}");
    ensure!(is_ok(&on_qemu), "in QEMU it said:\n{on_qemu}");
    for line in on_qemu.lines() {
        ensure!(
            on_sim.contains(line.trim_end()),
            "`{line}` is not what it says on the simulator:\n{on_sim}"
        );
    }
    Ok(())
}

fn what_did_not_change_is_left_alone(desk: &Desk<'_>) -> Result<()> {
    // The card's image asks for the program, and that for the overlays.
    desk.run("-t buildfs").done()?;
    let before = desk.state("data")?;
    let said = desk.run("").done()?;
    ensure!(desk.state("data")? == before, "a build without a change wrote files:\n{said}");
    ensure!(!said.contains("Packing overlays"), "{said}");

    // What was lost, cut or changed comes back, and only because of that anything is linked.
    fs::remove_file(desk.path("data/fft_e"))?;
    desk.write("data/shapes_d", "cut")?;
    desk.run("-t buildfs").done()?;
    desk.verify("data")?;
    let [on_qemu, _] = desk.boot()?;
    ensure!(is_ok(&on_qemu), "in QEMU it said:\n{on_qemu}");

    // What is marked is linked and packed again when its source changes.
    let packed = |name: &str| {
        let file = desk.path(name);
        fs::read(&file).with_context(|| file.display().to_string())
    };
    let filter = packed("data/filter_e")?;
    desk.change("src/filter.c", "sum / 4", "sum / 4 + 8 - 8 * calls")?;
    desk.run("").done()?;
    ensure!(packed("data/filter_e")? != filter, "the overlay is that of the old source");
    desk.verify("data")?;

    // What changes nothing of the link changes the files all the same.
    desk.change("esparto.toml", "name = \"fft\"", "name = \"fft\"\ncompress = true")?;
    let said = desk.run("").done()?;
    ensure!(said.contains("Packing overlays"), "{said}");
    desk.verify("data")?;
    let before = desk.state("data")?;
    desk.run("").done()?;
    ensure!(desk.state("data")? == before, "the second build wrote files");
    Ok(())
}

fn editors_are_answered_without_packing(desk: &Desk<'_>) -> Result<()> {
    for words in ["run -t idedata", "run -t compiledb", "project metadata", "run --list-targets"] {
        // Who only looks at a project needs no host tool.
        let said = Said::of(&desk.pio_with(words, Path::new("no-such-tool"))).done()?;
        ensure!(desk.names("data")? == ["readme.txt"], "`pio {words}` packed:\n{said}");
        let is_linked = desk.path(BUILD).join("firmware.elf").exists();
        ensure!(!is_linked, "`pio {words}` linked:\n{said}");
    }
    let database = desk.read("compile_commands.json")?;
    ensure!(database.contains("fft.c") && database.contains("esparto-c"), "{database}");
    Ok(())
}

fn mistakes_stop_the_build_by_name(desk: &Desk<'_>) -> Result<()> {
    let tool = desk.pio_with("run", Path::new("no-such-tool"));
    Said::of(&tool).refused(&["`no-such-tool` is not here", "mend: `cargo install", "[FAILED]"])?;

    desk.change("platformio.ini", "fft shapes", "fft circles")?;
    desk.run("").refused(&["no library of this environment is called circles", "fft", "mend:"])?;
    desk.change("platformio.ini", "fft circles", "fft shapes")?;

    // Each mistake of esparto.toml in the tool's own words, with the file and the mend.
    for (from, to, expected) in [
        ("[[overlay]]\nname = \"fft\"", "[[overlay]\nname = \"fft\"", "esparto.toml:8: "),
        ("\"fft_sum\"", "\"fft_walk\"", "esparto.toml:9: overlay fft has no function fft_walk"),
        ("libfft.a", "libfast.a", "esparto.toml:10: overlay fft: no file matches"),
        (
            "\"filter\"",
            "\"fitler\"",
            "section .esparto.overlay.filter is of overlay filter, which is unknown",
        ),
        ("fat = true", "fast = true", "esparto.toml:4: unknown field `fast`"),
    ] {
        desk.change("esparto.toml", from, to)?;
        desk.run("").refused(&[expected, "mend:", "[FAILED]"])?;
        desk.change("esparto.toml", to, from)?;
    }
    // What does not fit into its slot is the linker's to say.
    desk.change("esparto.toml", "\"32K\"", "64")?;
    desk.run("").refused(&["`.ovl0_e' will not fit in region `ESPARTO_OVERLAY0'", "[FAILED]"])?;
    desk.change("esparto.toml", "size = 64 }", "size = \"32K\" }")?;
    fs::rename(desk.path("esparto.toml"), desk.path("kept.toml"))?;
    desk.run("").refused(&["esparto.toml: cannot read", "[FAILED]"])?;
    fs::rename(desk.path("kept.toml"), desk.path("esparto.toml"))?;

    // A place that cannot be written is named; nothing half-made stays in the way afterwards.
    fs::create_dir(desk.path("data/fft_e"))?;
    desk.run("").refused(&["fft_e: cannot write", "[FAILED]"])?;
    fs::remove_dir(desk.path("data/fft_e"))?;
    fs::rename(desk.path("data"), desk.path("kept"))?;
    desk.write("data", "a file where the folder should be")?;
    for words in ["", "-t buildfs"] {
        desk.run(words).refused(&["data: cannot create", "[FAILED]"])?;
    }
    fs::remove_file(desk.path("data"))?;
    // A folder that is not there is made.
    desk.run("-t buildfs").done()?;
    desk.verify("data")
}

fn a_folder_for_a_card_is_filled_and_emptied(desk: &Desk<'_>) -> Result<()> {
    desk.change("platformio.ini", "= fft shapes", "= fft shapes\ncustom_esparto_out = card")?;
    // A script that is named twice does its work once.
    let script = "post:${sysenv.ESPARTO_ROOT}/integrations/platformio/esparto_overlay.py\n";
    desk.change("platformio.ini", script, &format!("\n  {script}  {script}"))?;
    // The tool may be named from the project's folder.
    let tool = desk.tool.strip_prefix(&desk.target_dir).context("built there")?;
    let tool = Path::new("../..").join(tool);
    let said = Said::of(&desk.pio_with("run", &tool)).done()?;
    ensure!(said.matches("Packing overlays").count() == 1, "{said}");
    ensure!(desk.names("card")? == FILES, "card holds {:?}", desk.names("card")?);
    ensure!(desk.names("data")? == ["readme.txt"], "data holds {:?}", desk.names("data")?);
    desk.verify("card")?;
    desk.write("card/mine.txt", "not an overlay")?;

    // One overlay becomes part of the program again: its files go, and nobody else's.
    desk.change("platformio.ini", "fft shapes", "fft")?;
    let config = desk.read("esparto.toml")?;
    let (kept, _) = config.rsplit_once("[[overlay]]").context("there are two overlays")?;
    desk.write("esparto.toml", kept)?;
    desk.run("").done()?;
    let names = desk.names("card")?;
    ensure!(names == [&FILES[..5], &["mine.txt"]].concat(), "card holds {names:?}");
    desk.verify("card")
}

fn the_package_needs_neither_sources_nor_cargo(desk: &Desk<'_>) -> Result<()> {
    let folder = desk.target_dir.join("platformio-test/package");
    library::platformio(desk.repo, &folder)?;
    let ini = desk.read("platformio.ini")?;
    let here = format!("symlink://{}", folder.display());
    let ini = ini.replace(
        "symlink://${sysenv.ESPARTO_ROOT}/integrations/platformio\n",
        &format!("{here}\n"),
    );
    let ini = ini.replace(
        "post:${sysenv.ESPARTO_ROOT}/integrations/platformio/",
        &format!("post:{}/", folder.display()),
    );
    ensure!(ini.matches(&*folder.to_string_lossy()).count() == 2, "{ini}");
    desk.write("platformio.ini", &ini)?;
    let said = desk.run("").done()?;
    ensure!(!said.contains("Building libesparto_c.a"), "{said}");
    desk.verify("data")?;

    // Without its libraries it says what to do.
    let library = folder.join("lib").join(crate::program::IMC);
    fs::remove_dir_all(&library).with_context(|| library.display().to_string())?;
    desk.run("").refused(&["libesparto_c.a is not there", "mend: make the library", "[FAILED]"])
}

fn the_settings_for_real_boards_are_read(desk: &Desk<'_>) -> Result<()> {
    let example = desk.repo.path(DIR).join("example");
    let config = desk.pio("project config --json-output -d").arg(&example);
    let config = Said::of(&config).done()?;
    let config: serde_json::Value =
        serde_json::from_str(&config).with_context(|| config.clone())?;
    let sections: BTreeMap<String, BTreeMap<String, serde_json::Value>> = config
        .as_array()
        .context("a list of sections")?
        .iter()
        .map(|section| {
            Ok((
                serde_json::from_value(section[0].clone())?,
                serde_json::from_value::<Vec<(String, serde_json::Value)>>(section[1].clone())?
                    .into_iter()
                    .collect(),
            ))
        })
        .collect::<Result<_>>()?;
    for board in ["esp32dev", "esp32-s3-devkitc-1", "esp32-c3-devkitm-1"] {
        let section = format!("env:{board}");
        let options = sections.get(&section).with_context(|| format!("no [{section}]"))?;
        ensure!(options.get("board").is_some_and(|named| named == board), "{options:?}");
        for option in ["platform", "framework", "lib_deps"] {
            ensure!(options.contains_key(option), "[{section}] has no {option}");
        }
    }
    let lint = Said::of(&desk.pio("project config --lint -d").arg(&example)).done()?;
    ensure!(lint.contains("free from linting errors"), "{lint}");
    Ok(())
}
