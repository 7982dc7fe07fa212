//! Overlays by the real toolchain: linked, packed, read back; and every planted mistake is found.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{
    CONFIG, Desk, GNU, LX106_CONFIG, SOURCES, esparto, linker_command, run_tool, text,
};
use esparto_image::{Image, Part};
use object::{Object, ObjectSection, ObjectSymbol};

#[test]
fn c_and_cpp_come_out_of_both_linkers_as_they_were_linked() {
    let desk = Desk::new();
    for partial in [GNU, "rust-lld"] {
        desk.write("esparto.toml", &format!("ld = \"{partial}\"\n{CONFIG}"));
        desk.link_overlays().expect("the overlays are right");
        for linker in [GNU, "rust-lld"] {
            desk.link(linker, &[], &[]);
            let said = desk.pack().unwrap_or_else(|error| panic!("{partial}, {linker}: {error}"));
            assert!(said.contains("flash") && said.contains("before"), "{said}");
            read_back(&desk);
        }
    }
}

fn read_back(desk: &Desk) {
    let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
    let elf = object::File::parse(&*bytes).expect("linked");
    let symbol =
        |name: &str| elf.symbol_by_name(name).unwrap_or_else(|| panic!("{name}")).address() as u32;
    let image_file = |name: &str| fs::read(desk.path("data").join(name)).expect("packed");
    for (k, name) in ["fft", "shapes"].iter().enumerate() {
        for (letter, part) in [("e", Part::Code), ("d", Part::Data)] {
            let file = image_file(&format!("{name}_{letter}"));
            let image = Image::parse(&file).expect("verified");
            assert_eq!((image.header().part, image.header().name.as_str()), (part, *name));
            assert_eq!(image.header().constructor_count, 1);
            let section = elf.section_by_name(&format!(".ovl{k}_{letter}")).expect("linked");
            let segment = image.prefix().segments()[0];
            let mut memory = vec![0; segment.memory_bytes as usize];
            image.read(&segment, &mut memory).expect("verified");
            assert_eq!(memory, section.data().expect("there"));
            assert_eq!(u64::from(segment.addr), section.address());
        }
    }
    let code = image_file("fft_e");
    let code = Image::parse(&code).expect("verified");
    assert_eq!(code.exports().find("fft_run").expect("exported").addr, symbol("__ov0_fft_run"));

    // What takes the address of a function has the stub's, outside the overlay.
    let word_at = |addr: u32| {
        let section = elf
            .sections()
            .find(|section| {
                section.size() != 0
                    && (section.address()..section.address() + section.size())
                        .contains(&addr.into())
            })
            .expect("in a section");
        let at = addr as usize - section.address() as usize;
        u32::from_le_bytes(section.data().expect("there")[at..at + 4].try_into().expect("a word"))
    };
    let is_stub = |addr: u32| {
        elf.symbols().any(|symbol| symbol.address() as u32 == addr && symbol.size() == 36)
            && addr < 0x8010_0000
    };
    assert!(is_stub(symbol("fft_run")) && is_stub(symbol("fft_op")));
    assert!(is_stub(word_at(symbol("fft_ops"))), "a table of functions");
    assert!(is_stub(word_at(symbol("__ovl0_init_start"))), "a constructor");
    assert!(is_stub(word_at(symbol("_ZTV6Square") + 8)), "a virtual function");
    assert!(symbol("_ZTV6Square") >= 0x8021_0000, "the vtable is data of the overlay");
    assert!(symbol("_ZZ12shared_countvE5count") < 0x8010_0000, "a shared static is resident");

    // Nothing of the overlays is in what is flashed, and its build id is in both.
    let flash = fs::read(desk.path("firmware.flash.elf")).expect("packed");
    let flash =
        object::read::elf::ElfFile32::<object::LittleEndian>::parse(&*flash).expect("an ELF file");
    assert!(flash.sections().all(|section| !section.name().expect("a name").starts_with(".ovl")));
    assert!(flash.sections().all(|section| !section.name().expect("a name").starts_with(".rela")));
    use object::ObjectSegment;
    assert!(flash.segments().all(|segment| segment.address() + segment.size() < 0x8010_0000));
    let firmware = symbol("__esparto_firmware");
    let stamped = flash
        .segments()
        .find_map(|segment| segment.data_range(u64::from(firmware) + 28, 32).ok().flatten())
        .expect("in what is flashed");
    assert_eq!(stamped, code.header().build_id);
    assert_ne!(stamped, [0; 32]);
    let verified = esparto(&[
        "overlay",
        "verify",
        &text(&desk.path("data")),
        "--flash",
        &text(&desk.path("firmware.flash.elf")),
    ])
    .expect("all of one build");
    assert!(verified.contains("2 pairs"), "{verified}");
}

/// Each file holds its own part, says so, and is taken for no other.
#[test]
fn code_and_data_are_not_taken_for_one_another() {
    let desk = Desk::new();
    desk.make().expect("right");
    let folder = text(&desk.path("data"));
    for name in ["fft", "shapes"] {
        let read =
            |letter: &str| fs::read(desk.path(&format!("data/{name}_{letter}"))).expect("packed");
        let (code, data) = (read("e"), read("d"));
        let payload = |file: &[u8]| {
            let image = Image::parse(file).expect("verified");
            let segment = image.prefix().segments()[0];
            let mut bytes = vec![0; segment.memory_bytes as usize];
            image.read(&segment, &mut bytes).expect("verified");
            bytes
        };
        let (code_payload, data_payload) = (payload(&code), payload(&data));
        assert!(!code_payload.is_empty() && !data_payload.is_empty());
        let shared = code_payload.len().min(data_payload.len());
        assert_ne!(code_payload[..shared], data_payload[..shared]);
        for (letter, wrong, right) in [("d", &code, &data), ("e", &data, &code)] {
            let file = desk.path(&format!("data/{name}_{letter}"));
            fs::write(&file, wrong).expect("writable");
            let error = esparto(&["overlay", "verify", &folder]).expect_err("it is the other file");
            let said = format!("not {name}_{letter}");
            assert!(error.contains(&said) && error.contains("mend"), "{said} is not in: {error}");
            fs::write(&file, right).expect("writable");
        }
    }
    esparto(&["overlay", "verify", &folder]).expect("as it was");
}

#[test]
fn a_relocatable_overlay_is_the_same_wherever_it_is_linked() {
    use esparto_image::{Moved, SegmentKind};
    let at = |slot_addr: u32, data_addr: u32| {
        let desk = Desk::new();
        let config = CONFIG
            .replace("0x80200000", &format!("{slot_addr:#x}"))
            .replace("0x80210000", &format!("{data_addr:#x}"))
            .replace("[[overlay]]", "[[overlay]]\nplacement = \"relocatable\"");
        desk.write("esparto.toml", &config);
        desk.make().expect("right");
        ["fft_e", "fft_d", "shapes_e", "shapes_d"]
            .map(|name| fs::read(desk.path("data").join(name)).expect("packed"))
    };
    let (slot, data) = (0x8020_0000, 0x8021_0000);
    let moved = Moved { code: 0x0008_0ABC, data: 0x0009_1F40 };
    let here = at(slot, data);
    let there = at(slot + moved.code / 16 * 16, data + moved.data);
    let moved = Moved { code: moved.code / 16 * 16, ..moved };
    let mut relocation_count = 0;
    for (here, there) in here.iter().zip(&there) {
        let (here, there) =
            (Image::parse(here).expect("right"), Image::parse(there).expect("right"));
        for (from, to) in here.prefix().segments().iter().zip(there.prefix().segments()) {
            if from.kind == SegmentKind::Zero {
                continue;
            }
            let mut expected = vec![0; to.memory_bytes as usize];
            there.read(to, &mut expected).expect("right");
            let mut memory = vec![0; from.memory_bytes as usize];
            here.read(from, &mut memory).expect("right");
            let mut halfwords = vec![0_u16; 2];
            halfwords
                .extend(memory.as_chunks::<2>().0.iter().map(|half| u16::from_le_bytes(*half)));
            let mut start = 0;
            for block in here.blocks(from) {
                let (block, _) = block.expect("right");
                for relocation in block.relocations() {
                    assert!(relocation.expect("right").apply(&mut halfwords[start..], moved));
                    relocation_count += 1;
                }
                start += usize::from(block.header.memory_bytes) / 2;
            }
            let applied: Vec<u8> =
                halfwords[2..].iter().flat_map(|half| half.to_le_bytes()).collect();
            assert_eq!(applied, expected, "{} {}", here.header().name, here.header().part);
        }
    }
    assert!(relocation_count > 20, "{relocation_count}");
}

#[test]
fn planted_mistakes_are_found() {
    let desk = Desk::new();
    for (mistake, expected) in [
        (
            "extern int __ov0_fft_run(int); int mistake(void) { return __ov0_fft_run(1); }",
            ["reference into overlay fft without a stub: __ov0_fft_run", "mistake.c:1", ".text"],
        ),
        (
            "extern int fft_table[]; int mistake(void) { return fft_table[1]; }",
            ["data of overlay fft: fft_table", "in mistake", "mend:"],
        ),
        (
            "__attribute__((weak, section(\".ovl0.e.shared\"))) int shared(void) { return 1; } \
             int mistake(void) { return shared(); }",
            ["shared body", "overlay fft", "shared"],
        ),
        (
            "extern int __ov0_fft_run(int); __attribute__((section(\".ovl0.d.p\"), used)) \
             int (*pointer)(int) = __ov0_fft_run; int mistake(void) { return 1; }",
            [
                "the address of a function of overlay fft is taken: __ov0_fft_run",
                ".ovl0_d",
                "pointer",
            ],
        ),
        (
            "extern int fft_table[]; __attribute__((section(\".ovl1.e.x\"), used)) \
             int across(void) { return fft_table[0]; } int mistake(void) { return 1; }",
            ["from overlay shapes into overlay fft: fft_table", ".ovl1_e", "across"],
        ),
        (
            "__attribute__((section(\".ovl0.e.k\"), used)) const char text[8] = \"bytes\"; \
             int mistake(void) { return 1; }",
            ["a constant lies among the code of overlay fft: text", ".ovl0_e", "constants"],
        ),
    ] {
        let error = desk.mistake(mistake);
        for part in expected {
            assert!(error.contains(part), "{part} in:\n{error}");
        }
        assert!(error.contains("firmware.elf") && error.contains("1 fault in"), "{error}");
    }
}

/// What no script names follows the last section that is like it. That may be an overlay, and then it is
/// in the slot until the first load.
#[test]
fn resident_code_in_a_slot_is_found() {
    let desk = Desk::new();
    let code = "__attribute__((section(\"nobody_names.it\"))) int mistake(void) { return 1; }";
    // By this linker, and with the fragment behind the firmware's own script.
    let orphan = |linker: &str, code: &str| {
        desk.link_overlays().expect("right");
        desk.write("mistake.c", code);
        desk.compile("mistake.c", "mistake.o", &[]);
        desk.compile(
            "main.c",
            "main.o",
            &["-DMISTAKE=mistake()", "-Wno-implicit-function-declaration"],
        );
        desk.link(linker, &["mistake.o"], &[]);
        desk.pack()
    };
    let error = orphan("rust-lld", code).expect_err("it is in a slot");
    for part in ["firmware.elf", "section nobody_names.it is resident", "lie in slot 0", "mend: "] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    // The other one knows better.
    orphan(GNU, code).expect("behind the other code");
    // Before the firmware's script, nothing follows an overlay.
    let mut command = linker_command("rust-lld");
    command.args(["-m", "elf32lriscv", "--gc-sections"]).arg(desk.path("mistake.o"));
    command.arg(format!("@{}", desk.path("ov/link.args").display()));
    command.arg("-T").arg(Path::new(SOURCES).join("firmware.ld")).arg(desk.path("main.o"));
    run_tool(command.arg("-o").arg(desk.path("firmware.elf")));
    desk.pack().expect("behind the other code");
}

/// Compilers and linkers compress debug information if asked to: the message still names the line.
#[test]
fn lines_are_found_in_compressed_debug_information() {
    let desk = Desk::new();
    desk.link_overlays().expect("right");
    desk.write(
        "mistake.c",
        "extern int __ov0_fft_run(int);\nint mistake(void) { return __ov0_fft_run(1); }",
    );
    desk.compile("mistake.c", "mistake.o", &["-gz"]);
    desk.compile("fft.c", "fft.o", &["-gz"]);
    desk.compile(
        "main.c",
        "main.o",
        &["-gz", "-DMISTAKE=mistake()", "-Wno-implicit-function-declaration"],
    );
    desk.link_overlays().expect("right");
    for linker in [GNU, "rust-lld"] {
        desk.link(linker, &["mistake.o"], &["--compress-debug-sections=zlib"]);
        let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
        let elf = object::File::parse(&*bytes).expect("linked");
        let lines = elf.section_by_name(".debug_line").expect("linked");
        let packed = lines.compressed_data().expect("readable");
        assert_eq!(packed.format, object::CompressionFormat::Zlib, "{linker}");
        let error = desk.pack().expect_err("the mistake is there");
        assert!(error.contains("mistake.c:2"), "{linker}: {error}");
        let map =
            esparto(&["map", &text(&desk.path("firmware.elf")), "--top", "99"]).expect("right");
        assert!(map.contains("mistake.c:2") && map.contains("overlay/fft.c"), "{linker}: {map}");
    }
}

#[test]
fn what_does_not_fit_or_is_missing_is_named() {
    let desk = Desk::new();
    desk.make().expect("right");
    let with = |from: &str, to: &str| {
        desk.write("esparto.toml", &CONFIG.replace(from, to));
        desk.pack().expect_err("packed with another esparto.toml")
    };
    assert!(with("\"16K\"", "64").contains("slot 0 has 64"));
    assert!(with("0x80200000", "0x80300000").contains("link again"));
    assert!(with("\"64K\"", "8").contains("data area"));
    let error = with("\"fft_run\"", "\"fft_walk\"");
    assert!(error.contains("export fft_walk is missing") && error.contains(".ovl0_e"), "{error}");
    let error = desk.link_overlays().expect_err("no such function");
    assert!(error.contains("has no function fft_walk"), "{error}");
    for (from, to, expected) in [
        ("\"fft\"\nfiles", "\"toolongname\"\nfiles", "1 to 6"),
        ("depends = [\"fft\"]", "depends = [\"gone\"]", "no overlay"),
        ("depends = [\"fft\"]", "depends = [\"shapes\"]", "itself"),
        ("exports = [\"fft_run\"]", "depends = [\"shapes\"]", "circle: fft → shapes → fft"),
        ("shapes*.o", "gone*.o", "no file matches"),
        ("[[overlay]]", "[[overlay]]\nslot = 1", "no slot 1"),
        ("rv32imac", "rv64", "unknown instruction set"),
        ("gdb", "gbd", "esparto.toml:4: unknown field"),
    ] {
        desk.write("esparto.toml", &CONFIG.replacen(from, to, 1));
        let error = desk.link_overlays().expect_err(expected);
        assert!(error.contains(expected) && error.contains("mend:"), "{expected} in:\n{error}");
    }
}

#[test]
fn constants_stay_out_of_memory_that_is_read_by_words() {
    let desk = Desk::new();
    let config = CONFIG.replacen("[[overlay]]", "[[overlay]]\nconstants = \"code\"", 1);
    desk.write("esparto.toml", &config);
    desk.make().expect("bytes can be read there");
    desk.write("esparto.toml", &format!("word_only = true\n{config}"));
    let error = desk.link_overlays().expect_err("bytes cannot be read there");
    assert!(error.contains("overlay fft") && error.contains("words only"), "{error}");
}

#[test]
fn an_overlay_that_link_time_optimisation_left_empty_is_refused() {
    let desk = Desk::new();
    desk.compile("fft.c", "fft.o", &["-flto", "-fno-fat-lto-objects"]);
    let error = desk.link_overlays().expect_err("nothing is in the object");
    assert!(error.contains("fft"), "{error}");
    assert!(
        error.contains("no code") || error.contains("LTO") || error.contains("plugin"),
        "{error}"
    );
}

#[test]
fn files_that_are_no_linked_firmware_are_named() {
    let desk = Desk::new();
    desk.make().expect("right");
    let elf = fs::read(desk.path("firmware.elf")).expect("linked");
    let pack_of = |bytes: &[u8]| {
        fs::write(desk.path("firmware.elf"), bytes).expect("writable");
        desk.pack()
    };
    assert!(pack_of(b"").expect_err("empty").contains("not an ELF file"));
    assert!(pack_of(&elf[..4]).is_err());
    let own = fs::read(std::env::current_exe().expect("the test")).expect("the test");
    assert!(pack_of(&own).expect_err("64 bits").contains("64 bits"));
    let object = fs::read(desk.path("main.o")).expect("compiled");
    assert!(pack_of(&object).expect_err("an object").contains("not linked"));
    for len in (0..elf.len()).step_by(997) {
        let error = pack_of(&elf[..len]).expect_err("truncated");
        assert!(error.contains("firmware.elf") && error.contains("mend:"), "{error}");
    }
    let strip = |flag: &str| {
        fs::write(desk.path("firmware.elf"), &elf).expect("writable");
        run_tool(
            Command::new("riscv64-unknown-elf-objcopy").arg(flag).arg(desk.path("firmware.elf")),
        );
        desk.pack().expect_err("stripped")
    };
    assert!(strip("--strip-all").contains("without symbols"));
    let error = strip("--remove-relocations=*");
    assert!(error.contains("no relocations") && error.contains("--emit-relocs"), "{error}");
}

#[test]
fn damage_to_a_linked_firmware_never_panics() {
    let desk = Desk::new();
    desk.make().expect("right");
    let mut elf = fs::read(desk.path("firmware.elf")).expect("linked");
    // Headers and tables, where a value leads somewhere: the first page and the end.
    let places: Vec<_> =
        (4..180).step_by(2).chain((elf.len() - 2048..elf.len()).step_by(13)).collect();
    let mut refused_count = 0;
    for at in places {
        let old = elf[at];
        elf[at] = !old;
        fs::write(desk.path("firmware.elf"), &elf).expect("writable");
        refused_count += usize::from(desk.pack().is_err());
        elf[at] = old;
    }
    assert!(refused_count > 20, "{refused_count}");
}

/// A crate and a program that uses it through traits, generics and function pointers, for a bare
/// core. The linker is the one that Cargo would be told to use.
#[test]
fn a_crate_becomes_an_overlay_in_the_linker_that_cargo_calls() {
    let desk = Desk::new();
    let overlay_only = CONFIG[..CONFIG.find("[[overlay]]").expect("there")].to_owned();
    desk.write(
        "esparto.toml",
        &format!("{overlay_only}[[overlay]]\nname = \"shape\"\ncrate = \"shape-lib\"\n"),
    );
    desk.write(
        "lib.rs",
        "#![no_std]
        pub trait Shape { fn area(&self) -> u32; }
        pub struct Square(pub u32);
        impl Shape for Square { #[inline(never)] fn area(&self) -> u32 { self.0 * self.0 } }
        static SQUARE: Square = Square(3);
        #[inline(never)] pub fn shape() -> &'static dyn Shape { &SQUARE }
        #[inline(never)] pub fn twice(x: u32) -> u32 { x * 2 + shape().area() }
        #[inline(never)] pub fn pointer() -> fn(u32) -> u32 { twice }",
    );
    desk.write(
        "main.rs",
        "#![no_std] #![no_main]
        use shape_lib::Shape;
        unsafe extern \"C\" { static __esparto_firmware: [u8; 80]; }
        #[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
        #[unsafe(no_mangle)] extern \"C\" fn __esparto_overlay_miss() {}
        #[unsafe(no_mangle)] extern \"C\" fn _start() -> ! {
            let sum = shape_lib::shape().area() + shape_lib::pointer()(4);
            loop { unsafe { core::ptr::read_volatile(&raw const __esparto_firmware[sum as usize % 80]); } }
        }",
    );
    let rustc = |args: &[&str]| {
        let mut command = Command::new("rustc");
        command.args(["--edition", "2024", "--target", "riscv32imac-unknown-none-elf", "-O"]);
        command.args(["-Cpanic=abort", "-L"]).arg(desk.dir.path()).args(args);
        command.env("ESPARTO_CONFIG", desk.path("esparto.toml")).current_dir(desk.dir.path());
        run_tool(&mut command);
    };
    rustc(&["--crate-type", "rlib", "--crate-name", "shape_lib", "lib.rs"]);
    let linker = format!("-Clinker={}", env!("CARGO_BIN_EXE_esparto-ld"));
    let script = format!("-Clink-arg=-T{SOURCES}/firmware.ld");
    rustc(&[
        "main.rs",
        "--crate-name",
        "firmware",
        "--extern",
        "shape_lib=libshape_lib.rlib",
        "-o",
        "firmware.elf",
        &linker,
        &script,
    ]);
    let said = desk.pack().expect("right");
    assert!(said.contains("shape "), "{said}");

    let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
    let elf = object::File::parse(&*bytes).expect("linked");
    let in_slot = |addr: u64| (0x8020_0000..0x8020_4000).contains(&addr);
    let area = |name: &str| name.contains("Square") && name.contains("area");
    let real = elf.symbols().find(|s| s.name().is_ok_and(|n| n.starts_with("__ov0_") && area(n)));
    assert!(in_slot(real.expect("the method is in the overlay").address()));
    let stub = elf.symbols().find(|s| s.name().is_ok_and(|n| !n.starts_with("__") && area(n)));
    let stub_addr = stub.expect("its stub is resident").address();
    assert!(!in_slot(stub_addr));
    // The vtable, in the overlay's data, names the stub.
    let data = elf.section_by_name(".ovl0_d").expect("there").data().expect("there");
    let words: Vec<_> =
        data.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    assert!(words.contains(&(stub_addr as u32)), "{words:x?}");
    assert!(!words.iter().any(|word| in_slot(u64::from(*word))), "{words:x?}");
}

/// The same by the Xtensa tools, whose assembler hides local functions in section + addend.
#[test]
fn xtensa_gets_stubs_too() {
    let desk = Desk::new();
    let overlay = "[[overlay]]\nname = \"fft\"\nfiles = [\"fft.o\"]\n";
    desk.write("esparto.toml", &format!("{LX106_CONFIG}{overlay}"));
    desk.write(
        "main8266.c",
        "extern int fft_run(int); extern char __esparto_firmware[];
         int resident_add(int a, int b) { return a + b; }
         void __esparto_overlay_miss(void) {}
         void _start(void) { for (;;) __esparto_firmware[0] = (char)fft_run(1); }",
    );
    desk.compile_lx106("fft.c", "fft.o", &[]);
    desk.compile_lx106("main8266.c", "main.o", &[]);
    desk.link_overlays().expect("the overlay is right");
    desk.link_lx106(&["main.o"]);
    desk.pack().expect("right");

    let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
    let elf = object::File::parse(&*bytes).expect("linked");
    let addr = |name: &str| elf.symbol_by_name(name).unwrap_or_else(|| panic!("{name}")).address();
    let word = |section: &str, at: u64| {
        let section = elf.section_by_name(section).expect("linked");
        let at = (at - section.address()) as usize;
        let data = section.data().expect("there");
        u64::from(u32::from_le_bytes(data[at..at + 4].try_into().expect("a word")))
    };
    // The literals in front of a stub: its flag, the function, its record, the loader.
    let stub = addr("fft_run");
    let literals: Vec<_> = (0..4).map(|index| word(".text", stub - 16 + 4 * index)).collect();
    let expected =
        ["__esparto_mapped", "__ov0_fft_run", "__esparto_record_fft_run", "__esparto_overlay_miss"];
    assert_eq!(literals, expected.map(addr));
    // The static function in the table is reached through its stub.
    let in_table = word(".ovl0_d", addr("fft_ops"));
    assert!(!(0x4010_4000..0x4010_8000).contains(&in_table) && in_table != 0, "{in_table:#x}");
    let image = fs::read(desk.path("data/fft_e")).expect("packed");
    let image = Image::parse(&image).expect("verified");
    assert_eq!(image.header().isa, esparto_image::Isa::XtensaLx106);
}
