//! The log: one entry a frame, as JSON, packed, sent.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::JournalError;

/// What is kept of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of the frame, from 0.
    pub frame: usize,
    /// What the camera looked at.
    pub scene: String,
    /// Score of "a person", in 1/1000.
    pub person_permille: u32,
    /// CRC-32 of the decoded pixels.
    pub pixels_crc: u32,
    /// CRC-32 of the luma image.
    pub luma_crc: u32,
    /// Light, contrast, edges and corners, if the camera has a lens that measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<[u32; 4]>,
}

impl Entry {
    /// An entry from what the stages found.
    #[must_use]
    pub fn new(frame: usize, scene: &str, crcs: (u32, u32), person_permille: u32) -> Self {
        let (pixels_crc, luma_crc) = crcs;
        let measures = None;
        Self { frame, scene: scene.to_string(), person_permille, pixels_crc, luma_crc, measures }
    }

    /// The same with what the lens measured.
    #[must_use]
    pub fn with_measures(self, measures: Option<[u32; 4]>) -> Self {
        Self { measures, ..self }
    }
}

/// The newest entries.
#[derive(Debug, Default)]
pub struct Log {
    entries: Vec<Entry>,
}

impl Log {
    /// So many entries are kept: a device runs for longer than its memory lasts.
    pub const ENTRY_COUNT: usize = 8;

    /// Adds `entry` and gives the report of all entries as JSON text, read back and compared.
    ///
    /// # Errors
    /// [`JournalError::Report`].
    pub fn report(&mut self, entry: Entry) -> Result<String, JournalError> {
        if self.entries.len() == Self::ENTRY_COUNT {
            self.entries.remove(0);
        }
        self.entries.push(entry);
        let persons = self.entries.iter().filter(|entry| entry.person_permille >= 500).count();
        let report = json!({
            "device": "camera",
            "persons": persons,
            "entries": serde_json::to_value(&self.entries).map_err(|_| JournalError::Report)?,
        });
        let text = report.to_string();

        let mut parsed: Value = serde_json::from_str(&text).map_err(|_| JournalError::Report)?;
        let entries: Vec<Entry> =
            serde_json::from_value(parsed["entries"].take()).map_err(|_| JournalError::Report)?;
        if entries == self.entries { Ok(text) } else { Err(JournalError::Report) }
    }
}

/// A report as it goes to flash or over the air.
#[derive(Debug)]
pub struct Packed {
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs `text` as LZ4 with its length in front, unpacks it again and compares.
    ///
    /// # Errors
    /// [`JournalError::Unpack`].
    pub fn new(text: &str) -> Result<Self, JournalError> {
        let bytes = lz4_flex::compress_prepend_size(text.as_bytes());
        let unpacked =
            lz4_flex::decompress_size_prepended(&bytes).map_err(|_| JournalError::Unpack)?;
        if unpacked == text.as_bytes() { Ok(Self { bytes }) } else { Err(JournalError::Unpack) }
    }

    /// The packed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What was sent and is kept until it is acknowledged: the last reports.
#[derive(Debug, Default)]
pub struct Outbox {
    sent: Vec<Packed>,
}

impl Outbox {
    /// So many.
    pub const KEPT_COUNT: usize = 2;

    /// Sends `packed`.
    pub fn send(&mut self, packed: Packed) {
        if self.sent.len() == Self::KEPT_COUNT {
            self.sent.remove(0);
        }
        self.sent.push(packed);
    }
}
