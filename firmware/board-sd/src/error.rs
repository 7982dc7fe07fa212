//! What can go wrong with a card.

use core::fmt;

use embedded_sdmmc::SdCardError;

/// Why there is no file, or no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardError {
    /// Nothing answers.
    Missing,
    /// The SPI controller failed.
    Controller,
    /// It answers, but not as a card does.
    Protocol {
        /// What was asked of it.
        what: &'static str,
    },
    /// A block arrived with another sum than the card sent.
    Checksum {
        /// That of the block.
        actual: u16,
        /// That of the card.
        expected: u16,
    },
    /// The card could not read a block of its own.
    Unreadable,
    /// The card takes no writes.
    ReadOnly,
    /// There is no partition with a FAT file system.
    NoFileSystem {
        /// What was found instead.
        what: &'static str,
    },
    /// The file system contradicts itself.
    Damaged {
        /// Where.
        what: &'static str,
    },
    /// The file system speaks of a block that it does not have.
    OutOfRange {
        /// The block.
        block: u32,
        /// The first block behind the file system.
        end_block: u32,
    },
    /// There is no such file or folder.
    NotFound,
    /// The name cannot be a file's.
    Name,
    /// A folder was meant where a file is, or a file where a folder is.
    Kind,
    /// No room for more files or longer ones.
    Full,
    /// The file is open already, or too many are.
    Busy,
    /// An offset behind the end of the file.
    Offset {
        /// The offset.
        actual: u32,
        /// The file's length.
        len_bytes: u32,
    },
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no card answers: put one in"),
            Self::Controller => {
                f.write_str("the SPI controller moves no bytes: is it this board's?")
            }
            Self::Protocol { what } => {
                write!(f, "the card fails at {what}: take it out and in again, or try another")
            }
            Self::Checksum { actual, expected } => write!(
                f,
                "a block's sum is {actual:#06x}, the card sent {expected:#06x}: check the wires"
            ),
            Self::Unreadable => f.write_str("the card cannot read a block of its own: replace it"),
            Self::ReadOnly => f.write_str("the card takes no writes: unlock it"),
            Self::NoFileSystem { what } => {
                write!(f, "no FAT file system ({what}): format the card with FAT16 or FAT32")
            }
            Self::Damaged { what } => {
                write!(f, "the file system is damaged ({what}): repair or format the card")
            }
            Self::OutOfRange { block, end_block } => write!(
                f,
                "the file system is damaged (block {block} of {end_block}): repair or format the card"
            ),
            Self::NotFound => f.write_str("there is no such file: copy it to the card"),
            Self::Name => f.write_str("this cannot be a file's name: use letters, digits and dots"),
            Self::Kind => f.write_str("a folder where a file is wanted, or the other way round"),
            Self::Full => f.write_str("the card is full: make room"),
            Self::Busy => f.write_str("the file is open already, or too many are: close one"),
            Self::Offset { actual, len_bytes } => {
                write!(f, "offset {actual} is behind the file's end at {len_bytes}")
            }
        }
    }
}

impl core::error::Error for CardError {}

impl From<SdCardError> for CardError {
    fn from(error: SdCardError) -> Self {
        match error {
            SdCardError::CardNotFound => Self::Missing,
            SdCardError::Transport => Self::Controller,
            SdCardError::CrcError(expected, actual) => Self::Checksum { actual, expected },
            SdCardError::ReadError => Self::Unreadable,
            SdCardError::WriteError => Self::ReadOnly,
            SdCardError::TimeoutReadBuffer => Self::Protocol { what: "sending a block" },
            SdCardError::TimeoutWaitNotBusy => Self::Protocol { what: "getting ready" },
            SdCardError::RegisterReadError => Self::Protocol { what: "telling its size" },
            _ => Self::Protocol { what: "a command" },
        }
    }
}

impl From<embedded_sdmmc::Error<CardError>> for CardError {
    fn from(error: embedded_sdmmc::Error<CardError>) -> Self {
        use embedded_sdmmc::Error;
        match error {
            Error::DeviceError(error) => error,
            Error::FormatError(what) => Self::Damaged { what },
            Error::NoSuchVolume => Self::NoFileSystem { what: "no partition" },
            Error::BadBlockSize(_) => Self::Damaged { what: "block size" },
            Error::FilenameError(_) => Self::Name,
            Error::NotFound => Self::NotFound,
            Error::OpenedDirAsFile | Error::OpenedFileAsDir => Self::Kind,
            Error::ReadOnly => Self::ReadOnly,
            Error::NotEnoughSpace | Error::DiskFull => Self::Full,
            Error::EndOfFile | Error::BadCluster | Error::UnterminatedFatChain => {
                Self::Damaged { what: "a file's chain of clusters ends too early" }
            }
            Error::TooManyOpenVolumes
            | Error::TooManyOpenDirs
            | Error::TooManyOpenFiles
            | Error::FileAlreadyOpen
            | Error::DirAlreadyOpen
            | Error::VolumeAlreadyOpen
            | Error::VolumeStillInUse
            | Error::LockError => Self::Busy,
            _ => Self::Damaged { what: "an operation that the file system does not allow" },
        }
    }
}
