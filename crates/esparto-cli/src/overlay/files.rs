//! Files that are written: only when they change, so that what is built from them is built once.

use std::fs;
use std::path::Path;

use crate::Failure;

/// Writes `bytes` to `file`, unless it has them already; says whether it wrote.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<bool, Failure> {
    let is_same_len = fs::metadata(file).is_ok_and(|old| old.len() == bytes.len() as u64);
    if is_same_len && fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    fs::write(file, bytes).map_err(|error| Failure::io("write", file, error))?;
    Ok(true)
}
