//! The stages of a frame, and what can go wrong in them.

use core::fmt;

use journal::JournalError;

/// What the pipeline is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// JPEG to RGB.
    Decode,
    /// RGB to a small luma image.
    Scale,
    /// Luma through the network.
    Detect,
    /// The detection into the log, the log to JSON and back.
    Report,
    /// JSON packed, unpacked and compared.
    Compress,
}

impl Stage {
    /// All stages, in the order in which they run.
    pub const ALL: [Self; 5] =
        [Self::Decode, Self::Scale, Self::Detect, Self::Report, Self::Compress];

    /// The stage after this one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Decode => Some(Self::Scale),
            Self::Scale => Some(Self::Detect),
            Self::Detect => Some(Self::Report),
            Self::Report => Some(Self::Compress),
            Self::Compress => None,
        }
    }

    /// A word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Scale => "scale",
            Self::Detect => "detect",
            Self::Report => "report",
            Self::Compress => "compress",
        }
    }
}

/// Why a frame could not be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PipelineError {
    /// The JPEG decoder refused the photograph.
    Decode {
        /// Which photograph.
        photograph: &'static str,
    },
    /// No memory for a frame buffer.
    FrameMemory {
        /// How much was asked for.
        size_bytes: usize,
    },
    /// The frame was not ready for this stage.
    Order {
        /// Which stage.
        stage: Stage,
    },
    /// There is no report.
    Journal(JournalError),
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Decode { photograph } => write!(f, "photograph {photograph} is no usable JPEG"),
            Self::FrameMemory { size_bytes } => {
                write!(f, "no frame memory for {size_bytes} bytes")
            }
            Self::Order { stage } => {
                write!(f, "the frame comes too early or too late for the stage {}", stage.name())
            }
            Self::Journal(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for PipelineError {}

impl From<JournalError> for PipelineError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}
