//! What `cargo xtask test` does, step by step.

use anyhow::Result;

use crate::exec::Cmd;
use crate::repo::WITHOUT_COMMANDS;
use crate::tally::Tally;
use crate::tidy::layers::LAYERS;
use crate::{
    Repo, arduino, c, esp_hal, esp_idf, firmware, freertos, heavy, miri, platformio, silent, tools,
    traces, windowed, xtensa,
};

/// One step: its name on the command line, what it shows, and the work.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Repo, &mut Tally) -> Result<()>,
    /// It builds in a directory of its own, or nothing that another step uses, and runs beside the others.
    pub(crate) is_beside: bool,
    /// It runs only if it is named.
    pub(crate) is_apart: bool,
}

impl Step {
    const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(&Repo, &mut Tally) -> Result<()>,
    ) -> Self {
        Self { name, about, run, is_beside: false, is_apart: false }
    }

    const fn beside(self) -> Self {
        Self { is_beside: true, ..self }
    }

    const fn apart(self) -> Self {
        Self { is_apart: true, ..self }
    }
}

/// All steps, the quick ones first.
pub(crate) const STEPS: [Step; 23] = [
    Step::new("fmt", "the formatting is rustfmt's", check_format),
    Step::new("clippy", "no lint is broken in the crates, the tool and the benchmark", clippy),
    Step::new("tidy", "who may use whom, small rooms, true links and pages", tidy),
    Step::new("host", "every test of every crate, on this machine", host),
    Step::new("traces", "every committed trace is reported and replayed", traces::check),
    Step::new(
        "core",
        "the suite, the camera and the hook's cost on an emulated core",
        firmware::test_on_qemu,
    ),
    Step::new(
        "sim",
        "the same on the simulator, which is held to QEMU; memcheck, an SD card",
        firmware::test_on_sim,
    ),
    Step::new(
        "xtensa",
        "the suite, the pools, the C library and overlays on an emulated LX106",
        xtensa::test,
    )
    .beside(),
    Step::new(
        "esp-hal",
        "applications for the ESP32-C3 and C6 become flash images that fit the chips",
        esp_hal::test,
    )
    .beside(),
    Step::new(
        "fuzz",
        "the decoder stands damaged traces, the heaps random operations",
        fuzz_a_little,
    )
    .beside(),
    Step::new("silent", "a memory without a sink has no instruction of tracing", silent::check).beside(),
    Step::new("docs", "the documentation builds and its examples run", docs).beside(),
    Step::new("features", "each combination of features builds by itself", features).beside(),
    Step::new("no-std", "the core crates build for bare RV32IMC and RV32IMAC", no_std).beside(),
    Step::new("c", "the C library, on this machine and on the core", c::test).beside(),
    Step::new(
        "freertos",
        "the real FreeRTOS kernel on our heap, by every scheme",
        freertos::test,
    )
    .beside(),
    Step::new(
        "platformio",
        "the real PlatformIO builds a program with overlays, which calls them on the core",
        platformio::test,
    )
    .beside(),
    Step::new(
        "esp-idf",
        "settings, manifest and build of the component, as far as they go without ESP-IDF",
        esp_idf::test,
    )
    .beside(),
    Step::new(
        "arduino",
        "the Arduino library and its sketches, with stand-ins of Arduino's core",
        arduino::test,
    )
    .beside(),
    Step::new("miri", "no undefined behaviour in the core, on 64 or 32 bits", miri::test).beside(),
    Step::new(
        "miri-both",
        "the same with the heaps on 64 and on 32 bits, and the longest tests; only if named",
        miri::test_both,
    )
    .beside()
    .apart(),
    Step::new(
        "clippy-rest",
        "no lint is broken in programs for emulated cores and chips, fuzzers and these commands; only if named",
        clippy_rest,
    )
    .apart(),
    Step::new(
        "windowed",
        "the suite, the pools and overlays on emulated LX6 and LX7 with register windows; only if named",
        windowed::test,
    )
    .apart(),
];

/// The names of the steps.
pub(crate) const NAMES: [&str; STEPS.len()] = {
    let mut names = [""; STEPS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = STEPS[index].name;
        index += 1;
    }
    names
};

/// The workspaces of the repository, by folder.
const WORKSPACES: [&str; 5] =
    [".", "firmware", "fuzz", "examples/overlays/cargo", "examples/esp-hal"];

/// The features of the core that may be on in any combination.
const CORE_FEATURES: [&str; 4] =
    ["", "allocator-api2-v0_3", "allocator-api2-v0_4", "allocator-api2-v0_3,allocator-api2-v0_4"];

/// Formats every workspace.
pub(crate) fn format(repo: &Repo) -> Result<()> {
    tools::ensure_lint_components()?;
    WORKSPACES.iter().try_for_each(|dir| repo.cargo_in(dir, "fmt --all").run())
}

/// Inputs for the decoder that `test` tries; `cargo xtask fuzz` tries as many as it is told.
const FUZZ_INPUTS: u64 = 100_000;

/// Holds the trace decoder against `input_count` random and damaged traces, the heaps against as many
/// random operations, and the simulator against one damaged firmware file for twenty of them.
pub(crate) fn fuzz(repo: &Repo, input_count: u64) -> Result<()> {
    fuzz_core(repo, input_count)?;
    // A machine for each file: it takes as much longer.
    let elf_count = (input_count / 20).max(1);
    let mutate = repo.cargo_in("fuzz", MUTATE).words("--features elf --bin elf_mutate --");
    mutate.arg(elf_count.to_string()).run()
}

const MUTATE: &str = "run --quiet --locked --release --no-default-features";

/// The same without the simulator.
fn fuzz_core(repo: &Repo, input_count: u64) -> Result<()> {
    ["trace_mutate", "heap_mutate"].iter().try_for_each(|program| {
        let mutate = repo.cargo_in("fuzz", MUTATE).words("--bin").arg(program);
        mutate.arg("--").arg(input_count.to_string()).run()
    })
}

/// What cargo-fuzz would tell the compiler: coverage for libFuzzer, and an address check.
const LIBFUZZER_FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Zsanitizer=address -Ccodegen-units=1 --cfg fuzzing";

/// Runs libFuzzer on the target that the first argument names (the trace decoder if none does) until
/// it finds something, or as the other arguments say.
pub(crate) fn libfuzzer(repo: &Repo, args: &[String]) -> Result<()> {
    tools::ensure_nightly()?;
    let (target, args) = match args.split_first() {
        Some((target, args)) if !target.starts_with('-') => (target.as_str(), args),
        _ => ("trace_decode", args),
    };
    let corpus = repo.path("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus)?;
    // A target of its own, so that the flags are not those of build scripts.
    let fuzz = repo.cargo_in("fuzz", "+nightly run --release --locked --target host-tuple --bin");
    let fuzz = fuzz.arg(target).env("RUSTFLAGS", LIBFUZZER_FLAGS).arg("--").arg(corpus);
    args.iter().fold(fuzz, Cmd::arg).run()
}

/// Runs a command that is a check by itself.
pub(crate) fn checked(command: &Cmd, tally: &mut Tally) -> Result<()> {
    command.run()?;
    tally.pass();
    Ok(())
}

/// Runs a test runner, shows what it says and counts its tests.
pub(crate) fn tested(command: &Cmd, tally: &mut Tally) -> Result<()> {
    let mut own = Tally::default();
    let outcome = command.lines(|line| {
        println!("{line}");
        own.read_line(line);
    });
    *tally += own;
    outcome?;
    if own.passed == 0 {
        anyhow::bail!("`{command}` ran no test at all");
    }
    Ok(())
}

fn check_format(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_lint_components()?;
    WORKSPACES.iter().try_for_each(|dir| checked(&repo.cargo_in(dir, "fmt --all --check"), tally))
}

fn clippy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_lint_components()?;
    let clippy = repo.cargo("clippy --all-targets").words(WITHOUT_COMMANDS);
    checked(&clippy.words("-- -D warnings"), tally)?;
    heavy::clippy(repo, tally)
}

/// The lints that need builds which nothing else shares.
fn clippy_rest(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_lint_components()?;
    checked(&repo.cargo("clippy --locked -p xtask --all-targets -- -D warnings"), tally)?;
    let doc = repo.cargo("doc --locked --no-deps -p xtask").env("RUSTDOCFLAGS", "-D warnings");
    checked(&doc, tally)?;
    // libFuzzer wants a C++ compiler; the harness beside it does not.
    let fuzz = repo.cargo_in("fuzz", "clippy --locked --no-default-features --features elf");
    let fuzz = fuzz.words("--bin trace_mutate --bin heap_mutate --bin elf_mutate");
    checked(&fuzz.words("-- -D warnings"), tally)?;
    xtensa::clippy(repo, tally)?;
    firmware::clippy(repo, tally)?;
    esp_hal::clippy(repo, tally)
}

fn tidy(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tested(&repo.cargo("test --locked -p xtask --lib --tests"), tally)
}

fn host(repo: &Repo, tally: &mut Tally) -> Result<()> {
    let has_nextest = repo.cargo("nextest --version").succeeds();
    let runner = if has_nextest {
        "nextest run --no-fail-fast"
    } else {
        "test --no-fail-fast --lib --bins --tests"
    };
    tested(&repo.cargo(runner).words(WITHOUT_COMMANDS), tally)?;
    firmware::test_on_host(repo, tally)
}

fn fuzz_a_little(repo: &Repo, tally: &mut Tally) -> Result<()> {
    fuzz_core(repo, FUZZ_INPUTS)?;
    tally.pass();
    Ok(())
}

fn docs(repo: &Repo, tally: &mut Tally) -> Result<()> {
    // With an example: else its dependencies would be others than those of the lints.
    let build = repo.cargo("doc --no-deps --lib --example generate-trace").words(WITHOUT_COMMANDS);
    checked(&build.env("RUSTDOCFLAGS", "-D warnings"), tally)?;
    tested(&repo.cargo("test --doc").words(WITHOUT_COMMANDS), tally)?;
    // The README's.
    tested(&repo.cargo("test --locked --doc -p xtask"), tally)
}

fn features(repo: &Repo, tally: &mut Tally) -> Result<()> {
    CORE_FEATURES.iter().try_for_each(|features| {
        let check = repo.cargo("check --locked -p esparto --all-targets --no-default-features");
        checked(&check.arg("--features").arg(features), tally)
    })
}

fn no_std(repo: &Repo, tally: &mut Tally) -> Result<()> {
    tools::ensure_targets(&tools::BARE_TARGETS)?;
    let metadata = repo.metadata()?;
    let members = metadata.workspace_packages();
    let bare = LAYERS.iter().filter(|layer| layer.is_no_std);
    for layer in bare.filter(|layer| members.iter().any(|member| member.name == layer.name)) {
        for target in tools::BARE_TARGETS {
            let build = repo.cargo("build --locked --no-default-features -p").arg(layer.name);
            checked(&build.arg("--target").arg(target), tally)?;
        }
    }
    for target in tools::BARE_TARGETS {
        let build = repo.cargo("build --locked -p esparto --all-features --target").arg(target);
        checked(&build, tally)?;
    }
    Ok(())
}
