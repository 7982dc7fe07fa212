//! The component of ESP-IDF, as far as it can be tried without ESP-IDF: its settings and its manifest by
//! ESP-IDF's own tools, its linker fragment by the grammar that ESP-IDF documents, its build by CMake with
//! a stand-in of the build system, on the core.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::c::{BOARD, CORE_C, QEMU, library_for_core, says_ok, tool};
use crate::exec::Cmd;
use crate::python::Python;
use crate::steps::{checked, tested};
use crate::tally::Tally;
use crate::{Repo, library, tools};

/// Where the component is.
const DIR: &str = "integrations/esp-idf";

/// What older versions of ESP-IDF read settings with. It has the name of what newer ones bring.
const OLDER_PARSER: (&str, &str) = ("kconfiglib", "kconfiglib==14.1.0");

/// What is built and run: a name, and the settings away from their defaults.
const SETTINGS: [(&str, &str); 2] = [("psram", "sdkconfig.psram"), ("inside", "sdkconfig.inside")];

/// Runs everything.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::CMAKE.ensure()?;
    tools::RISCV_GCC.ensure()?;
    tools::QEMU_RISCV32.ensure()?;
    let python = Python::ensure(repo)?;
    let (name, wanted) = OLDER_PARSER;
    let older = python.package(name, wanted)?;
    let dir = repo.path(DIR).join("test");
    let unit = python.run(&dir, "python").words("-B -m unittest settings.py");
    tested(&unit.env("PYTHONPATH", &older), tally)?;

    let out = repo.target_dir()?.join("esp-idf-test");
    if out.is_dir() {
        fs::remove_dir_all(&out).with_context(|| out.display().to_string())?;
    }
    the_manifest_is_sound(repo, &python, &out, tally)?;
    let library = library_for_core(repo)?;
    let unit = python.run(&dir, "python").words("-B -m unittest fragment.py");
    let unit = unit.env("PYTHONPATH", older).env("ESPARTO_LIBRARY", library);
    tested(&unit.env("OBJDUMP", "riscv64-unknown-elf-objdump"), tally)?;
    for (name, settings) in SETTINGS {
        println!("{name}:");
        let desk = Desk { repo, dir: &dir, out: out.join(name) };
        desk.configure(&python, settings)?;
        desk.build_and_run(tally)?;
    }
    the_heap_of_esp_idf_is_reported(repo, &out.join(SETTINGS[0].0).join("heap.trace"))?;
    tally.pass();
    mistakes_are_named(&Desk { repo, dir: &dir, out: out.join(SETTINGS[0].0) }, tally)
}

/// The manifest is one that the component manager takes, and it would refuse another.
fn the_manifest_is_sound(
    repo: &Repo,
    python: &Python,
    out: &Path,
    tally: &mut Tally,
) -> Result<()> {
    let manifest = repo.path(DIR).join("idf_component.yml");
    let lint = |file: &Path| python.run(out, "compote").words("manifest lint").arg(file);
    let copy = out.join("manifest/idf_component.yml");
    fs::create_dir_all(out.join("manifest"))?;
    checked(&lint(&manifest), tally)?;
    let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    fs::write(&copy, text.replace("version: \"", "version: \"v"))?;
    ensure!(!lint(&copy).succeeds(), "compote takes a version that is none");
    Ok(())
}

/// A build of the component.
struct Desk<'a> {
    repo: &'a Repo,
    /// Where the test's files are.
    dir: &'a Path,
    out: PathBuf,
}

impl Desk<'_> {
    /// Writes the settings as ESP-IDF's build does, and lets CMake lay the build out.
    fn configure(&self, python: &Python, settings: &str) -> Result<()> {
        let folder = self.out.join("config");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let file = |name: &str| folder.join(name);
        let mut kconfig = std::ffi::OsString::from("COMPONENT_KCONFIG=");
        kconfig.push(self.repo.path(DIR).join("Kconfig"));
        let write = python
            .run(self.dir, "python")
            .words("-B -m kconfgen --kconfig Kconfig --defaults")
            .arg(settings)
            .arg("--env")
            .arg(kconfig)
            .arg("--config")
            .arg(file("sdkconfig"));
        let write = write.words("--output header").arg(file("sdkconfig.h"));
        said(&write.words("--output cmake").arg(file("sdkconfig.cmake")))?;
        self.cmake(&["-DIDF_TARGET=esp32c3"]).map(drop)
    }

    /// CMake's layout of the build, in `build`; what it said.
    fn cmake(&self, more: &[&str]) -> Result<String> {
        let configure = tool("cmake", self.dir)
            .words("-DCMAKE_SYSTEM_NAME=Generic -DCMAKE_C_COMPILER=riscv64-unknown-elf-gcc")
            .words("-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
            .arg(format!("-DCMAKE_C_FLAGS={CORE_C}"))
            .arg(format!("-DCMAKE_EXE_LINKER_FLAGS={BOARD}"))
            .arg(format!("-DSETTINGS={}", self.out.join("config/sdkconfig.cmake").display()))
            .arg(format!("-DSETTINGS_FOLDER={}", self.out.join("config").display()))
            .env("CARGO_TARGET_DIR", self.repo.target_dir()?);
        let configure = more.iter().fold(configure, |configure, more| configure.arg(more));
        said(&configure.arg("-S").arg(self.dir).arg("-B").arg(self.out.join("build")))
    }

    fn build_and_run(&self, tally: &mut Tally) -> Result<()> {
        let build = tool("cmake", self.dir).arg("--build").arg(self.out.join("build"));
        said(&build.env("CARGO_TARGET_DIR", self.repo.target_dir()?))?;
        tally.pass();
        let program = self.out.join("build/component");
        // What it writes lies beside it.
        says_ok(&tool("qemu-system-riscv32", &self.out).words(QEMU).arg(program))?;
        tally.pass();
        Ok(())
    }
}

/// The trace that the hooks of the heap fed is one that the host tool reports without a complaint.
fn the_heap_of_esp_idf_is_reported(repo: &Repo, trace: &Path) -> Result<()> {
    let report = Cmd::new(library::host_tool(repo)?, ".").quiet().arg("report").arg(trace);
    let report = report.arg("--json").read()?;
    let report: serde_json::Value = serde_json::from_str(&report).context("a report in JSON")?;
    for (said, expected) in [
        (&report["trace"]["allocation_count"], 3),
        (&report["trace"]["deallocation_count"], 2),
        (&report["trace"]["lost_count"], 0),
    ] {
        ensure!(
            said == expected,
            "the trace of ESP-IDF's heap says {said}, not {expected}: {report}"
        );
    }
    for name in ["esp-idf internal", "esp-idf PSRAM"] {
        ensure!(report.to_string().contains(name), "there is no {name} in {report}");
    }
    let problems = report["problems"].as_array().map_or(0, Vec::len);
    ensure!(problems == 0, "{}", report["problems"]);
    Ok(())
}

/// What CMake refuses names the mend.
fn mistakes_are_named(desk: &Desk<'_>, tally: &mut Tally) -> Result<()> {
    for (more, expected) in [
        ("-DIDF_TARGET=esp8266", "does not know the core of esp8266"),
        ("-DESPARTO_LIBRARY=gone.a", "there is no file gone.a"),
    ] {
        let out = desk.out.join("refused");
        library::copy(&desk.out.join("config"), &out.join("config"))?;
        let other = Desk { repo: desk.repo, dir: desk.dir, out };
        match other.cmake(&[more]) {
            Ok(text) => bail!("CMake took {more} and said:\n{text}"),
            // CMake breaks lines where it likes.
            Err(error) => {
                let text = format!("{error:#}");
                let words: Vec<_> = text.split_whitespace().collect();
                ensure!(words.join(" ").contains(expected), "`{expected}` is not in:\n{text}");
            }
        }
        tally.pass();
    }
    Ok(())
}

/// Runs a command and returns all it said, which is in the error too.
fn said(command: &Cmd) -> Result<String> {
    let mut text = String::new();
    let outcome = command.lines(|line| {
        text.push_str(line);
        text.push('\n');
    });
    outcome.with_context(|| format!("it said:\n{text}"))?;
    Ok(text)
}
