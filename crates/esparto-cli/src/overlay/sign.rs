//! `esparto overlay keygen` and `sign`: keys, and the manifest that vouches for all images.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use esparto_image::manifest::{
    MANIFEST_NAME, Manifest, ManifestBuilder, ManifestError, PublicKey, SecretKey,
};
use esparto_image::{Image, Part};
use serde::Serialize;

use super::files;
use crate::{Failure, Output};

/// The arguments of `esparto overlay keygen`.
#[derive(Debug, clap::Args)]
pub struct KeygenArgs {
    /// Where to write the keys: NAME.key, which is secret, and NAME.pub
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
}

/// The arguments of `esparto overlay sign`.
#[derive(Debug, clap::Args)]
pub struct SignArgs {
    /// The folder with the pairs
    pub folder: PathBuf,
    /// The secret key, as `keygen` wrote it
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

#[derive(Debug, Serialize)]
struct Keys {
    secret_file: PathBuf,
    public_file: PathBuf,
    public_key: String,
    /// For sources in Rust and C.
    public_bytes: [u8; 32],
}

#[derive(Debug, Serialize)]
struct Signed {
    manifest: PathBuf,
    file_count: usize,
    public_key: String,
}

pub(crate) fn keygen(args: &KeygenArgs, out: &mut Output<'_>) -> Result<(), Failure> {
    let with = |extension: &str| {
        let mut name = args.name.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    let (secret_file, public_file) = (with(".key"), with(".pub"));
    if let Some(there) = [&secret_file, &public_file].into_iter().find(|file| file.exists()) {
        return Err(Failure::bad_input("there is a key already")
            .in_file(there)
            .mend("choose another name: what the old key signed would be worth nothing"));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::io("read", Path::new("the system's random numbers"), std::io::Error::other(error))
    })?;
    let secret = SecretKey(bytes);
    let public = secret.public();
    write_secret(&secret_file, &format!("{}\n", secret.to_text()))?;
    files::write(&public_file, format!("{public}\n").as_bytes())?;
    let keys =
        Keys { secret_file, public_file, public_key: public.to_string(), public_bytes: public.0 };
    out.show(&keys, |w| {
        let rows: Vec<String> = public.0.iter().map(|byte| format!("0x{byte:02x}")).collect();
        writeln!(
            w,
            "secret  {}  (keep it where firmware is released)",
            keys.secret_file.display()
        )?;
        writeln!(w, "public  {}  {}", keys.public_file.display(), keys.public_key)?;
        writeln!(w, "Rust    const KEY: [u8; 32] = [{}];", rows.join(", "))?;
        writeln!(w, "C       static const uint8_t key[32] = {{{}}};", rows.join(", "))
    })
}

/// A file that only its owner reads.
fn write_secret(file: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(|error| Failure::io("write", file, error))
}

pub(crate) fn sign(args: &SignArgs, out: &mut Output<'_>) -> Result<(), Failure> {
    let key = secret_key(&args.key)?;
    let mut images: Vec<(u16, Part, Vec<u8>)> = Vec::new();
    let mut build: Option<([u8; 32], PathBuf)> = None;
    for name in pair_names(&args.folder)? {
        for (letter, part) in [("e", Part::Code), ("d", Part::Data)] {
            let file = args.folder.join(format!("{name}_{letter}"));
            let bytes = fs::read(&file).map_err(|error| Failure::io("read", &file, error))?;
            let image = Image::parse(&bytes).map_err(|error| {
                Failure::bad_input(error).in_file(&file).mend("pack again, then sign")
            })?;
            let header = image.header();
            let (id, other) = build.get_or_insert_with(|| (header.build_id, file.clone()));
            if *id != header.build_id {
                return Err(Failure::bad_input(format!(
                    "is of another build than {}",
                    other.display()
                ))
                .in_file(&file)
                .mend("pack again, then sign"));
            }
            images.push((header.overlay, part, bytes));
        }
    }
    let build_id = build.map_or([0; 32], |(id, _)| id);
    let files = images.iter().map(|(overlay, part, bytes)| (*overlay, *part, bytes.as_slice()));
    let manifest = manifest(build_id, files, &key).map_err(|f| f.in_file(&args.folder))?;
    let signed = Signed {
        manifest: args.folder.join(MANIFEST_NAME),
        file_count: images.len(),
        public_key: key.public().to_string(),
    };
    files::write(&signed.manifest, &manifest)?;
    out.show(&signed, |w| {
        let Signed { manifest, file_count, public_key } = &signed;
        writeln!(w, "{}: {file_count} files, signed by {public_key}", manifest.display())
    })
}

/// The signed manifest of these files.
///
/// # Errors
/// Two files of one overlay and part.
pub(crate) fn manifest<'a>(
    build_id: [u8; 32],
    files: impl IntoIterator<Item = (u16, Part, &'a [u8])>,
    key: &SecretKey,
) -> Result<Vec<u8>, Failure> {
    let mut builder = ManifestBuilder::new(build_id);
    for (overlay, part, bytes) in files {
        builder.add(overlay, part, bytes);
    }
    builder.sign(key).map_err(|error| failure(&error))
}

pub(crate) fn failure(error: &ManifestError) -> Failure {
    Failure::bad_input(error).mend("sign the folder again by the key whose public half is given")
}

/// Reads a secret key.
///
/// # Errors
/// A file that is no key.
pub(crate) fn secret_key(file: &Path) -> Result<SecretKey, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
    text.parse().map_err(|error: ManifestError| no_key(&error).in_file(file))
}

/// Reads a public key: a file, or its 64 hexadecimal digits.
///
/// # Errors
/// What is neither.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let file = Path::new(text);
    let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
    text.parse().map_err(|error: ManifestError| no_key(&error).in_file(file))
}

fn no_key(error: &ManifestError) -> Failure {
    Failure::bad_input(error).mend("give what `esparto overlay keygen` wrote")
}

/// Verifies a folder's manifest.
///
/// # Errors
/// No manifest, or one that `key` did not sign.
pub(crate) fn read(folder: &Path, key: &PublicKey) -> Result<Manifest, Failure> {
    let file = folder.join(MANIFEST_NAME);
    let bytes = fs::read(&file).map_err(|error| Failure::io("read", &file, error))?;
    Manifest::parse(&bytes, key).map_err(|error| failure(&error).in_file(&file))
}

/// The names of the pairs in a folder, sorted.
///
/// # Errors
/// None is there.
pub(crate) fn pair_names(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .map_err(|error| Failure::io("read", folder, error))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| {
            let name = name.strip_suffix("_e").or_else(|| name.strip_suffix("_d"))?;
            Some(name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(Failure::bad_input("no pair NAME_e and NAME_d")
            .in_file(folder)
            .mend("give the folder that `pack` wrote"));
    }
    Ok(names)
}
