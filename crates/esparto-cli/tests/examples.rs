//! The examples under `examples/overlays`, built as their users build them, by Cargo, make and CMake,
//! and run to their last line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use card_image::Format;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/overlays");
const ESPARTO: &str = env!("CARGO_BIN_EXE_esparto");

/// A folder of this test's own for what is built.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name)
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}: install qemu-system-riscv32, gcc-riscv64-unknown-elf, make and cmake")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}{complaint}");
    said
}

/// What Cargo builds, once: the firmware in Rust, and the loader for those in C.
fn built_by_cargo() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = folder("cargo");
        let tools = Path::new(ESPARTO).parent().expect("a program is in a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path));
        run(Command::new(env!("CARGO"))
            .current_dir(Path::new(EXAMPLES).join("cargo"))
            .args(["build", "--release", "--target-dir"])
            .arg(&target)
            .env("PATH", std::env::join_paths(path).expect("no colons"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"));
        target.join("riscv32imc-unknown-none-elf/release")
    })
}

/// Runs a firmware in QEMU with its overlays in a folder of the host.
fn in_qemu(elf: &Path, data: &Path) -> String {
    let mut command = Command::new("qemu-system-riscv32");
    command.args(["-machine", "virt", "-bios", "none", "-display", "none", "-monitor", "none"]);
    command.args(["-serial", "null", "-semihosting-config", "enable=on,target=native"]);
    run(command.arg("-append").arg(data).arg("-kernel").arg(elf))
}

/// A crate, marked Rust functions and marked C functions; the linker is `esparto-ld`.
#[test]
fn a_cargo_workspace_runs_from_a_card() {
    let elf = built_by_cargo().join("app");
    let (data, config) = (folder("cargo-data"), Path::new(EXAMPLES).join("cargo/esparto.toml"));
    let mut pack = Command::new(ESPARTO);
    pack.args(["overlay", "pack"]).arg(&elf).arg("--config").arg(config).arg("--out").arg(&data);
    let said = run(&mut pack);
    for overlay in ["report", "filter", "dsp"] {
        assert!(said.lines().any(|line| line.starts_with(overlay)), "{overlay} is not in {said}");
    }
    let names = ["report_e", "report_d", "filter_e", "filter_d", "dsp_e", "dsp_d"];
    let files = names.map(|name| (name, fs::read(data.join(name)).expect("packed")));
    let pairs = files.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
    let card = folder("card.img");
    let image = card_image::build(4 << 20, Format::Fat16, pairs).expect("there is room");
    fs::write(&card, image).expect("there is room");
    let mut sim = Command::new(ESPARTO);
    sim.arg("sim").arg(elf.with_extension("flash.elf")).arg("--sd").arg(card);
    let said = run(sim.args(["--max-instructions", "1000000000"]));
    assert!(said.lines().any(|line| line.trim_end() == "ok"), "{said}");
    let loads = said.lines().find(|line| line.starts_with("loads")).expect("a line");
    assert_eq!(loads.trim_end(), "loads 22 restores 7");
}

#[test]
fn a_makefile_builds_and_runs() {
    let build = folder("make");
    let make = |target: &str| {
        let mut command = Command::new("make");
        command.arg("-C").arg(Path::new(EXAMPLES).join("make")).arg(target);
        command.arg(format!("BUILD={}", build.display())).arg(format!("ESPARTO={ESPARTO}"));
        run(command.arg(format!("LOADER={}", built_by_cargo().join("libloader.a").display())))
    };
    let said = make("run");
    assert!(said.lines().any(|line| line.trim_end() == "ok"), "{said}");
    // What is made is made once.
    assert!(!make("all").contains("overlay pack"));
}

#[test]
fn a_cmake_project_builds_and_runs() {
    let build = folder("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(Path::new(EXAMPLES).join("cmake")).arg("-B").arg(&build);
    configure.arg(format!("-DLOADER={}", built_by_cargo().join("libloader.a").display()));
    run(configure.arg(format!("-DESPARTO={ESPARTO}")));
    run(Command::new("cmake").arg("--build").arg(&build));
    let said = in_qemu(&build.join("firmware.flash.elf"), &build.join("data"));
    assert_eq!(said.trim_end(), "ok");
}
