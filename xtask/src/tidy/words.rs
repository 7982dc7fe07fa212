//! Words that have no place in the tree, and links that lead nowhere.

use std::path::Path;

use regex::Regex;

use super::Fault;

/// Patterns and why they are not wanted. Each is written so that it does not match itself.
const UNWANTED: [(&str, &str); 8] = [
    (r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b", "do it now or say in docs/coverage.md that it is open"),
    (r"\bdbg[!]\(|\btodo[!]\(|\bunimplemented[!]\(", "left over from writing"),
    (r"(?i)\bissues? #?[0-9]+|\bissues? show\b", "the project speaks of itself alone"),
    (r"(^|[^\w.])/wo[r]k/|/tm[p]/w\b|/roo[t]/", "a path of one machine"),
    (r"(?i)\b(ac{2}eptance|desig[n])\.m[d]\b|\bfac[t]s/\w", "a document that is not in this tree"),
    (
        r"(?i)\b(sub-?agent|co[-]?pilot|lang[u]age model|A[I] assistant)\b",
        "the project speaks of itself alone",
    ),
    (r"(?i)\bthis is a mo[c]k\b|\bplaceh[o]lder\b", "the real thing or nothing"),
    (r"https?://[\w.-]*(regist[r]y|mirr[o]r|artifact[o]ry)[\w.-]*/", "a host of a registry"),
];

/// Looks for unwanted words in `files` (path, text).
///
/// # Panics
/// Never: the patterns are constants that a test compiles.
#[must_use]
pub fn check(files: &[(String, String)]) -> Vec<Fault> {
    let patterns = UNWANTED
        .map(|(pattern, why)| (Regex::new(pattern).expect("the pattern is a constant"), why));
    let mut faults = Vec::new();
    for (path, text) in files {
        for (number, line) in text.lines().enumerate() {
            for (pattern, why) in &patterns {
                if let Some(found) = pattern.find(line) {
                    faults.push(format!("{path}:{}: `{}`: {why}", number + 1, found.as_str()));
                }
            }
        }
    }
    faults
}

/// Looks for relative links in Markdown that name no file or folder, asking `exists`.
///
/// # Panics
/// Never: the pattern is a constant that a test compiles.
#[must_use]
pub fn check_links(files: &[(String, String)], exists: impl Fn(&Path) -> bool) -> Vec<Fault> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("the pattern is a constant");
    let mut faults = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        for found in link.captures_iter(text) {
            let whole = &found[1];
            let target = whole.split('#').next().unwrap_or(whole);
            let is_remote = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !is_remote && !exists(&folder.join(target)) {
                faults.push(format!("{path}: the link to `{target}` leads nowhere"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(line: &str) -> usize {
        check(&[("x.rs".to_owned(), line.to_owned())]).len()
    }

    #[test]
    fn unwanted_words_are_found() {
        let bad = [
            ["// TO", "DO: later"].concat(),
            ["see iss", "ue #7"].concat(),
            ["cd /wo", "rk/main"].concat(),
            ["as fac", "ts/chips.md says"].concat(),
            ["dbg", "!(x)"].concat(),
            ["a placeh", "older"].concat(),
            ["https://some-mirr", "or.example.org/crates"].concat(),
        ];
        for line in bad {
            assert_eq!(faults(&line), 1, "{line}");
        }
    }

    #[test]
    fn ordinary_words_pass() {
        for line in [
            "// the issue is the alias",
            "let workload = network();",
            "https://github.com/rust-lang/crates.io-index",
            "a design document",
        ] {
            assert_eq!(faults(line), 0, "{line}");
        }
    }

    #[test]
    fn a_dead_link_is_found() {
        let text = "[a](there.md#part) [b](gone.md) [c](https://example.org) [d](#here)";
        let files = [("docs/x.md".to_owned(), text.to_owned())];
        let faults = check_links(&files, |path| path == Path::new("docs/there.md"));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("gone.md"));
    }
}
