//! `esparto report`: what happened in a memory, from its trace.
//!
//! One pass over the trace feeds the model; the finished model becomes a
//! [`Summary`], which is shown as text, as JSON (its documentation is that of the fields) or,
//! together with the history of the blocks, as one HTML page.

mod history;
mod model;
mod names;
mod overlay_symbols;
mod overlays;
mod page;
mod pools;
mod problems;
mod sites;
pub mod summary;
pub(crate) mod symbols;
mod tally;
mod terminal;
mod timeline;
mod trace_file;

use std::path::{Path, PathBuf};

use esparto_trace::{Entry, MAX_FRAMES, Record};

pub(crate) use model::Model;
use pools::Pools;
pub(crate) use sites::Sites;
pub use summary::Summary;
pub(crate) use trace_file::TraceFile;

use crate::{Failure, Output};
pub(crate) use names::crate_of;
pub(crate) use symbols::{Frame, Symbols};

/// What the help says below the options.
pub(crate) const LONG_HELP: &str = "\
JSON (--json), schema esparto-report/1:
  trace       file, file_bytes, chip, allocator, build_id, tick_hz, replayed,
              start_ticks, duration_ticks, duration_seconds, event_count,
              allocation_count, deallocation_count, resize_count,
              failure_count, mark_count, snapshot_count, lost_count,
              damaged_block_count
  regions[]   id, name, caps, start_addr, size_bytes, bookkeeping_bytes,
              live_bytes, live_count, peak_bytes, peak_ticks, free_bytes,
              largest_free_bytes, fragmentation_percent, is_exact,
              allocation_count, deallocation_count, failure_count,
              first_failure_ticks, snapshot
  owners[]    owner, name, and the counts
  sites[]     name, location, and the counts; site_count of them in all
  sizes[]     size_bytes, and the counts; size_count of them in all
  the counts  allocation_count, allocated_bytes, peak_bytes, peak_count,
              live_bytes, live_count, failure_count
  leaks[]     owner, region, site, location, stack[], block_count, live_bytes,
              oldest_ticks, oldest_addr; leak_group_count of them in all
  failures[]  time_ticks, event_count, owner, site, stack[], size_bytes,
              align_bytes, require, prefer, free_bytes, largest_gap_bytes,
              largest_gap_region, reason
  marks[]     time_ticks, event_count, id, name
  losses[]    time_ticks, event_count, lost_count
  overlays[]  overlay, name, load_count, return_count, hit_count, eviction_count,
              unload_count, refused_count, code_bytes, read_bytes, stay_ticks,
              phases: read_ticks, verify_ticks, copy_ticks, sync_ticks,
              construct_ticks
  slots[]     slot, stays[]: overlay, start_ticks, end_ticks
  problems[]  kind, count, first_event_count, first_ticks, what
  notes[]     text
  timeline    bucket_event_count, time_ticks[], event_count[], regions[]:
              live_min_bytes[], live_max_bytes[], live_bytes[], free_bytes[],
              largest_gap_bytes[], fragmentation_percent[], failure_count[]
A trace whose snapshots or events contradict one another is reported on, and
ends with exit code 1.";

/// How a trace is read and a report is shown: the options that `report` and `run` share.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Write a page with charts and a heap map over time: one file, nothing loaded from elsewhere
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// The firmware's ELF file, to name call sites
    #[arg(long, value_name = "FIRMWARE.elf")]
    pub elf: Option<PathBuf>,

    /// Read around damage and count it, instead of stopping at it
    #[arg(long)]
    pub lenient: bool,
}

/// The arguments of `esparto report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The trace to report on
    pub trace: PathBuf,

    /// How.
    #[command(flatten)]
    pub options: Options,
}

/// Reports on a trace.
///
/// # Errors
/// A trace or an ELF file that cannot be read or is damaged; output that cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut trace = TraceFile::open(&args.trace, args.options.lenient)?;
    let mut notes = Vec::new();
    let mut model = Model::new(sites(&trace, &args.options, &mut notes)?);
    let mut pools = Pools::default();
    while let Some(record) = trace.next()? {
        take(&mut model, &record, &trace);
        pools.take(&record.entry);
    }
    notes.extend(pools.lines());
    model.finish();
    show(&model, about(&trace), notes_on(&trace, notes), &args.options, out)
}

/// Feeds one record to the model.
#[inline]
fn take(model: &mut Model, record: &Record, trace: &TraceFile) {
    match &record.entry {
        Entry::Event(event) if model.has_overlays() => {
            let mut frames = [0; MAX_FRAMES];
            let frames = model.mark_overlays(trace.frames(), &mut frames);
            model.event(record.time_ticks, record.owner, event, frames);
        }
        Entry::Event(event) => model.event(record.time_ticks, record.owner, event, trace.frames()),
        Entry::Snapshot(snapshot) => model.snapshot(record.time_ticks, snapshot),
        Entry::Region(definition) => model.define(*definition),
        other => describe(model, record.time_ticks, other),
    }
}

/// Feeds what is neither an event nor about a region: names, losses and gaps.
pub(crate) fn describe(model: &mut Model, time_ticks: u64, entry: &Entry) {
    match entry {
        Entry::OwnerName { owner, name } => {
            model.owner_names.insert(owner.0, name.to_string());
        }
        // Names of marks are a handful; a damaged trace may hold any number of them.
        Entry::MarkName { id, name } if model.mark_names.len() < 1000 => {
            model.mark_names.insert(*id, name.to_string());
        }
        Entry::Overlay(event) => model.overlays.event(time_ticks, event),
        Entry::OverlayName { overlay, name } => model.overlays.name(*overlay, name.as_str()),
        Entry::Lost { count } => model.lost(time_ticks, u64::from(*count)),
        Entry::Gap { block_count } => model.missing_block_count += u64::from(*block_count),
        _ => {}
    }
}

/// The sites of a trace, with symbols if the user gave an ELF file.
pub(crate) fn sites(
    trace: &TraceFile,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Sites, Failure> {
    let symbols = options.elf.as_deref().map(Symbols::load).transpose()?;
    let recorded = trace.header().build_id.as_bytes();
    if let (Some(linked), Some(elf)) = (symbols.as_ref().and_then(Symbols::build_id), &options.elf)
        && !recorded.is_empty()
        && !linked.starts_with(recorded)
    {
        notes.push(format!(
            "{} has another build id than the trace ({}): call sites may be wrong. Give the ELF file of the very build that was recorded.",
            elf.display(),
            trace.header().build_id
        ));
    }
    if trace.header().frame_count > 0 && symbols.is_none() {
        notes.push(
            "Call sites are addresses: give the firmware with --elf to name them.".to_owned(),
        );
    }
    Ok(Sites::new(symbols))
}

/// What the report says about the trace itself.
pub(crate) fn about(trace: &TraceFile) -> summary::Trace {
    let header = trace.header();
    summary::Trace {
        file: trace.path().display().to_string(),
        file_bytes: trace.len_bytes(),
        chip: header.chip.to_string(),
        allocator: header.allocator.to_string(),
        build_id: header.build_id.to_string(),
        tick_hz: header.tick_hz,
        ..summary::Trace::default()
    }
}

/// Adds what lenient reading left out.
pub(crate) fn notes_on(trace: &TraceFile, mut notes: Vec<String>) -> Vec<String> {
    let skipped = trace.skipped();
    if skipped != esparto_trace::Skipped::default() {
        notes.push(format!("The file is damaged; left out: {skipped}."));
    }
    if !trace.is_complete() {
        notes.push("The trace stops without its end record: the recording was cut off.".to_owned());
    }
    notes
}

/// Shows a finished model.
pub(crate) fn show(
    model: &Model,
    about: summary::Trace,
    notes: Vec<String>,
    options: &Options,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let summary = Summary::new(model, about, notes);
    if let Some(file) = &options.html {
        write_page(model, &summary, file)?;
    }
    out.show(&summary, |text| {
        terminal::write(&summary, text)?;
        match &options.html {
            Some(file) => writeln!(text, "\nreport: {}", file.display()),
            None => Ok(()),
        }
    })?;
    verdict(model, &summary)
}

/// A trace that does not add up is bad input, and the exit code says so. Where events are missing,
/// frees without their allocation are to be expected; an account never is.
fn verdict(model: &Model, summary: &Summary) -> Result<(), Failure> {
    let grave = summary.problems.iter().find(|p| model.is_complete() || p.kind == "account");
    match grave {
        None => Ok(()),
        Some(problem) => Err(Failure::bad_input(format!(
            "the trace does not add up ({}, {} times): {}",
            problem.kind, problem.count, problem.what
        ))
        .in_file(Path::new(&summary.trace.file))
        .mend(
            "see the problems in the report; the heap or the recorder of that firmware is at fault",
        )),
    }
}

fn write_page(model: &Model, summary: &Summary, file: &Path) -> Result<(), Failure> {
    let page = page::page(model, summary)?;
    std::fs::write(file, page).map_err(|error| Failure::io("write", file, error))
}
