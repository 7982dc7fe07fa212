//! What one firmware takes more and less than another.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use esparto_chips::Chip;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::account::{Account, KINDS, Kind};
use super::symbols;
use crate::Failure;
use crate::overlay::elf::Firmware;

/// The difference of two firmwares.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    older: PathBuf,
    newer: PathBuf,
    kinds: Vec<KindChange>,
    /// The largest changes, by how much.
    symbols: Vec<SymbolChange>,
    /// How many symbols changed in all.
    symbol_count: usize,
}

#[derive(Debug, Serialize)]
struct KindChange {
    kind: Kind,
    old_bytes: u64,
    new_bytes: u64,
}

#[derive(Debug, Serialize)]
struct SymbolChange {
    name: String,
    kind: Kind,
    old_bytes: u64,
    new_bytes: u64,
}

impl SymbolChange {
    fn change(&self) -> i64 {
        self.new_bytes as i64 - self.old_bytes as i64
    }
}

/// Compares two files.
pub(crate) fn of(
    older: &Path,
    newer: &Path,
    chip: Option<&'static Chip>,
    top: usize,
) -> Result<Difference, Failure> {
    let mut totals = Vec::new();
    let mut changes: FxHashMap<(String, &'static str), SymbolChange> = FxHashMap::default();
    for (index, file) in [older, newer].into_iter().enumerate() {
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, error))?;
        let firmware = Firmware::parse(file, &bytes)?;
        totals.push(Account::of(&firmware, chip).everything());
        for (symbol, kind) in symbols::sized(&firmware) {
            let change = changes
                .entry((symbols::demangled(symbol.name), kind.name()))
                .or_insert_with_key(|(name, _)| SymbolChange {
                    name: name.clone(),
                    kind,
                    old_bytes: 0,
                    new_bytes: 0,
                });
            let bytes = if index == 0 { &mut change.old_bytes } else { &mut change.new_bytes };
            *bytes += u64::from(symbol.len_bytes);
        }
    }
    let mut symbols: Vec<_> = changes.into_values().filter(|change| change.change() != 0).collect();
    symbols.sort_by(|a, b| (b.change().abs(), &a.name).cmp(&(a.change().abs(), &b.name)));
    let symbol_count = symbols.len();
    symbols.truncate(top);
    let kinds = KINDS
        .into_iter()
        .map(|kind| KindChange {
            kind,
            old_bytes: totals[0].of(kind),
            new_bytes: totals[1].of(kind),
        })
        .collect();
    Ok(Difference {
        older: older.to_owned(),
        newer: newer.to_owned(),
        kinds,
        symbols,
        symbol_count,
    })
}

impl Difference {
    pub(crate) fn write(&self, w: &mut dyn Write) -> io::Result<()> {
        writeln!(w, "{} → {}", self.older.display(), self.newer.display())?;
        for one in &self.kinds {
            let change = one.new_bytes as i64 - one.old_bytes as i64;
            let name = one.kind.name();
            writeln!(w, "  {name:12} {:>10} {:>10} {change:>+10}", one.old_bytes, one.new_bytes)?;
        }
        writeln!(w, "\n{} symbols changed; the largest changes:", self.symbol_count)?;
        for one in &self.symbols {
            let name = one.kind.name();
            writeln!(
                w,
                "  {:>+10} {:>10} → {:<10} {name:10} {}",
                one.change(),
                one.old_bytes,
                one.new_bytes,
                one.name
            )?;
        }
        Ok(())
    }
}
