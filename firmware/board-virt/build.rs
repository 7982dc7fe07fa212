//! Puts the linker script and the table of regions where the compiler looks for them.
//!
//! `ESPARTO_BOOT_STACK` gives the bytes of the stack that `main` starts on, for a program that needs more
//! than usual. `ESPARTO_CHIP` names the chip whose memory map the program is for, as in `esp32c3`, and
//! `ESPARTO_CODE` where its code runs, `flash` or `sram`. Without a chip it is QEMU's `virt`, as `sifive_u`
//! QEMU's other machine, whose memory is the same.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use board_map::{Layout, Sram};
use esparto_chips::Isa;

/// QEMU's machine with an SD card. Its memory is that of `virt`.
const SIFIVE: &str = "sifive_u";

/// What riscv-rt's own script does not name would follow the last code that there is: where overlays are
/// linked too, that of an overlay.
const START: &str = "
SECTIONS
{
  .init.rust : { *(.init.rust) } > REGION_TEXT
}
INSERT AFTER .text;
";

/// What the other hart of `sifive_u` finds where both begin.
const PARK: &str = "
_stext = ORIGIN(REGION_TEXT) + 64;
SECTIONS
{
  .park ORIGIN(REGION_TEXT) : { KEEP(*(.park)); } > REGION_TEXT
}
INSERT BEFORE .text;
";

fn main() -> Result<(), Box<dyn Error>> {
    for name in ["ESPARTO_BOOT_STACK", "ESPARTO_CHIP", "ESPARTO_CODE"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    println!("cargo::rustc-check-cfg=cfg(sifive_u)");
    let is_sifive = env::var("ESPARTO_CHIP").is_ok_and(|name| name == SIFIVE);
    if is_sifive {
        println!("cargo::rustc-cfg={SIFIVE}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut layout = layout()?;
    if let Ok(bytes) = env::var("ESPARTO_BOOT_STACK") {
        layout.boot_stack_bytes = bytes.parse()?;
    }
    let mut script = layout.script();
    if layout.sram == Sram::Data {
        script.push_str(START);
    }
    if is_sifive {
        script.push_str(PARK);
    }
    fs::write(out.join("memory.x"), script)?;
    fs::write(out.join("regions.rs"), layout.table())?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

fn layout() -> Result<Layout, Box<dyn Error>> {
    let Ok(name) = env::var("ESPARTO_CHIP") else { return Ok(Layout::virt()) };
    if name == SIFIVE {
        return Ok(Layout::virt());
    }
    let chip = esparto_chips::find(&name).map_err(|error| error.to_string())?;
    let has_atomics = env::var("CARGO_CFG_TARGET_FEATURE")?.split(',').any(|name| name == "a");
    if chip.isa.value == Isa::Rv32imc && has_atomics {
        let text = "has no atomics: build for riscv32imc-unknown-none-elf";
        return Err(format!("{} {text}", chip.title).into());
    }
    let code = env::var("ESPARTO_CODE").map_or(Ok(Default::default()), |code| code.parse())?;
    Ok(Layout::of(chip, code)?)
}
