//! The same program on QEMU.

use std::process::Command;

use super::image::Image;

/// The core without what the simulated one lacks.
const CPU: &str = "rv32,f=false,d=false,zba=false,zbb=false,zbc=false,zbs=false,s=false,u=false,\
                   Zawrs=false,Zfa=false,h=false,sstc=false";

/// The state that `image` leaves behind.
pub(crate) fn run(image: &Image) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder for a while");
    let elf = dir.path().join("image.elf");
    std::fs::write(&elf, image.elf()).expect("the image can be written");
    let output = Command::new("qemu-system-riscv32")
        .current_dir(dir.path())
        .args(["-machine", "virt", "-cpu", &cpu(), "-bios", "none", "-display", "none"])
        .args(["-monitor", "none", "-serial", "null"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(["-icount", "shift=0,sleep=off", "-kernel", "image.elf"])
        .output()
        .expect("qemu-system-riscv32 starts; install qemu-system-misc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(dir.path().join("state")).expect("the program wrote its state")
}

/// The options that this QEMU knows.
fn cpu() -> String {
    CPU.split(',')
        .filter(|option| !option.ends_with("=false") || knows(option))
        .collect::<Vec<_>>()
        .join(",")
}

fn knows(option: &str) -> bool {
    // Those of QEMU 7.2; later ones are off unless a CPU asks for them.
    !option.starts_with("Zawrs") && !option.starts_with("Zfa") && !option.starts_with("sstc")
}
