//! `esparto overlay link`: everything that the final link needs beside the firmware's own objects.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::config::{Config, Overlay};
use super::retarget::{self, Retargeted};
use super::tools::Linker;
use super::{script, stubs};
use crate::{Failure, Output};

/// The arguments of `esparto overlay link`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to link as overlays, and where to
    #[arg(long, value_name = "FILE", default_value = "esparto.toml")]
    pub config: PathBuf,
    /// The folder for the objects and the linker fragment
    #[arg(long, value_name = "FOLDER", default_value = "build/overlays")]
    pub out: PathBuf,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Linked {
    pub(crate) overlays: Vec<LinkedOverlay>,
    pub(crate) stubs: PathBuf,
    pub(crate) script: PathBuf,
    pub(crate) link_args: PathBuf,
    /// The arguments themselves, in their order.
    #[serde(skip)]
    pub(crate) args: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LinkedOverlay {
    pub(crate) name: String,
    pub(crate) object: PathBuf,
    pub(crate) stub_count: usize,
}

pub(crate) fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let linked = link(&config, &args.out, &|overlay| overlay.files.clone())?;
    out.show(&linked, |w| text(&linked, w))
}

/// Makes the objects and the fragment in the folder `out`; `files_of` says what an overlay is made of.
pub(crate) fn link(
    config: &Config,
    out: &Path,
    files_of: &dyn Fn(&Overlay) -> Vec<PathBuf>,
) -> Result<Linked, Failure> {
    if config.overlays.is_empty() {
        return Err(Failure::bad_input("there is no overlay")
            .in_file(&config.file)
            .mend("add an [[overlay]] with name and files"));
    }
    fs::create_dir_all(out).map_err(|error| Failure::io("create", out, error))?;
    let linker = Linker::find(config.ld.as_deref(), config.isa)?;
    let mut retargeted = Vec::new();
    let mut overlays = Vec::new();
    for overlay in &config.overlays {
        let files = files_of(overlay);
        if files.is_empty() {
            return Err(Failure::bad_input(format!("overlay {} has no files", overlay.name))
                .in_file(&config.file)
                .mend("name its objects and archives as `files`, or its crate"));
        }
        let object = out.join(format!("{}.o", overlay.name));
        let one = join(&linker, overlay, &files, &object, config)?;
        write(&object, &one.object)?;
        overlays.push(LinkedOverlay {
            name: overlay.name.to_string(),
            object,
            stub_count: one.stubs.len(),
        });
        retargeted.push(one);
    }
    let e_flags = check_flags(config, &retargeted)?;
    check_names(config, &retargeted)?;
    let pairs: Vec<_> = config
        .overlays
        .iter()
        .zip(&retargeted)
        .map(|(overlay, one)| (overlay, one.stubs.as_slice()))
        .collect();
    let stubs = out.join("esparto-stubs.o");
    write(&stubs, &stubs::write(config, &pairs, e_flags)?)?;
    let script = out.join("overlays.ld");
    write(&script, script::fragment(config).as_bytes())?;

    let mut args: Vec<_> =
        overlays.iter().map(|overlay| overlay.object.display().to_string()).collect();
    args.push(stubs.display().to_string());
    args.push("-T".to_owned());
    args.push(script.display().to_string());
    args.push("--emit-relocs".to_owned());
    args.push("--no-check-sections".to_owned());
    let link_args = out.join("link.args");
    let quoted: Vec<_> = args.iter().map(|arg| format!("\"{arg}\"\n")).collect();
    write(&link_args, quoted.concat().as_bytes())?;
    Ok(Linked { overlays, stubs, script, link_args, args })
}

/// Joins the files of an overlay to one object and retargets it.
fn join(
    linker: &Linker,
    overlay: &Overlay,
    files: &[PathBuf],
    object: &Path,
    config: &Config,
) -> Result<Retargeted, Failure> {
    let joined = object.with_extension("joined.o");
    let mut command = linker.command();
    command.args(["-r", "--force-group-allocation", "-o"]).arg(&joined);
    for root in &overlay.roots {
        command.args(["-u", root]);
    }
    // Roots pull what they need; without them everything comes.
    if overlay.roots.is_empty() {
        command.arg("--whole-archive");
    }
    command.args(files);
    linker.run(&mut command, object)?;
    let bytes = fs::read(&joined).map_err(|error| Failure::io("read", &joined, error))?;
    let retargeted = retarget::retarget(&bytes, &joined, overlay, config)?;
    fs::remove_file(&joined).map_err(|error| Failure::io("remove", &joined, error))?;
    Ok(retargeted)
}

/// All overlays are compiled for one calling convention.
fn check_flags(config: &Config, retargeted: &[Retargeted]) -> Result<u32, Failure> {
    // The lowest bit is whether compressed instructions occur, which may differ.
    let all = retargeted.iter().fold(0, |all, one| all | one.e_flags);
    for (overlay, one) in config.overlays.iter().zip(retargeted) {
        if (one.e_flags | 1) != (all | 1) {
            return Err(Failure::bad_input(format!(
                "overlay {} is compiled for another calling convention: ELF flags {:#x}, others {all:#x}",
                overlay.name, one.e_flags
            ))
            .in_file(&config.file)
            .mend("compile all of it with the same -march and -mabi"));
        }
    }
    Ok(all)
}

/// A name that two overlays define would have two stubs.
fn check_names(config: &Config, retargeted: &[Retargeted]) -> Result<(), Failure> {
    let mut seen = std::collections::HashMap::new();
    for (overlay, one) in config.overlays.iter().zip(retargeted) {
        for stub in one.stubs.iter().filter(|stub| !stub.is_weak) {
            if let Some(other) = seen.insert(stub.name.as_str(), overlay) {
                return Err(Failure::bad_input(format!(
                    "overlays {} and {} both define the function {}",
                    other.name, overlay.name, stub.name
                ))
                .in_file(&config.file)
                .mend("make it static in one of them, or put both uses into one overlay"));
            }
        }
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(file, bytes).map_err(|error| Failure::io("write", file, error))
}

fn text(linked: &Linked, w: &mut dyn Write) -> std::io::Result<()> {
    for overlay in &linked.overlays {
        writeln!(
            w,
            "{:24} {:5} stubs  {}",
            overlay.name,
            overlay.stub_count,
            overlay.object.display()
        )?;
    }
    writeln!(
        w,
        "Link the firmware with all that {} lists (for a compiler: -Wl,@{}).",
        linked.link_args.display(),
        linked.link_args.display()
    )
}
