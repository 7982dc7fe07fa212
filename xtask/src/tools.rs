//! The tools a command needs: found, installed, or named with the way to get them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};

use crate::exec::Cmd;

/// The bare-metal targets that the product is built for.
pub(crate) const BARE_TARGETS: [&str; 2] =
    ["riscv32imc-unknown-none-elf", "riscv32imac-unknown-none-elf"];

/// The core with registers for floats, for one program.
pub(crate) const FLOAT_TARGETS: [&str; 1] = ["riscv32imafc-unknown-none-elf"];

/// The emulator of the RISC-V cores.
pub(crate) const QEMU_RISCV32: Program = Program {
    command: "qemu-system-riscv32",
    // Debian 12 and Ubuntu 24.04 have it in the first, later releases in the second.
    debian: &["qemu-system-misc", "qemu-system-riscv"],
    elsewhere: &[
        ("Fedora", "sudo dnf install qemu-system-riscv"),
        ("Arch", "sudo pacman -S qemu-system-riscv"),
        ("Alpine", "sudo apk add qemu-system-riscv32"),
        ("macOS", "brew install qemu"),
        ("Nix", "nix-shell -p qemu"),
    ],
};

/// The emulator of the Xtensa cores.
pub(crate) const QEMU_XTENSA: Program = Program {
    command: "qemu-system-xtensa",
    debian: &["qemu-system-misc", "qemu-system-xtensa"],
    elsewhere: &[
        ("Fedora", "sudo dnf install qemu-system-xtensa"),
        ("Arch", "sudo pacman -S qemu-system-xtensa"),
        ("Alpine", "sudo apk add qemu-system-xtensa"),
        ("macOS", "brew install qemu"),
        ("Nix", "nix-shell -p qemu"),
    ],
};

/// The compiler and the linker for the LX106, with its C library.
pub(crate) const XTENSA_GCC: Program = Program {
    command: "xtensa-lx106-elf-gcc",
    debian: &["gcc-xtensa-lx106 picolibc-xtensa-lx106-elf"],
    elsewhere: &[
        ("Arch", "install xtensa-lx106-elf-gcc-bin from the AUR  # and picolibc from its sources"),
        ("macOS", "brew install crosstool-ng  # and build xtensa-lx106-elf and picolibc"),
    ],
};

/// The C compiler of the bench's peers, with the C library that they are linked to.
pub(crate) const RISCV_GCC: Program = Program {
    command: "riscv64-unknown-elf-gcc",
    debian: &["gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"],
    elsewhere: &[
        ("Arch", "sudo pacman -S riscv64-elf-gcc  # and picolibc from the AUR"),
        ("macOS", "brew install riscv64-elf-gcc  # and picolibc from its sources"),
    ],
};

/// The C++ compiler of this machine; a C compiler is there wherever Rust links.
pub(crate) const HOST_CPP: Program = Program {
    command: "c++",
    debian: &["g++"],
    elsewhere: &[
        ("Fedora", "sudo dnf install gcc-c++"),
        ("Arch", "sudo pacman -S gcc"),
        ("Alpine", "sudo apk add g++"),
        ("macOS", "xcode-select --install"),
    ],
};

/// The debugger that talks to the simulator.
pub(crate) const GDB: Program = Program {
    command: "gdb-multiarch",
    debian: &["gdb-multiarch"],
    elsewhere: &[
        ("Fedora", "sudo dnf install gdb && sudo ln -s gdb /usr/bin/gdb-multiarch"),
        ("Arch", "sudo pacman -S gdb  # and a link gdb-multiarch to riscv64-elf-gdb"),
        ("Alpine", "sudo apk add gdb-multiarch"),
        ("macOS", "brew install riscv64-elf-gdb  # and a link gdb-multiarch to it"),
    ],
};

/// Python, for what other ecosystems build with.
pub(crate) const PYTHON: Program = Program {
    command: "python3",
    debian: &["python3 python3-venv"],
    elsewhere: &[
        ("Fedora", "sudo dnf install python3"),
        ("Arch", "sudo pacman -S python"),
        ("Alpine", "sudo apk add python3"),
        ("macOS", "brew install python"),
    ],
};

/// What ESP-IDF configures its builds with.
pub(crate) const CMAKE: Program = Program {
    command: "cmake",
    debian: &["cmake make"],
    elsewhere: &[
        ("Fedora", "sudo dnf install cmake make"),
        ("Arch", "sudo pacman -S cmake make"),
        ("Alpine", "sudo apk add cmake make"),
        ("macOS", "brew install cmake"),
    ],
};

/// A program that comes from the system's packages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    command: &'static str,
    /// Packages that bring it on Debian and its kin, tried in this order until it is there.
    debian: &'static [&'static str],
    /// How to get it elsewhere: system, command.
    elsewhere: &'static [(&'static str, &'static str)],
}

impl Program {
    /// Makes sure that the program starts: installs it where this is Debian and the user is root.
    ///
    /// # Errors
    /// Says what to install when that is not so.
    pub(crate) fn ensure(&self) -> Result<()> {
        self.ensure_that(|| self.is_there())
    }

    fn ensure_that(&self, is_there: impl Fn() -> bool) -> Result<()> {
        let _alone = alone();
        if is_there() {
            return Ok(());
        }
        if !(is_root() && starts("apt-get")) {
            bail!("{}", self.mend());
        }
        eprintln!("{} is missing: installing it", self.command);
        let apt = |words: &str| {
            Cmd::new("apt-get", ".").words(words).env("DEBIAN_FRONTEND", "noninteractive")
        };
        apt("-q update").run()?;
        for package in self.debian {
            // The package's name differs by release: the next one is tried when this fails.
            if apt("-q install -y --no-install-recommends").words(package).run().is_ok()
                && is_there()
            {
                return Ok(());
            }
        }
        bail!("apt-get did not bring {}.\n{}", self.command, self.mend())
    }

    fn is_there(&self) -> bool {
        starts(self.command)
    }

    fn mend(&self) -> String {
        let mut text = format!("`{}` is needed and not installed. Install it:", self.command);
        let debian = format!("sudo apt-get install {}", self.debian.join("   # or: "));
        for (system, command) in
            [("Debian, Ubuntu", debian.as_str())].into_iter().chain(self.elsewhere.iter().copied())
        {
            text.push_str(&format!("\n  {system:<15} {command}"));
        }
        text.push_str("\nand run this command again.");
        text
    }
}

/// Makes sure that Python can make virtual environments: some systems have that apart.
pub(crate) fn ensure_venv() -> Result<()> {
    let can = || Cmd::new("python3", ".").arg("-c").arg("import ensurepip, venv").succeeds();
    Program { command: "python3 -m venv", ..PYTHON }.ensure_that(can)
}

/// Steps run beside one another: one looks and installs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static INSTALLER: Mutex<()> = Mutex::new(());
    // Nothing is behind it that a panic could leave half done.
    INSTALLER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes sure that the standard library for `targets` is there.
pub(crate) fn ensure_targets(targets: &[&str]) -> Result<()> {
    let _alone = alone();
    for target in targets {
        let libdir = Cmd::new("rustc", ".").words("--print target-libdir --target").arg(target);
        let libdir = libdir.quiet().read()?;
        if !std::path::Path::new(libdir.trim()).is_dir() {
            rustup(&format!("target add {target}"))?;
        }
    }
    Ok(())
}

/// Makes sure that `cargo fmt` and `cargo clippy` are there.
pub(crate) fn ensure_lint_components() -> Result<()> {
    let _alone = alone();
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !Cmd::new("cargo", ".").arg(subcommand).arg("--version").succeeds() {
            rustup(&format!("component add {component}"))?;
        }
    }
    Ok(())
}

/// The oldest nightly that is known to serve: one of May 2026 refuses inline assembly for Xtensa.
const NIGHTLY_DATE: &str = "2026-10-29";

/// Makes sure that a nightly toolchain is there, new enough, with Miri and the sources of the library.
/// All of it at once: another step may be using the toolchain when a part of it would be wanted.
pub(crate) fn ensure_nightly() -> Result<()> {
    let _alone = alone();
    let has_miri = || Cmd::new("cargo", ".").words("+nightly miri --version").succeeds();
    let version = Cmd::new("rustc", ".").words("+nightly --version").quiet().read();
    if version.is_ok_and(|version| is_recent(&version)) && has_miri() && nightly_sources()? {
        return Ok(());
    }
    // A nightly without Miri is passed over for the last one that has it.
    rustup(
        "toolchain install nightly --profile minimal --component miri --component rust-src \
         --allow-downgrade --no-self-update",
    )
}

/// Is a compiler that says this of itself new enough? One without a date was built by its user.
fn is_recent(version: &str) -> bool {
    let date = version.trim_end().trim_end_matches(')').rsplit(' ').next();
    date.is_none_or(|date| !date.starts_with("20") || date >= NIGHTLY_DATE)
}

/// Makes sure that the nightly toolchain has `cargo clippy`.
pub(crate) fn ensure_nightly_clippy() -> Result<()> {
    if Cmd::new("cargo", ".").words("+nightly clippy --version").succeeds() {
        return Ok(());
    }
    rustup("component add clippy --toolchain nightly")
}

fn nightly_sources() -> Result<bool> {
    let sysroot = Cmd::new("rustc", ".").words("+nightly --print sysroot").quiet().read()?;
    Ok(std::path::Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library").is_dir())
}

fn rustup(words: &str) -> Result<()> {
    if !starts("rustup") {
        bail!(
            "`rustup {words}` is needed and rustup is not installed. Get it from \
             https://rustup.rs, or install the same by your system's packages."
        );
    }
    Cmd::new("rustup", ".").words(words).run()
}

fn starts(program: &str) -> bool {
    Cmd::new(program, ".").arg("--version").succeeds()
}

fn is_root() -> bool {
    Cmd::new("id", ".").arg("-u").quiet().read().is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mend_names_every_system() {
        let mend = QEMU_RISCV32.mend();
        for needle in ["qemu-system-riscv32", "apt-get", "dnf", "pacman", "brew"] {
            assert!(mend.contains(needle), "{needle} is not in: {mend}");
        }
    }

    #[test]
    fn an_old_nightly_is_told_by_its_date() {
        assert!(!is_recent("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)\n"));
        assert!(is_recent("rustc 1.101.0-nightly (92b5b8c87 2026-10-29)\n"));
        assert!(is_recent("rustc 2.0.0-nightly (0123abcde 2027-01-01)"));
        assert!(is_recent("rustc 1.101.0-dev"));
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert!(!starts("esparto-no-such-program"));
    }
}
