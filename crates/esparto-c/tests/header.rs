//! The header that is checked in is the one that the sources give.

use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("the settings read");
    let bindings = cbindgen::generate_with_config(root, config).expect("the sources parse");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    // cbindgen puts the whole name of the type in front of what it holds.
    let generated = String::from_utf8(generated).expect("a header is text");
    let generated = generated.replace("ESPARTO_STATUS_T_", "ESPARTO_");
    let generated = generated.replace("ESPARTO_DIAGNOSIS_T_", "ESPARTO_DIAGNOSIS_");
    let generated = generated.replace("ESPARTO_VIOLATION_KIND_T_", "ESPARTO_VIOLATION_");
    let path = root.join("include/esparto/esparto.h");
    if std::env::var_os("ESPARTO_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "{} is not what the sources give: run ESPARTO_UPDATE_HEADER=1 cargo test -p esparto-c --test header",
        path.display()
    );
}

/// The functions that the header declares.
fn functions(header: &str) -> Vec<&str> {
    let words = header.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut functions: Vec<_> = words
        .filter(|word| word.starts_with("esparto_") && header.contains(&format!("{word}(")))
        .collect();
    functions.sort_unstable();
    functions.dedup();
    functions
}

/// All files of a folder of the crate, one behind the other.
fn texts(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut texts = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the crate") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            texts.push_str(&std::fs::read_to_string(path).expect("a text"));
        }
    }
    texts
}

/// The functions that the compatibility headers define, but for their own helpers.
fn compatible(headers: &str) -> Vec<&str> {
    let definitions = headers.split("static inline ").skip(1);
    let names = definitions
        .filter_map(|definition| definition.split('(').next()?.rsplit([' ', '*']).next());
    names.filter(|name| !name.starts_with("esparto_")).collect()
}

#[test]
fn every_function_is_called_from_c() {
    let programs = ["tests/c", "tests/overlay"].map(texts).concat();
    let compat = texts("include/esparto/compat");
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/esparto/esparto.h");
    let header = std::fs::read_to_string(header).expect("the header");
    // Called, or handed over to be called.
    let is_called = |function: &str, text: &str| {
        [format!("{function}("), format!("{function},"), format!("{function}}}")]
            .iter()
            .any(|call| text.contains(call))
    };
    let (functions, compatible) = (functions(&header), compatible(&compat));
    assert!(functions.len() > 50, "{functions:?}");
    assert!(compatible.len() > 60, "{compatible:?}");
    // What a compatibility header calls is called where its own functions are.
    let direct =
        functions.iter().filter(|name| !is_called(name, &programs) && !is_called(name, &compat));
    let through = compatible.iter().filter(|name| !is_called(name, &programs));
    let missing: Vec<_> = direct.chain(through).collect();
    assert!(missing.is_empty(), "no program of tests/c calls {missing:?}");
}

#[test]
fn every_status_has_its_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = std::fs::read_to_string(root.join("include/esparto/esparto.h")).expect("a header");
    let mut count = 0;
    for line in header.lines().map(str::trim).filter(|line| line.starts_with("ESPARTO_")) {
        let Some((name, number)) = line.trim_end_matches(',').split_once(" = ") else { continue };
        let Ok(number) = number.parse() else { continue };
        if name.starts_with("ESPARTO_DIAGNOSIS_") {
            continue;
        }
        let said = match name.starts_with("ESPARTO_VIOLATION_") {
            true => esparto_c::esparto_violation_name(number),
            false => esparto_c::esparto_status_name(number),
        };
        // SAFETY: a text that ends and lives for ever.
        let said = unsafe { std::ffi::CStr::from_ptr(said) };
        assert_eq!(said.to_str(), Ok(name));
        count += 1;
    }
    assert!(count > 30, "{count} statuses");
}
