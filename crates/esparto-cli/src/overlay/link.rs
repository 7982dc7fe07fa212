//! `esparto overlay link`: everything that the final link needs beside the firmware's own objects.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::config::{Config, Overlay};
use super::marked::{CODE_PREFIX, Owners};
use super::retarget::{self, Retargeted, Stubbed};
use super::tools::Linker;
use super::{collect, files, response, script, stubs};
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
    /// Objects and archives of the firmware whose functions may be marked for overlays; link.args
    /// lists them too, so that the final link names none of them
    #[arg(value_name = "OBJECT")]
    pub objects: Vec<PathBuf>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Linked {
    pub(crate) overlays: Vec<LinkedOverlay>,
    pub(crate) stubs: PathBuf,
    pub(crate) script: PathBuf,
    pub(crate) link_args: PathBuf,
    /// The arguments themselves, in their order, but for the fragment.
    #[serde(skip)]
    pub(crate) args: Vec<String>,
    /// What is linked instead of which input.
    #[serde(skip)]
    pub(crate) replaced: FxHashMap<PathBuf, PathBuf>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LinkedOverlay {
    pub(crate) name: String,
    /// None if all of it is marked in objects of the firmware.
    pub(crate) object: Option<PathBuf>,
    pub(crate) stub_count: usize,
}

pub(crate) fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let mut linked = link(&config, &args.out, &args.objects, &|overlay| overlay.files.clone())?;
    let objects: Vec<_> = args
        .objects
        .iter()
        .map(|object| linked.replaced.get(object).unwrap_or(object).display().to_string())
        .collect();
    linked.args.splice(..0, objects);
    linked.write_args()?;
    out.show(&linked, |w| text(&linked, w))
}

/// Makes the objects and the fragment in the folder `out`; `inputs` are the files of the firmware,
/// `files_of` says what an overlay is made of beside what they mark. The caller writes the arguments.
pub(crate) fn link(
    config: &Config,
    out: &Path,
    inputs: &[PathBuf],
    files_of: &dyn Fn(&Overlay) -> Vec<PathBuf>,
) -> Result<Linked, Failure> {
    if config.overlays.is_empty() {
        return Err(Failure::bad_input("there is no overlay")
            .in_file(&config.file)
            .mend("add an [[overlay]] with name and files"));
    }
    fs::create_dir_all(out).map_err(|error| Failure::io("create", out, error))?;
    let linker = Linker::find(config.ld.as_deref(), config.isa)?;
    let marks = collect::collect(inputs, config, &out.join("marked"))?;
    let mut stubs = marks.stubs;
    let mut e_flags = Vec::new();
    let mut overlays = Vec::new();
    for overlay in &config.overlays {
        let files = files_of(overlay);
        let number = usize::from(overlay.number);
        let marked_flags = marks.e_flags[number];
        e_flags.extend(marked_flags.map(|flags| (overlay, flags)));
        if files.is_empty() && marked_flags.is_none() {
            return Err(nothing_in(overlay, config));
        }
        let object = if files.is_empty() {
            None
        } else {
            // Not `.o`: in the folder of the overlay's own objects it would replace one of them, or be
            // taken for one the next time.
            let object = out.join(format!("{}.overlay", overlay.name));
            let one = join(&linker, overlay, &files, &object, config, &marks.owners)?;
            files::write(&object, &one.object)?;
            e_flags.push((overlay, one.e_flags));
            stubs[number].extend(one.stubs);
            Some(object)
        };
        let stub_count = stubs[number].len();
        overlays.push(LinkedOverlay { name: overlay.name.to_string(), object, stub_count });
    }
    let e_flags = check_flags(config, &e_flags)?;
    check_names(config, &stubs)?;
    let pairs: Vec<_> = config
        .overlays
        .iter()
        .zip(&stubs)
        .map(|(overlay, own)| (overlay, own.as_slice()))
        .collect();
    let stubs = out.join("esparto-stubs.o");
    files::write(&stubs, &stubs::write(config, &pairs, e_flags)?)?;
    let script = out.join("overlays.ld");
    files::write(&script, script::fragment(config).as_bytes())?;

    let text = |path: &PathBuf| path.display().to_string();
    let mut args: Vec<_> = overlays.iter().filter_map(|o| o.object.as_ref()).map(text).collect();
    args.push(text(&stubs));
    // The stubs want members that nothing before them wanted.
    args.extend(marks.archives.iter().map(text));
    args.push("--emit-relocs".to_owned());
    args.push("--no-check-sections".to_owned());
    let link_args = out.join("link.args");
    Ok(Linked { overlays, stubs, script, link_args, args, replaced: marks.replaced })
}

impl Linked {
    /// The argument that names the fragment. It goes before the firmware's own script: what no script
    /// names follows the last section that is like it, and that shall not be an overlay.
    pub(crate) fn fragment(&self) -> [String; 2] {
        ["-T".to_owned(), self.script.display().to_string()]
    }

    /// Writes the arguments for a compiler or linker that reads them from a file.
    pub(crate) fn write_args(&self) -> Result<(), Failure> {
        let args = self.fragment().into_iter().chain(self.args.iter().cloned());
        let lines = args.map(|arg| response::line(&arg, response::IS_WINDOWS));
        files::write(&self.link_args, lines.collect::<String>().as_bytes()).map(drop)
    }
}

fn nothing_in(overlay: &Overlay, config: &Config) -> Failure {
    let name = &overlay.name;
    let what = format!(
        "overlay {name} has no files, and no object of this link has a section {CODE_PREFIX}{name}"
    );
    config.fault_of(overlay, what).mend(format!(
        "mark functions with ESPARTO_OVERLAY({name}) or #[overlay(\"{name}\")] and give their objects to this step, or name `files`"
    ))
}

/// Joins the files of an overlay to one object and retargets it.
fn join(
    linker: &Linker,
    overlay: &Overlay,
    files: &[PathBuf],
    object: &Path,
    config: &Config,
    owners: &Owners,
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
    let retargeted = retarget::retarget(&bytes, &joined, overlay, config, owners)?;
    fs::remove_file(&joined).map_err(|error| Failure::io("remove", &joined, error))?;
    Ok(retargeted)
}

/// All overlays are compiled for one calling convention.
fn check_flags(config: &Config, parts: &[(&Overlay, u32)]) -> Result<u32, Failure> {
    // The lowest bit is whether compressed instructions occur, which may differ.
    let all = parts.iter().fold(0, |all, (_, flags)| all | flags);
    for (overlay, flags) in parts {
        if (flags | 1) != (all | 1) {
            let what = format!(
                "overlay {} is compiled for another calling convention: ELF flags {flags:#x}, others {all:#x}",
                overlay.name
            );
            return Err(config
                .fault_of(overlay, what)
                .mend("compile all of it with the same -march and -mabi"));
        }
    }
    Ok(all)
}

/// A name that two overlays define would have two stubs.
fn check_names(config: &Config, stubs: &[Vec<Stubbed>]) -> Result<(), Failure> {
    let mut seen = std::collections::HashMap::new();
    for (overlay, own) in config.overlays.iter().zip(stubs) {
        for stub in own.iter().filter(|stub| !stub.is_weak) {
            if let Some(other) = seen.insert(stub.name.as_str(), overlay) {
                let what = format!(
                    "overlays {} and {} both define the function {}",
                    other.name, overlay.name, stub.name
                );
                return Err(config
                    .fault_of(overlay, what)
                    .mend("make it static in one of them, or put both uses into one overlay"));
            }
        }
    }
    Ok(())
}

fn text(linked: &Linked, w: &mut dyn Write) -> std::io::Result<()> {
    for overlay in &linked.overlays {
        writeln!(
            w,
            "{:24} {:5} stubs  {}",
            overlay.name,
            overlay.stub_count,
            overlay
                .object
                .as_ref()
                .map_or("(marked)".into(), |object| object.display().to_string())
        )?;
    }
    writeln!(
        w,
        "Link the firmware with all that {} lists (for a compiler: -Wl,@{}).",
        linked.link_args.display(),
        linked.link_args.display()
    )
}
