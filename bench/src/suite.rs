//! Doing the whole benchmark.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use crate::build::{self, CodeBytes, Programs};
use crate::job::{self, Job, Kind};
use crate::options::Options;
use crate::qemu::{self, Line, Measured};
use crate::results::{Failure, Results, Row, WorkloadResults, is_ours, is_prototype};
use crate::workload::{self, MAX_ARENA, Work, Workload};
use crate::{bound, host, picture, table, worst};

/// Whose work per operation does not grow with the blocks: those that do the huge workloads.
const BOUNDED: [&str; 9] = [
    "buddy",
    "embedded_alloc_tlsf",
    "esp_alloc",
    "esparto_realtime",
    "esparto_throughput",
    "o1heap",
    "rlsf_12_16",
    "rlsf_32_32",
    "talc",
];

/// Measures what `options` name, prints the tables, and writes the files asked for.
///
/// # Errors
/// When a tool is missing, a program does not build, a name is unknown, or an allocator of ours
/// broke a block; the text says what to do.
pub fn run(options: &Options) -> Result<()> {
    if options.host {
        return host::run(options.structures);
    }
    if options.bound {
        return bound::run();
    }
    let mut subjects = choose("allocator", &options.only, build::subjects()?, String::as_str)?;
    if options.only.is_empty() && !options.structures && !options.list {
        subjects.retain(|name| !is_prototype(name));
    }
    let workloads = choose("workload", &options.workloads, workload::all()?, |one| &one.name)?;
    if options.list {
        println!("allocators: {}", subjects.join(" "));
        let names: Vec<_> = workloads.iter().map(|one| one.name.as_str()).collect();
        println!("workloads: {}", names.join(" "));
        return Ok(());
    }
    if let Some(path) = &options.read {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        let results = serde_json::from_str(&text)
            .with_context(|| format!("{} holds no results of --json", path.display()))?;
        return show(options, &results);
    }
    qemu::find()?;
    if options.worst {
        return worst::run(options);
    }
    show(options, &measure(options, &subjects, &workloads)?)
}

/// Prints the tables and writes the files asked for.
fn show(options: &Options, results: &Results) -> Result<()> {
    for workload in &results.workloads {
        println!("{}\n", table::workload(workload));
    }
    println!("{}", table::sizes(results));
    if let Some(path) = &options.json {
        let mut text = serde_json::to_string_pretty(results)?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.svg {
        std::fs::write(path, picture::draw(results)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    for workload in &results.workloads {
        for failure in workload.failed.iter().filter(|failure| failure.is_fault) {
            ensure!(
                !is_ours(&failure.name),
                "{} broke on {}: {}",
                failure.name,
                workload.name,
                failure.reason
            );
        }
    }
    Ok(())
}

/// Those of `all` that `wanted` names, or all.
fn choose<T>(
    what: &str,
    wanted: &[String],
    mut all: Vec<T>,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>> {
    for one in wanted {
        if !all.iter().any(|known| name(known) == one) {
            let known: Vec<_> = all.iter().map(&name).collect();
            bail!("there is no {what} `{one}`; there are: {}", known.join(", "));
        }
    }
    all.retain(|known| wanted.is_empty() || wanted.iter().any(|one| one == name(known)));
    Ok(all)
}

fn measure(options: &Options, subjects: &[String], workloads: &[Workload]) -> Result<Results> {
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("preparing the work");
    let works: Vec<Work> = workloads.iter().map(Workload::work).collect::<Result<_>>()?;
    let programs =
        Programs::build(subjects, |profile| bar.set_message(format!("building {profile}")))?;
    let sizes: HashMap<&str, CodeBytes> = subjects
        .iter()
        .map(|name| Ok((name.as_str(), programs.code_bytes(name)?)))
        .collect::<Result<_>>()?;
    // Whoever is asked for by name takes part in everything.
    let takes_part = |subject: &str, work: &Work| {
        !work.huge
            || BOUNDED.contains(&subject)
            || is_prototype(subject)
            || !options.only.is_empty()
    };
    let tasks: Vec<(&str, usize)> = (0..works.len())
        .flat_map(|at| subjects.iter().map(move |subject| (subject.as_str(), at)))
        .filter(|&(subject, at)| takes_part(subject, &works[at]))
        .collect();
    bar.set_length(tasks.len() as u64);
    let mut outcomes: Vec<_> = tasks
        .par_iter()
        .map(|&(subject, at)| {
            bar.set_message(format!("{} {subject}", works[at].name));
            let outcome = one(options, &programs, subject, sizes[subject], &works[at]);
            bar.inc(1);
            (at, subject, outcome)
        })
        .collect();
    bar.finish_and_clear();
    let mut results = Results::default();
    let left_out = |work: &Work| {
        let others = subjects.iter().filter(|subject| !takes_part(subject, work));
        let failure = |name: &String| Failure {
            name: name.clone(),
            reason: "left out, since its work grows with the number of blocks (--only measures it)"
                .to_owned(),
            is_fault: false,
        };
        others.map(failure).collect()
    };
    outcomes.sort_by_key(|&(at, subject, _)| (at, subject));
    for (at, subject, outcome) in outcomes {
        if results.workloads.len() <= at {
            results.workloads.resize_with(at + 1, || WorkloadResults {
                name: works[at].name.to_owned(),
                allocators: Vec::new(),
                failed: left_out(&works[at]),
            });
        }
        match outcome? {
            Ok(row) => results.workloads[at].allocators.push(row),
            Err(Refusal { reason, is_fault }) => {
                let name = subject.to_owned();
                results.workloads[at].failed.push(Failure { name, reason, is_fault });
            }
        }
    }
    Ok(results)
}

/// One allocator on one workload: a row, or why there is none.
fn one(
    options: &Options,
    programs: &Programs,
    subject: &str,
    code: CodeBytes,
    work: &Work,
) -> Result<Result<Row, Refusal>> {
    let arena_bytes = work.arena_bytes;
    let job = |kind, script, arena_bytes| Job { kind, script, arena_bytes };
    let mut jobs = vec![
        job(Kind::Verify, &work.steady, arena_bytes),
        job(Kind::Measure, &work.steady, arena_bytes),
    ];
    // Once past the end of the memory, too: that is where bookkeeping is put to the test.
    jobs.extend(work.growing.first().map(|script| job(Kind::Verify, script, arena_bytes)));
    jobs.extend(work.growing.iter().map(|script| job(Kind::Fill, script, arena_bytes)));
    if !options.quick {
        // Three times what is live is enough for every peer, unless it lets memory crumble.
        let most = (work.steady.peak_bytes() * 3 + (32 << 10)).min(u64::from(MAX_ARENA));
        jobs.push(job(Kind::Fit, &work.steady, u32::try_from(most).expect("at most 16 MiB")));
    }
    let lines = qemu::run(&programs.runnable(subject), &job::encode(&jobs))
        .with_context(|| format!("{subject} on {}", work.name))?;
    Ok(read(subject, code, work, jobs.len(), lines))
}

/// Why there is no row.
struct Refusal {
    reason: String,
    is_fault: bool,
}

impl Refusal {
    /// The allocator is sound, but this work is not for it.
    fn unable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_fault: false }
    }

    /// The allocator broke something.
    fn fault(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_fault: true }
    }
}

/// Makes a row of the lines of one run.
fn read(
    subject: &str,
    code: CodeBytes,
    work: &Work,
    job_count: usize,
    lines: Vec<Line>,
) -> Result<Row, Refusal> {
    let mut statics = None;
    let mut measured: Option<Measured> = None;
    let mut fills = Vec::new();
    let mut min_arena_bytes = None;
    let mut answered = 0;
    let mut done = false;
    for line in lines {
        answered += usize::from(matches!(
            line,
            Line::Measure(_) | Line::Verify { .. } | Line::Fill { .. } | Line::Fit { .. }
        ));
        match line {
            Line::Hello { name, static_bytes, max_align } => {
                if name != subject {
                    return Err(Refusal::fault(format!("the program calls itself {name}")));
                }
                if max_align < work.steady.max_align() {
                    return Err(Refusal::unable(format!(
                        "it serves alignments up to {max_align} only"
                    )));
                }
                statics = Some(static_bytes);
            }
            Line::Measure(found) => {
                if let Some(reason) = found.failed {
                    return Err(Refusal::unable(reason));
                }
                if found.failed_count > 0 {
                    let reason = format!("{} requests found no memory", found.failed_count);
                    return Err(Refusal::unable(reason));
                }
                measured = Some(*found);
            }
            Line::Verify { failed: Some(reason), op_index: None, .. }
                if is_prototype(subject) && reason.starts_with("it does not start") =>
            {
                return Err(Refusal::unable(reason));
            }
            Line::Verify { failed: Some(reason), op_index, .. } => {
                let place = op_index.map_or_else(String::new, |at| format!(" (operation {at})"));
                return Err(Refusal::fault(format!("{reason}{place}")));
            }
            Line::Verify { failed: None, .. } | Line::Done {} => {
                done |= matches!(line, Line::Done {});
            }
            Line::Fill { failed: Some(reason), .. } | Line::Fit { failed: Some(reason), .. } => {
                return Err(Refusal::unable(reason));
            }
            Line::Fill { live_bytes, .. } => fills.extend(live_bytes),
            Line::Fit { arena_bytes, .. } => min_arena_bytes = arena_bytes,
            Line::Worst(_) => return Err(Refusal::fault("it answered what nobody asked")),
            Line::Error { reason } => return Err(Refusal::fault(reason)),
            Line::Fault { cause, pc, value } => {
                return Err(Refusal::fault(format!(
                    "the core trapped: cause {cause} at {pc:#x}, value {value:#x}"
                )));
            }
            Line::Panic {} => return Err(Refusal::fault("it panicked")),
        }
    }
    let (Some(static_bytes), Some(found), true) = (statics, measured, done) else {
        return Err(Refusal::fault("the program ended early"));
    };
    if answered != job_count || fills.len() != work.growing.len() {
        return Err(Refusal::fault(format!("{answered} of {job_count} jobs were answered")));
    }
    let percent = |live_bytes: f64, bytes: f64| 100.0 * live_bytes / bytes;
    let fill_percent = if fills.is_empty() {
        min_arena_bytes.map(|bytes| percent(work.steady.peak_bytes() as f64, bytes as f64))
    } else {
        let mean = fills.iter().sum::<u64>() as f64 / fills.len() as f64;
        Some(percent(mean, f64::from(work.arena_bytes)))
    };
    Ok(Row::new(
        subject,
        found.alloc(),
        found.free(),
        found.realloc(),
        fill_percent,
        min_arena_bytes,
        code,
        static_bytes + found.arena_control_bytes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: CodeBytes = CodeBytes { speed: 0, small: 0 };

    fn quick() -> Options {
        Options { quick: true, ..Options::default() }
    }

    fn work(name: &str) -> Work {
        let all = workload::all().expect("the traces can be read");
        all.iter().find(|one| one.name == name).expect("it is known").work().expect("it is made")
    }

    #[test]
    fn overlapping_blocks_are_a_fault() {
        let programs = Programs::build_runnable(&[build::FAULTY.to_owned()]).expect("it builds");
        let outcome = one(&quick(), &programs, build::FAULTY, CODE, &work("small"));
        let refusal = outcome.expect("it runs").expect_err("the guard has to see it");
        assert!(refusal.is_fault, "{}", refusal.reason);
        assert!(refusal.reason.contains("overwritten"), "{}", refusal.reason);
    }

    #[test]
    fn two_runs_give_the_same_numbers() {
        let programs = Programs::build_runnable(&["talc".to_owned()]).expect("it builds");
        let run = || {
            let outcome = one(&quick(), &programs, "talc", CODE, &work("vectors"));
            let row = outcome.expect("it runs").map_err(|refusal| refusal.reason);
            serde_json::to_string(&row.expect("talc does this work")).expect("a row is JSON")
        };
        let first = run();
        assert_eq!(first, run());
        let row: serde_json::Value = serde_json::from_str(&first).expect("it was JSON");
        for key in ["alloc_mean", "free_mean", "realloc_mean", "fill_percent"] {
            // Two instructions are the call and the return alone.
            assert!(row[key].as_f64().is_some_and(|mean| mean > 2.0), "{key}: {first}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = choose("workload", &["mixx".to_owned()], vec!["mix", "wide"], |one| one)
            .expect_err("there is none");
        assert_eq!(error.to_string(), "there is no workload `mixx`; there are: mix, wide");
    }
}
