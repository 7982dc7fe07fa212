//! The tables of the page.

use maud::{Markup, html};

use super::{bytes, count};
use crate::report::summary::{Counts, Summary};
use crate::report::terminal;

/// Lines that are shown of a long table; the data in the page has more.
const LINES: usize = 50;

pub(super) fn regions(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "Regions" }
            div.wide { table {
                thead { tr {
                    th { "Region" } th.n { "Size" } th.n { "Bookkeeping" } th.n { "Peak live" }
                    th.n { "Live at end" } th.n { "Free" } th.n { "Largest allocatable" }
                    th.n { "Fragmentation" } th.n { "Failures" } th { "At the end" }
                } }
                tbody { @for region in &summary.regions { tr {
                    @let about = if region.is_exact { "" } else { "≈ " };
                    @let share = |value: u64| value as f64 * 100.0 / region.size_bytes.max(1) as f64;
                    td {
                        strong { (region.name) }
                        small { (format!("{:#010x}", region.start_addr)) " · " (region.caps) }
                    }
                    td.n { (count(region.size_bytes)) }
                    td.n { (count(region.bookkeeping_bytes)) }
                    td.n { (count(region.peak_bytes)) small { (format!("{:.1} %", share(region.peak_bytes))) } }
                    td.n { (count(region.live_bytes)) small { (count(region.live_count)) " blocks" } }
                    td.n { (about) (count(region.free_bytes)) }
                    td.n { (about) (count(region.largest_free_bytes)) }
                    td.n { (region.fragmentation_percent) " %" }
                    td.n.bad[region.failure_count > 0] { (count(region.failure_count)) }
                    td {
                        div.meter title=(format!("{:.1} % live", share(region.live_bytes))) {
                            i.live style=(format!("width:{:.2}%", share(region.live_bytes))) {}
                            i.own style=(format!("width:{:.2}%", share(region.bookkeeping_bytes))) {}
                        }
                    }
                } } }
            } }
            @if summary.regions.iter().any(|region| !region.is_exact) {
                p.hint { "≈ computed from the events, without the heap's rounding: no snapshot was taken after the last event." }
            }
        }
    }
}

pub(super) fn failures(summary: &Summary) -> Markup {
    if summary.failures.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Failed requests" }
            div.wide { table {
                thead { tr {
                    th.n { "When" } th.n { "Event" } th.n { "Size" } th.n { "Alignment" }
                    th { "Requires" } th { "Owner" } th { "Site" } th { "Why" }
                } }
                tbody { @for failure in summary.failures.iter().take(LINES) { tr {
                    td.n { (at(summary, failure.time_ticks)) }
                    td.n { (count(failure.event_count)) }
                    td.n { (count(failure.size_bytes)) }
                    td.n { (failure.align_bytes) }
                    td { (failure.require) }
                    td { (failure.owner) }
                    td.code { (failure.site) }
                    td { (failure.reason) }
                } } }
            } }
            (more(summary.trace.failure_count as usize))
        }
    }
}

pub(super) fn leaks(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "Live at the end" }
            @if summary.leaks.is_empty() { p.hint { "No block is live at the end." } } @else {
                div.wide { table {
                    thead { tr {
                        th.n { "Bytes" } th.n { "Blocks" } th { "Region" } th { "Owner" }
                        th { "Origin" } th.n { "Oldest since" } th.n { "Oldest at" }
                    } }
                    tbody { @for leak in summary.leaks.iter().take(LINES) { tr {
                        td.n { (count(leak.live_bytes)) }
                        td.n { (count(leak.block_count)) }
                        td { (leak.region) }
                        td { (leak.owner) }
                        td.code {
                            @if leak.stack.len() > 1 {
                                details {
                                    summary { (leak.site) }
                                    ol { @for frame in &leak.stack { li { (frame) } } }
                                }
                            } @else { (leak.site) }
                            @if let Some(location) = &leak.location { small { (location) } }
                        }
                        td.n { (at(summary, leak.oldest_ticks)) }
                        td.n.code { (format!("{:#010x}", leak.oldest_addr)) }
                    } } }
                } }
                (more(summary.leak_group_count))
            }
        }
    }
}

pub(super) fn owners(summary: &Summary) -> Markup {
    let lines = summary.owners.iter().map(|line| (html! { (line.name) }, &line.counts));
    ranking("By owner", "Owner", lines, summary.owners.len())
}

pub(super) fn sites(summary: &Summary) -> Markup {
    let lines = summary.sites.iter().map(|line| {
        let name = html! {
            span.code { (line.name) }
            @if let Some(location) = &line.location { small { (location) } }
        };
        (name, &line.counts)
    });
    ranking("Top sites", "Site", lines, summary.site_count)
}

pub(super) fn sizes(summary: &Summary) -> Markup {
    let lines = summary.sizes.iter().map(|line| {
        (html! { (line.size_bytes.map_or_else(|| "others".to_owned(), bytes)) }, &line.counts)
    });
    ranking("Top sizes", "Size", lines, summary.size_count)
}

fn ranking<'a>(
    title: &str,
    head: &str,
    lines: impl Iterator<Item = (Markup, &'a Counts)>,
    total_count: usize,
) -> Markup {
    html! {
        section {
            h2 { (title) }
            div.wide { table {
                thead { tr {
                    th { (head) } th.n { "Blocks" } th.n { "Bytes" } th.n { "Peak bytes" }
                    th.n { "Peak blocks" } th.n { "Live at end" } th.n { "Failures" }
                } }
                tbody { @for (name, counts) in lines.take(LINES) { tr {
                    td { (name) }
                    td.n { (count(counts.allocation_count)) }
                    td.n { (count(counts.allocated_bytes)) }
                    td.n { (count(counts.peak_bytes)) }
                    td.n { (count(counts.peak_count)) }
                    td.n { (count(counts.live_bytes)) }
                    td.n.bad[counts.failure_count > 0] { (count(counts.failure_count)) }
                } } }
            } }
            (more(total_count))
        }
    }
}

fn more(total_count: usize) -> Markup {
    html! {
        @if total_count > LINES { p.hint { "and " (count((total_count - LINES) as u64)) " more" } }
    }
}

fn at(summary: &Summary, ticks: u64) -> String {
    terminal::at(summary, ticks)
}
