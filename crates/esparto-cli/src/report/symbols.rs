//! Functions and lines of an ELF file.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use addr2line::Loader;
use object::{Object, ObjectSection};

use super::names::crate_of;
use super::overlay_symbols::OverlaySymbols;
use crate::Failure;

/// Crates whose functions stand between the user's code and the heap.
const PLUMBING: [&str; 9] = [
    "alloc",
    "core",
    "std",
    "esparto",
    "esparto_trace",
    "allocator_api2",
    "hashbrown",
    "__rustc",
    "critical_section",
];

/// The same of functions in C, by what their names begin with.
const C_PLUMBING: [&str; 3] = ["esparto_", "__wrap_esparto_", "heap_caps_"];

/// One function on a call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The demangled name.
    pub(crate) function: String,
    /// `file:line`, where known.
    pub(crate) location: Option<String>,
}

impl Frame {
    /// Is it the user's own code rather than what carries a request to the heap?
    pub(crate) fn is_users(&self) -> bool {
        if self.function.starts_with("__rust_") || self.function.starts_with("__rg_") {
            return false;
        }
        !PLUMBING.contains(&crate_of(&self.function)) && !self.is_in_plumbing()
    }

    /// Is it of theirs in C, or its file one of theirs? With line tables only, an inlined function is named
    /// without its path.
    fn is_in_plumbing(&self) -> bool {
        let is_bare = !self.function.split('<').next().unwrap_or_default().contains("::");
        if is_bare && C_PLUMBING.iter().any(|of| self.function.starts_with(of)) {
            return true;
        }
        let folder = self.location.as_deref().and_then(|location| location.split_once("/src/"));
        let Some((folder, _)) = folder.filter(|_| is_bare) else { return false };
        let name = folder.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let name = name.strip_suffix('-').unwrap_or(folder).replace('-', "_");
        PLUMBING.contains(&name.as_str())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} ({location})", self.function),
            None => f.write_str(&self.function),
        }
    }
}

/// The debug information and symbols of an ELF file.
pub(crate) struct Symbols {
    loader: Loader,
    overlays: OverlaySymbols,
    build_id: Option<Vec<u8>>,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("build_id", &self.build_id).finish_non_exhaustive()
    }
}

impl Symbols {
    /// Reads the symbols of `elf`.
    ///
    /// # Errors
    /// The file cannot be read, or is not an ELF file with code.
    pub(crate) fn load(elf: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(elf).map_err(|error| Failure::io("read", elf, error))?;
        let not_elf = |error: &dyn fmt::Display| {
            Failure::bad_input(format!("not an ELF file with symbols: {error}"))
                .in_file(elf)
                .mend("give the ELF file that the firmware was flashed from, not its .bin image")
        };
        let file = object::File::parse(bytes.as_slice()).map_err(|error| not_elf(&error))?;
        if file.format() != object::BinaryFormat::Elf {
            return Err(not_elf(&format_args!("it is {:?}", file.format())));
        }
        if file.section_by_name(".text").is_none_or(|text| text.size() == 0)
            && file.symbols().next().is_none()
        {
            return Err(not_elf(&"it has neither code nor symbols"));
        }
        let build_id = file.build_id().ok().flatten().map(<[u8]>::to_vec);
        let loader = Loader::new(elf).map_err(|error| not_elf(&error))?;
        let overlays = OverlaySymbols::read(&file);
        Ok(Self { loader, overlays, build_id })
    }

    /// The build id that the linker put in.
    pub(crate) fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// Where overlays are.
    pub(crate) fn overlays(&self) -> &OverlaySymbols {
        &self.overlays
    }

    /// The functions at an address, the innermost inlined one first; one frame with the address
    /// itself when nothing is known.
    pub(crate) fn frames_at(&self, addr: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        if let Some(function) = self.overlays.function_at(addr) {
            return vec![Frame { function: demangled(&function), location: None }];
        }
        let symbol = || self.loader.find_symbol(addr);
        if let Ok(mut found) = self.loader.find_frames(addr) {
            while let Ok(Some(frame)) = found.next() {
                let told = frame.function.as_ref().and_then(|function| function.raw_name().ok());
                let Some(name) = told.or_else(|| symbol().map(Cow::Borrowed)) else { continue };
                let location = frame.location.and_then(|location| {
                    let file = short_path(location.file?);
                    Some(
                        location.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")),
                    )
                });
                frames.push(Frame { function: demangled(&name), location });
            }
        }
        // With line tables only, the function that the others are inlined into has its path in the
        // table of symbols.
        let named = symbol().filter(|name| rustc_demangle::try_demangle(name).is_ok());
        match (frames.last_mut(), named) {
            (Some(outermost), Some(name)) => outermost.function = demangled(name),
            (Some(_), None) => {}
            (None, _) => {
                let function = symbol().map_or_else(|| format!("{:#010x}", addr + 1), demangled);
                frames.push(Frame { function, location: None });
            }
        }
        frames
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// The path from the crate on: registries and home directories say nothing to the reader.
fn short_path(path: &str) -> String {
    let parts: Vec<_> = path.split(['/', '\\']).collect();
    match parts.iter().rposition(|part| *part == "src") {
        Some(src) if src > 0 => parts[src - 1..].join("/"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_users(function: &str) -> bool {
        Frame { function: function.to_owned(), location: None }.is_users()
    }

    #[test]
    fn plumbing_is_told_from_the_users_code() {
        assert!(!is_users("alloc::vec::Vec<T,A>::with_capacity_in"));
        assert!(!is_users("<alloc::vec::Vec<app::Pixel> as core::clone::Clone>::clone"));
        assert!(!is_users("<&mut core::fmt::Formatter as core::fmt::Write>::write_str"));
        assert!(!is_users("esparto::memory::Memory<N,S>::allocate"));
        assert!(!is_users("__rust_alloc"));
        assert!(!is_users("<T as alloc::vec::spec_from_elem::SpecFromElem>::from_elem"));
        assert!(!is_users("<&mut A as allocator_api2::alloc::Allocator>::allocate"));
        assert!(!is_users("heap_caps_malloc"));
        assert!(!is_users("__wrap_esparto_malloc"));
        assert!(is_users("esparto_demo::main"));
        assert!(is_users("<u8 as app::Pixel>::black"));
        assert!(is_users("app::decode"));
        assert!(is_users("<app::Image as core::clone::Clone>::clone"));
        assert!(is_users("main"));
    }

    #[test]
    fn a_name_without_a_path_belongs_to_the_crate_of_its_file() {
        let is_users = |function: &str, location: &str| {
            Frame { function: function.to_owned(), location: Some(location.to_owned()) }.is_users()
        };
        assert!(!is_users("grow<app::Pixel>", "alloc/src/raw_vec/mod.rs:7"));
        assert!(!is_users("allocate", "allocator-api2-0.4.1/src/alloc.rs:30"));
        assert!(!is_users("insert", "hashbrown-0.15.2/src/map.rs:3"));
        assert!(is_users("decode", "app/src/main.rs:9"));
        assert!(is_users("main", "src/main.c:9"));
        assert!(is_users("alloc_table::grow", "alloc/src/lib.rs:1"));
    }

    #[test]
    fn paths_start_at_the_crate() {
        assert_eq!(
            short_path("/home/a/registry/png-0.17/src/decoder.rs"),
            "png-0.17/src/decoder.rs"
        );
        assert_eq!(short_path("main.rs"), "main.rs");
    }

    /// The running test is an ELF file with debug information and knows its own functions.
    #[test]
    fn the_own_binary_has_this_function() {
        let elf = std::env::current_exe().unwrap();
        let symbols = Symbols::load(&elf).unwrap();
        let bytes = std::fs::read(&elf).unwrap();
        let file = object::File::parse(bytes.as_slice()).unwrap();
        use object::ObjectSymbol;
        let symbol = file
            .symbols()
            .find(|symbol| symbol.name().is_ok_and(|name| name.contains("the_own_binary_has")))
            .unwrap();
        let frames = symbols.frames_at(symbol.address());
        assert!(
            frames.iter().any(|frame| frame.function.contains("the_own_binary_has_this_function")),
            "{frames:?}"
        );
    }
}
