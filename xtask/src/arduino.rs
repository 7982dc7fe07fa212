//! The Arduino library: what lies in its folder, and its examples on the core, with stand-ins of
//! Arduino's core and of ESP-IDF.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::c::{BOARD, CORE_C, QEMU, tool};
use crate::exec::Cmd;
use crate::tally::Tally;
use crate::{Repo, library, tools};

/// Where examples and tests are.
const DIR: &str = "integrations/arduino";

/// The chip whose library is linked: its core is the emulated one's.
const CHIP: &str = "esp32c3";

/// The examples, and lines of what each says.
const EXAMPLES: [(&str, &[&str]); 2] = [
    ("Overlays", &["overlays: ESPARTO_OK", "spectrum: 160 0 0", "loads: 1"]),
    (
        "Pools",
        &["regions: ESPARTO_OK", "pool: ESPARTO_OK", "a picture in PSRAM: yes", "Free blocks: 20"],
    ),
];

/// What Arduino's builder wants to find, by Arduino's specification of libraries.
const PROPERTIES: [&str; 10] = [
    "name",
    "version",
    "author",
    "maintainer",
    "sentence",
    "paragraph",
    "category",
    "url",
    "architectures",
    "includes",
];

/// Where overlays go on the emulated board, in the place of the chip's addresses.
const BOARD_CONFIG: &str = "chip = \"virt\"\nisa = \"rv32imc\"\n\
    data = { addr = 0x80910000, size = \"8K\" }\nslot = [{ addr = 0x80900000, size = \"16K\" }]\n\n\
    [[overlay]]\nname = \"fft\"\n";

/// Runs everything.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::RISCV_GCC.ensure()?;
    tools::QEMU_RISCV32.ensure()?;
    let host = library::host_tool(repo)?;
    let out = repo.target_dir()?.join("arduino-test");
    let folder = out.join("Esparto");
    library::arduino(repo, &folder)?;
    the_folder_is_a_library(&folder)?;
    tally.pass();
    let desk = Desk { repo, out, folder, host };
    let names = library::names(&repo.path(DIR).join("examples"))?;
    ensure!(names == EXAMPLES.map(|(name, _)| name), "the examples are {names:?}");
    for (example, lines) in EXAMPLES {
        println!("{example}:");
        desk.run(example, lines).with_context(|| format!("the example {example}"))?;
        tally.pass();
    }
    Ok(())
}

/// It holds what Arduino's specification asks for, and nothing that its builder would trip over.
fn the_folder_is_a_library(folder: &Path) -> Result<()> {
    let file = folder.join("library.properties");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    for name in PROPERTIES {
        let has = text.lines().any(|line| {
            line.split_once('=').is_some_and(|(key, value)| key == name && !value.is_empty())
        });
        ensure!(has, "library.properties has no {name}");
    }
    for file in ["src/Esparto.h", "src/esparto/esparto.h", "src/esparto_idf.c", "README.md"] {
        ensure!(folder.join(file).is_file(), "{file} is not in the library");
    }
    let archive = folder.join("src").join(CHIP).join("libesparto_c.a");
    ensure!(archive.is_file(), "{} is not in the library", archive.display());
    Ok(())
}

/// A library and what is built with it.
struct Desk<'a> {
    repo: &'a Repo,
    out: PathBuf,
    folder: PathBuf,
    /// The host tool.
    host: PathBuf,
}

impl Desk<'_> {
    /// Builds a sketch as Arduino does, every source of the library with it, and runs it.
    fn run(&self, example: &str, lines: &[&str]) -> Result<()> {
        let dir = self.out.join(example);
        let sketch = self.folder.join("examples").join(example);
        if dir.is_dir() {
            fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())?;
        }
        fs::create_dir_all(dir.join("data")).with_context(|| dir.display().to_string())?;
        let test = self.repo.path(DIR).join("test");
        let idf = self.repo.path("integrations/esp-idf/test");
        let mut sources = vec![test.join("main.cpp"), idf.join("idf.c")];
        sources.extend(with_endings(&sketch, &["ino", "c", "cpp"])?);
        sources.extend(with_endings(&self.folder.join("src"), &["c", "cpp"])?);
        let mut objects = Vec::new();
        for source in sources {
            let name = source.file_name().context("a source has a name")?;
            let object = dir.join(name).with_extension("o");
            let is_c = source.extension().is_some_and(|ending| ending == "c");
            // The builder hands a sketch to the C++ compiler.
            let language = if is_c { "-std=gnu17 -x c" } else { CPP };
            let compile = tool("riscv64-unknown-elf-gcc", &dir)
                .words(CORE_C)
                .words("-Wall -Wextra -Werror -DESP_PLATFORM -c")
                .arg("-I")
                .arg(test.join("stand-in"))
                .arg("-I")
                .arg(idf.join("stand-in"))
                .arg("-I")
                .arg(self.folder.join("src"));
            compile.words(language).arg(&source).arg("-o").arg(&object).run()?;
            objects.push(object);
        }
        let elf = self.link(example, &dir, &objects)?;
        // The files that the sketch opens are those of the folder in which the emulator runs.
        let mut said = String::new();
        let run = tool("qemu-system-riscv32", &dir).words(QEMU).arg(elf).lines(|line| {
            said.push_str(line);
            said.push('\n');
        });
        print!("{said}");
        run.with_context(|| format!("it said:\n{said}"))?;
        for wanted in lines.iter().chain(&["sketch: ok"]) {
            let has = said.lines().any(|line| line.trim_end() == *wanted);
            ensure!(has, "`{wanted}` is not in what it said:\n{said}");
        }
        Ok(())
    }

    /// Links the program; one with overlays by way of the host tool, which then packs them.
    fn link(&self, example: &str, dir: &Path, objects: &[PathBuf]) -> Result<PathBuf> {
        let elf = dir.join("sketch.elf");
        let archive = self.folder.join("src").join(CHIP).join("libesparto_c.a");
        let link = |command: Cmd| {
            let command = command.words(CORE_C).words(BOARD);
            let command = objects.iter().fold(command, |command, object| command.arg(object));
            command.arg(&archive).arg("-o").arg(&elf)
        };
        if !self.folder.join("examples").join(example).join("esparto.toml").is_file() {
            link(tool("riscv64-unknown-elf-gcc", dir)).run()?;
            return Ok(elf);
        }
        let config = dir.join("esparto.toml");
        fs::write(&config, BOARD_CONFIG).with_context(|| config.display().to_string())?;
        let wrap =
            tool(&self.host.to_string_lossy(), dir).words("overlay wrap --config").arg(&config);
        link(wrap.words("-- riscv64-unknown-elf-gcc")).run()?;
        let pack = tool(&self.host.to_string_lossy(), dir).words("overlay pack").arg(&elf);
        pack.arg("--config").arg(&config).words("--out data").run()?;
        Ok(elf.with_extension("flash.elf"))
    }
}

/// How Arduino's core for ESP32 chips compiles C++, as far as this compiler knows it.
const CPP: &str = "-std=gnu++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -x c++";

/// The files of a folder with one of these endings, in order.
fn with_endings(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let files = library::names(folder)?.into_iter().map(|name| folder.join(name));
    Ok(files
        .filter(|file| {
            file.extension().is_some_and(|ending| endings.iter().any(|&known| ending == known))
        })
        .collect())
}
