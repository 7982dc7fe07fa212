//! Time on this machine: random actions on every allocator, a slice of each in turn, so that
//! whatever else the machine does falls on all of them alike.

mod actions;
mod subjects;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::results::is_ours;
use actions::{Action, Actions};
use subjects::{Runner, Subject};

/// The largest size of each row, as talc's own benchmark has them. Small ones are frequent in all of them.
const LARGEST_BYTES: [usize; 5] = [200, 1000, 3000, 10_000, 30_000];

/// Actions of a row, and of a slice of it. A slice takes some hundredths of a millisecond: the clock
/// weighs nothing, and few are disturbed by whatever else the machine does.
const ACTION_COUNT: usize = 200_000;
const SLICE_LEN: usize = 1_000;

/// Every row is run so many times, each time on fresh memory.
const ROUND_COUNT: usize = 10;

/// What the two presets are to reach, of the faster of the peers.
const GOAL: f64 = 0.8;

/// Runs the actions on every allocator, prints the nanoseconds of an action and the ratios.
///
/// # Errors
/// When an allocator does not start.
pub(crate) fn run(with_structures: bool) -> Result<()> {
    let mut subjects = subjects::all();
    if with_structures {
        subjects.extend(subjects::structures());
    }
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name()).collect();
    let mut table = Table::new();
    let header = ["ns for each action"].into_iter().chain(names.iter().copied());
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    let mut add_row = |label: String, figures: &mut dyn Iterator<Item = f64>| {
        let cells = figures.map(|figure| format!("{figure:.2}"));
        table.add_row(std::iter::once(label).chain(cells));
    };
    let mut rows = Vec::new();
    for largest_bytes in LARGEST_BYTES {
        let actions = Actions::random(largest_bytes, ACTION_COUNT);
        let spent = spent(&mut subjects, &actions)?;
        let each = spent.iter().map(|spent| spent.as_secs_f64() * 1e9 / ACTION_COUNT as f64);
        let each: Vec<f64> = each.collect();
        add_row(format!("1 to {largest_bytes} bytes"), &mut each.iter().copied());
        rows.push(each);
    }
    let count = rows.len() as f64;
    let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / count;
    let means: Vec<f64> = (0..names.len()).map(mean).collect();
    add_row("mean".to_owned(), &mut means.iter().copied());
    let peers = || (0..names.len()).filter(|&at| !is_ours(names[at]));
    for peer in peers() {
        let of_mean = |mean: &f64| mean / means[peer];
        add_row(format!("mean × {}", names[peer]), &mut means.iter().map(of_mean));
        // The rows as equals: copying the largest blocks takes more than all else together.
        let ratio = |at: usize| {
            let product: f64 = rows.iter().map(|row| row[at] / row[peer]).product();
            product.powf(1.0 / count)
        };
        add_row(format!("rows × {}", names[peer]), &mut (0..names.len()).map(ratio));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    let best = peers().map(|peer| means[peer]).min_by(f64::total_cmp).context("no peer ran")?;
    for (name, mean) in names.iter().zip(&means).filter(|(name, _)| is_ours(name)) {
        let ratio = mean / best;
        let word = if ratio <= GOAL { "within" } else { "above" };
        println!("{name}: {ratio:.2} of the fastest peer, {word} {GOAL}");
    }
    Ok(())
}

/// How long each allocator took for all actions. Each round does the same on fresh memory, so the
/// fastest time of a slice is the one that nothing disturbed.
fn spent(subjects: &mut [Box<dyn Runner>], actions: &Actions) -> Result<Vec<Duration>> {
    let slices: Vec<_> = actions.list.chunks(SLICE_LEN).collect();
    let mut fastest = vec![vec![Duration::MAX; slices.len()]; subjects.len()];
    for _ in 0..ROUND_COUNT {
        for subject in subjects.iter_mut() {
            subject.start(actions.slot_count)?;
        }
        for (number, slice) in slices.iter().enumerate() {
            // Another one comes first each time.
            for turn in 0..subjects.len() {
                let at = (turn + number) % subjects.len();
                let begun = Instant::now();
                subjects[at].run(slice);
                fastest[at][number] = fastest[at][number].min(begun.elapsed());
            }
        }
    }
    Ok(fastest.iter().map(|slices| slices.iter().sum()).collect())
}

/// One slice on one allocator; inlined into a function of its own for each, so that no call of an
/// allocator is through a table.
#[inline(always)]
fn act<S: Subject>(subject: &mut S, blocks: &mut [subjects::Block], slice: &[Action]) {
    for &action in slice {
        match action {
            Action::Allocate { slot, layout } => {
                blocks[slot as usize] = subject.allocate(layout);
            }
            Action::Free { slot } => {
                let block = std::mem::take(&mut blocks[slot as usize]);
                subject.deallocate(block);
            }
            Action::Resize { slot, new_size } => {
                let block = &mut blocks[slot as usize];
                subject.resize(block, new_size);
            }
        }
    }
}
