//! Refusals of the loader as statuses.

use esparto_overlay::{LoadError, StoreError};

use crate::Status;

impl From<LoadError> for Status {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::InInterrupt => Self::InInterrupt,
            LoadError::UnknownOverlay { .. } | LoadError::UnknownName | LoadError::NoSymbol => {
                Self::NotFound
            }
            LoadError::BadTables { .. } => Self::NotPacked,
            LoadError::TooManyForLoader { .. }
            | LoadError::TooDeep { .. }
            | LoadError::TooManyReturns { .. } => Self::TooMany,
            LoadError::Open { cause: StoreError::NotFound, .. } => Self::NoFile,
            LoadError::Open { .. } | LoadError::Read { .. } => Self::StorageFailed,
            LoadError::ShortRead { .. }
            | LoadError::Image { .. }
            | LoadError::CircularDependency { .. } => Self::BadImage,
            LoadError::WrongPart { .. }
            | LoadError::WrongOverlay { .. }
            | LoadError::WrongBuild { .. }
            | LoadError::WrongChip { .. }
            | LoadError::WrongIsa { .. }
            | LoadError::WrongAbi { .. }
            | LoadError::WrongSlot { .. }
            | LoadError::WrongPlace { .. }
            | LoadError::StalePair { .. } => Self::WrongImage,
            LoadError::TooLarge { .. } => Self::TooLarge,
            LoadError::DataInUse { .. }
            | LoadError::AllPinned { .. }
            | LoadError::InUse { .. }
            | LoadError::Pinned { .. } => Self::InUse,
            LoadError::Unloaded { .. } => Self::Unloaded,
            LoadError::BounceTooSmall { .. } => Self::TooSmall,
            _ => Self::Other,
        }
    }
}
