//! Functions that the source marks for overlays, by the real toolchain: in objects and archives, in
//! C and C++, by both linkers, for both instruction sets.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{
    CONFIG, Desk, GNU, LX106_CONFIG, SOURCES, esparto, linker_command, run_tool, text,
};
use esparto_image::Image;
use object::{Object, ObjectSection, ObjectSymbol};

const HEADERS: &str = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../esparto-c/include");

/// Resident functions, and functions of two overlays, in one source.
const MARKED: &str = r#"
#include <esparto/overlay_section.h>
extern int marked_elsewhere(int), resident_add(int, int);
static int calls;
ESPARTO_OVERLAY_DATA(fft) int marked_data = 7;
ESPARTO_OVERLAY_CONST(fft) static const int marked_table[2] = {3, 4};
__attribute__((noinline)) static int stays(int x) { return x + ++calls; }
ESPARTO_OVERLAY(fft) static int local(int x) { return x * marked_table[x & 1]; }
ESPARTO_OVERLAY(fft) int marked(int x) { return local(stays(x)) + marked_data++ + marked_elsewhere(x); }
ESPARTO_OVERLAY(solo) int marked_solo(int x) { return resident_add(marked(x), local(x)); }
int marked_resident(int x) { return local(x) + marked(x) + calls; }
__attribute__((noipa)) int (*marked_pointer(void))(int) { return local; }
int (*const marked_pointers[2])(int) = {local, marked};
int marked_call(int x) { return marked_pointer()(x) + marked_pointers[x & 1](x); }
"#;

const ELSEWHERE: &str = "
#include <esparto/overlay_section.h>
ESPARTO_OVERLAY(fft) int marked_elsewhere(int x) { return x + 1; }
";

/// Inline functions: every object has one, and one of them is linked.
const INLINE: &str = r#"
#include <esparto/overlay_section.h>
ESPARTO_OVERLAY(fft) inline int shared_inline(int x) { static int sum; return sum += x; }
extern "C" int NAME(int x) { return shared_inline(x); }
"#;

const CALLS: &str = "-DMISTAKE=(marked_resident(1)+marked_solo(2)+one_inline(3)+two_inline(4)+marked_call(1)+marked_elsewhere(5))";

/// A folder with everything in its name that some reader of arguments could trip over.
const ODD_NAME: &str = "it's mine, \"a\\b\" ";

/// A desk with marked sources, compiled.
fn marked_desk() -> Desk {
    marked_desk_called("desk")
}

fn marked_desk_called(name: &str) -> Desk {
    let desk = Desk::called(name);
    // One overlay of files and marks, one of files only, one of marks only.
    desk.write("esparto.toml", &format!("{CONFIG}[[overlay]]\nname = \"solo\"\n"));
    desk.write("marked.c", MARKED);
    desk.write("elsewhere.c", ELSEWHERE);
    desk.compile("marked.c", "marked.o", &[HEADERS]);
    desk.compile("elsewhere.c", "elsewhere.o", &[HEADERS, "-fasynchronous-unwind-tables"]);
    for name in ["one_inline", "two_inline"] {
        desk.write(&format!("{name}.cpp"), &INLINE.replace("NAME", name));
        desk.compile(&format!("{name}.cpp"), &format!("{name}.o"), &[HEADERS]);
    }
    desk.compile("main.c", "main.o", &[CALLS, "-Wno-implicit-function-declaration"]);
    desk
}

const OBJECTS: [&str; 5] = ["main.o", "marked.o", "elsewhere.o", "one_inline.o", "two_inline.o"];

/// `kind` is `crs`, or `crsT` for one that only names its members.
fn archive(desk: &Desk, kind: &str) {
    let _ = fs::remove_file(desk.path("libmarked.a"));
    let mut ar = Command::new("riscv64-unknown-elf-ar");
    ar.arg(kind).arg(desk.path("libmarked.a")).args(OBJECTS[1..].iter().map(|o| desk.path(o)));
    run_tool(&mut ar);
}

/// Links by plain steps: everything is named to the first, and nothing to the second.
fn link(desk: &Desk, linker: &str, inputs: &[&str]) {
    let (config, out) = (text(&desk.path("esparto.toml")), text(&desk.path("ov")));
    let inputs: Vec<_> = inputs.iter().map(|input| text(&desk.path(input))).collect();
    let mut words = vec!["overlay", "link", "--config", &config, "--out", &out];
    words.extend(inputs.iter().map(String::as_str));
    esparto(&words).expect("the overlays are right");
    let mut command = linker_command(linker);
    command.args(["-m", "elf32lriscv", "--gc-sections", "-T"]);
    command.arg(Path::new(SOURCES).join("firmware.ld"));
    command.arg(format!("@{}", desk.path("ov/link.args").display()));
    run_tool(command.arg("-o").arg(desk.path("firmware.elf")));
}

/// What is where in the linked firmware, and how it is reached.
fn check(desk: &Desk) {
    let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
    let elf = object::File::parse(&*bytes).expect("linked");
    let addr = |name: &str| {
        elf.symbol_by_name(name).unwrap_or_else(|| panic!("no {name}")).address() as u32
    };
    let in_slot = |addr: u32| (0x8020_0000..0x8020_4000).contains(&addr);
    for name in ["__ov0_marked", "__ov0_marked_elsewhere", "__ov2_marked_solo", "__ov0_fft_run"] {
        assert!(in_slot(addr(name)), "{name} is at {:#x}", addr(name));
    }
    for name in ["marked", "marked_elsewhere", "marked_solo", "stays", "marked_resident", "calls"] {
        assert!(addr(name) < 0x8010_0000, "{name} is at {:#x}", addr(name));
    }
    for name in ["marked_data", "marked_table"] {
        assert!(addr(name) >= 0x8021_0000, "{name} is at {:#x}", addr(name));
    }
    let one_copy = elf.symbols().filter(|s| s.name() == Ok("__ov0__Z13shared_inlinei")).count();
    assert_eq!(one_copy, 1);
    // The static function is called directly in its overlay, and by its stub from everywhere else.
    let stub = elf.symbols().find(|s| {
        s.name().is_ok_and(|n| n.starts_with("__ov0s") && n.ends_with("_local")) && s.size() == 36
    });
    let stub = stub.expect("a stub for the static function").address() as u32;
    let real = elf
        .symbols()
        .find(|s| s.name().is_ok_and(|n| n.starts_with("__ov0l") && n.ends_with("_local")));
    let real = real.expect("the static function").address() as u32;
    assert!(in_slot(real) && !in_slot(stub));
    let called_from = |name: &str| -> Vec<u32> {
        let function = elf.symbol_by_name(name).expect(name);
        let section = function.section_index().expect("defined");
        let section = elf.section_by_index(section).expect("there");
        let inside = function.address()..function.address() + function.size();
        section
            .relocations()
            .filter(|(at, _)| inside.contains(at))
            .filter_map(|(_, relocation)| match relocation.target() {
                object::RelocationTarget::Symbol(symbol) => {
                    Some(elf.symbol_by_index(symbol).expect("there").address() as u32)
                }
                _ => None,
            })
            .collect()
    };
    let from_own = called_from("__ov0_marked");
    assert!(from_own.contains(&real) && !from_own.contains(&stub), "{from_own:x?}");
    assert!(from_own.contains(&addr("__ov0_marked_elsewhere")), "directly: {from_own:x?}");
    assert!(from_own.contains(&addr("stays")), "{from_own:x?}");
    for name in ["marked_resident", "__ov2_marked_solo", "marked_pointer"] {
        let from_others = called_from(name);
        assert!(from_others.contains(&stub) && !from_others.contains(&real), "{name}");
    }
    let table = called_from("marked_pointers");
    assert_eq!(table, [stub, addr("marked")]);

    let image = fs::read(desk.path("data/fft_e")).expect("packed");
    let image = Image::parse(&image).expect("verified");
    let exported = |name: &str| image.exports().find(name).map(|export| export.addr);
    assert_eq!(exported("marked"), Some(addr("__ov0_marked")));
    assert_eq!(exported("fft_run"), Some(addr("__ov0_fft_run")));
    let verified = esparto(&[
        "overlay",
        "verify",
        &text(&desk.path("data")),
        "--flash",
        &text(&desk.path("firmware.flash.elf")),
    ]);
    assert!(verified.expect("all of one build").contains("3 pairs"));
}

#[test]
fn marked_functions_leave_their_objects_by_plain_steps() {
    let desk = marked_desk();
    for linker in [GNU, "rust-lld"] {
        link(&desk, linker, &OBJECTS);
        desk.pack().unwrap_or_else(|error| panic!("{linker}: {error}"));
        check(&desk);
    }
}

#[test]
fn and_the_members_of_archives() {
    let desk = marked_desk_called(ODD_NAME);
    for kind in ["crs", "crsT"] {
        archive(&desk, kind);
        for linker in [GNU, "rust-lld"] {
            link(&desk, linker, &["main.o", "libmarked.a"]);
            desk.pack().unwrap_or_else(|error| panic!("{kind}, {linker}: {error}"));
            check(&desk);
        }
    }
    // A member that is gone is named.
    fs::remove_file(desk.path("elsewhere.o")).expect("it was there");
    let (config, out) = (text(&desk.path("esparto.toml")), text(&desk.path("ov")));
    let library = text(&desk.path("libmarked.a"));
    let words = ["overlay", "link", "--config", &config, "--out", &out, &library];
    let error = esparto(&words).expect_err("a member is gone");
    assert!(error.contains("elsewhere.o") && error.contains("mend: "), "{error}");
}

#[test]
fn a_compilers_link_command_is_wrapped() {
    let desk = marked_desk_called(ODD_NAME);
    archive(&desk, "crs");
    let wrap = |flag: &str| {
        let config = text(&desk.path("esparto.toml"));
        let [script, main, elf] = [
            format!("{SOURCES}/firmware.ld"),
            text(&desk.path("main.o")),
            text(&desk.path("firmware.elf")),
        ];
        let folder = format!("-L{}", desk.dir.path().display());
        esparto(&[
            "overlay",
            "wrap",
            "--config",
            &config,
            "--",
            "riscv64-unknown-elf-gcc",
            "-march=rv32imac",
            "-mabi=ilp32",
            "-nostdlib",
            "-T",
            &script,
            "-Wl,--gc-sections",
            "-o",
            &elf,
            &main,
            "-lmarked",
            &folder,
            flag,
        ])
    };
    wrap("-Wl,--build-id=none").expect("it links");
    desk.pack().expect("right");
    check(&desk);
    // What the compiler refuses fails the build.
    let error = wrap("-lno_such_library").expect_err("there is no such library");
    assert!(
        error.contains("riscv64-unknown-elf-gcc ended with") && error.contains("mend"),
        "{error}"
    );
}

/// What Cargo sees of a link that cannot be done: an exit code, and the reason with its mend.
#[test]
fn the_linker_for_cargo_fails_the_build() {
    let desk = marked_desk();
    let link = |config: &str| {
        desk.write("cargo.toml", config);
        let mut command = Command::new(env!("CARGO_BIN_EXE_esparto-ld"));
        command.args(["-flavor", "gnu", "-o"]).arg(desk.path("firmware.elf"));
        command.arg(desk.path("main.o")).env("ESPARTO_CONFIG", desk.path("cargo.toml"));
        let output = command.output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let head = &CONFIG[..CONFIG.find("[[overlay]]").expect("there")];
    for (overlay, expected) in [
        ("name = \"dsp\"\ncrate = \"dsp-lib\"", "the crate dsp_lib is not linked"),
        ("name = \"dsp\"", "overlay dsp has no files"),
        ("name = \"dsp\"\nfiles = [\"gone.o\"]", "no file matches"),
        // The real linker's own words come through: nothing defines what is called.
        ("name = \"fft\"\nfiles = [\"fft.o\"]", "undefined symbol"),
    ] {
        let (code, said) = link(&format!("{head}[[overlay]]\n{overlay}\n"));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected) && said.contains("mend: "), "{expected} not in: {said}");
    }
    assert!(!desk.path("firmware.elf").exists());
}

#[test]
fn a_second_build_of_the_same_writes_nothing() {
    let desk = marked_desk();
    let files = || {
        let mut files = Vec::new();
        for folder in ["ov", "ov/marked", "data", "."] {
            for entry in fs::read_dir(desk.path(folder)).expect("there") {
                let entry = entry.expect("readable");
                let metadata = entry.metadata().expect("readable");
                if metadata.is_file() && entry.file_name() != "firmware.elf" {
                    files.push((entry.path(), metadata.modified().expect("a time")));
                }
            }
        }
        files.sort();
        files
    };
    link(&desk, GNU, &OBJECTS);
    desk.pack().expect("right");
    let first = files();
    assert!(first.len() > 20, "{first:?}");
    link(&desk, GNU, &OBJECTS);
    desk.pack().expect("right");
    assert_eq!(files(), first);
}

#[test]
fn marks_that_cannot_be_followed_are_named() {
    let desk = marked_desk();
    let config = text(&desk.path("esparto.toml"));
    let out = text(&desk.path("ov"));
    let object = text(&desk.path("marked.o"));
    let linked = |inputs: &[&str]| {
        let words = ["overlay", "link", "--config", &config, "--out", &out];
        esparto(&words.iter().chain(inputs).copied().collect::<Vec<_>>())
    };
    let error = linked(&[]).expect_err("nothing is in one");
    assert!(error.contains("overlay solo has no files") && error.contains("mend"), "{error}");
    let says = |name: &str, from: &str, to: &str, expected: &[&str]| {
        desk.write(
            "esparto.toml",
            &format!("{CONFIG}[[overlay]]\nname = \"solo\"\n").replacen(from, to, 1),
        );
        let error = linked(&[&object]).and_then(|_| desk.pack()).expect_err(name);
        for part in expected.iter().chain(&["mend: "]) {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    };
    says(
        "an unknown overlay",
        "\"solo\"",
        "\"duo\"",
        &["marked.o", ".esparto.overlay.solo", "unknown"],
    );
    says(
        "files of another",
        "\"shapes*.o\"",
        "\"marked.o\"",
        &["marked for another overlay than shapes"],
    );
    says("no such function", "\"fft_run\"", "\"fft_walk\"", &["no function fft_walk"]);
    // Linked without the step, the functions are resident, and packing says so.
    desk.write("esparto.toml", CONFIG);
    desk.compile(
        "main.c",
        "main.o",
        &["-DMISTAKE=marked_elsewhere(1)", "-Wno-implicit-function-declaration"],
    );
    desk.link_overlays().expect("right");
    desk.link(GNU, &["elsewhere.o"], &[]);
    let error = desk.pack().expect_err("a mark was passed over");
    for part in ["firmware.elf", ".esparto.overlay.fft", "linked as resident", "wrap"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

/// A `switch` whose table stays behind: it follows nobody.
#[test]
fn jump_tables_stay_with_overlays_that_stay() {
    let desk = Desk::new();
    let source = "#include <esparto/overlay_section.h>\nextern int resident_add(int, int);\n\
        ESPARTO_OVERLAY(fft) int choose(int x) { switch (x) { case 0: return resident_add(4, x); \
        case 1: return 77; case 2: return resident_add(x, x) - 3; case 3: return x << 7; case 4: \
        return resident_add(1, 9) * 5; case 5: return 3 ^ resident_add(8, x); case 6: return -x; \
        default: return 1; } }";
    desk.write("choose.c", source);
    desk.compile("choose.c", "choose.o", &[HEADERS, "-O2"]);
    desk.compile(
        "main.c",
        "main.o",
        &["-DMISTAKE=choose(3)", "-Wno-implicit-function-declaration"],
    );
    link(&desk, GNU, &["main.o", "choose.o"]);
    desk.pack().expect("right");
    desk.write(
        "esparto.toml",
        &CONFIG.replacen("[[overlay]]", "[[overlay]]\nplacement = \"relocatable\"", 1),
    );
    link(&desk, GNU, &["main.o", "choose.o"]);
    let error = desk.pack().expect_err("the table does not move");
    assert!(
        error.contains("jump table leads into overlay fft") && error.contains("mend"),
        "{error}"
    );
}

/// The Xtensa assembler hides names in section + addend and gives each section its own literals.
#[test]
fn xtensa_literals_come_along() {
    let desk = Desk::new();
    let overlays = "[[overlay]]\nname = \"fft\"\n[[overlay]]\nname = \"solo\"\n";
    desk.write("esparto.toml", &format!("{LX106_CONFIG}{overlays}"));
    desk.write("marked.c", MARKED);
    desk.write("elsewhere.c", ELSEWHERE);
    desk.write(
        "main8266.c",
        "extern int marked_resident(int), marked_solo(int); extern char __esparto_firmware[];
         extern int (*const marked_pointers[2])(int);
         int resident_add(int a, int b) { return a + b; }
         void __esparto_overlay_miss(void) {}
         void _start(void) { for (;;) __esparto_firmware[0] = (char)(marked_resident(1) + marked_solo(2) + marked_pointers[0](3)); }",
    );
    for source in ["marked", "elsewhere", "main8266"] {
        desk.compile_lx106(&format!("{source}.c"), &format!("{source}.o"), &[HEADERS]);
    }
    let (config, out) = (text(&desk.path("esparto.toml")), text(&desk.path("ov")));
    let inputs = ["main8266.o", "marked.o", "elsewhere.o"].map(|input| text(&desk.path(input)));
    let mut words = vec!["overlay", "link", "--config", &config, "--out", &out];
    words.extend(inputs.iter().map(String::as_str));
    esparto(&words).expect("the overlays are right");
    desk.link_lx106(&[]);
    desk.pack().expect("right");

    let bytes = fs::read(desk.path("firmware.elf")).expect("linked");
    let elf = object::File::parse(&*bytes).expect("linked");
    let addr = |name: &str| elf.symbol_by_name(name).unwrap_or_else(|| panic!("{name}")).address();
    let code = elf.section_by_name(".ovl0_e").expect("linked");
    assert!((0x4010_4000..0x4010_8000).contains(&addr("__ov0_marked")));
    assert!(!(0x4010_4000..0x4010_8000).contains(&addr("marked")));
    // The literals lie before the code that reads them, and hold what it calls.
    let words = code.data().expect("there").as_chunks::<4>().0.iter();
    let at =
        words.into_iter().position(|word| u64::from(u32::from_le_bytes(*word)) == addr("stays"));
    let at = at.expect("the literal of a call out") as u64 * 4 + code.address();
    assert!(at < addr("__ov0_marked"));
    // A pointer in a resident table is a stub's.
    let table = elf.section_by_name(".rodata").expect("linked");
    let from = (addr("marked_pointers") - table.address()) as usize;
    let data = table.data().expect("there");
    let pointer = u32::from_le_bytes(data[from + 4..from + 8].try_into().expect("a word"));
    assert_eq!(u64::from(pointer), addr("marked"));
}
