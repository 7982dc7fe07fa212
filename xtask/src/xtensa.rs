//! Xtensa, run for real: the suite, the pools, the C library and overlays on an emulated LX106.
//!
//! A nightly compiler makes the code: its LLVM knows the core, and the standard library's `core` and
//! `alloc` are built on the way. The linker is GCC's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::c::{self, says_ok, tool};
use crate::emulator::Said;
use crate::exec::Cmd;
use crate::firmware::leak;
use crate::program::DIR;
use crate::tally::Tally;
use crate::{Repo, tools};

/// What is built for cores of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// The board, below the firmware workspace: target, linker script, the start of C programs.
    pub(crate) board: &'static str,
    /// The target's file there, and what it is called after it.
    pub(crate) target: &'static str,
    /// What tells the GNU tools of a core that is not their own.
    pub(crate) config: Option<PathBuf>,
}

/// The LX106.
const LX106: Kind = Kind { board: "board-lx106", target: "xtensa-lx106-none-elf", config: None };

/// The programs of the firmware workspace that run on this core too, and what is in each package.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("suite", &["suite"]),
    ("pools", &["pools"]),
    ("bus", &["bus"]),
    ("measure", &["measure"]),
    ("leak", &["leaking", "fixed", "overrun"]),
];

/// No program takes longer.
const LIMIT: Duration = Duration::from_secs(240);

const STD: &str = "-Z build-std=core,alloc -Z build-std-features=compiler-builtins-mem \
    -Z json-target-spec";

const QEMU: &str = "-M sim -cpu lx106 -display none -monitor none -serial stdio -semihosting \
    -icount shift=10,sleep=off -kernel";

/// Debian keeps the C library's own settings where its compiler does not look.
const CORE_C: &str = "-mlongcalls -Os -ffunction-sections -fdata-sections \
    -B/usr/lib/xtensa-lx106-elf/ -specs=picolibc.specs";

/// The library of that package was built without a word on its stack.
const LINK: &str = "-nostartfiles -Wl,--gc-sections -Wl,--no-warn-execstack \
    -Wl,--defsym=__statics_in_psram=1";

/// Everything on this core.
pub(crate) fn test(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_nightly()?;
    tools::QEMU_XTENSA.ensure()?;
    tools::XTENSA_GCC.ensure()?;
    let out = repo.target_dir()?.join("xtensa");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    for (package, programs) in PROGRAMS {
        build(&LX106.of_program(repo, &out, package))?;
        for program in programs {
            let said = boot(&qemu(&out, &LX106.elf(&out, program)))?;
            leak::hold(program, &said.lines)?;
            println!("{program}.lx106: {} instructions", said.instructions);
            tally.pass();
        }
    }
    c_library(repo, &out, tally)?;
    overlays(repo, &out)?;
    tally.pass();
    Ok(())
}

/// What is linted as code for this core.
const LINTED: [&str; 7] =
    ["board-lx106", "bus", "leak", "measure", "overlay-lx106", "pools", "suite"];

/// Lints what runs here.
pub(crate) fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_nightly()?;
    LX106.clippy(repo, &repo.target_dir()?.join("xtensa"), &LINTED)?;
    tally.pass();
    Ok(())
}

impl Kind {
    /// Cargo on this target, in a workspace.
    pub(crate) fn cargo(&self, repo: &Repo, dir: &str, words: &str, out: &Path) -> Cmd {
        let target = repo.path(DIR).join(self.board).join(self.target).with_extension("json");
        let cargo = repo.cargo_in(dir, "+nightly").words(words).words("--locked").words(STD);
        self.told(cargo.arg("--target").arg(target).arg("--target-dir").arg(out))
    }

    /// A command with the GNU tools told which core this is.
    pub(crate) fn told(&self, command: Cmd) -> Cmd {
        match &self.config {
            Some(config) => command.env("XTENSA_GNU_CONFIG", config),
            None => command,
        }
    }

    /// The build of a program of the firmware workspace.
    pub(crate) fn of_program(&self, repo: &Repo, out: &Path, program: &str) -> Cmd {
        self.cargo(repo, DIR, "build --release", out).arg("-p").arg(program)
    }

    /// The built program.
    pub(crate) fn elf(&self, out: &Path, program: &str) -> PathBuf {
        out.join(self.target).join("release").join(program)
    }

    /// Builds a program of the firmware workspace.
    pub(crate) fn program(&self, repo: &Repo, out: &Path, program: &str) -> Result<PathBuf> {
        build(&self.of_program(repo, out, program))?;
        Ok(self.elf(out, program))
    }

    /// Lints packages of the firmware workspace as code for this kind.
    pub(crate) fn clippy(&self, repo: &Repo, out: &Path, packages: &[&str]) -> Result<()> {
        tools::ensure_nightly_clippy()?;
        let clippy = self.cargo(repo, DIR, "clippy --release", out);
        let clippy = packages.iter().fold(clippy, |clippy, package| clippy.arg("-p").arg(package));
        build(&clippy.words("-- -D warnings"))
    }
}

/// Builds, and shows what the compiler says if that fails: it warns with each crate that the ABI of
/// this target may one day be none of its own.
pub(crate) fn build(command: &Cmd) -> Result<()> {
    let mut said = Vec::new();
    let outcome = command.lines(|line| said.push(line.to_owned()));
    outcome.with_context(|| format!("it said:\n{}", said.join("\n")))
}

/// The emulator with a program, started in `dir`.
fn qemu(dir: &Path, elf: &Path) -> Cmd {
    tool("qemu-system-xtensa", dir).words(QEMU).arg(elf).limit(LIMIT)
}

/// Runs a program that closes as those of the RISC-V board do.
pub(crate) fn boot(run: &Cmd) -> Result<Said> {
    let mut lines = Vec::new();
    let outcome = run.lines(|line| {
        println!("{line}");
        lines.push(line.to_owned());
    });
    outcome.with_context(|| format!("the firmware said:\n{}", lines.join("\n")))?;
    match Said::close(lines) {
        Ok(said) => Ok(said),
        Err(lines) => bail!("`{run}` did not close with `ok`; it said:\n{}", lines.join("\n")),
    }
}

/// The compiler in a folder.
fn gcc(dir: &Path) -> Cmd {
    tool("xtensa-lx106-elf-gcc", dir).words(CORE_C)
}

/// The library by the nightly compiler, its programs by GCC, and both run.
fn c_library(repo: &Repo, out: &Path, tally: &mut Tally) -> Result<()> {
    let words = "rustc -p esparto-c --lib --crate-type staticlib --profile small";
    build(&LX106.cargo(repo, ".", words, out))?;
    let library = out.join(LX106.target).join("small/libesparto_c.a");
    let programs = out.join("c");
    fs::create_dir_all(&programs).with_context(|| programs.display().to_string())?;
    let board = repo.path(DIR).join(LX106.board);
    let gcc = || gcc(&repo.path(c::DIR));
    let mut ours = Vec::new();
    for source in [board.join("c/board.c"), repo.path(c::DIR).join("ports/xtensa.c")] {
        let object = programs.join(source.file_name().context("a source")?).with_extension("o");
        gcc().words(c::C).arg("-c").arg(source).arg("-o").arg(&object).run()?;
        ours.push(object);
    }
    for source in [c::sources(repo, "tests/c")?, c::sources(repo, "examples")?].concat() {
        let elf = programs.join(source.file_stem().context("a program has a name")?);
        let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
        // As on the RISC-V core, there is no C++ library.
        let language = if is_cpp { [c::CPP, "-fno-exceptions -fno-rtti"] } else { [c::C, ""] };
        let link = language.iter().fold(gcc(), |gcc, words| gcc.words(words)).arg(source);
        let link = ours.iter().fold(link, Cmd::arg).arg(&library).words(LINK);
        link.arg("-T").arg(board.join("lx106.x")).arg("-o").arg(&elf).run()?;
        says_ok(&qemu(&programs, &elf))?;
        tally.pass();
    }
    c::traced(repo, &programs)
}

/// The sources of the overlays and of the resident code that calls them; the RISC-V program's.
const OVERLAYS: [&str; 6] =
    ["ping.c", "pong.c", "moving.c", "loose.c", "shapes.cpp", "resident.cpp"];

/// The program with the loader.
const OVERLAY_PROGRAM: &str = "overlay-lx106";

/// A program whose overlays are packed, and where its files are.
pub(crate) struct Packed {
    /// The folder that it opens them in.
    pub(crate) data: PathBuf,
    /// The program without them.
    pub(crate) flash: PathBuf,
}

/// Overlays from C and C++ by GCC, linked and packed with the program of the firmware workspace that
/// calls them; it has their `esparto.toml`, and perhaps sources of its own.
pub(crate) fn packed(
    repo: &Repo,
    kind: &Kind,
    out: &Path,
    program: &str,
    words: &str,
    own_sources: &[&str],
) -> Result<Packed> {
    let esparto = repo.host_tools()?.join("esparto");
    let folder = out.join("overlays");
    let data = folder.join("data");
    for folder in [&folder, &data] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let shared = repo.path(DIR).join("overlay/overlays");
    let own = repo.path(DIR).join(program);
    let sources = OVERLAYS.iter().map(|source| shared.join(source));
    for source in sources.chain(own_sources.iter().map(|source| own.join("overlays").join(source)))
    {
        let is_c = source.extension().is_some_and(|extension| extension == "c");
        // Destructors of objects go to the table that unloading runs.
        let language = if is_c {
            c::C
        } else {
            "-std=c++17 -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-use-cxa-atexit \
             -fno-threadsafe-statics"
        };
        let compile = kind.told(gcc(&folder)).words(words).words(language).arg("-I").arg(&shared);
        let object = folder.join(source.file_stem().context("a source")?).with_extension("o");
        compile.arg("-c").arg(&source).arg("-o").arg(object).run()?;
    }
    let config = folder.join("esparto.toml");
    let source = own.join("esparto.toml");
    fs::copy(&source, &config).with_context(|| source.display().to_string())?;
    let host_tool = |words: &str| {
        let tool = tool(&esparto.to_string_lossy(), &folder).words(words);
        kind.told(tool).arg("--config").arg(&config)
    };
    host_tool("overlay link").arg("--out").arg(&folder).read()?;
    build(&kind.of_program(repo, out, program).env("ESPARTO_OVERLAYS", &folder))?;
    let flash = folder.join("flash.elf");
    let pack = host_tool("overlay pack").arg("--out").arg(&data).arg("--flash").arg(&flash);
    println!("{}", pack.arg(kind.elf(out, program)).read()?);
    Ok(Packed { data, flash })
}

/// Overlays from C and C++ by GCC, loaded from the files by calls.
fn overlays(repo: &Repo, out: &Path) -> Result<()> {
    let Packed { data, flash } = packed(repo, &LX106, out, OVERLAY_PROGRAM, "", &[])?;
    let said = boot(&qemu(&data, &flash))?;
    println!("{OVERLAY_PROGRAM}: {} instructions", said.instructions);
    Ok(())
}
