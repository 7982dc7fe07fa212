//! `cargo xtask card`: the image of an SD card, for the simulator and for QEMU.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use card_image::Format;

/// QEMU wants a power of two, FAT32 at least this.
const CARD_BYTES: usize = 64 << 20;

/// Writes an image with `files` and the list of their sums. A folder goes with all that is below.
///
/// # Errors
/// A file cannot be read, they do not fit, or the image cannot be written.
pub(crate) fn make(image: &Path, files: &[PathBuf]) -> Result<()> {
    let mut found = Vec::new();
    for file in files {
        let name = file.file_name().context("a file has a name")?;
        collect(file, name.to_str().context("a name on the card is text")?, &mut found)?;
    }
    let pairs = || found.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let sums = card_image::sums(pairs());
    let all = pairs().chain([(card_image::SUMS, sums.as_bytes())]);
    let bytes = card_image::build(CARD_BYTES, Format::Fat32, all)
        .with_context(|| format!("{} files do not make a card", found.len()))?;
    fs::write(image, bytes).with_context(|| image.display().to_string())?;
    println!("{}: {} files and {}", image.display(), found.len(), card_image::SUMS);
    Ok(())
}

/// Reads `file`, or what is below it, as `path` on the card.
fn collect(file: &Path, path: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let context = || file.display().to_string();
    if !file.is_dir() {
        found.push((path.to_owned(), fs::read(file).with_context(context)?));
        return Ok(());
    }
    let entries = fs::read_dir(file).with_context(context)?;
    let mut below = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    // The same files make the same image.
    below.sort();
    for file in below {
        let name = file.file_name().and_then(|name| name.to_str());
        let name =
            name.with_context(|| format!("{}: a name on the card is text", file.display()))?;
        collect(&file, &format!("{path}/{name}"), found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_on_the_card() {
        let image = std::env::temp_dir().join(format!("esparto-card-{}.img", std::process::id()));
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = make(&image, &[own.join("Cargo.toml"), own.join("src/firmware")]);
        let bytes = fs::read(&image);
        let _ = fs::remove_file(&image);
        made.expect("the files are there");
        let bytes = bytes.expect("it was written");
        for (on_card, file) in
            [("Cargo.toml", "Cargo.toml"), ("firmware/record.rs", "src/firmware/record.rs")]
        {
            let expected = fs::read(own.join(file)).expect("the file is there");
            assert!(card_image::read(&bytes, on_card).expect("it is on the card") == expected);
        }
        let sums = card_image::read(&bytes, card_image::SUMS).expect("it is on the card");
        assert!(String::from_utf8_lossy(&sums).contains(" firmware/record.rs\n"));
        assert!(make(&image, &[own.join("nothing")]).is_err());
    }
}
