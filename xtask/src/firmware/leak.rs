//! The leaking program and the mended one: their lines are those documented for them.

use anyhow::{Context, Result, bail, ensure};

/// What a round asks for.
const BLOCK_BYTES: usize = 4096;

/// Holds what the program `bin` said to its documented lines; other programs have none.
pub(crate) fn hold(bin: &str, lines: &[String]) -> Result<()> {
    match bin {
        "leaking" => leaking(lines),
        "fixed" => fixed(lines),
        _ => Ok(()),
    }
}

/// A round: the free bytes before the request, and after it if there were any.
struct Round {
    before_bytes: usize,
    after_bytes: Option<usize>,
}

/// Each round is `2`, the room on the stack in words, the free bytes before, and those after it
/// unless there was not enough.
fn rounds(lines: &[String]) -> Result<(Vec<Round>, &[String])> {
    let number = |line: Option<&String>, before: &str, after: &str| {
        let number = line?.strip_prefix(before)?.strip_suffix(after)?;
        number.parse::<usize>().ok()
    };
    let mut rounds = Vec::new();
    let mut rest = lines;
    while let [first, others @ ..] = rest
        && first == "2"
    {
        number(others.first(), "Remaining Stack Memory ", " (words)")
            .with_context(|| format!("round {} tells no stack", rounds.len()))?;
        let before_bytes = number(others.get(1), "Heap before malloc ", " (bytes)")
            .with_context(|| format!("round {} tells no heap", rounds.len()))?;
        let after_bytes = number(others.get(2), "Heap after malloc ", " (bytes)");
        rest = &others[2 + usize::from(after_bytes.is_some())..];
        rounds.push(Round { before_bytes, after_bytes });
    }
    ensure!(rounds.len() > 1, "there are {} rounds", rounds.len());
    Ok((rounds, rest))
}

fn leaking(lines: &[String]) -> Result<()> {
    let (rounds, rest) = rounds(lines)?;
    let (last, full) = rounds.split_last().context("there are rounds")?;
    for round in full {
        let after_bytes = round.after_bytes.context("a round in the middle found no heap")?;
        let taken_bytes = round.before_bytes.checked_sub(after_bytes);
        let taken_bytes = taken_bytes.context("a round gave something back")?;
        ensure!(taken_bytes >= BLOCK_BYTES, "a round took {taken_bytes} bytes");
    }
    ensure!(last.after_bytes.is_none(), "the last round found heap");
    for needle in ["Not enough heap.", "leak/src/bin/leaking.rs:"] {
        let is_told = rest.iter().any(|line| line.contains(needle));
        ensure!(is_told, "`{needle}` is in no line");
    }
    Ok(())
}

fn fixed(lines: &[String]) -> Result<()> {
    let (rounds, rest) = rounds(lines)?;
    let flat_bytes = rounds[0].before_bytes;
    for Round { before_bytes, after_bytes } in &rounds {
        if (*before_bytes, *after_bytes) != (flat_bytes, Some(flat_bytes)) {
            bail!("free bytes went from {flat_bytes} to {before_bytes} and {after_bytes:?}");
        }
    }
    let is_told = rest.iter().any(|line| line == "Live blocks by site: none");
    ensure!(is_told, "the report of leaks is not there, or not empty");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn round(before_bytes: usize, after_bytes: usize) -> String {
        format!(
            "2\nRemaining Stack Memory 9 (words)\nHeap before malloc {before_bytes} (bytes)\n\
             Heap after malloc {after_bytes} (bytes)\n"
        )
    }

    #[test]
    fn a_leak_goes_down_to_the_end_and_names_its_line() {
        let start = round(9000, 4904) + "2\nRemaining Stack Memory 9 (words)\n";
        let end = "Not enough heap.\n  leak/src/bin/leaking.rs:20: 1 block\n";
        let good = format!("{start}Heap before malloc 4904 (bytes)\n{end}");
        assert!(hold("leaking", &lines(&good)).is_ok());
        for bad in [
            good.replace("4904", "9004"),
            good.replace("4904", "8904"),
            good.replace("Remaining", "Left"),
            good.replace("Not enough heap.", ""),
            good.replace("leaking.rs", "lib.rs"),
            round(9000, 4904) + &round(4904, 808) + end,
            String::new(),
        ] {
            assert!(hold("leaking", &lines(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_mended_one_stays_flat() {
        let flat = round(9000, 9000).repeat(3) + "Live blocks by site: none\n";
        assert!(hold("fixed", &lines(&flat)).is_ok());
        for bad in [
            round(9000, 8999) + &flat,
            round(8999, 8999) + &flat,
            flat.replace("none", "one"),
            String::new(),
        ] {
            assert!(hold("fixed", &lines(&bad)).is_err(), "{bad}");
        }
    }
}
