//! The report as one HTML page.
//!
//! Tables are plain HTML and readable without the script; the script draws the charts and the heap
//! map from the data in the page. Nothing is loaded from elsewhere.

mod map_data;
mod overlays;
mod tables;

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::pools::is_about_pools_or_health;
use super::summary::Summary;
use super::{Model, terminal};
use crate::Failure;
use crate::document::document;
use map_data::MapData;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the script draws from.
#[derive(Serialize)]
struct Data<'a> {
    summary: &'a Summary,
    map: &'a MapData,
}

/// The page as text.
pub(crate) fn page(model: &Model, summary: &Summary) -> Result<String, Failure> {
    let map = MapData::new(model);
    let data = serde_json::to_string(&Data { summary, map: &map }).map_err(std::io::Error::from)?;
    // The only text that could end the element early, or begin a comment in it.
    let data = data.replace('<', "\\u003c");
    let title = format!("Esparto · {}", file_name(&summary.trace.file));
    let body = html! {
        (header(summary))
        main {
            (alerts(summary))
            (tables::regions(summary))
            (over_time(summary))
            (overlays::section(summary))
            (map_section(summary, &map))
            (tables::failures(summary))
            (pools_and_health(summary))
            (tables::leaks(summary))
            (tables::owners(summary))
            (tables::sites(summary))
            (tables::sizes(summary))
        }
        (scrubber(&map))
        div #tip role="status" hidden {}
        script #data type="application/json" { (PreEscaped(data)) }
        script { (PreEscaped(SCRIPT)) }
    };
    Ok(document(&title, STYLE, &body))
}

fn header(summary: &Summary) -> Markup {
    let trace = &summary.trace;
    let or_unknown = |text: &str| if text.is_empty() { "unknown" } else { text }.to_owned();
    let fact = |label: &str, value: String| html! { div { dt { (label) } dd { (value) } } };
    let verb = if trace.replayed { "Replayed on" } else { "Recorded on" };
    html! {
        header {
            p.brand { "Esparto memory report" }
            h1 { (file_name(&trace.file)) }
            dl.facts {
                (fact(verb, or_unknown(&trace.chip)))
                (fact("Heap", or_unknown(&trace.allocator)))
                (fact("Build", short(&or_unknown(&trace.build_id))))
                (fact("Duration", terminal::seconds(trace.duration_seconds)))
                (fact("Events", count(trace.event_count)))
                (fact("Allocations", count(trace.allocation_count)))
                (fact("Failures", count(trace.failure_count)))
                (fact("Lost events", count(trace.lost_count)))
                (fact("Damaged blocks", count(trace.damaged_block_count)))
                (fact("Snapshots checked", count(trace.snapshot_count)))
            }
        }
    }
}

fn alerts(summary: &Summary) -> Markup {
    html! {
        @for problem in &summary.problems {
            p.alert.error {
                strong { "Does not add up: " (problem.kind.replace('_', " ")) }
                " · " (count(problem.count)) "×, first after "
                (count(problem.first_event_count)) " events: " (problem.what)
            }
        }
        @for note in summary.notes.iter().filter(|note| !is_about_pools_or_health(note)) {
            p.alert.note { (note) }
        }
    }
}

fn pools_and_health(summary: &Summary) -> Markup {
    let mut lines = summary.notes.iter().filter(|note| is_about_pools_or_health(note)).peekable();
    html! {
        @if lines.peek().is_some() {
            section {
                h2 { "Pools and health" }
                ul { @for line in lines { li { (line) } } }
            }
        }
    }
}

fn over_time(summary: &Summary) -> Markup {
    html! {
        section {
            div.heading {
                h2 { "Use over time" }
                div.switch role="radiogroup" aria-label="Axis" {
                    label { input type="radio" name="axis" value="time" checked; span { "time" } }
                    label { input type="radio" name="axis" value="events"; span { "events" } }
                }
            }
            p.hint {
                "Buckets of " (count(summary.timeline.bucket_event_count))
                " events: the band is the least and the most that was live. The dashed line is the "
                "longest stretch without a live block. Red marks are failed requests."
            }
            @for (index, region) in summary.regions.iter().enumerate() {
                figure.chart data-region=(index) {
                    figcaption {
                        strong { (region.name) } " " span.quiet { (bytes(region.size_bytes)) }
                    }
                    div.plot {}
                }
            }
            ul.legend {
                li { i.live {} "live" } li { i.free {} "free" }
                li { i.gap {} "longest gap" } li { i.failed {} "failed request" }
                li { i.marked {} "mark" }
            }
        }
    }
}

fn map_section(summary: &Summary, map: &MapData) -> Markup {
    html! {
        section {
            h2 { "Heap map" }
            p.hint {
                @if map.frame_event_count == 1 {
                    "Every event is a frame. "
                } @else {
                    "Sampled: a frame every " (count(map.frame_event_count)) " events, each showing "
                    "every block live at that moment; " (count(map.unseen_count))
                    " blocks lived between two frames and are not shown. "
                }
                @if map.omitted_count > 0 {
                    "The smallest " (count(map.omitted_count)) " blocks are left out. "
                }
                "Left to right, top to bottom: addresses. The strip below each map is the whole "
                "trace: time from left to right, addresses from top to bottom. Click it to go there."
            }
            ul.legend #owners {}
            @for (index, region) in summary.regions.iter().enumerate() {
                figure.map data-region=(index) {
                    figcaption {
                        strong { (region.name) } " "
                        span.quiet { (format!("{:#010x}", region.start_addr)) " · " (region.caps) }
                        span.now {}
                    }
                    canvas.blocks {}
                    canvas.strip {}
                }
            }
        }
    }
}

fn scrubber(map: &MapData) -> Markup {
    html! {
        div.scrubber {
            button #play type="button" aria-label="Play" { "▶" }
            input #frame type="range" min="0" max=(map.frame_count() - 1)
                value=(map.frame_count() - 1) aria-label="Moment";
            output #moment for="frame" {}
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The first characters of a build id tell builds apart.
fn short(id: &str) -> String {
    match id.get(..16) {
        Some(start) if id.len() > 16 => format!("{start}…"),
        _ => id.to_owned(),
    }
}

fn count(value: u64) -> String {
    terminal::count(value)
}

/// A size for people: rounded to a tenth of a KiB or MiB from 10,000 bytes on.
fn bytes(value: u64) -> String {
    let rounded = |unit: f64, name: &str| {
        let figure = format!("{:.1}", value as f64 / unit);
        format!("{} {name}", figure.strip_suffix(".0").unwrap_or(&figure))
    };
    match value {
        0..=9999 => format!("{} B", count(value)),
        10_000..=1_048_575 => rounded(1024.0, "KiB"),
        _ => rounded(1_048_576.0, "MiB"),
    }
}
