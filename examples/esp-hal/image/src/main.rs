//! Makes the flash image of a firmware by espflash's library, without a network or a device, and
//! checks it: `image CHIP ELF OUT`.
#![forbid(unsafe_code)]

mod check;
mod make;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let mut word =
        |what: &str| words.next().with_context(|| format!("which {what}? image CHIP ELF OUT"));
    let chip = word("chip")?.into_string().ok().context("a chip's name is text")?;
    let (elf, out) = (PathBuf::from(word("ELF")?), PathBuf::from(word("image")?));
    run(&chip, &elf, &out).with_context(|| elf.display().to_string())
}

fn run(chip: &str, elf: &Path, out: &Path) -> Result<()> {
    let map = esparto_chips::find(chip).map_err(|error| anyhow::anyhow!("{error}"))?;
    let made = make::application(chip, &std::fs::read(elf)?)?;
    let segments = check::hold(map, &made.application)?;
    for segment in &segments {
        println!(
            "segment {:#010x}: {} bytes in {}",
            segment.addr, segment.len_bytes, segment.place
        );
    }
    std::fs::write(out, &made.application).with_context(|| out.display().to_string())?;
    println!(
        "{}: application {} bytes at {:#x}; with bootloader and partition table {} bytes of flash",
        map.title,
        made.application.len(),
        made.application_addr,
        made.end_addr
    );
    Ok(())
}
