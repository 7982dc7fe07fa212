//! The size of rooms.

use super::Fault;

/// A file past this many lines is asking to be two.
pub const MAX_LINES: usize = 600;

/// Files that may be longer, each with the reason.
pub const LONG_FILES: [(&str, &str); 0] = [];

/// Holds `files` (path, text) to the limit, and the list of exceptions to what is still true.
#[must_use]
pub fn check(files: &[(String, String)], exceptions: &[(&str, &str)]) -> Vec<Fault> {
    let is_long = |text: &str| text.lines().count() > MAX_LINES;
    let excepted = |path: &str| exceptions.iter().any(|(exception, _)| *exception == path);
    let mut faults: Vec<Fault> = files
        .iter()
        .filter(|(path, text)| path.ends_with(".rs") && is_long(text) && !excepted(path))
        .map(|(path, text)| {
            format!(
                "{path}: {} lines; past {MAX_LINES} a room is asking to be two",
                text.lines().count()
            )
        })
        .collect();
    for (exception, _) in exceptions {
        if !files.iter().any(|(path, text)| path == exception && is_long(text)) {
            faults.push(format!("{exception}: no longer long; take it off the list in rooms.rs"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, line_count: usize) -> Vec<(String, String)> {
        vec![(path.to_owned(), "\n".repeat(line_count))]
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        assert!(check(&file("a.rs", MAX_LINES), &[]).is_empty());
        assert_eq!(check(&file("a.rs", MAX_LINES + 1), &[]).len(), 1);
        assert!(check(&file("a.rs", MAX_LINES + 1), &[("a.rs", "a table")]).is_empty());
        assert!(check(&file("a.md", MAX_LINES + 1), &[]).is_empty());
    }

    #[test]
    fn a_stale_exception_is_a_fault() {
        assert_eq!(check(&file("a.rs", 3), &[("a.rs", "a table")]).len(), 1);
        assert_eq!(check(&[], &[("gone.rs", "a table")]).len(), 1);
    }
}
