//! Links anew when what becomes an overlay changes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=esparto.toml");
    println!("cargo::rerun-if-env-changed=ESPARTO_CONFIG");
}
