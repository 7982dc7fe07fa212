//! Stubs for the windowed convention of ESP32, S2 and S3, held to what LLVM's assembler makes of
//! their source. The nightly compiler has that assembler; no windowed GNU tools are needed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, esparto, run_tool, text};
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget};

/// As docs/overlays.md has it, behind its literals.
const STUB: &str = "
    .section .text.stub, \"ax\"
    .p2align 2
.Lmapped: .4byte 0
.Lreal: .4byte 0
.Lrecord: .4byte 0
.Lmiss: .4byte 0
    l32r a9, .Lmapped
    l8ui a9, a9, 0
    beqz a9, 1f
    l32r a9, .Lreal
    jx a9
1:  entry a1, 112
    l32r a8, .Lrecord
    l32r a9, .Lmiss
    jx a9
";

const MARKED: &str = "
    .section .esparto.overlay.fft, \"ax\"
    .globl fft_run
    .type fft_run, @function
    .p2align 2
fft_run:
    entry a1, 32
    addi a2, a2, 1
    retw
    .size fft_run, . - fft_run
    .text
    .globl resident
resident: .4byte fft_run
";

/// Assembles for the ESP32: the smallest crate around a piece of assembly.
fn assemble(desk: &Desk, name: &str, source: &str) {
    let crate_text = format!(
        "#![feature(no_core, lang_items, rustc_attrs, asm_experimental_arch)]\n\
         #![no_core]\n#![no_std]\n#![allow(internal_features)]\n\
         #[lang = \"pointee_sized\"] pub trait PointeeSized {{}}\n\
         #[lang = \"meta_sized\"] pub trait MetaSized: PointeeSized {{}}\n\
         #[lang = \"sized\"] pub trait Sized: MetaSized {{}}\n\
         #[rustc_builtin_macro] macro_rules! global_asm {{ () => {{}}; }}\n\
         global_asm!(r#\"{source}\"#);\n"
    );
    desk.write(&format!("{name}.rs"), &crate_text);
    let mut command = Command::new("rustc");
    command.args(["+nightly", "--target", "xtensa-esp32-none-elf", "--crate-type", "lib"]);
    command.args(["--emit", "obj", "-o"]).arg(desk.path(&format!("{name}.o")));
    run_tool(command.arg(desk.path(&format!("{name}.rs"))));
}

fn section(file: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(file).expect("made");
    let object = object::File::parse(&*bytes).expect("an object");
    object.section_by_name(name).expect(name).data().expect("there").to_vec()
}

#[test]
fn windowed_stubs_are_what_the_assembler_makes() {
    let desk = Desk { dir: tempfile::tempdir().expect("a folder for a while") };
    assemble(&desk, "stub", STUB);
    assemble(&desk, "marked", MARKED);
    let config = "chip = \"esp32\"\nld = \"xtensa-lx106-elf-ld\"\n\
        data = { addr = 0x3ffc0000, size = \"4K\" }\nslot = [{ addr = 0x40090000, size = \"16K\" }]\n\
        [[overlay]]\nname = \"fft\"\n";
    desk.write("esparto.toml", config);
    let (config_file, out) = (text(&desk.path("esparto.toml")), text(&desk.path("ov")));
    let object = text(&desk.path("marked.o"));
    let words = ["overlay", "link", "--config", &config_file, "--out", &out, &object];
    esparto(&words).expect("right");

    let stubs = desk.path("ov/esparto-stubs.o");
    let expected = section(&desk.path("stub.o"), ".text.stub");
    assert_eq!(section(&stubs, ".text.esparto.stub.fft_run"), expected);
    let bytes = fs::read(&stubs).expect("made");
    let object = object::File::parse(&*bytes).expect("an object");
    let own = object.section_by_name(".text.esparto.stub.fft_run").expect("there");
    let literals: Vec<_> = own
        .relocations()
        .map(|(at, relocation)| {
            let RelocationTarget::Symbol(symbol) = relocation.target() else { panic!("a symbol") };
            assert_eq!(
                relocation.flags(),
                RelocationFlags::Elf { r_type: object::elf::R_XTENSA_32 }
            );
            let symbol = object.symbol_by_index(symbol).expect("there");
            (at, symbol.name().expect("a name").to_owned())
        })
        .collect();
    let expected = [
        (0, "__esparto_mapped"),
        (4, "__ov0_fft_run"),
        (8, "__esparto_record_fft_run"),
        // Not the loader's entry for call0, which would run behind a rotated window.
        (12, "__esparto_overlay_miss_windowed"),
    ];
    assert_eq!(literals, expected.map(|(at, name)| (at, name.to_owned())));
    let stub = object.symbol_by_name("fft_run").expect("the stub");
    assert_eq!((stub.address(), stub.size()), (16, 27));
    // Windowed calls reach multiples of four only.
    assert!(own.align() >= 4);

    desk.write("esparto.toml", &config.replace("\"fft\"", "\"fft\"\nplacement = \"relocatable\""));
    let error = esparto(&words).expect_err("there is no register for the distance");
    assert!(error.contains("windowed") && error.contains("prelinked"), "{error}");
}
