//! A trace on disk, read record by record with a progress bar.

use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use esparto_trace::{Chunks, Decoder, Header, Mode, ReadError, Record, Skipped};
use indicatif::{ProgressBar, ProgressBarIter, ProgressDrawTarget, ProgressStyle};

use crate::Failure;

/// Shorter files are read before a bar could be looked at.
const LONG_BYTES: u64 = 4 << 20;

/// An open trace.
pub(crate) struct TraceFile {
    path: PathBuf,
    len_bytes: u64,
    decoder: Decoder<Chunks<ProgressBarIter<File>>>,
    bar: ProgressBar,
}

impl TraceFile {
    /// Opens `path` and reads its header. Lenient reading goes on after damage.
    ///
    /// # Errors
    /// The file cannot be read or is not a trace.
    pub(crate) fn open(path: &Path, lenient: bool) -> Result<Self, Failure> {
        let unreadable = |error| {
            Failure::io("read", path, error).mend("give the path of a trace that a device recorded")
        };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let len_bytes = metadata.len();
        let bar = progress_bar(len_bytes);
        let mode = if lenient { Mode::Lenient } else { Mode::Strict };
        let decoder = Decoder::from_reader(bar.wrap_read(file), mode)
            .map_err(|error| failure(path, 0, true, error))?;
        Ok(Self { path: path.to_owned(), len_bytes, decoder, bar })
    }

    /// The next record, or nothing after the last.
    ///
    /// # Errors
    /// The file cannot be read or, unless lenient, is damaged.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Failure> {
        match self.decoder.next() {
            Some(Ok(record)) => Ok(Some(record)),
            Some(Err(error)) => {
                self.bar.abandon();
                Err(failure(&self.path, self.decoder.offset(), false, error))
            }
            None => {
                self.bar.finish_and_clear();
                Ok(None)
            }
        }
    }

    /// Return addresses of the event that came last, innermost first.
    #[inline]
    pub(crate) fn frames(&self) -> &[usize] {
        self.decoder.frames()
    }

    pub(crate) fn header(&self) -> &Header {
        self.decoder.header()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub(crate) fn skipped(&self) -> Skipped {
        self.decoder.skipped()
    }

    /// Did the trace end with its end record?
    pub(crate) fn is_complete(&self) -> bool {
        self.decoder.is_complete()
    }
}

fn progress_bar(len_bytes: u64) -> ProgressBar {
    if len_bytes < LONG_BYTES || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar =
        ProgressBar::with_draw_target(Some(len_bytes), ProgressDrawTarget::stderr_with_hz(10));
    let template = "reading the trace {wide_bar} {bytes}/{total_bytes} {eta}";
    // The template is fixed; should it not parse, the default bar does as well.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn failure(path: &Path, offset: u64, in_header: bool, error: ReadError<std::io::Error>) -> Failure {
    match error {
        ReadError::Source(error) => Failure::io("read", path, error),
        ReadError::Decode(error) => {
            let mend = if in_header {
                "give a trace file that Esparto's recorder wrote; without a sound header nothing in it can be read"
            } else {
                "record it again, or pass --lenient to read around the damage"
            };
            Failure::bad_input(error).in_file(path).at_offset(offset).mend(mend)
        }
    }
}
