//! Puts the linker script and the table of regions where the compiler looks for them.
//!
//! `ESPARTO_BOOT_STACK` gives the bytes of the stack that `main` starts on, for a program that needs more
//! than usual. `ESPARTO_CHIP` names the chip whose memory map the program is for, as in `esp32c3`, and
//! `ESPARTO_CODE` where its code runs, `flash` or `sram`. Without a chip it is QEMU's machine.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use board_map::Layout;
use esparto_chips::Isa;

fn main() -> Result<(), Box<dyn Error>> {
    for name in ["ESPARTO_BOOT_STACK", "ESPARTO_CHIP", "ESPARTO_CODE"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut layout = layout()?;
    if let Ok(bytes) = env::var("ESPARTO_BOOT_STACK") {
        layout.boot_stack_bytes = bytes.parse()?;
    }
    fs::write(out.join("memory.x"), layout.script())?;
    fs::write(out.join("regions.rs"), layout.table())?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

fn layout() -> Result<Layout, Box<dyn Error>> {
    let Ok(name) = env::var("ESPARTO_CHIP") else { return Ok(Layout::virt()) };
    let chip = esparto_chips::find(&name).map_err(|error| error.to_string())?;
    let has_atomics = env::var("CARGO_CFG_TARGET_FEATURE")?.split(',').any(|name| name == "a");
    if chip.isa.value == Isa::Rv32imc && has_atomics {
        let text = "has no atomics: build for riscv32imc-unknown-none-elf";
        return Err(format!("{} {text}", chip.title).into());
    }
    let code = env::var("ESPARTO_CODE").map_or(Ok(Default::default()), |code| code.parse())?;
    Ok(Layout::of(chip, code)?)
}
