//! Links that are run with their overlays: by the linker that Cargo calls, or by a compiler.
//!
//! The overlays' crates and marked functions are taken out of the arguments, prepared, and given back
//! with the stubs and the fragment.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use super::collect;
use super::config::{Config, Overlay};
use super::files;
use super::link::{self, Linked};
use super::response;
use super::tools::Linker;
use crate::Failure;

/// The variable that names esparto.toml; without it, the folders upward are searched.
const CONFIG_VARIABLE: &str = "ESPARTO_CONFIG";

/// The arguments of `esparto overlay wrap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to link as overlays, and where to [default: ESPARTO_CONFIG, else esparto.toml here or above]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The compiler and everything that it is told to link
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

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
    let (output, linked) = prepare(&mut args, &config)?;
    let linker = Linker::find(config.ld.as_deref().or(Some("rust-lld")), config.isa)?;
    let mut command = linker.command();
    command.args(linked.fragment()).args(&args).args(&linked.args);
    linker.run(&mut command, &output)
}

/// Runs a link by a compiler.
///
/// # Errors
/// As [`link_as`]; the compiler says itself what it refuses.
pub(crate) fn wrap(args: &Args) -> Result<(), Failure> {
    let Some((compiler, rest)) = args.command.split_first() else {
        return Err(Failure::usage("no command to run"));
    };
    let mut rest = expanded(rest.iter().cloned())?;
    let config = Config::read(&args.config.clone().map_or_else(find_config, Ok)?)?;
    let (output, linked) = prepare(&mut rest, &config)?;
    // By a file: a link may have more arguments than a command line holds.
    let all = linked.link_args.with_file_name("command.args");
    let mut lines: Vec<_> =
        rest.iter().map(|arg| response::quoted(&arg.to_string_lossy())).collect();
    // One by one: `-Wl` would part a path at its commas.
    for arg in linked.fragment().iter().chain(&linked.args) {
        lines.extend([response::quoted("-Xlinker"), response::quoted(arg)]);
    }
    files::write(&all, lines.concat().as_bytes())?;
    let status = process::Command::new(compiler)
        .arg(format!("@{}", all.display()))
        .status()
        .map_err(|error| Failure::io("run", Path::new(compiler), error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::bad_input(format!("{} ended with {status}", compiler.display()))
        .in_file(&output)
        .mend("mend what it names above"))
}

/// Takes what becomes overlays out of `args`, and prepares it; gives the file that is linked, too.
fn prepare(args: &mut Vec<OsString>, config: &Config) -> Result<(PathBuf, Linked), Failure> {
    let output = output_of(args)?;
    let folder = output.with_extension("overlays");
    fs::create_dir_all(&folder).map_err(|error| Failure::io("create", &folder, error))?;
    let mut own = Vec::new();
    for overlay in &config.overlays {
        let mut files = overlay.files.clone();
        if let Some(krate) = &overlay.krate {
            files.extend(take_crate(args, krate, overlay, &folder, config)?);
        }
        own.push(files);
    }
    let inputs = inputs(args);
    let files: Vec<_> = inputs.iter().map(|(_, file)| file.clone()).collect();
    let linked =
        link::link(config, &folder, &files, &|overlay| own[usize::from(overlay.number)].clone())?;
    linked.write_args()?;
    for (index, file) in inputs {
        if let Some(changed) = linked.replaced.get(&file) {
            args[index] = changed.clone().into_os_string();
        }
    }
    Ok((output, linked))
}

/// The objects and archives among the arguments of a link, those named by `-l` too, with the number
/// of the argument.
fn inputs(args: &[OsString]) -> Vec<(usize, PathBuf)> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut named = Vec::new();
    let mut index = 0;
    while let Some(arg) = args.get(index).map(|arg| arg.to_string_lossy()) {
        let at = index;
        index += 1;
        if arg == "-L" {
            folders.extend(args.get(index).map(PathBuf::from));
            index += 1;
        } else if let Some(folder) = arg.strip_prefix("-L") {
            folders.push(folder.into());
        } else if let Some(name) = arg.strip_prefix("-l").filter(|name| !name.is_empty()) {
            let file = match name.strip_prefix(':') {
                Some(name) => name.to_owned(),
                None => format!("lib{name}.a"),
            };
            named.push((at, file, true));
        } else if matches!(&*arg, "-o" | "-T" | "-Xlinker" | "-Map" | "-u" | "-e") {
            index += 1;
        } else if !arg.starts_with('-') {
            named.push((at, arg.into_owned(), false));
        }
    }
    // Folders count for all libraries, also for those before them.
    let find = |(at, name, is_library): (usize, String, bool)| {
        let file = if is_library {
            folders.iter().map(|folder| folder.join(&name)).find(|file| file.is_file())
        } else {
            Some(PathBuf::from(name)).filter(|file| file.is_file())
        };
        file.map(|file| (at, file))
    };
    named.into_iter().filter_map(find).collect()
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
        all.extend(response::words(&text).into_iter().map(OsString::from));
    }
    Ok(all)
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
            .mend("use esparto-ld as the linker of a target, or give `esparto overlay wrap` a command that links")
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
        let what = format!("overlay {}: the crate {krate} is not linked", overlay.name);
        return Err(config
            .fault_of(overlay, what)
            .mend("depend on it and call it, and build with lto = false or \"off\""));
    };
    let library = PathBuf::from(args.remove(at));
    let bytes = fs::read(&library).map_err(|error| Failure::io("read", &library, error))?;
    let mut objects = Vec::new();
    for (number, (name, data)) in collect::members(&library, &bytes)?.into_iter().enumerate() {
        // The rest is metadata of the compiler.
        if name.ends_with(".o") && data.starts_with(&object::elf::ELFMAG) {
            let file = folder.join(format!("{}.{number}.o", overlay.name));
            files::write(&file, &data)?;
            objects.push(file);
        }
    }
    Ok(objects)
}
