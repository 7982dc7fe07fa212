//! Links the programs for the emulated board.

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo:rerun-if-changed=device.ld");
    println!("cargo:rustc-link-arg-bins=-T{root}/device.ld");
    println!("cargo:rustc-link-arg-bins=--no-eh-frame-hdr");
}
