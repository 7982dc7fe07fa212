//! The map as one HTML page without script: a bar for each memory, then the tables.

use maud::{Markup, html};

use super::Map;
use super::account::{Area, KINDS, Kind};
use crate::document::document;

const STYLE: &str = "
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: right; padding: .2rem .5rem; }
td:first-child, th:first-child, td.text, th.text { text-align: left; overflow-wrap: anywhere; }
tr:nth-child(even) { background: color-mix(in srgb, currentColor 6%, transparent); }
svg { width: 100%; height: 1.6rem; display: block; } i { display: inline-block; width: .8rem; height: .8rem; }
";

fn color(kind: Kind) -> &'static str {
    match kind {
        Kind::Code => "#3b6fb6",
        Kind::Constants => "#6aa5d8",
        Kind::Data => "#c2722c",
        Kind::Bss => "#e3a857",
        Kind::Stack => "#7d5ba6",
        Kind::Heap => "#4f9d69",
        Kind::Overlay => "#b2456e",
        Kind::Reserved => "#8a8a8a",
        Kind::Unexplained => "#d64545",
        Kind::Left => "#d9d9d9",
    }
}

/// The page as text.
pub(crate) fn page(map: &Map) -> String {
    let title = format!("Esparto · {}", map.file.display());
    let account = &map.account;
    let body = html! {
        h1 { (title) }
        p { @for kind in KINDS { i style={ "background:" (color(kind)) } {} " " (kind.name()) "  " } }
        @for area in &account.areas { h3 { (area.name) " · " (area.len_bytes) " bytes" } (bar(area)) }
        h2 { "Bytes" }
        table {
            tr { th { "memory" } @for kind in KINDS { th { (kind.name()) } } th { "total" } }
            @for area in account.rows() {
                tr {
                    td { (area.name) }
                    @for kind in KINDS { td { (area.bytes.of(kind)) } }
                    td { (area.len_bytes) }
                }
            }
        }
        h2 { "Sections" }
        table {
            tr { th { "section" } th { "address" } th { "bytes" } th.text { "kind" } th.text { "memory" } }
            @for section in &account.sections {
                tr {
                    td { (section.name) }
                    td { (format!("{:#010x}", section.addr)) }
                    td { (section.len_bytes) }
                    td.text { (section.kind.name()) }
                    td.text { (section.area) }
                }
            }
        }
        h2 { "Largest symbols" }
        table {
            tr { th { "symbol" } th { "address" } th { "bytes" } th.text { "kind" } th.text { "declared" } th.text { "memory" } th.text { "source" } }
            @for symbol in &map.symbols {
                tr {
                    td { (symbol.name) }
                    td { (format!("{:#010x}", symbol.addr)) }
                    td { (symbol.len_bytes) }
                    td.text { (symbol.kind.name()) }
                    td.text { (symbol.storage.name()) }
                    td.text { (symbol.area) }
                    td.text { (symbol.location.as_deref().unwrap_or("")) }
                }
            }
        }
    };
    document(&title, STYLE, &body)
}

/// A bar whose parts are as long as the bytes of each kind.
fn bar(area: &Area) -> Markup {
    let scale = 1000.0 / area.len_bytes.max(1) as f64;
    let mut from = 0;
    let mut parts = Vec::new();
    for kind in KINDS {
        let bytes = area.bytes.of(kind);
        if bytes != 0 {
            parts.push((kind, bytes, from as f64 * scale, bytes as f64 * scale));
        }
        from += bytes;
    }
    html! {
        svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" {
            @for (kind, bytes, x, width) in parts {
                rect x=(format!("{x:.3}")) width=(format!("{width:.3}")) height="10" fill=(color(kind)) {
                    title { (kind.name()) " " (bytes) " bytes" }
                }
            }
        }
    }
}
