//! Compiles the C part.

fn main() {
    println!("cargo::rerun-if-changed=src/filter.c");
    cc::Build::new()
        .file("src/filter.c")
        .include("../../../../crates/esparto-c/include")
        .flags(["-ffreestanding", "-Wall", "-Wextra", "-Werror"])
        .compile("filter");
}
