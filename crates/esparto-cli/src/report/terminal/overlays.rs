//! Overlays as text: a line of time for each slot, and a table.

use std::io::{self, Write};

use super::{count, duration, table};
use crate::report::summary::{SlotLine, Summary};

/// Characters of a line of time.
const WIDTH: usize = 60;

/// Overlays that have a letter.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

pub(super) fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.overlays.is_empty() {
        return Ok(());
    }
    writeln!(out, "\noverlays")?;
    for slot in &summary.slots {
        writeln!(
            out,
            "  slot {:<9} {}  {} loads",
            slot.slot,
            line(summary, slot),
            count(slot.stays.len() as u64)
        )?;
    }
    let head = [
        "",
        "overlay",
        "code",
        "loads",
        "found back",
        "hits",
        "evictions",
        "refused",
        "read",
        "reading",
        "checksums",
        "copying",
        "sync",
        "constructors",
    ];
    let mut table = table(&head, 2);
    for (index, line) in summary.overlays.iter().enumerate() {
        let phases = line.phases;
        let time = |ticks| duration(summary, ticks);
        table.add_row([
            letter(index).to_string(),
            line.name.clone(),
            count(line.code_bytes),
            count(line.load_count),
            count(line.return_count),
            count(line.hit_count),
            count(line.eviction_count),
            count(line.refused_count),
            count(line.read_bytes),
            time(phases.read_ticks),
            time(phases.verify_ticks),
            time(phases.copy_ticks),
            time(phases.sync_ticks),
            time(phases.construct_ticks),
        ]);
    }
    writeln!(out, "{table}")
}

fn letter(index: usize) -> char {
    LETTERS.get(index).map_or('?', |&letter| letter.into())
}

/// Who was in the slot for longest, in each part of the trace.
fn line(summary: &Summary, slot: &SlotLine) -> String {
    let start_ticks = summary.trace.start_ticks;
    let end_ticks = slot.stays.last().map_or(0, |stay| stay.end_ticks);
    let end_ticks = end_ticks.max(start_ticks.saturating_add(summary.trace.duration_ticks));
    let whole = u128::from(end_ticks.saturating_sub(start_ticks)).max(1);
    let edge = |column: usize| start_ticks + (whole * column as u128 / WIDTH as u128) as u64;
    let mut stays = slot.stays.iter().peekable();
    (0..WIDTH)
        .map(|column| {
            let (from, to) = (edge(column), edge(column + 1));
            let mut longest = (0, None);
            while let Some(stay) = stays.peek() {
                let ticks = stay.end_ticks.min(to).saturating_sub(stay.start_ticks.max(from));
                if ticks > longest.0 {
                    longest = (ticks, Some(stay.overlay));
                }
                if stay.end_ticks > to {
                    break;
                }
                stays.next();
            }
            let index = longest.1.and_then(|overlay| {
                summary.overlays.iter().position(|line| line.overlay == overlay)
            });
            index.map_or('·', letter)
        })
        .collect()
}
