//! A folder with a firmware in the making, for the tests of overlays.

#![allow(unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use esparto_cli::{Cli, Exit, execute};

pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/overlay");
pub const CFLAGS: [&str; 6] =
    ["-march=rv32imac", "-mabi=ilp32", "-Os", "-g", "-ffunction-sections", "-fdata-sections"];
pub const GNU: &str = "riscv64-unknown-elf-ld";

/// What esparto.toml says unless a test says otherwise.
pub const CONFIG: &str = r#"
chip = "qemu-virt"
isa = "rv32imac"
gdb = true
fat = true
data = { addr = 0x80210000, size = "64K" }
slot = [{ addr = 0x80200000, size = "16K" }]

[[overlay]]
name = "fft"
files = ["fft.o"]
exports = ["fft_run"]

[[overlay]]
name = "shapes"
files = ["shapes*.o"]
depends = ["fft"]
"#;

/// The same for an LX106, but for the overlays.
pub const LX106_CONFIG: &str = "chip = \"esp8266\"\ndata = { addr = 0x3ffe9000, size = \"4K\" }\n\
    slot = [{ addr = 0x40104000, size = \"16K\" }]\n";

const LX106_SCRIPT: &str = "MEMORY { RAM (rw) : ORIGIN = 0x3ffe8000, LENGTH = 4K\n\
    ROM (rx) : ORIGIN = 0x40201000, LENGTH = 1M }\n\
    ENTRY(_start)\nSECTIONS {\n .text : { *(.literal .literal.*) *(.text .text.*) } > ROM\n\
    .rodata : { *(.rodata .rodata.*) } > RAM\n .data : { *(.data .data.*) } > RAM\n\
    .bss (NOLOAD) : { *(.bss .bss.* COMMON) } > RAM\n}\n";

/// A folder with a firmware in the making.
pub struct Desk {
    pub dir: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self::called("desk")
    }

    /// In a folder whose name begins so.
    pub fn called(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix(name).tempdir();
        let desk = Self { dir: dir.expect("a folder for a while") };
        desk.write("esparto.toml", CONFIG);
        desk.compile("fft.c", "fft.o", &[]);
        desk.compile("shapes.cpp", "shapes.o", &[]);
        desk.compile("main.c", "main.o", &[]);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder is writable");
    }

    pub fn compile(&self, source: &str, object: &str, flags: &[&str]) {
        let own = self.path(source);
        let source = if own.is_file() { own } else { Path::new(SOURCES).join(source) };
        let mut command = Command::new("riscv64-unknown-elf-gcc");
        command.args(CFLAGS).args(flags);
        if source.extension().is_some_and(|extension| extension == "cpp") {
            command.args(["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]);
        }
        command.arg("-c").arg(source).arg("-o").arg(self.path(object));
        run_tool(&mut command);
    }

    /// Prepares the overlays.
    pub fn link_overlays(&self) -> Result<String, String> {
        let (config, out) = (self.path("esparto.toml"), self.path("ov"));
        esparto(&["overlay", "link", "--config", &text(&config), "--out", &text(&out)])
    }

    /// The final link of `main.o` and `objects`.
    pub fn link(&self, linker: &str, objects: &[&str], flags: &[&str]) {
        let mut command = linker_command(linker);
        command.args(["-m", "elf32lriscv", "--gc-sections", "-T"]);
        command.arg(Path::new(SOURCES).join("firmware.ld"));
        command.args(objects.iter().map(|object| self.path(object)));
        command.arg(self.path("main.o"));
        command.arg(format!("@{}", self.path("ov/link.args").display()));
        command.arg("-o").arg(self.path("firmware.elf")).args(flags);
        run_tool(&mut command);
    }

    /// Compiles for the LX106.
    pub fn compile_lx106(&self, source: &str, object: &str, flags: &[&str]) {
        let own = self.path(source);
        let source = if own.is_file() { own } else { Path::new(SOURCES).join(source) };
        let mut command = Command::new("xtensa-lx106-elf-gcc");
        command.args(["-Os", "-mlongcalls", "-ffunction-sections", "-fdata-sections"]).args(flags);
        run_tool(command.arg("-c").arg(source).arg("-o").arg(self.path(object)));
    }

    /// The final link for the LX106, of `objects` and of what the overlays' step wrote.
    pub fn link_lx106(&self, objects: &[&str]) {
        self.write("lx106.ld", LX106_SCRIPT);
        let mut command = Command::new("xtensa-lx106-elf-ld");
        command.args(["--gc-sections", "-T"]).arg(self.path("lx106.ld"));
        command.args(objects.iter().map(|object| self.path(object)));
        command.arg(format!("@{}", self.path("ov/link.args").display()));
        run_tool(command.arg("-o").arg(self.path("firmware.elf")));
    }

    pub fn pack(&self) -> Result<String, String> {
        let (elf, config, out) =
            (self.path("firmware.elf"), self.path("esparto.toml"), self.path("data"));
        let words =
            ["overlay", "pack", &text(&elf), "--config", &text(&config), "--out", &text(&out)];
        esparto(&words)
    }

    /// Everything up to the packed firmware, by one linker.
    pub fn make(&self) -> Result<String, String> {
        self.link_overlays()?;
        self.link(GNU, &[], &[]);
        self.pack()
    }

    /// The error of packing after a mistake in the resident code.
    pub fn mistake(&self, code: &str) -> String {
        self.link_overlays().expect("the overlays are right");
        self.write("mistake.c", code);
        self.compile("mistake.c", "mistake.o", &[]);
        self.compile(
            "main.c",
            "main.o",
            &["-DMISTAKE=mistake()", "-Wno-implicit-function-declaration"],
        );
        self.link(GNU, &["mistake.o"], &[]);
        self.pack().expect_err("the mistake is there")
    }
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}

pub fn esparto(words: &[&str]) -> Result<String, String> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["esparto"].iter().chain(words);
    let exit = execute(&Cli::parse_from(words), &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    if exit == Exit::Done { Ok(text(out)) } else { Err(text(err)) }
}

pub fn linker_command(linker: &str) -> Command {
    if linker == GNU {
        return Command::new(GNU);
    }
    let output = Command::new("rustc").args(["--print", "target-libdir"]).output().expect("rustc");
    let libdir = PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim());
    let mut command = Command::new(libdir.parent().expect("a folder").join("bin/rust-lld"));
    command.args(["-flavor", "gnu"]);
    command
}

pub fn run_tool(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}: install gcc-riscv64-unknown-elf, gcc-xtensa-lx106 and rustc")
    });
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}
