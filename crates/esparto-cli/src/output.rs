//! Where a command writes its result.

use std::io::{self, Write};

use serde::Serialize;

use crate::Failure;

/// The result of a command on its way out: text for people or JSON for programs.
pub struct Output<'w> {
    writer: &'w mut dyn Write,
    json: bool,
}

impl<'w> Output<'w> {
    /// Writes to `writer`, as JSON if asked.
    pub fn new(writer: &'w mut dyn Write, json: bool) -> Self {
        Self { writer, json }
    }

    /// Did the user ask for JSON? Progress and remarks belong on standard error either way.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Shows one result: `value` as JSON, or the text that `text` writes.
    ///
    /// # Errors
    /// The writer's own.
    pub fn show<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer_pretty(&mut *self.writer, value).map_err(io::Error::from)?;
            self.writer.write_all(b"\n")?;
        } else {
            text(self.writer)?;
        }
        Ok(())
    }
}
