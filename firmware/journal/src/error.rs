//! What can go wrong.

use core::fmt;

/// Why there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// The report could not be built or read back.
    Report,
    /// The packed report does not unpack to what was packed.
    Unpack,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "the JSON report does not read back as written",
            Self::Unpack => "the packed log does not unpack to what was packed",
        })
    }
}

impl core::error::Error for JournalError {}
