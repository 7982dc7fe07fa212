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
