//! The linker that Cargo calls: takes the overlays' crates out, links them, then links the rest.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use object::read::archive::ArchiveFile;

use super::config::{Config, Overlay};
use super::link;
use super::tools::Linker;
use crate::Failure;

/// The variable that names esparto.toml; without it, the folders upward are searched.
const CONFIG_VARIABLE: &str = "ESPARTO_CONFIG";

/// Links a firmware as `args` say, with the overlays of esparto.toml.
///
/// A firmware that is linked without any overlay of its own needs no wrapper.
///
/// # Errors
/// No esparto.toml; an overlay's crate that is not linked; whatever the linker refuses.
pub fn link_as(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let mut args = expanded(args)?;
    if args.first().is_some_and(|first| first == "-flavor") {
        args.drain(..2.min(args.len()));
    }
    let config = Config::read(&find_config()?)?;
    let output = output_of(&args)?;
    let folder = output.with_extension("overlays");
    fs::create_dir_all(&folder).map_err(|error| Failure::io("create", &folder, error))?;

    let mut files = Vec::new();
    for overlay in &config.overlays {
        let mut own = overlay.files.clone();
        if let Some(krate) = &overlay.krate {
            own.extend(take_crate(&mut args, krate, overlay, &folder, &config)?);
        }
        files.push(own);
    }
    let linked =
        link::link(&config, &folder, &|overlay| files[usize::from(overlay.number)].clone())?;
    let linker = Linker::find(config.ld.as_deref().or(Some("rust-lld")), config.isa)?;
    let mut command = linker.command();
    command.args(&args).args(&linked.args);
    linker.run(&mut command, &output)
}

/// The arguments with those that stand in files.
fn expanded(args: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Failure> {
    let mut all = Vec::new();
    for arg in args {
        let Some(file) = arg.to_str().and_then(|arg| arg.strip_prefix('@')) else {
            all.push(arg);
            continue;
        };
        let file = Path::new(file);
        let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
        all.extend(words(&text).into_iter().map(OsString::from));
    }
    Ok(all)
}

/// The words of a response file: blanks part them, quotes join them, a backslash keeps what follows.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '"' | '\'' if quote == Some(char) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            _ if char.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

fn find_config() -> Result<PathBuf, Failure> {
    if let Some(file) = std::env::var_os(CONFIG_VARIABLE) {
        return Ok(file.into());
    }
    let here = std::env::current_dir().map_err(Failure::from)?;
    here.ancestors()
        .map(|folder| folder.join("esparto.toml"))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Failure::bad_input(format!("no esparto.toml in {} or above", here.display()))
                .mend(format!("write one, or name it in {CONFIG_VARIABLE}"))
        })
}

fn output_of(args: &[OsString]) -> Result<PathBuf, Failure> {
    let at = args.iter().position(|arg| arg == "-o");
    at.and_then(|at| args.get(at + 1)).map(PathBuf::from).ok_or_else(|| {
        Failure::usage("no -o among the linker's arguments")
            .mend("use esparto-ld as the linker of a target, not by hand")
    })
}

/// Takes the crate's library out of the arguments and unpacks its objects.
fn take_crate(
    args: &mut Vec<OsString>,
    krate: &str,
    overlay: &Overlay,
    folder: &Path,
    config: &Config,
) -> Result<Vec<PathBuf>, Failure> {
    let prefix = format!("lib{krate}-");
    let plain = format!("lib{krate}.rlib");
    let is_crate = |arg: &OsString| {
        Path::new(arg).file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name == plain || (name.starts_with(&prefix) && name.ends_with(".rlib"))
        })
    };
    let Some(at) = args.iter().position(is_crate) else {
        return Err(Failure::bad_input(format!(
            "overlay {}: the crate {krate} is not linked",
            overlay.name
        ))
        .in_file(&config.file)
        .mend("depend on it and call it, and build with lto = false or \"off\""));
    };
    let library = PathBuf::from(args.remove(at));
    let bytes = fs::read(&library).map_err(|error| Failure::io("read", &library, error))?;
    let broken = |error: object::Error| {
        Failure::bad_input(format!("a damaged library: {error}"))
            .in_file(&library)
            .mend("build it again")
    };
    let archive = ArchiveFile::parse(&*bytes).map_err(broken)?;
    let mut objects = Vec::new();
    for (number, member) in archive.members().enumerate() {
        let member = member.map_err(broken)?;
        let data = member.data(&*bytes).map_err(broken)?;
        // The rest is metadata of the compiler.
        if member.name().ends_with(b".o") && data.starts_with(&object::elf::ELFMAG) {
            let file = folder.join(format!("{}.{number}.o", overlay.name));
            fs::write(&file, data).map_err(|error| Failure::io("write", &file, error))?;
            objects.push(file);
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_files_are_read_as_linkers_do() {
        assert_eq!(words("a  b\n\"c d\" 'e f' g\\ h \"\""), ["a", "b", "c d", "e f", "g h", ""]);
        assert!(words(" \n").is_empty());
    }
}
