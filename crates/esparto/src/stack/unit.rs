//! What the room on a stack is counted in.

use core::fmt;

/// What a system counts stacks in.
///
/// The same number means four times as much on one as on the other, in
/// `uxTaskGetStackHighWaterMark` and in the depth given to `xTaskCreate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackUnit {
    /// Words of [`WORD_BYTES`](Self::WORD_BYTES).
    Words,
    /// Bytes.
    Bytes,
}

impl StackUnit {
    /// A word of a 32-bit chip.
    pub const WORD_BYTES: usize = 4;

    /// What vanilla FreeRTOS counts in, on 32-bit chips.
    pub const FREERTOS: Self = Self::Words;

    /// What FreeRTOS of ESP-IDF counts in, and with it Arduino on ESP32.
    pub const ESP_IDF: Self = Self::Bytes;

    /// One unit in bytes.
    #[must_use]
    pub const fn unit_bytes(self) -> usize {
        match self {
            Self::Words => Self::WORD_BYTES,
            Self::Bytes => 1,
        }
    }

    /// So many whole units are in `bytes`.
    #[must_use]
    pub const fn count(self, bytes: usize) -> usize {
        bytes / self.unit_bytes()
    }

    /// `count` of these in bytes; `None` if that is more than there can be.
    #[must_use]
    pub const fn bytes(self, count: usize) -> Option<usize> {
        count.checked_mul(self.unit_bytes())
    }
}

/// Writes `words` or `bytes`.
impl fmt::Display for StackUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "words",
            Self::Bytes => "bytes",
        })
    }
}
