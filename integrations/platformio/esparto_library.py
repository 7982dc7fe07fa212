"""The library itself in a PlatformIO build: its headers, and the static library for the core.

The library is taken from `lib/TARGET/` beside this file, where `cargo xtask platformio` puts it, or
built by Cargo from the sources that this folder lies in.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ARCHIVE = "libesparto_c.a"

# The target of the core, by chip. Those of Xtensa need Espressif's Rust.
TARGETS = {
    "esp32": "xtensa-esp32-none-elf",
    "esp32s2": "xtensa-esp32s2-none-elf",
    "esp32s3": "xtensa-esp32s3-none-elf",
    "esp32c2": "riscv32imc-unknown-none-elf",
    "esp32c3": "riscv32imc-unknown-none-elf",
    "esp32c5": "riscv32imac-unknown-none-elf",
    "esp32c6": "riscv32imac-unknown-none-elf",
    "esp32c61": "riscv32imac-unknown-none-elf",
    "esp32h2": "riscv32imac-unknown-none-elf",
    "esp32p4": "riscv32imafc-unknown-none-elf",
}

NO_TARGET = """\
there is no library for the chip `{mcu}`; there is for {known}.
  mend: choose a board with one of them, or give Rust's name of its core as
  `custom_esparto_target` in platformio.ini"""

NO_SOURCES = """\
{place} is not there, and this folder is no part of Esparto's sources.
  mend: make the library on a machine with Rust by `cargo xtask platformio FOLDER`, and use that
  folder"""

NO_CARGO = """\
Cargo is not here, which builds the library.
  mend: install Rust from https://rustup.rs, or make the library elsewhere by
  `cargo xtask platformio FOLDER`, and use that folder"""

NO_BUILD = """\
Cargo did not build the library for {target}.
  mend: mend what it names; if the core is missing, `{mend}`, then build again"""


class Fault(Exception):
    """What stops the build: what is wrong, and the mend."""


def target_for(mcu, told):
    """Rust's name of the core."""
    if told:
        return told
    if mcu not in TARGETS:
        raise Fault(NO_TARGET.format(mcu=mcu, known=", ".join(sorted(TARGETS))))
    return TARGETS[mcu]


class Layout:
    """Where things are: in a folder made for PlatformIO, or in Esparto's sources."""

    def __init__(self, here):
        self.here = here
        root = here.parent.parent
        self.is_packed = (here / "include").is_dir()
        self.include = here / "include" if self.is_packed else root / "crates/esparto-c/include"
        self.ports = [here / "ports"]
        if not self.is_packed:
            self.ports = [root / "crates/esparto-c/ports", root / "integrations/esp-idf"]
        self.sources = None if self.is_packed else root

    def prebuilt(self, target):
        """The ready library, if there is one."""
        archive = self.here / "lib" / target / ARCHIVE
        if archive.is_file():
            return archive
        if not self.sources or not (self.sources / "crates/esparto-c/Cargo.toml").is_file():
            raise Fault(NO_SOURCES.format(place=archive))
        return None


def cargo_words(target, target_dir):
    """The command that builds the library, and the one that brings what it needs."""
    words = ["cargo"]
    mend = "rustup target add " + target
    if target.startswith("xtensa"):
        words += ["+esp"]
        mend = "cargo install espup --locked && espup install"
    words += ["build", "--quiet", "--locked", "-p", "esparto-c", "--profile", "small"]
    words += ["--target", target, "--target-dir", str(target_dir)]
    if target.startswith("xtensa"):
        words += ["-Z", "build-std=core"]
    return words, mend


def build(layout, target, target_dir):
    """Builds the library; Cargo knows whether anything changed."""
    if not shutil.which("cargo"):
        raise Fault(NO_CARGO)
    words, mend = cargo_words(target, target_dir)
    sys.stdout.flush()
    if subprocess.run(words, cwd=layout.sources, check=False).returncode:
        raise Fault(NO_BUILD.format(target=target, mend=mend))


def attach(env, here):
    """Adds headers, port and library to the build."""
    layout = Layout(here)
    env.Append(CPPPATH=[str(folder) for folder in [layout.include, *layout.ports]])
    if env.IsIntegrationDump():
        return
    board = env.BoardConfig()
    told = env.GetProjectOption("custom_esparto_target", board.get("build.esparto_target", ""))
    try:
        target = target_for(board.get("build.mcu", ""), told)
        archive = layout.prebuilt(target)
    except Fault as fault:
        sys.stderr.write("Esparto: {}\n".format(fault))
        env.Exit(1)
    if archive is None:
        built = os.environ.get("CARGO_TARGET_DIR") or env.subst("$PROJECT_WORKSPACE_DIR/esparto")
        archive = Path(built).absolute() / target / "small" / ARCHIVE

        def action(target, source, env):  # pylint: disable=unused-argument
            try:
                build(layout, archive.parent.parent.name, built)
            except Fault as fault:
                sys.stderr.write("Esparto: {}\n".format(fault))
                return 1
            return 0

        node = env.Command(str(archive), [], env.VerboseAction(action, "Building " + ARCHIVE))
        env.AlwaysBuild(node)
        env.Precious(node)
    env.Append(LIBS=[env.File(str(archive))])


if "Import" in globals():  # SCons runs this file; the tests import it
    Import("env", "pio_lib_builder")  # pylint: disable=undefined-variable
    attach(env, Path(pio_lib_builder.path))  # pylint: disable=undefined-variable
