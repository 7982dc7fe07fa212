//! The page's part about overlays: a strip of time for each slot, and what each overlay cost.

use maud::{Markup, html};

use super::{bytes, count};
use crate::report::summary::{OverlayLine, SlotLine, Summary};
use crate::report::terminal;

/// The width of a strip in its own units.
const WIDTH: f64 = 1000.0;

/// Colours that stand apart, then again.
const COLOURS: usize = 8;

pub(super) fn section(summary: &Summary) -> Markup {
    if summary.overlays.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Overlays" }
            p.hint {
                "Code from storage: who was in which slot of executable memory when. Each bar begins "
                "with the end of a load and ends with an eviction; in between the slot is being loaded. Of calls that find their code nothing is told: "
                "they cost nothing."
            }
            ul.legend {
                @for line in &summary.overlays {
                    li { i.overlay data-colour=(colour(summary, line.overlay)) {} (line.name) }
                }
            }
            @for slot in &summary.slots { (strip(summary, slot)) }
            (table(summary))
        }
    }
}

fn colour(summary: &Summary, overlay: u16) -> usize {
    summary.overlays.iter().position(|line| line.overlay == overlay).unwrap_or(0) % COLOURS
}

fn name(summary: &Summary, overlay: u16) -> &str {
    let line = summary.overlays.iter().find(|line| line.overlay == overlay);
    line.map_or("?", |line| &line.name)
}

fn strip(summary: &Summary, slot: &SlotLine) -> Markup {
    let trace = &summary.trace;
    let end_ticks = slot.stays.last().map_or(0, |stay| stay.end_ticks);
    let whole = trace.duration_ticks.max(end_ticks.saturating_sub(trace.start_ticks)).max(1) as f64;
    let x = |ticks: u64| ticks.saturating_sub(trace.start_ticks) as f64 * WIDTH / whole;
    html! {
        figure.slot {
            figcaption { strong { "slot " (slot.slot) } span.quiet { (count(slot.stays.len() as u64)) " loads" } }
            svg viewBox=(format!("0 0 {WIDTH} 30")) preserveAspectRatio="none" role="img"
                aria-label=(format!("slot {} over time", slot.slot)) {
                @for stay in &slot.stays {
                    @let start = x(stay.start_ticks);
                    rect data-colour=(colour(summary, stay.overlay)) x=(format!("{start:.2}")) y="0" height="30"
                        width=(format!("{:.2}", (x(stay.end_ticks) - start).max(0.3))) {
                        title {
                            (name(summary, stay.overlay)) ": "
                            (terminal::at(summary, stay.start_ticks)) " to "
                            (terminal::at(summary, stay.end_ticks))
                        }
                    }
                }
            }
        }
    }
}

fn table(summary: &Summary) -> Markup {
    let time = |ticks: u64| terminal::duration(summary, ticks);
    html! {
        div.wide { table {
            thead { tr {
                th { "Overlay" } th.n { "Code" } th.n { "Loads" } th.n { "Found back" } th.n { "Hits" }
                th.n { "Evictions" } th.n { "Refused" } th.n { "Read" } th.n { "Reading" } th.n { "Checksums" }
                th.n { "Copying" } th.n { "Sync" } th.n { "Constructors" }
            } }
            tbody { @for line in &summary.overlays { tr {
                @let OverlayLine { phases, .. } = line;
                td { strong { (line.name) } }
                td.n { (bytes(line.code_bytes)) }
                td.n { (count(line.load_count)) }
                td.n { (count(line.return_count)) }
                td.n { (count(line.hit_count)) }
                td.n { (count(line.eviction_count)) }
                td.n.bad[line.refused_count > 0] { (count(line.refused_count)) }
                td.n { (bytes(line.read_bytes)) }
                td.n { (time(phases.read_ticks)) }
                td.n { (time(phases.verify_ticks)) }
                td.n { (time(phases.copy_ticks)) }
                td.n { (time(phases.sync_ticks)) }
                td.n { (time(phases.construct_ticks)) }
            } } }
        } }
    }
}
