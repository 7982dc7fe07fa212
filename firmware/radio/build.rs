//! Compiles the C part.

fn main() {
    println!("cargo::rerun-if-changed=src/radio.c");
    cc::Build::new()
        .file("src/radio.c")
        // Calls of `malloc` and `free` stay, even where their results are known.
        .flags(["-ffreestanding", "-fno-builtin", "-Wall", "-Wextra", "-Werror"])
        .compile("radio");
}
