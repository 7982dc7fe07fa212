//! Tells whether the core has registers for floats, which arguments come in: a stable compiler does not.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(esparto_floats)");
    let target = var("TARGET").unwrap_or_default();
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let features = var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if is_in_name(&target)
        || features.split(',').any(|feature| feature == "f")
        || flags.split(['\x1f', '=', ',']).any(|flag| flag == "+f" || flag == "+d")
    {
        println!("cargo::rustc-cfg=esparto_floats");
    }
}

/// The letters behind `riscv32` name the extensions; `f`, `d` and `g` have floats. Longer names
/// begin with `z`, `s` or `x`.
fn is_in_name(target: &str) -> bool {
    let Some(letters) = target.strip_prefix("riscv32") else { return false };
    let letters = letters.split(['-', '_', 'z', 's', 'x']).next().unwrap_or_default();
    letters.contains(['f', 'd', 'g'])
}
