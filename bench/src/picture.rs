//! Speed against fill, as a picture for a README.

mod labels;

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use crate::results::{Results, Row, WorkloadResults};
use labels::{Label, Point, Rect};

/// The workloads drawn, one panel each, and what they are called there.
const PANELS: [(&str, &str); 3] = [
    ("small", "Small: 1 to 64 bytes"),
    ("mix", "Mix: mostly 8 to 135 bytes, some to 2 KB"),
    ("wide", "Wide: half 1 to 64 bytes, half 1 to 1000"),
];

/// The size of a panel, and the frame of its plot inside.
const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 350.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;

/// Where the axes begin: instructions of an allocation and a free, by logarithm; fill in percent.
const COST_FROM: f64 = 32.0;
const FILL: (f64, f64) = (40.0, 100.0);

/// Room for labels above a hundred percent.
const HEADROOM: f64 = 22.0;

/// Half of a dot, and the height of a label.
const DOT: f64 = 4.5;
const LABEL_HEIGHT: f64 = 12.0;

/// Colours by name, so that a reader's dark page gets dark paper.
const STYLE: &str = "<style>\
    svg{--paper:#fff;--ink:#222;--faint:#8a8a8a;--grid:#ececec;--ours:#b8341b;--peer:#2f5d92}\
    @media(prefers-color-scheme:dark){svg{--paper:#15181c;--ink:#e4e4e4;--faint:#8d949c;\
    --grid:#2a2f36;--ours:#ff8a5c;--peer:#8fbdf2}}\
    .paper{fill:var(--paper)}text{fill:var(--ink)}.axis{fill:var(--faint)}.title{font-size:14px}\
    .grid{stroke:var(--grid)}.lead{stroke:var(--faint);stroke-width:.7}\
    .ours{fill:var(--ours);font-weight:600}.peer{fill:var(--peer)}\
    </style>";

/// Draws the panels, one below the other.
///
/// # Errors
/// When the results hold none of the workloads that are drawn.
pub(crate) fn draw(results: &Results) -> Result<String> {
    let panels: Vec<(&WorkloadResults, &str)> = PANELS
        .iter()
        .filter_map(|(name, title)| {
            Some((results.workloads.iter().find(|one| one.name == *name)?, *title))
        })
        .collect();
    let names = PANELS.map(|(name, _)| name).join(", ");
    ensure!(!panels.is_empty(), "the picture shows {names}: measure one of them");
    let costs = panels.iter().flat_map(|(panel, _)| &panel.allocators).map(Row::pair_mean);
    let dearest = costs.fold(COST_FROM * 2.0, f64::max);
    let axes = Axes { cost_to: dearest.log2().ceil().exp2() };
    let height = HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui,sans-serif\" font-size=\"11\">\n\
         <title>Instructions of an allocation and a free against the fill of the memory</title>\n\
         {STYLE}\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n"
    );
    for (index, (panel, title)) in panels.iter().enumerate() {
        writeln!(svg, "<g transform=\"translate(0,{})\">", index as f64 * HEIGHT)?;
        draw_axes(&mut svg, axes, title)?;
        draw_rows(&mut svg, axes, panel)?;
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// Where a value is in a panel.
#[derive(Clone, Copy)]
struct Axes {
    cost_to: f64,
}

impl Axes {
    fn x_of(self, cost: f64) -> f64 {
        let part = (cost.clamp(COST_FROM, self.cost_to) / COST_FROM).ln()
            / (self.cost_to / COST_FROM).ln();
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y_of(self, fill: f64) -> f64 {
        let part = (fill.clamp(FILL.0, FILL.1) - FILL.0) / (FILL.1 - FILL.0);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - HEADROOM - BOTTOM)
    }
}

fn draw_axes(svg: &mut String, axes: Axes, title: &str) -> Result<()> {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>")?;
    writeln!(
        svg,
        "<text class=\"axis\" x=\"{right}\" y=\"22\" text-anchor=\"end\">better: up and to the left\
         </text>"
    )?;
    let mut cost = COST_FROM;
    while cost <= axes.cost_to {
        let x = axes.x_of(cost);
        writeln!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/><text class=\"axis\" \
             x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{cost}</text>",
            bottom + 15.0
        )?;
        cost *= 2.0;
    }
    for step in 0..=6 {
        let fill = FILL.0 + f64::from(step) * 10.0;
        let y = axes.y_of(fill);
        writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"axis\" x=\"{}\" \
             y=\"{:.1}\" text-anchor=\"end\">{fill} %</text>",
            LEFT - 6.0,
            y + 4.0
        )?;
    }
    writeln!(
        svg,
        "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">instructions of an \
         allocation and a free, mean, against how full the memory gets</text>",
        f64::midpoint(LEFT, right),
        bottom + 33.0
    )?;
    Ok(())
}

fn draw_rows(svg: &mut String, axes: Axes, panel: &WorkloadResults) -> Result<()> {
    let mut rows: Vec<(f64, &Row)> =
        panel.allocators.iter().filter_map(|row| Some((row.fill_percent?, row))).collect();
    let point = |fill, row: &Row| Point { x: axes.x_of(row.pair_mean()), y: axes.y_of(fill) };
    let points: Vec<Point> = rows.iter().map(|&(fill, row)| point(fill, row)).collect();
    // Ours first: their labels stay next to their dots. Then those in a crowd, which have least
    // choice.
    rows.sort_by_key(|&(fill, row)| {
        let at = point(fill, row);
        let near = |other: &&Point| (other.x - at.x).abs() < 120.0 && (other.y - at.y).abs() < 30.0;
        (!row.is_ours(), std::cmp::Reverse(points.iter().filter(near).count()))
    });
    let dots: Vec<Point> = rows.iter().map(|&(fill, row)| point(fill, row)).collect();
    let widths: Vec<f64> = rows.iter().map(|(_, row)| width_of(&row.name)).collect();
    let frame = Rect { left: LEFT, top: TOP, right: WIDTH - RIGHT, bottom: HEIGHT - BOTTOM };
    let labels = labels::place(&dots, &widths, LABEL_HEIGHT, DOT, frame);
    for ((&dot, label), (_, row)) in dots.iter().zip(&labels).zip(&rows) {
        let Label { rect, lead } = label;
        let class = if row.is_ours() { "ours" } else { "peer" };
        if let Some(end) = lead {
            writeln!(
                svg,
                "<path class=\"lead\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
                dot.x, dot.y, end.x, end.y
            )?;
        }
        writeln!(
            svg,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{DOT}\"/><text \
             class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\">{}</text>",
            dot.x,
            dot.y,
            rect.left,
            rect.bottom - 3.0,
            rect.right - rect.left,
            row.name
        )?;
    }
    Ok(())
}

/// About what a name takes in any plain font; the labels are set to exactly that.
fn width_of(name: &str) -> f64 {
    let widths = name.chars().map(|letter| match letter {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' => 4.3,
        'm' | 'w' => 9.6,
        _ => 6.5,
    });
    widths.sum()
}
