//! From a name to a chip.

use core::fmt;

use crate::{CHIPS, Chip};

/// The longest name that is compared, in bytes without separators. Longer ones are unknown.
const MAX_NAME_BYTES: usize = 16;

/// How many edits apart a name may be to be offered as the nearest.
const MAX_EDIT_COUNT: u8 = 2;

/// Finds a chip by name: upper or lower case, with or without dashes, underscores and spaces.
///
/// ```
/// assert_eq!(esparto_chips::find("ESP32-S3")?.name, "esp32s3");
/// let unknown = esparto_chips::find("esp32s9").unwrap_err();
/// assert_eq!(unknown.nearest.map(|chip| chip.name), Some("esp32s2"));
/// # Ok::<(), esparto_chips::UnknownChip>(())
/// ```
///
/// # Errors
/// [`UnknownChip`] with the nearest name.
pub fn find(name: &str) -> Result<&'static Chip, UnknownChip<'_>> {
    let plain = Plain::of(name);
    CHIPS
        .iter()
        .find(|chip| plain.as_ref().is_some_and(|plain| plain.as_bytes() == chip.name.as_bytes()))
        .ok_or_else(|| UnknownChip { name, nearest: plain.and_then(|plain| nearest(&plain)) })
}

/// No chip has this name. The message lists the names there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownChip<'n> {
    /// The name that was asked for.
    pub name: &'n str,
    /// The chip whose name is nearest, if one is near.
    pub nearest: Option<&'static Chip>,
}

impl fmt::Display for UnknownChip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown chip {:?}", self.name)?;
        if let Some(nearest) = self.nearest {
            write!(f, " (did you mean {}?)", nearest.name)?;
        }
        f.write_str("; known:")?;
        for (index, chip) in CHIPS.iter().enumerate() {
            write!(f, "{} {}", if index == 0 { "" } else { "," }, chip.name)?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownChip<'_> {}

/// A name in lower case without separators.
struct Plain {
    bytes: [u8; MAX_NAME_BYTES],
    len: usize,
}

impl Plain {
    /// `None` if the name is longer than any that is compared.
    fn of(name: &str) -> Option<Self> {
        let mut plain = Self { bytes: [0; MAX_NAME_BYTES], len: 0 };
        for byte in name.bytes().filter(|byte| !matches!(byte, b'-' | b'_' | b' ')) {
            *plain.bytes.get_mut(plain.len)? = byte.to_ascii_lowercase();
            plain.len += 1;
        }
        Some(plain)
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The chip whose name ends like `plain` (`s3`), else the one the fewest edits away; the first
/// of equals.
fn nearest(plain: &Plain) -> Option<&'static Chip> {
    let asked = plain.as_bytes();
    let by_ending = |chip: &&Chip| asked.len() >= 2 && chip.name.as_bytes().ends_with(asked);
    if let Some(chip) = CHIPS.iter().find(by_ending) {
        return Some(chip);
    }
    let (chip, edit_count) = CHIPS
        .iter()
        .map(|chip| (chip, edits_between(asked, chip.name.as_bytes())))
        .min_by_key(|&(_, edit_count)| edit_count)?;
    (edit_count <= MAX_EDIT_COUNT).then_some(chip)
}

/// The Levenshtein distance. `right` is at most [`MAX_NAME_BYTES`] long.
fn edits_between(left: &[u8], right: &[u8]) -> u8 {
    let mut row = [0_u8; MAX_NAME_BYTES + 1];
    for (column, cell) in (0..).zip(&mut row) {
        *cell = column;
    }
    for (edits_above, &from) in (1..).zip(left) {
        let mut diagonal = row[0];
        row[0] = edits_above;
        for (column, &to) in right.iter().enumerate() {
            let above = row[column + 1];
            let replaced = diagonal + u8::from(from != to);
            row[column + 1] = replaced.min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}
