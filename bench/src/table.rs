//! The results as tables for people.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::results::{Results, Row, WorkloadResults};

/// One workload: the fastest first, each with its ratio to the best peer.
pub(crate) fn workload(results: &WorkloadResults) -> String {
    let mut rows: Vec<&Row> = results.allocators.iter().collect();
    rows.sort_by(|a, b| a.pair_mean().total_cmp(&b.pair_mean()));
    let peers = || rows.iter().filter(|row| !row.is_ours());
    let best_pair = peers().map(|row| row.pair_mean()).min_by(f64::total_cmp);
    let best_realloc = peers().filter_map(|row| row.realloc_mean).min_by(f64::total_cmp);
    let best_fill = peers().filter_map(|row| row.fill_percent).max_by(f64::total_cmp);
    let best_arena = peers().filter_map(|row| row.min_arena_bytes).min();
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        results.name.as_str(),
        "alloc mean",
        "p99",
        "max",
        "free mean",
        "p99",
        "max",
        "alloc+free",
        "× best",
        "realloc mean",
        "p99",
        "max",
        "× best",
        "fill %",
        "− best",
        "min arena",
        "× best",
    ]);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    let count = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    let ratio = |value: Option<f64>, best: Option<f64>| match (value, best) {
        (Some(value), Some(best)) if best > 0.0 => format!("{:.2}", value / best),
        _ => String::new(),
    };
    for row in &rows {
        table.add_row([
            row.name.clone(),
            number(row.alloc_mean),
            row.alloc_p99.to_string(),
            row.alloc_max.to_string(),
            number(row.free_mean),
            row.free_p99.to_string(),
            row.free_max.to_string(),
            number(Some(row.pair_mean())),
            ratio(Some(row.pair_mean()), best_pair),
            number(row.realloc_mean),
            count(row.realloc_p99),
            count(row.realloc_max),
            ratio(row.realloc_mean, best_realloc),
            number(row.fill_percent),
            match (row.fill_percent, best_fill) {
                (Some(fill), Some(best)) => format!("{:+.1}", fill - best),
                _ => String::new(),
            },
            count(row.min_arena_bytes),
            ratio(row.min_arena_bytes.map(|bytes| bytes as f64), best_arena.map(|b| b as f64)),
        ]);
    }
    align(&mut table);
    let mut text = table.to_string();
    for failure in &results.failed {
        text.push_str(&format!("\n{}: not measured: {}", failure.name, failure.reason));
    }
    text
}

/// What does not depend on the workload.
pub(crate) fn sizes(results: &Results) -> String {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([
        "bytes",
        "code of alloc + free, \"s\"",
        "at O3",
        "control",
    ]);
    let mut seen: Vec<&str> = Vec::new();
    for row in results.workloads.iter().flat_map(|workload| &workload.allocators) {
        if !seen.contains(&row.name.as_str()) {
            seen.push(&row.name);
            table.add_row([
                row.name.clone(),
                row.code_bytes.to_string(),
                row.code_bytes_o3.to_string(),
                row.control_bytes.to_string(),
            ]);
        }
    }
    align(&mut table);
    table.to_string()
}

/// Names to the left, numbers to the right.
fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
