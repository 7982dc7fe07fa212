//! Speed against fill, as a picture for a README.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use crate::results::{Results, Row, WorkloadResults};

/// The workloads drawn, one panel each.
const PANELS: [&str; 3] = ["small", "mix", "wide"];

/// The size of a panel, and the frame of its plot inside.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 42.0;

/// The axes: instructions of an allocation and a free, by logarithm; fill in percent.
const COST: (f64, f64) = (40.0, 1600.0);
const FILL: (f64, f64) = (40.0, 100.0);

/// Draws the panels side by side.
///
/// # Errors
/// When the results hold none of the workloads that are drawn.
pub(crate) fn draw(results: &Results) -> Result<String> {
    let panels: Vec<&WorkloadResults> =
        results.workloads.iter().filter(|one| PANELS.contains(&one.name.as_str())).collect();
    ensure!(!panels.is_empty(), "the picture shows {}: measure one of them", PANELS.join(", "));
    let width = WIDTH * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"10\" fill=\"#333\">\n\
         <title>Instructions of an allocation and a free against the fill of the memory</title>\n\
         <rect width=\"{width}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        writeln!(svg, "<g transform=\"translate({},0)\">", index as f64 * WIDTH)?;
        draw_panel(&mut svg, panel)?;
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn x_of(cost: f64) -> f64 {
    let part = (cost.clamp(COST.0, COST.1) / COST.0).ln() / (COST.1 / COST.0).ln();
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

fn y_of(fill: f64) -> f64 {
    let part = (fill.clamp(FILL.0, FILL.1) - FILL.0) / (FILL.1 - FILL.0);
    HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
}

fn draw_panel(svg: &mut String, panel: &WorkloadResults) -> Result<()> {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    writeln!(
        svg,
        "<text x=\"{}\" y=\"18\" text-anchor=\"middle\" font-size=\"13\">{}</text>",
        f64::midpoint(LEFT, right),
        panel.name
    )?;
    for cost in [50.0, 100.0, 200.0, 400.0, 800.0, 1600.0] {
        let x = x_of(cost);
        writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#eee\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{cost}</text>",
            bottom + 14.0
        )?;
    }
    for fill in [40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0] {
        let y = y_of(fill);
        writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#eee\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{fill} %</text>",
            LEFT - 5.0,
            y + 3.5
        )?;
    }
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">instructions, alloc + free (less is better)\
         </text>",
        f64::midpoint(LEFT, right),
        bottom + 32.0
    )?;
    let mut rows: Vec<(f64, &Row)> =
        panel.allocators.iter().filter_map(|row| Some((row.fill_percent?, row))).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Ours first: their labels stay next to their dots.
    rows.sort_by_key(|(_, row)| !row.is_ours());
    let dots: Vec<(f64, f64)> =
        rows.iter().map(|(fill, row)| (x_of(row.pair_mean()), y_of(*fill))).collect();
    let mut labels: Vec<(f64, f64, f64)> = Vec::new();
    for (fill_percent, row) in rows {
        let (x, y) = (x_of(row.pair_mean()), y_of(fill_percent));
        let (colour, weight) =
            if row.is_ours() { ("#c0392b", "bold") } else { ("#4a6fa5", "normal") };
        let width = row.name.len() as f64 * 5.6;
        let to_left = x + 7.0 + width > right;
        let start = if to_left { x - 7.0 - width } else { x + 7.0 };
        // The nearest height at which the label lies on no dot and no earlier label.
        let is_free = |at: f64| {
            let crosses = |from: f64, to: f64| from < start + width && start < to;
            let on_dot =
                |&(x, y): &(f64, f64)| crosses(x - 4.0, x + 4.0) && (y + 3.5 - at).abs() < 7.0;
            let on_label = |&(from, to, height): &(f64, f64, f64)| {
                crosses(from, to) && (height - at).abs() < 10.0
            };
            !dots.iter().any(on_dot) && !labels.iter().any(on_label)
        };
        let steps = (0..60).flat_map(|step| [f64::from(step), -f64::from(step)]);
        let at = steps.map(|step| y + 3.5 + step).find(|&at| is_free(at)).unwrap_or(y + 3.5);
        labels.push((start, start + width, at));
        writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\
             <text x=\"{start:.1}\" y=\"{at:.1}\" fill=\"{colour}\" font-weight=\"{weight}\">{}</text>",
            row.name
        )?;
    }
    Ok(())
}
