//! The search for the dearest single operation, and what it may cost.

pub(crate) mod bounds;
mod evolve;
mod families;
mod moves;

use anyhow::{Result, bail};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use crate::build::Programs;
use crate::options::Options;
use bounds::bound_of;
use evolve::{Found, Search};

/// The kinds of operation told apart, in the order of the device's lines.
pub(crate) const KINDS: [&str; 5] = ["allocate", "aligned", "free", "grow", "shrink"];

/// One number for each of [`KINDS`].
pub(crate) type PerKind<T> = [T; KINDS.len()];

/// The heaps searched unless others are named.
const SUBJECTS: [&str; 2] = ["esparto_realtime", "esparto_throughput"];

/// The arenas: the smallest that are of use, an ordinary one, and those with lists of their own.
const ARENAS: [u32; 5] = [1 << 10, 4 << 10, 64 << 10, 400 << 10, 8 << 20];

/// Searches, prints what was found beside its bound, and fails when something is above it.
///
/// # Errors
/// When a program does not build or run, or an operation costs more than its bound.
pub(crate) fn run(options: &Options) -> Result<()> {
    let subjects: Vec<String> = if options.only.is_empty() {
        SUBJECTS.map(str::to_owned).to_vec()
    } else {
        options.only.clone()
    };
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len}")?);
    bar.set_message("building");
    let programs = Programs::build_runnable(&subjects)?;
    let searches: Vec<(&str, u32)> = subjects
        .iter()
        .flat_map(|subject| ARENAS.map(|arena_bytes| (subject.as_str(), arena_bytes)))
        .collect();
    bar.set_length(searches.len() as u64 * u64::from(options.rounds));
    let found: Vec<Result<_>> = searches
        .par_iter()
        .map(|&(subject, arena_bytes)| {
            bar.set_message(format!("{subject} on {arena_bytes} bytes"));
            let program = programs.runnable(subject);
            let mut search = Search::new(&program, arena_bytes, options.seed);
            search.run(options.rounds, || bar.inc(1))
        })
        .collect();
    bar.finish_and_clear();
    let mut rows = Vec::new();
    for (&(subject, arena_bytes), found) in searches.iter().zip(found) {
        rows.push((subject, arena_bytes, found?));
    }
    println!("{}", table(&rows));
    let above = above(&rows);
    if above.is_empty() { Ok(()) } else { bail!("above the bound: {}", above.join("; ")) }
}

/// What costs more than it may.
fn above(rows: &[(&str, u32, PerKind<Found>)]) -> Vec<String> {
    let mut above = Vec::new();
    for (subject, arena_bytes, found) in rows {
        let Some(bounds) = bound_of(subject, *arena_bytes) else { continue };
        for ((kind, found), bound) in KINDS.iter().zip(found).zip(bounds) {
            if found.instructions > bound {
                above.push(format!(
                    "{subject} on {arena_bytes} bytes: {kind} took {} of {bound} instructions ({})",
                    found.instructions, found.how
                ));
            }
        }
    }
    above
}

/// For each heap and arena the dearest of each kind, as `found / bound`, and how it was found.
fn table(rows: &[(&str, u32, PerKind<Found>)]) -> String {
    let mut table = Table::new();
    let header = ["found / bound", "arena"].into_iter().chain(KINDS);
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for (subject, arena_bytes, found) in rows {
        let bounds = bound_of(subject, *arena_bytes);
        let mut cells = vec![(*subject).to_owned(), arena_bytes.to_string()];
        cells.extend(found.iter().enumerate().map(|(kind, found)| {
            bounds.map_or_else(
                || found.instructions.to_string(),
                |bounds| format!("{} / {}", found.instructions, bounds[kind]),
            )
        }));
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    let mut subjects: Vec<&str> = rows.iter().map(|(subject, ..)| *subject).collect();
    subjects.dedup();
    for subject in subjects {
        for (kind, name) in KINDS.iter().enumerate() {
            let of_subject = rows.iter().filter(|(other, ..)| *other == subject);
            let dearest = of_subject.max_by_key(|(.., found)| found[kind].instructions);
            if let Some((_, arena_bytes, found)) = dearest {
                let Found { instructions, how } = &found[kind];
                text.push_str(&format!(
                    "\n{subject}, {name}: {instructions} on {arena_bytes} bytes by {how}"
                ));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_its_bound_is_named() {
        let found = |instructions| Found { instructions, how: "so".to_owned() };
        let bounds = bound_of("esparto_realtime", 65_536).expect("it has bounds");
        let at_bound = bounds.map(found);
        assert!(above(&[("esparto_realtime", 65_536, at_bound)]).is_empty());
        let mut over = bounds.map(found);
        over[2].instructions += 1;
        let named =
            above(&[("esparto_realtime", 65_536, over), ("talc", 65_536, bounds.map(found))]);
        let expected = format!(
            "esparto_realtime on 65536 bytes: free took {} of {} instructions (so)",
            bounds[2] + 1,
            bounds[2]
        );
        assert_eq!(named, [expected]);
    }
}
