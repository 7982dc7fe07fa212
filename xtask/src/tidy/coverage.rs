//! `docs/coverage.md` names every behaviour owed, and what it names is there.

use std::collections::BTreeMap;

use regex::Regex;

use super::Fault;

/// The rows owed: a letter, and how many there are.
const ROWS: [(char, usize); 7] =
    [('M', 19), ('K', 16), ('F', 10), ('L', 9), ('D', 9), ('C', 7), ('X', 16)];

/// Holds the page to the rows owed, and each row that says `done` to a test that exists.
///
/// `read` returns the text of a file of the tree, by its path.
///
/// # Panics
/// Never: the pattern is a constant that a test compiles.
#[must_use]
pub fn check(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<Fault> {
    let named =
        Regex::new(r"`([\w./-]+\.(?:rs|c|cpp))::(\w+)`").expect("the pattern is a constant");
    let mut rows = BTreeMap::new();
    let mut faults = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [row, _behaviour, answer, test, status] = cells[..] else { continue };
        if !is_row(row) {
            continue;
        }
        if rows.insert(row.to_owned(), ()).is_some() {
            faults.push(format!("{row}: stands there twice"));
        }
        let tests: Vec<_> = named.captures_iter(test).collect();
        match status {
            "open" => {}
            "done" | "part" if tests.is_empty() || answer.is_empty() => {
                faults.push(format!("{row}: says {status} and names no answer or no test"));
            }
            "done" | "part" => {}
            other => faults.push(format!("{row}: the status is done, part or open, not `{other}`")),
        }
        for found in tests {
            let (file, test) = (&found[1], &found[2]);
            // In C a test is a function without arguments, or the whole program.
            let head = match file.ends_with(".rs") {
                true => format!("fn {test}("),
                false => format!(" {test}(void)"),
            };
            if !read(file).is_some_and(|text| text.contains(&head)) {
                faults.push(format!("{row}: there is no `{}` in {file}", head.trim()));
            }
        }
    }
    for (letter, count) in ROWS {
        for number in 1..=count {
            let row = format!("{letter}{number}");
            if !rows.contains_key(&row) {
                faults.push(format!("{row}: is not on the page"));
            }
        }
    }
    faults
}

fn is_row(cell: &str) -> bool {
    let mut letters = cell.chars();
    let letter = letters.next();
    ROWS.iter().any(|(known, _)| Some(*known) == letter) && letters.as_str().parse::<u32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_open() -> String {
        let mut page = String::new();
        for (letter, count) in ROWS {
            for number in 1..=count {
                page.push_str(&format!("| {letter}{number} | does it |  |  | open |\n"));
            }
        }
        page
    }

    fn read(path: &str) -> Option<String> {
        (path == "a/b.rs").then(|| "#[test]\nfn it_does() {}".to_owned())
    }

    #[test]
    fn a_full_page_passes() {
        assert_eq!(check(&all_open(), read), Vec::<Fault>::new());
        let done = all_open().replace(
            "| M1 | does it |  |  | open |",
            "| M1 | does it | `A` | `a/b.rs::it_does` | done |",
        );
        assert_eq!(check(&done, read), Vec::<Fault>::new());
    }

    #[test]
    fn a_missing_or_doubled_row_is_a_fault() {
        let page = all_open();
        assert_eq!(check(&page.replace("| K7 ", "| - "), read), ["K7: is not on the page"]);
        assert_eq!(check(&(page + "| K7 | x |  |  | open |\n"), read), ["K7: stands there twice"]);
    }

    #[test]
    fn done_without_a_test_is_a_fault() {
        let row = |new: &str| all_open().replace("| F2 | does it |  |  | open |", new);
        for (bad, needle) in [
            ("| F2 | does it | `A` |  | done |", "names no answer or no test"),
            ("| F2 | does it |  | `a/b.rs::it_does` | done |", "names no answer or no test"),
            (
                "| F2 | does it | `A` | `a/b.rs::it_does_not` | done |",
                "there is no `fn it_does_not(`",
            ),
            ("| F2 | does it | `A` | `gone.rs::it_does` | part |", "there is no"),
            ("| F2 | does it | `A` | `a/b.rs::it_does` | nearly |", "the status is"),
        ] {
            assert!(check(&row(bad), read).join("").contains(needle), "{bad}");
        }
    }
}
