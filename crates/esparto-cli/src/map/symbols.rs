//! Symbols: how large, where, and where in the source.

use serde::Serialize;

use super::account::{Account, Kind, kind_of};
use crate::overlay::elf::{Firmware, Symbol};

/// How the source declares a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Storage {
    /// Code.
    Function,
    /// Visible to other files.
    Global,
    /// Of one file.
    Static,
    /// Of one function, and there for all its calls.
    LocalStatic,
}

impl Storage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Global => "global",
            Self::Static => "static",
            Self::LocalStatic => "local static",
        }
    }
}

/// A symbol as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SymbolView {
    pub(crate) name: String,
    pub(crate) addr: u32,
    pub(crate) len_bytes: u32,
    pub(crate) kind: Kind,
    pub(crate) storage: Storage,
    pub(crate) area: String,
    /// File and line, where the debug information tells.
    pub(crate) location: Option<String>,
}

/// The symbols with a size in loaded sections, and the kind of each.
pub(crate) fn sized<'f>(
    firmware: &'f Firmware<'_>,
) -> impl Iterator<Item = (&'f Symbol<'f>, Kind)> {
    firmware.symbols.iter().filter_map(|symbol| {
        let section = firmware.sections.get(symbol.section)?;
        let is_counted = symbol.len_bytes != 0
            && (symbol.is_function || symbol.is_object)
            && symbol.section != 0
            && section.is_alloc();
        is_counted.then(|| (symbol, kind_of(section)))
    })
}

/// The largest symbols, the largest first.
pub(crate) fn largest(firmware: &Firmware<'_>, account: &Account, top: usize) -> Vec<SymbolView> {
    let mut all: Vec<_> = sized(firmware).collect();
    all.sort_by_key(|(symbol, _)| (std::cmp::Reverse(symbol.len_bytes), symbol.addr, symbol.name));
    all.dedup_by_key(|(symbol, _)| (symbol.addr, symbol.len_bytes, symbol.section));
    all.truncate(top);
    let lines = firmware.lines();
    let addrs: Vec<_> = all.iter().map(|(symbol, _)| symbol.addr).collect();
    let declared = lines.declarations(&addrs);
    all.into_iter()
        .map(|(symbol, kind)| SymbolView {
            name: demangled(symbol.name),
            addr: symbol.addr,
            len_bytes: symbol.len_bytes,
            kind,
            storage: storage_of(symbol),
            area: account.area_of(symbol.addr).to_owned(),
            location: declared.get(&symbol.addr).cloned().or_else(|| lines.at(symbol.addr)),
        })
        .collect()
}

pub(crate) fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// C compilers number the statics of functions (`count.3`), C++ names them in the function's name.
fn storage_of(symbol: &Symbol<'_>) -> Storage {
    let is_numbered = symbol.name.rsplit_once('.').is_some_and(|(name, number)| {
        !name.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if symbol.is_function {
        Storage::Function
    } else if symbol.name.starts_with("_ZZ") || is_numbered {
        Storage::LocalStatic
    } else if symbol.is_local {
        Storage::Static
    } else {
        Storage::Global
    }
}
