//! The longest path through the machine code: what an operation can cost, whatever the heap's state.
//!
//! Over all branches, each loop taken as often as [`rules`] allow, with calls and last calls added. It
//! counts combinations that cannot meet, so what an operation really costs is less.

mod code;
mod path;
mod rules;

use anyhow::{Result, bail};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::build::Programs;
use crate::worst::KINDS;
use crate::worst::bounds::BOUNDS;
use code::Code;
use rules::{Request, Rules};

/// The kinds of operation that are searched, finding a place for a block that cannot grow where it lies,
/// and a step of what was put off.
const COLUMNS: [&str; KINDS.len() + 2] =
    [KINDS[0], KINDS[1], KINDS[2], KINDS[3], KINDS[4], "move", "settle"];

/// The function of the program that an operation of a kind enters.
const ENTRIES: [(&str, Request); COLUMNS.len()] = [
    ("subject_alloc", Request::Plain),
    ("subject_alloc", Request::Aligned),
    ("subject_dealloc", Request::Aligned),
    // Both are behind one function.
    ("subject_resize_in_place", Request::Aligned),
    ("subject_resize_in_place", Request::Aligned),
    ("subject_grow_moving", Request::Aligned),
    ("subject_settle", Request::Aligned),
];

/// Derives the bounds, prints them beside those that `docs/heap.md` states, and fails when one is above.
///
/// # Errors
/// When a program does not build, its code holds something that the rules do not know, or a path is
/// longer than its bound.
pub(crate) fn run() -> Result<()> {
    let mut table = Table::new();
    let header = ["longest path / bound", "arena to, KiB"].into_iter().chain(COLUMNS);
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut above = Vec::new();
    for (subject, arena_bytes, longest, bounds) in derive()? {
        let mut cells = vec![subject.to_owned(), (arena_bytes >> 10).to_string()];
        for ((kind, longest), bound) in COLUMNS.iter().zip(longest).zip(bounds) {
            cells.push(format!("{longest} / {bound}"));
            if longest > bound {
                above.push(format!(
                    "{subject} to {arena_bytes} bytes: {kind} can take {longest} of {bound} instructions"
                ));
            }
        }
        table.add_row(cells);
    }
    println!("{table}");
    if above.is_empty() { Ok(()) } else { bail!("above the bound: {}", above.join("; ")) }
}

/// A heap, the arenas up to which it holds, the longest path of each kind, and its bound.
type Derived = (&'static str, u32, [u64; COLUMNS.len()], [u64; COLUMNS.len()]);

fn derive() -> Result<Vec<Derived>> {
    let mut subjects: Vec<String> = BOUNDS.iter().map(|one| one.subject.to_owned()).collect();
    subjects.dedup();
    let programs = Programs::build_runnable(&subjects)?;
    let mut derived = Vec::new();
    for one in &BOUNDS {
        let code = Code::read(&programs.runnable(one.subject))?;
        let mut longest = [0; COLUMNS.len()];
        for (longest, (entry, request)) in longest.iter_mut().zip(ENTRIES) {
            *longest = path::longest(&code, entry, Rules::new(request, one.arena_bytes))?;
        }
        let [allocate, aligned, free, grow, shrink] = one.instructions;
        let bounds = [allocate, aligned, free, grow, shrink, one.moving, one.settle];
        derived.push((one.subject, one.arena_bytes, longest, bounds));
    }
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the presets promise to 64 KiB: an allocation, an aligned one, a move as far as the heap's, and a
    /// step of what was put off.
    #[test]
    fn the_bounds_are_as_promised() {
        for one in BOUNDS.iter().filter(|one| one.arena_bytes <= 64 << 10) {
            let [allocate, aligned, ..] = one.instructions;
            let promised =
                if one.subject == "esparto_realtime" { [250, 300, 250] } else { [500, 500, 500] };
            assert!(allocate <= promised[0] && aligned <= promised[1], "{}", one.subject);
            assert!(one.settle <= promised[2] && one.moving <= 250, "{}", one.subject);
        }
    }

    #[test]
    fn no_path_is_longer_than_its_bound() {
        let derived = derive().expect("the programs build and their loops are known");
        assert_eq!(derived.len(), BOUNDS.len());
        for (subject, arena_bytes, longest, bounds) in derived {
            for ((kind, longest), bound) in COLUMNS.iter().zip(longest).zip(bounds) {
                assert!(
                    longest <= bound,
                    "{subject} to {arena_bytes} bytes, {kind}: {longest} of {bound}"
                );
            }
        }
    }
}
