//! `esparto.toml`: which overlays there are, from what, and where they go.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use esparto_chips::{Bus, Chip};
use esparto_image::{Abi, Isa, Name, Placement};
use serde::Deserialize;

use crate::Failure;

/// Where overlays are stored for the linker: no chip of the family has memory there.
const CARD_ADDR: u32 = 0xC000_0000;
const CARD_BYTES: u32 = 0x3000_0000;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    chip: String,
    isa: Option<String>,
    word_only: Option<bool>,
    ld: Option<String>,
    #[serde(default)]
    gdb: bool,
    #[serde(default)]
    fat: bool,
    card: Option<Area>,
    data: Option<Area>,
    #[serde(default)]
    slot: Vec<Area>,
    #[serde(default)]
    overlay: Vec<FileOverlay>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    addr: u32,
    size: Size,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOverlay {
    name: String,
    #[serde(default)]
    slot: u16,
    #[serde(default)]
    files: Vec<PathBuf>,
    #[serde(rename = "crate")]
    krate: Option<String>,
    #[serde(default)]
    roots: Vec<String>,
    #[serde(default)]
    exports: Vec<String>,
    #[serde(default)]
    depends: Vec<String>,
    #[serde(default)]
    constants: Constants,
    #[serde(default)]
    placement: FilePlacement,
    #[serde(default)]
    compress: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FilePlacement {
    #[default]
    Prelinked,
    Relocatable,
}

/// Where an overlay's constants live.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Constants {
    /// With the data: they stay when the code goes.
    #[default]
    Data,
    /// With the code: they go with it, so nobody outside may keep their address.
    Code,
}

/// A length in bytes, as a number or as in `"32K"`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "SizeText")]
struct Size(u32);

#[derive(Deserialize)]
#[serde(untagged)]
enum SizeText {
    Number(u32),
    Text(String),
}

impl TryFrom<SizeText> for Size {
    type Error = String;

    fn try_from(text: SizeText) -> Result<Self, String> {
        let text = match text {
            SizeText::Number(number) => return Ok(Self(number)),
            SizeText::Text(text) => text,
        };
        let (digits, factor) = match text.strip_suffix(['K', 'k']) {
            Some(digits) => (digits, 1 << 10),
            None => match text.strip_suffix(['M', 'm']) {
                Some(digits) => (digits, 1 << 20),
                None => (text.as_str(), 1),
            },
        };
        let number: Option<u32> = digits.trim().parse().ok();
        number
            .and_then(|number| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no size: write bytes, or as in \"32K\", \"2M\""))
    }
}

/// A stretch of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
}

impl Stretch {}

/// An overlay to make.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// Its number, from 0.
    pub(crate) number: u16,
    pub(crate) name: Name,
    pub(crate) slot: u16,
    /// Objects and archives, found.
    pub(crate) files: Vec<PathBuf>,
    /// The crate whose rlib becomes the overlay, in Cargo's spelling with `_`.
    pub(crate) krate: Option<String>,
    /// Symbols to pull out of archives; without any, archives come whole.
    pub(crate) roots: Vec<String>,
    /// Functions that must be there, weak ones as well.
    pub(crate) exports: Vec<String>,
    pub(crate) depends: Vec<u16>,
    pub(crate) constants: Constants,
    pub(crate) placement: Placement,
    pub(crate) compress: bool,
    /// Among the relocatable ones, from 0; meaningless for others.
    pub(crate) base_index: u16,
}

/// What `esparto.toml` says, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) file: PathBuf,
    pub(crate) chip: Name,
    pub(crate) isa: Isa,
    pub(crate) abi: Abi,
    /// Is instruction memory accessed by words only?
    pub(crate) is_word_only: bool,
    pub(crate) ld: Option<String>,
    pub(crate) has_gdb_table: bool,
    pub(crate) is_fat: bool,
    pub(crate) card: Stretch,
    pub(crate) data: Option<Stretch>,
    pub(crate) slots: Vec<Stretch>,
    pub(crate) overlays: Vec<Overlay>,
}

impl Config {
    /// Reads `file`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or contradicts itself or the chip.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Failure::bad_input("not UTF-8")
                .in_file(file)
                .at_offset(error.utf8_error().valid_up_to() as u64)
                .mend("write it as text in UTF-8")
        })?;
        let read: File = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
            Failure::bad_input(format!("line {line}: {}", error.message()))
                .in_file(file)
                .at_offset(at as u64)
                .mend("docs/overlays.md lists what esparto.toml may say")
        })?;
        Self::check(read, file).map_err(|failure| failure.in_file(file))
    }

    fn check(read: File, file: &Path) -> Result<Self, Failure> {
        let chip = esparto_chips::find(&read.chip).ok();
        let isa = match (&read.isa, chip) {
            (Some(name), _) => {
                Isa::ALL.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
                    let known: Vec<_> = Isa::ALL.iter().map(|isa| isa.name()).collect();
                    Failure::bad_input(format!("unknown instruction set {name:?}"))
                        .mend(format!("write one of {}", known.join(", ")))
                })?
            }
            (None, Some(chip)) => isa_of(chip),
            (None, None) => {
                return Err(Failure::bad_input(format!("unknown chip {:?}", read.chip))
                    .mend("name a chip that `esparto chips` shows, or give the board's `isa`"));
            }
        };
        let abi = match isa {
            Isa::Rv32imafc => Abi::Ilp32f,
            Isa::XtensaLx6 | Isa::XtensaLx7 => Abi::Windowed,
            Isa::XtensaLx106 => Abi::Call0,
            _ => Abi::Ilp32,
        };
        let slots: Vec<_> =
            read.slot.iter().map(|area| stretch(*area, "slot")).collect::<Result<_, _>>()?;
        let data = read.data.map(|area| stretch(area, "data")).transpose()?;
        let card = match read.card {
            Some(area) => stretch(area, "card")?,
            None => Stretch { addr: CARD_ADDR, len_bytes: CARD_BYTES },
        };
        let chip_name = Name::new(chip.map_or(read.chip.as_str(), |chip| chip.name))
            .filter(|name| name.as_str().len() <= 20)
            .ok_or_else(|| {
                Failure::bad_input(format!("{:?} is no name of a chip", read.chip))
                    .mend("use at most 20 letters, digits, `_` and `-`")
            })?;
        let mut config = Self {
            file: file.to_owned(),
            chip: chip_name,
            isa,
            abi,
            is_word_only: read.word_only.unwrap_or_else(|| {
                chip.is_some_and(|chip| slots.iter().any(|slot| is_word_only(chip, *slot)))
            }),
            ld: read.ld,
            has_gdb_table: read.gdb,
            is_fat: read.fat,
            card,
            data,
            slots,
            overlays: Vec::new(),
        };
        if let Some(chip) = chip {
            config.check_slots(chip)?;
        }
        config.add_overlays(read.overlay)?;
        Ok(config)
    }

    /// A slot lies where the chip executes.
    fn check_slots(&self, chip: &Chip) -> Result<(), Failure> {
        for (number, slot) in self.slots.iter().enumerate() {
            let last = slot.addr + (slot.len_bytes - 1);
            let executes = |addr| {
                chip.region_at(addr).is_some_and(|region| {
                    region.caps.contains(esparto::Caps::EXEC) && region.bus != Bus::Data
                })
            };
            if !executes(slot.addr) || !executes(last) {
                return Err(Failure::bad_input(format!(
                    "slot {number} ({:#010x} to {last:#010x}) is not executable memory of the {}",
                    slot.addr, chip.title
                ))
                .mend(format!("choose addresses from `esparto chips {}`", chip.name)));
            }
        }
        Ok(())
    }

    fn add_overlays(&mut self, read: Vec<FileOverlay>) -> Result<(), Failure> {
        let folder = self.file.parent().unwrap_or(Path::new("")).to_owned();
        let mut numbers = HashMap::new();
        for (number, overlay) in read.iter().enumerate() {
            let number = u16::try_from(number).map_err(|_| {
                Failure::bad_input("more than 65,536 overlays").mend("join some of them")
            })?;
            if numbers.insert(overlay.name.clone(), number).is_some() {
                return Err(Failure::bad_input(format!(
                    "two overlays are called {}",
                    overlay.name
                ))
                .mend("give each its own name"));
            }
        }
        let mut base_count = 0;
        for (number, overlay) in (0..).zip(read) {
            let fault = |what: &dyn fmt::Display, mend: &str| {
                Err(Failure::bad_input(format!("overlay {}: {what}", overlay.name)).mend(mend))
            };
            let limit = if self.is_fat { 6 } else { esparto_image::MAX_NAME_BYTES };
            let Some(name) = Name::new(&overlay.name).filter(|name| name.as_str().len() <= limit)
            else {
                return fault(
                    &format_args!("its name is not 1 to {limit} letters, digits, `_` and `-`"),
                    "give it another name; a FAT card has no room for longer ones",
                );
            };
            if usize::from(overlay.slot) >= self.slots.len() {
                return fault(
                    &format_args!("there is no slot {}, but {}", overlay.slot, self.slots.len()),
                    "add a [[slot]] with addr and size, or choose another",
                );
            }
            if self.is_word_only && overlay.constants == Constants::Code {
                return fault(
                    &"its constants would lie in memory that is read by words only",
                    "set `constants = \"data\"`",
                );
            }
            let mut files = Vec::new();
            for pattern in &overlay.files {
                let found = find_files(&folder.join(pattern));
                if found.is_empty() {
                    return fault(
                        &format_args!("no file matches {}", folder.join(pattern).display()),
                        "build it first, or correct `files`",
                    );
                }
                files.extend(found);
            }
            let mut depends = Vec::new();
            for name in &overlay.depends {
                match numbers.get(name) {
                    Some(&other) if other != number => depends.push(other),
                    Some(_) => return fault(&"it depends on itself", "take it out of `depends`"),
                    None => {
                        return fault(
                            &format_args!("it depends on {name}, which is no overlay"),
                            "correct `depends`",
                        );
                    }
                }
            }
            let placement = match overlay.placement {
                FilePlacement::Prelinked => Placement::Prelinked,
                FilePlacement::Relocatable => Placement::Relocatable,
            };
            self.overlays.push(Overlay {
                number,
                name,
                slot: overlay.slot,
                files,
                krate: overlay.krate.map(|krate| krate.replace('-', "_")),
                roots: overlay.roots,
                exports: overlay.exports,
                depends,
                constants: overlay.constants,
                placement,
                compress: overlay.compress,
                base_index: base_count,
            });
            base_count += u16::from(placement == Placement::Relocatable);
        }
        self.check_cycles()
    }

    /// Dependencies lead nowhere in a circle.
    fn check_cycles(&self) -> Result<(), Failure> {
        // 0 not seen, 1 on the way, 2 done; the way itself is the stack, so nothing recurses.
        let mut seen = vec![0_u8; self.overlays.len()];
        for start in 0..self.overlays.len() {
            let mut way = vec![(start, 0)];
            while let Some((at, next)) = way.last_mut() {
                seen[*at] = 1.max(seen[*at]);
                let Some(&to) = self.overlays[*at].depends.get(*next) else {
                    seen[*at] = 2;
                    way.pop();
                    continue;
                };
                *next += 1;
                match seen[usize::from(to)] {
                    0 => way.push((to.into(), 0)),
                    1 => {
                        let from = way.iter().position(|(at, _)| *at == usize::from(to));
                        let mut names: Vec<_> = way[from.unwrap_or(0)..]
                            .iter()
                            .map(|(at, _)| self.overlays[*at].name.to_string())
                            .collect();
                        names.push(self.overlays[usize::from(to)].name.to_string());
                        return Err(Failure::bad_input(format!(
                            "overlays depend on one another in a circle: {}",
                            names.join(" → ")
                        ))
                        .mend(
                            "take one of them out of `depends`; calls load what they need anyway",
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn isa_of(chip: &Chip) -> Isa {
    use esparto_chips::Isa as Of;
    match chip.isa.value {
        Of::XtensaLx106 => Isa::XtensaLx106,
        Of::XtensaLx6 => Isa::XtensaLx6,
        Of::XtensaLx7 => Isa::XtensaLx7,
        Of::Rv32imac => Isa::Rv32imac,
        Of::Rv32imafc => Isa::Rv32imafc,
        _ => Isa::Rv32imc,
    }
}

fn is_word_only(chip: &Chip, slot: Stretch) -> bool {
    chip.region_at(slot.addr).is_some_and(|region| !region.caps.contains(esparto::Caps::BYTE))
}

fn stretch(area: Area, what: &str) -> Result<Stretch, Failure> {
    let len_bytes = area.size.0;
    let good = area.addr.is_multiple_of(4)
        && len_bytes.is_multiple_of(4)
        && len_bytes != 0
        && area.addr.checked_add(len_bytes).is_some();
    if good {
        Ok(Stretch { addr: area.addr, len_bytes })
    } else {
        Err(Failure::bad_input(format!(
            "{what} of {len_bytes} bytes at {:#010x} is empty, not of whole words, or too long",
            area.addr
        ))
        .mend("make address and size multiples of 4 inside 32 bits"))
    }
}

/// The files that a path stands for; its last part may hold one `*`. Sorted by name.
fn find_files(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((head, tail)) = name.split_once('*') else {
        return if pattern.is_file() { vec![pattern.to_owned()] } else { Vec::new() };
    };
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
            })
        })
        .collect();
    found.sort();
    found
}
