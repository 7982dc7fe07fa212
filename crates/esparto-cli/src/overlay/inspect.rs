//! `esparto overlay inspect`, `verify` and `diff`: what is on the card, read back.

use std::fs;
use std::path::{Path, PathBuf};

use esparto_image::manifest::{MANIFEST_MAGIC, Manifest, ManifestEntry};
use esparto_image::{Encoding, Image, ImageError, Part, firmware as device};
use object::LittleEndian as Le;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use serde::Serialize;

use super::pack::hex;
use super::sign;
use crate::{Failure, Output};

/// The arguments of `esparto overlay inspect`.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// Images, NAME_e or NAME_d, and signed manifests
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// The key that signed the manifests: NAME.pub of `keygen`, or its 64 digits
    #[arg(long, value_name = "KEY")]
    pub public_key: Option<String>,
}

/// The arguments of `esparto overlay verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The folder with the pairs
    pub folder: PathBuf,
    /// The firmware that is flashed, as `pack` wrote it: are the images of its build?
    #[arg(long, value_name = "FILE")]
    pub flash: Option<PathBuf>,
    /// The key that must have signed the folder's manifest: NAME.pub of `keygen`, or its 64 digits
    #[arg(long, value_name = "KEY")]
    pub public_key: Option<String>,
}

/// The arguments of `esparto overlay diff`.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// An image
    pub old: PathBuf,
    /// Another one
    pub new: PathBuf,
}

#[derive(Debug, Serialize)]
struct View {
    file: PathBuf,
    name: String,
    part: &'static str,
    number: u16,
    slot: u16,
    placement: &'static str,
    chip: String,
    isa: &'static str,
    abi: &'static str,
    build_id: String,
    pair: String,
    image_bytes: u32,
    code_addr: u32,
    code_bytes: u32,
    data_addr: u32,
    data_bytes: u32,
    constructor_count: u16,
    destructor_count: u16,
    dependencies: Vec<u16>,
    segments: Vec<SegmentView>,
    exports: Vec<ExportView>,
}

#[derive(Debug, Serialize)]
struct SegmentView {
    kind: &'static str,
    addr: u32,
    memory_bytes: u32,
    offset: u32,
    stored_bytes: u32,
    checksum: u32,
    block_count: usize,
    relocation_count: usize,
}

#[derive(Debug, Serialize)]
struct ExportView {
    name: String,
    addr: u32,
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::io("read", file, error))
}

fn parse<'a>(file: &Path, bytes: &'a [u8]) -> Result<Image<'a>, Failure> {
    Image::parse(bytes).map_err(|error| failure(file, error))
}

fn failure(file: &Path, error: ImageError) -> Failure {
    Failure::bad_input(error)
        .in_file(file)
        .mend("copy it from the folder that `pack` wrote, or pack again")
}

impl View {
    fn new(file: &Path, image: &Image<'_>) -> Result<Self, Failure> {
        let header = image.header();
        let mut segments = Vec::new();
        for segment in image.prefix().segments() {
            let (mut block_count, mut relocation_count) = (0, 0);
            if segment.encoding == Encoding::Blocks {
                for block in image.blocks(segment) {
                    let (block, _) = block.map_err(|error| failure(file, error))?;
                    block_count += 1;
                    relocation_count += block.relocations().len();
                }
            }
            segments.push(SegmentView {
                kind: segment.kind.name(),
                addr: segment.addr,
                memory_bytes: segment.memory_bytes,
                offset: segment.offset,
                stored_bytes: segment.stored_bytes,
                checksum: segment.checksum,
                block_count,
                relocation_count,
            });
        }
        let mut exports: Vec<_> = image
            .exports()
            .iter()
            .map(|export| ExportView { name: export.name.to_owned(), addr: export.addr })
            .collect();
        exports.sort_by_key(|export| export.addr);
        Ok(Self {
            file: file.to_owned(),
            name: header.name.to_string(),
            part: header.part.name(),
            number: header.overlay,
            slot: header.slot,
            placement: header.placement.name(),
            chip: header.chip.to_string(),
            isa: header.isa.name(),
            abi: header.abi.name(),
            build_id: hex(&header.build_id),
            pair: format!("{:016x}", header.pair),
            image_bytes: header.image_bytes,
            code_addr: header.code_addr,
            code_bytes: header.code_bytes,
            data_addr: header.data_addr,
            data_bytes: header.data_bytes,
            constructor_count: header.constructor_count,
            destructor_count: header.destructor_count,
            dependencies: image.prefix().dependencies().to_vec(),
            segments,
            exports,
        })
    }

    /// Name and value of everything, for text and for differences.
    fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = [
            ("overlay", format!("{} ({}), number {}", self.name, self.part, self.number)),
            ("placement", format!("{}, slot {}", self.placement, self.slot)),
            ("chip", format!("{}, {}, {}", self.chip, self.isa, self.abi)),
            ("build", self.build_id.clone()),
            ("pair", self.pair.clone()),
            ("file", format!("{} bytes", self.image_bytes)),
            ("code", format!("{} bytes at {:#010x}", self.code_bytes, self.code_addr)),
            ("data", format!("{} bytes at {:#010x}", self.data_bytes, self.data_addr)),
            ("constructors", self.constructor_count.to_string()),
            ("destructors", self.destructor_count.to_string()),
            ("depends on", format!("{:?}", self.dependencies)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        for (number, segment) in self.segments.iter().enumerate() {
            let SegmentView { kind, addr, memory_bytes, offset, stored_bytes, checksum, .. } =
                segment;
            let mut text = format!(
                "{kind} {memory_bytes} bytes at {addr:#010x}, stored {stored_bytes} at {offset:#x}, checksum {checksum:#010x}"
            );
            if segment.block_count != 0 {
                text += &format!(
                    ", {} blocks, {} relocations",
                    segment.block_count, segment.relocation_count
                );
            }
            lines.push((format!("segment {number}"), text));
        }
        for export in &self.exports {
            let name = format!("{:#}", rustc_demangle::demangle(&export.name));
            lines.push((format!("export {name}"), format!("{:#010x}", export.addr)));
        }
        lines
    }
}

/// What a file is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown {
    Image(View),
    Manifest(ManifestView),
}

#[derive(Debug, Serialize)]
struct ManifestView {
    file: PathBuf,
    part: &'static str,
    build_id: String,
    public_key: String,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Serialize)]
struct ManifestFile {
    overlay: u16,
    part: &'static str,
    len_bytes: u32,
    sha256: String,
}

impl ManifestView {
    /// Only what its key vouches for is shown.
    fn new(file: &Path, bytes: &[u8], key: Option<&str>) -> Result<Self, Failure> {
        let Some(key) = key else {
            return Err(Failure::usage("a signed manifest is read by the key that signed it")
                .in_file(file)
                .mend("give --public-key"));
        };
        let key = sign::public_key(key)?;
        let manifest =
            Manifest::parse(bytes, &key).map_err(|error| sign::failure(&error).in_file(file))?;
        let entry = |entry: &ManifestEntry| ManifestFile {
            overlay: entry.overlay,
            part: entry.part.name(),
            len_bytes: entry.file_bytes,
            sha256: hex(&entry.hash),
        };
        Ok(Self {
            file: file.to_owned(),
            part: "manifest",
            build_id: hex(&manifest.build_id),
            public_key: key.to_string(),
            files: manifest.entries.iter().map(entry).collect(),
        })
    }

    fn lines(&self) -> Vec<(String, String)> {
        let mut lines = vec![
            ("manifest".to_owned(), format!("{} files", self.files.len())),
            ("build".to_owned(), self.build_id.clone()),
            ("signed by".to_owned(), self.public_key.clone()),
        ];
        for file in &self.files {
            let ManifestFile { overlay, part, len_bytes, sha256 } = file;
            lines.push((
                format!("{overlay} {part}"),
                format!("{len_bytes} bytes, SHA-256 {sha256}"),
            ));
        }
        lines
    }
}

pub(crate) fn inspect(args: &InspectArgs, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut views = Vec::new();
    for file in &args.images {
        let bytes = read(file)?;
        views.push(if bytes.starts_with(&MANIFEST_MAGIC) {
            Shown::Manifest(ManifestView::new(file, &bytes, args.public_key.as_deref())?)
        } else {
            Shown::Image(View::new(file, &parse(file, &bytes)?)?)
        });
    }
    out.show(&views, |w| {
        for view in &views {
            let (file, lines) = match view {
                Shown::Image(view) => (&view.file, view.lines()),
                Shown::Manifest(view) => (&view.file, view.lines()),
            };
            writeln!(w, "{}", file.display())?;
            for (name, value) in lines {
                writeln!(w, "  {name:14} {value}")?;
            }
        }
        Ok(())
    })
}

#[derive(Debug, Serialize)]
struct Verified {
    pair_count: usize,
    image_bytes: u64,
    build_id: String,
    /// Does a manifest of the key that was given vouch for every file?
    is_signed: bool,
}

pub(crate) fn verify(args: &VerifyArgs, out: &mut Output<'_>) -> Result<(), Failure> {
    let build_id = args.flash.as_deref().map(build_id_of).transpose()?;
    let manifest = match &args.public_key {
        Some(key) => Some(sign::read(&args.folder, &sign::public_key(key)?)?),
        None => None,
    };
    let names = sign::pair_names(&args.folder)?;
    let mut verified = Verified {
        pair_count: 0,
        image_bytes: 0,
        build_id: String::new(),
        is_signed: manifest.is_some(),
    };
    let mut first: Option<[u8; 32]> = build_id.or(manifest.as_ref().map(|m| m.build_id));
    if let (Some(manifest), Some(build_id)) = (&manifest, &build_id) {
        manifest
            .check_build(build_id)
            .map_err(|error| sign::failure(&error).in_file(&args.folder))?;
    }
    for name in names {
        let code_file = args.folder.join(format!("{name}_e"));
        let data_file = args.folder.join(format!("{name}_d"));
        let (code_bytes, data_bytes) = (read(&code_file)?, read(&data_file)?);
        let (code, data) = (parse(&code_file, &code_bytes)?, parse(&data_file, &data_bytes)?);
        let (code, data) = (code.header(), data.header());
        let again = "pack again, and copy both files of each pair";
        for (header, file, part) in [(code, &code_file, Part::Code), (data, &data_file, Part::Data)]
        {
            if header.part != part || header.name.as_str() != name {
                return Err(Failure::bad_input(format!(
                    "holds {}_{}, not {name}_{}",
                    header.name,
                    header.part.name(),
                    part.name()
                ))
                .in_file(file)
                .mend("do not rename images"));
            }
            let expected = *first.get_or_insert(header.build_id);
            if header.build_id != expected {
                return Err(Failure::bad_input(format!(
                    "is of build {}, expected {}",
                    hex(&header.build_id),
                    hex(&expected)
                ))
                .in_file(file)
                .mend(again));
            }
        }
        if let Some(manifest) = &manifest {
            for (header, file, bytes) in
                [(code, &code_file, &code_bytes), (data, &data_file, &data_bytes)]
            {
                manifest
                    .entry(header.overlay, header.part)
                    .and_then(|entry| entry.check(bytes))
                    .map_err(|error| sign::failure(&error).in_file(file))?;
            }
        }
        if !code.pairs_with(data) {
            return Err(Failure::bad_input(format!("does not belong to {name}_e: another pair"))
                .in_file(&data_file)
                .mend(again));
        }
        verified.pair_count += 1;
        verified.image_bytes += (code_bytes.len() + data_bytes.len()) as u64;
    }
    verified.build_id = hex(&first.unwrap_or_default());
    out.show(&verified, |w| {
        writeln!(
            w,
            "{} pairs, {} bytes, all of build {}{}",
            verified.pair_count,
            verified.image_bytes,
            verified.build_id,
            if verified.is_signed { ", as signed" } else { "" }
        )
    })
}

/// The build id stamped into a firmware that `pack` wrote.
fn build_id_of(file: &Path) -> Result<[u8; 32], Failure> {
    let bytes = read(file)?;
    let missing = |what: &str| {
        Failure::bad_input(what)
            .in_file(file)
            .mend("give the ELF file that `pack` wrote for the flash")
    };
    let header =
        elf::FileHeader32::<Le>::parse(&*bytes).map_err(|_| missing("not a 32-bit ELF file"))?;
    let programs =
        header.program_headers(Le, &*bytes).map_err(|_| missing("damaged program headers"))?;
    let firmware = super::elf::Firmware::parse(file, &bytes)?;
    let symbol = firmware
        .symbol(device::FIRMWARE_SYMBOL)
        .ok_or_else(|| missing("no build id: not linked with overlays"))?;
    programs
        .iter()
        .filter(|program| program.p_type(Le) == elf::PT_LOAD)
        .find_map(|program| {
            let at = symbol.addr.checked_sub(program.p_vaddr.get(Le))?;
            let data = program.data(Le, &*bytes).ok()?;
            let id = core::mem::offset_of!(device::Firmware, build_id);
            data.get(at as usize + id..)?.first_chunk().copied()
        })
        .ok_or_else(|| missing("its build id is not in what is flashed"))
}

#[derive(Debug, Serialize)]
struct Difference {
    what: String,
    old: Option<String>,
    new: Option<String>,
}

pub(crate) fn diff(args: &DiffArgs, out: &mut Output<'_>) -> Result<(), Failure> {
    let (old_bytes, new_bytes) = (read(&args.old)?, read(&args.new)?);
    let (old, new) = (parse(&args.old, &old_bytes)?, parse(&args.new, &new_bytes)?);
    let (old_lines, new_lines) =
        (View::new(&args.old, &old)?.lines(), View::new(&args.new, &new)?.lines());
    let find = |lines: &[(String, String)], what: &str| {
        lines.iter().find(|(name, _)| name == what).map(|(_, value)| value.clone())
    };
    let mut differences = Vec::new();
    for (what, old) in &old_lines {
        let new = find(&new_lines, what);
        if new.as_ref() != Some(old) {
            differences.push(Difference { what: what.clone(), old: Some(old.clone()), new });
        }
    }
    for (what, new) in &new_lines {
        if find(&old_lines, what).is_none() {
            differences.push(Difference { what: what.clone(), old: None, new: Some(new.clone()) });
        }
    }
    out.show(&differences, |w| {
        if differences.is_empty() {
            writeln!(w, "no difference")?;
        }
        for one in &differences {
            writeln!(w, "{}", one.what)?;
            writeln!(w, "  - {}", one.old.as_deref().unwrap_or("(none)"))?;
            writeln!(w, "  + {}", one.new.as_deref().unwrap_or("(none)"))?;
        }
        Ok(())
    })
}
