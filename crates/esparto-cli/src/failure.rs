//! How a command ends badly.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How the command ended; the help of every command lists the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The input was judged bad: an unknown chip, a damaged file.
    BadInput = 1,
    /// The command line was wrong (clap's own number).
    Usage = 2,
    /// A file could not be read or written.
    Io = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: what is wrong, where, and what mends it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    what: String,
    file: Option<PathBuf>,
    line: Option<usize>,
    offset_bytes: Option<u64>,
    mend: Option<String>,
    io: Option<io::Error>,
}

impl Failure {
    /// The input is bad. `what` names the expected and the actual.
    pub fn bad_input(what: impl fmt::Display) -> Self {
        Self::new(Exit::BadInput, what.to_string())
    }

    /// The arguments contradict one another in a way that clap cannot see.
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, what.to_string())
    }

    /// A file could not be read or written; `doing` is the verb: "read", "write".
    #[must_use]
    pub fn io(doing: &str, file: &Path, error: io::Error) -> Self {
        Self { io: Some(error), ..Self::new(Exit::Io, format!("cannot {doing}")) }.in_file(file)
    }

    fn new(exit: Exit, what: String) -> Self {
        Self { exit, what, file: None, line: None, offset_bytes: None, mend: None, io: None }
    }

    /// Names the file.
    #[must_use]
    pub fn in_file(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    /// Names the line of the file, from 1.
    #[must_use]
    pub fn at_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// Names the place in the file.
    #[must_use]
    pub fn at_offset(self, offset_bytes: u64) -> Self {
        Self { offset_bytes: Some(offset_bytes), ..self }
    }

    /// Says what mends it, as an instruction.
    #[must_use]
    pub fn mend(self, mend: impl fmt::Display) -> Self {
        Self { mend: Some(mend.to_string()), ..self }
    }

    /// How the command exits.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What the operating system said, if it was asked.
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.io.as_ref().map(io::Error::kind)
    }

    /// The failure for programs:
    /// `{"error": {"exit_code", "what", "file", "line", "offset_bytes", "mend"}}`, absent parts null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": {
            "exit_code": self.exit as u8,
            "what": self.described(),
            "file": self.file.as_ref().map(|file| file.display().to_string()),
            "line": self.line,
            "offset_bytes": self.offset_bytes,
            "mend": self.mend,
        }})
    }

    fn described(&self) -> String {
        match &self.io {
            Some(error) => format!("{}: {error}", self.what),
            None => self.what.clone(),
        }
    }
}

/// Writes `FILE:LINE: at byte OFFSET: WHAT`, and the mend on a line of its own.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if let Some(offset) = self.offset_bytes {
            write!(f, "at byte {offset} ({offset:#x}): ")?;
        }
        f.write_str(&self.described())?;
        match &self.mend {
            Some(mend) => write!(f, "\n  mend: {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io.as_ref().map(|error| error as _)
    }
}

/// Output that could not be written; a command names its own files with [`Failure::io`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { io: Some(error), ..Self::new(Exit::Io, "cannot write the output".to_owned()) }
    }
}
