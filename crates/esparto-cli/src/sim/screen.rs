//! What the firmware says, and how far it is, while it runs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{Failure, Output};

/// The serial line on standard output, a line of progress on standard error.
pub(super) struct Screen<'o, 'w> {
    out: &'o mut Output<'w>,
    bar: ProgressBar,
    start: Instant,
    text: Vec<u8>,
}

impl<'o, 'w> Screen<'o, 'w> {
    pub(super) fn new(out: &'o mut Output<'w>) -> Self {
        let style = ProgressStyle::with_template("{spinner} {elapsed}  {msg}")
            .expect("the template is a constant");
        let bar = ProgressBar::new_spinner().with_style(style).with_message("starting");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { out, bar, start: Instant::now(), text: Vec::new() }
    }

    /// Shows what came on the serial line: at once, or with the result when that is JSON.
    pub(super) fn say(&mut self, text: &[u8]) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        if self.out.is_json() {
            self.text.extend_from_slice(text);
            return Ok(());
        }
        let (bar, out) = (&self.bar, &mut *self.out);
        bar.suspend(|| {
            out.show(&(), |writer| {
                writer.write_all(text)?;
                writer.flush()
            })
        })
    }

    /// Says something that is not the firmware's, on standard error.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// So many instructions are done.
    pub(super) fn tick(&self, instructions: u64) {
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        let millions = instructions / 1_000_000;
        let rate = instructions as f64 / seconds / 1e6;
        self.bar.set_message(format!("{millions} million instructions, {rate:.0} a microsecond"));
    }

    /// Ends the progress; gives what was said and not shown.
    pub(super) fn finish(self) -> String {
        self.bar.finish_and_clear();
        String::from_utf8_lossy(&self.text).into_owned()
    }
}
