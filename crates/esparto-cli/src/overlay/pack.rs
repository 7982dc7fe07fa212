//! `esparto overlay pack`: from the linked firmware to what is flashed and what is on the card.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use esparto_image::manifest::MANIFEST_NAME;
use esparto_image::{
    Contents, Header, ImageBuilder, MAX_BLOCK_BYTES, Part as ImagePart, SegmentKind,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::config::{Config, Overlay};
use super::elf::{Firmware, Part};
use super::{check, files, places, sign, strip};
use crate::{Failure, Output};

/// The arguments of `esparto overlay pack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The firmware as the linker wrote it, linked with --emit-relocs
    pub elf: PathBuf,
    /// What was linked as overlays
    #[arg(long, value_name = "FILE", default_value = "esparto.toml")]
    pub config: PathBuf,
    /// The folder for the pairs NAME_e and NAME_d and the manifest
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Where to write the ELF file without overlays [default: beside ELF, as NAME.flash.elf]
    #[arg(long, value_name = "FILE")]
    pub flash: Option<PathBuf>,
    /// Sign the files by this secret key, as `keygen` wrote it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// What was packed; the manifest holds the same.
#[derive(Debug, Serialize)]
struct Packed {
    chip: String,
    build_id: String,
    flash_elf: PathBuf,
    flash_bytes_before: u64,
    flash_bytes_after: u64,
    /// The public half of the key that signed the files.
    public_key: Option<String>,
    slots: Vec<PackedSlot>,
    overlays: Vec<PackedOverlay>,
}

#[derive(Debug, Serialize)]
struct PackedSlot {
    addr: u32,
    len_bytes: u32,
}

#[derive(Debug, Serialize)]
struct PackedOverlay {
    name: String,
    number: u16,
    slot: u16,
    placement: &'static str,
    code_addr: u32,
    code_bytes: u32,
    data_addr: u32,
    data_bytes: u32,
    constructor_count: u16,
    export_count: usize,
    depends: Vec<String>,
    files: [PackedFile; 2],
}

#[derive(Debug, Serialize)]
struct PackedFile {
    name: String,
    len_bytes: usize,
    sha256: String,
}

pub(crate) fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let key = args.key.as_deref().map(sign::secret_key).transpose()?;
    let bytes = fs::read(&args.elf).map_err(|error| Failure::io("read", &args.elf, error))?;
    let firmware = Firmware::parse(&args.elf, &bytes)?;
    let relocations = check::check(&firmware, &config)?;
    let stripped = strip::strip(&firmware)?;

    // Everything is made before anything is written: a failure leaves the old files as they were.
    let mut pairs = Vec::new();
    let mut overlays = Vec::new();
    let exports = exports(&firmware, config.overlays.len());
    for (overlay, exports) in config.overlays.iter().zip(exports) {
        let (packed, pair) =
            pack_one(&firmware, &config, overlay, &relocations, stripped.build_id, exports)?;
        overlays.push(packed);
        pairs.push(pair);
    }
    let signed = match &key {
        Some(key) => {
            let files = overlays.iter().zip(&pairs).flat_map(|(overlay, [code, data])| {
                let k = overlay.number;
                [(k, ImagePart::Code, code.as_slice()), (k, ImagePart::Data, data.as_slice())]
            });
            Some(sign::manifest(stripped.build_id, files, key)?)
        }
        None => None,
    };
    let flash_elf = args.flash.clone().unwrap_or_else(|| args.elf.with_extension("flash.elf"));
    let (flash_bytes_before, flash_bytes_after) = strip::flash_bytes(&firmware);
    let packed = Packed {
        chip: config.chip.to_string(),
        build_id: hex(&stripped.build_id),
        flash_elf,
        flash_bytes_before,
        flash_bytes_after,
        public_key: key.map(|key| key.public().to_string()),
        slots: config
            .slots
            .iter()
            .map(|slot| PackedSlot { addr: slot.addr, len_bytes: slot.len_bytes })
            .collect(),
        overlays,
    };
    let mut is_new = false;
    fs::create_dir_all(&args.out).map_err(|error| Failure::io("create", &args.out, error))?;
    for (overlay, [code, data]) in config.overlays.iter().zip(&pairs) {
        is_new |= files::write(&args.out.join(format!("{}_e", overlay.name)), code)?;
        is_new |= files::write(&args.out.join(format!("{}_d", overlay.name)), data)?;
    }
    let vouching = args.out.join(MANIFEST_NAME);
    if let Some(signed) = signed {
        files::write(&vouching, &signed)?;
    } else if is_new && vouching.exists() {
        // It vouches for files that are no longer there.
        fs::remove_file(&vouching).map_err(|error| Failure::io("remove", &vouching, error))?;
    }
    files::write(&packed.flash_elf, &stripped.elf)?;
    let mut manifest = serde_json::to_vec_pretty(&packed).map_err(std::io::Error::from)?;
    manifest.push(b'\n');
    files::write(&args.out.join("manifest.json"), &manifest)?;
    out.show(&packed, |w| text(&packed, w))
}

fn pack_one(
    firmware: &Firmware<'_>,
    config: &Config,
    overlay: &Overlay,
    relocations: &check::Relocations,
    build_id: [u8; 32],
    exports: Vec<(String, u32)>,
) -> Result<(PackedOverlay, [Vec<u8>; 2]), Failure> {
    let k = overlay.number;
    let fault = |what: String, mend: &str| {
        Failure::bad_input(format!("overlay {}: {what}", overlay.name))
            .in_file(firmware.file)
            .mend(mend)
    };
    let addr_of = |name: &str| {
        let name = format!("__ovl{k}_{name}");
        firmware.symbol(&name).map(|symbol| symbol.addr).ok_or_else(|| {
            fault(format!("no symbol {name}"), "link with the fragment of `esparto overlay link`")
        })
    };
    let len_of = |start: &str, end: &str| {
        let (start_addr, end_addr) = (addr_of(start)?, addr_of(end)?);
        end_addr.checked_sub(start_addr).ok_or_else(|| {
            fault(format!("{end} lies before {start}"), "link with the fragment unchanged")
        })
    };
    let code_addr = addr_of("e_start")?;
    let data_addr = addr_of("d_start")?;
    let table = |start: &str, end: &str| {
        u16::try_from(len_of(start, end)? / 4)
            .map_err(|_| fault("more than 65,535 constructors".to_owned(), "split the overlay"))
    };
    let mut contents = [Vec::new(), Vec::new()];
    for (part, kind, file) in [
        (Part::Code(k), SegmentKind::Code, 0),
        (Part::Data(k), SegmentKind::Data, 1),
        (Part::Zero(k), SegmentKind::Zero, 1),
    ] {
        let Some(section) = firmware.section(part).filter(|section| section.len_bytes() != 0)
        else {
            continue;
        };
        let bytes = match kind {
            SegmentKind::Zero => vec![0; section.len_bytes() as usize],
            _ => section.bytes.to_vec(),
        };
        let places = places::of(firmware, overlay, part, relocations)?;
        contents[file].push(Contents { kind, addr: section.addr(), bytes, places });
    }
    let mut pair = Sha256::new();
    for segment in contents.iter().flatten() {
        pair.update(segment.addr.to_le_bytes());
        pair.update((segment.bytes.len() as u64).to_le_bytes());
        pair.update(&segment.bytes);
    }
    let pair = pair.finalize();
    let mut pair_bytes = [0; 8];
    pair_bytes.copy_from_slice(&pair[..8]);

    let header = Header {
        part: ImagePart::Code,
        placement: overlay.placement,
        isa: config.isa,
        abi: config.abi,
        slot: overlay.slot,
        overlay: k,
        segment_count: 0,
        dependency_count: 0,
        block_bytes: if overlay.compress { MAX_BLOCK_BYTES as u16 } else { 0 },
        export_count: 0,
        names_bytes: 0,
        tables_bytes: 0,
        image_bytes: 0,
        code_addr,
        code_bytes: len_of("e_start", "e_end")?,
        data_addr,
        data_bytes: len_of("d_start", "b_end")?,
        constructors_addr: addr_of("init_start")?,
        constructor_count: table("init_start", "init_end")?,
        destructor_count: table("fini_start", "fini_end")?,
        destructors_addr: addr_of("fini_start")?,
        pair: u64::from_le_bytes(pair_bytes),
        build_id,
        chip: config.chip,
        name: overlay.name,
    };
    let [code, data] = contents;
    let build = |header, contents, exports| {
        let builder = ImageBuilder {
            header,
            dependencies: overlay.depends.clone(),
            exports,
            contents,
            compress: overlay.compress,
        };
        builder.build().map_err(|error| fault(error.to_string(), "correct what is named"))
    };
    let data_header = Header { part: ImagePart::Data, ..header };
    let export_count = exports.len();
    let files = [build(header, code, exports)?, build(data_header, data, Vec::new())?];
    let described = |letter: &str, bytes: &[u8]| PackedFile {
        name: format!("{}_{letter}", overlay.name),
        len_bytes: bytes.len(),
        sha256: hex(&Sha256::digest(bytes)),
    };
    let packed = PackedOverlay {
        name: overlay.name.to_string(),
        number: k,
        slot: overlay.slot,
        placement: overlay.placement.name(),
        code_addr,
        code_bytes: header.code_bytes,
        data_addr,
        data_bytes: header.data_bytes,
        constructor_count: header.constructor_count,
        export_count,
        depends: overlay
            .depends
            .iter()
            .map(|&number| config.overlays[usize::from(number)].name.to_string())
            .collect(),
        files: [described("e", &files[0]), described("d", &files[1])],
    };
    Ok((packed, files))
}

/// The functions of each overlay by the names that callers use.
fn exports(firmware: &Firmware<'_>, overlay_count: usize) -> Vec<Vec<(String, u32)>> {
    let prefixes: Vec<_> = (0..overlay_count).map(|k| format!("__ov{k}_")).collect();
    let mut exports = vec![Vec::new(); overlay_count];
    for symbol in firmware.symbols.iter().filter(|symbol| symbol.name.starts_with("__ov")) {
        let Part::Code(k) = firmware.part_of(symbol) else { continue };
        let k = usize::from(k);
        if let Some(name) = prefixes.get(k).and_then(|prefix| symbol.name.strip_prefix(prefix)) {
            exports[k].push((name.to_owned(), symbol.addr));
        }
    }
    for own in &mut exports {
        own.sort();
        own.dedup_by(|a, b| a.0 == b.0);
    }
    exports
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(packed: &Packed, w: &mut dyn Write) -> std::io::Result<()> {
    for overlay in &packed.overlays {
        writeln!(
            w,
            "{:24} slot {} {:11} code {:>8} bytes at {:#010x}, data {:>8} bytes at {:#010x}, {} exports",
            overlay.name,
            overlay.slot,
            overlay.placement,
            overlay.code_bytes,
            overlay.code_addr,
            overlay.data_bytes,
            overlay.data_addr,
            overlay.export_count
        )?;
    }
    writeln!(
        w,
        "flash {} bytes before, {} after: {} are on the card",
        packed.flash_bytes_before,
        packed.flash_bytes_after,
        packed.flash_bytes_before - packed.flash_bytes_after
    )?;
    writeln!(w, "build {}  {}", packed.build_id, packed.flash_elf.display())?;
    match &packed.public_key {
        Some(key) => writeln!(w, "signed by {key}"),
        None => Ok(()),
    }
}
