//! The report as text.

mod overlays;

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use indicatif::HumanCount;

use super::summary::{Region, Series, Summary};

/// Lines of each list.
const LINES: usize = 10;
/// Characters of a plot.
const PLOT_WIDTH: usize = 60;

/// Writes the report for people.
pub(crate) fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    header(summary, out)?;
    for (region, series) in summary.regions.iter().zip(&summary.timeline.regions) {
        region_block(summary, region, series, out)?;
    }
    if !summary.failures.is_empty() {
        failures(summary, out)?;
    }
    overlays::write(summary, out)?;
    owners(summary, out)?;
    leaks(summary, out)?;
    sizes(summary, out)?;
    sites(summary, out)?;
    for note in &summary.notes {
        writeln!(out, "\nnote: {note}")?;
    }
    for problem in &summary.problems {
        let times = count(problem.count);
        writeln!(
            out,
            "\nERROR: {} ({times}×, first after {} events): {}",
            problem.kind,
            count(problem.first_event_count),
            problem.what
        )?;
    }
    Ok(())
}

fn header(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let trace = &summary.trace;
    let or_unknown = |text: &str| if text.is_empty() { "unknown" } else { text }.to_owned();
    writeln!(out, "{} ({} bytes)", trace.file, count(trace.file_bytes))?;
    let verb = if trace.replayed { "replayed on" } else { "recorded on" };
    writeln!(out, "  {verb}   {}, heap {}", or_unknown(&trace.chip), or_unknown(&trace.allocator))?;
    writeln!(out, "  build         {}", or_unknown(&trace.build_id))?;
    writeln!(
        out,
        "  duration      {} ({} ticks at {} Hz)",
        seconds(trace.duration_seconds),
        count(trace.duration_ticks),
        count(u64::from(trace.tick_hz))
    )?;
    writeln!(
        out,
        "  events        {}: {} allocations, {} frees, {} resizes, {} failures, {} marks",
        count(trace.event_count),
        count(trace.allocation_count),
        count(trace.deallocation_count),
        count(trace.resize_count),
        count(trace.failure_count),
        count(trace.mark_count),
    )?;
    writeln!(
        out,
        "  missing       {} events lost, {} blocks damaged; {} snapshots checked",
        count(trace.lost_count),
        count(trace.damaged_block_count),
        count(trace.snapshot_count),
    )
}

fn region_block(
    summary: &Summary,
    region: &Region,
    series: &Series,
    out: &mut dyn Write,
) -> io::Result<()> {
    let about = if region.is_exact { "" } else { "≈ " };
    writeln!(
        out,
        "\n{}  {:#010x}, {} bytes, {}",
        region.name,
        region.start_addr,
        count(region.size_bytes),
        region.caps
    )?;
    let of_size = |bytes: u64| bytes as f64 * 100.0 / region.size_bytes.max(1) as f64;
    let line = |out: &mut dyn Write, label: &str, mark: &str, bytes: u64, more: &str| {
        let figure = format!("{mark}{}", count(bytes));
        writeln!(out, "  {label:<20}{figure:>14}  {:>5.1} %{more}", of_size(bytes))
    };
    line(
        out,
        "peak live",
        "",
        region.peak_bytes,
        &format!("  at {}", at(summary, region.peak_ticks)),
    )?;
    let blocks = format!("  in {} blocks", count(region.live_count));
    line(out, "live at the end", "", region.live_bytes, &blocks)?;
    line(out, "bookkeeping", "", region.bookkeeping_bytes, "")?;
    line(out, "free", about, region.free_bytes, "")?;
    let fragmentation = format!("  fragmentation {} %", region.fragmentation_percent);
    line(out, "largest allocatable", about, region.largest_free_bytes, &fragmentation)?;
    if region.failure_count > 0 {
        let first = region.first_failure_ticks.map_or_else(String::new, |ticks| at(summary, ticks));
        writeln!(out, "  {:<20}{:>14}  first at {first}", "failures", count(region.failure_count))?;
    }
    if region.allocation_count == 0 && region.live_bytes == 0 {
        return Ok(());
    }
    let size = region.size_bytes.max(1) as f64;
    let live: Vec<_> = series.live_max_bytes.iter().map(|&b| Some(b as f64 / size)).collect();
    writeln!(out, "  live           {}", plot(&live))?;
    let fragmentation: Vec<_> = series
        .fragmentation_percent
        .iter()
        .map(|percent| percent.map(|percent| f64::from(percent) / 100.0))
        .collect();
    writeln!(out, "  fragmentation  {}", plot(&fragmentation))
}

fn failures(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nfailed requests ({})", count(summary.trace.failure_count))?;
    for failure in summary.failures.iter().take(LINES) {
        writeln!(
            out,
            "  {}, event {}: {} bytes aligned to {} with {} for {} from {}: {}",
            at(summary, failure.time_ticks),
            count(failure.event_count),
            count(failure.size_bytes),
            failure.align_bytes,
            failure.require,
            failure.owner,
            failure.site,
            failure.reason
        )?;
    }
    more(summary.trace.failure_count as usize, out)
}

fn owners(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.owners.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nby owner")?;
    let mut table = table(&["owner", "blocks", "bytes", "peak", "live at end", "failures"], 1);
    for line in summary.owners.iter().take(LINES) {
        table.add_row([
            line.name.clone(),
            count(line.counts.allocation_count),
            count(line.counts.allocated_bytes),
            count(line.counts.peak_bytes),
            count(line.counts.live_bytes),
            count(line.counts.failure_count),
        ]);
    }
    writeln!(out, "{table}")?;
    more(summary.owners.len(), out)
}

fn leaks(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.leaks.is_empty() {
        return writeln!(out, "\nno block is live at the end");
    }
    writeln!(out, "\nlive at the end, by origin")?;
    for leak in summary.leaks.iter().take(LINES) {
        writeln!(
            out,
            "  {} bytes in {} blocks in {}: {} from {}{}; the oldest since {} at {:#010x}",
            count(leak.live_bytes),
            count(leak.block_count),
            leak.region,
            leak.owner,
            leak.site,
            leak.location.as_ref().map_or_else(String::new, |place| format!(" ({place})")),
            at(summary, leak.oldest_ticks),
            leak.oldest_addr,
        )?;
        // One frame says no more than the site.
        if leak.stack.len() > 1 {
            for frame in &leak.stack {
                writeln!(out, "      {frame}")?;
            }
        }
    }
    more(summary.leak_group_count, out)
}

fn sizes(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.sizes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\ntop sizes, by bytes")?;
    let mut table = table(&["size", "blocks", "bytes", "peak", "live at end"], 0);
    for line in summary.sizes.iter().take(LINES) {
        table.add_row([
            line.size_bytes.map_or_else(|| "others".to_owned(), count),
            count(line.counts.allocation_count),
            count(line.counts.allocated_bytes),
            count(line.counts.peak_bytes),
            count(line.counts.live_bytes),
        ]);
    }
    writeln!(out, "{table}")?;
    more(summary.size_count, out)
}

fn sites(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.sites.is_empty() {
        return Ok(());
    }
    writeln!(out, "\ntop sites, by bytes")?;
    let mut table = table(&["site", "blocks", "bytes", "peak", "live at end"], 1);
    for line in summary.sites.iter().take(LINES) {
        let place = line.location.as_ref().map_or_else(String::new, |at| format!("\n{at}"));
        table.add_row([
            format!("{}{place}", line.name),
            count(line.counts.allocation_count),
            count(line.counts.allocated_bytes),
            count(line.counts.peak_bytes),
            count(line.counts.live_bytes),
        ]);
    }
    writeln!(out, "{table}")?;
    more(summary.site_count, out)
}

/// Says how many lines were left out.
fn more(total_count: usize, out: &mut dyn Write) -> io::Result<()> {
    match total_count.saturating_sub(LINES) {
        0 => Ok(()),
        left_count => writeln!(out, "  and {left_count} more"),
    }
}

/// A table whose first `text_columns` hold text and whose others hold figures.
fn table(head: &[&str], text_columns: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.iter().copied());
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= text_columns {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A line of bars, each the highest of its part. Where nothing was measured, the last measure
/// still stands; a dot where there is none yet.
fn plot(shares: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = PLOT_WIDTH.min(shares.len());
    let mut last = None;
    (0..width)
        .map(|column| {
            let part = &shares[column * shares.len() / width..(column + 1) * shares.len() / width];
            last = part.iter().flatten().copied().reduce(f64::max).or(last);
            last.map_or('·', |share| {
                // Truncation is wanted: the top bar is for a full region only.
                BARS[((share * 8.0) as usize).min(BARS.len() - 1)]
            })
        })
        .collect()
}

/// When, from the first event on.
pub(crate) fn at(summary: &Summary, ticks: u64) -> String {
    let since = ticks.saturating_sub(summary.trace.start_ticks);
    seconds(since as f64 / f64::from(summary.trace.tick_hz.max(1)))
}

/// So many ticks, as time.
pub(crate) fn duration(summary: &Summary, ticks: u64) -> String {
    seconds(ticks as f64 / f64::from(summary.trace.tick_hz.max(1)))
}

pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.3} ms", seconds * 1000.0);
    }
    format!("{seconds:.3} s")
}

pub(crate) fn count(value: u64) -> String {
    HumanCount(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_show_the_highest_of_each_part() {
        assert_eq!(plot(&[]), "");
        assert_eq!(plot(&[None, Some(0.0), Some(0.5), Some(1.0), None]), "·▁▅██");
        let mut long = vec![Some(0.0); 512];
        long[300] = Some(0.99);
        let plotted: Vec<_> = plot(&long).chars().collect();
        assert_eq!(plotted.len(), PLOT_WIDTH);
        assert_eq!(plotted.iter().filter(|bar| **bar == '█').count(), 1);
    }
}
