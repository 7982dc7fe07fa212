//! A desk machine has no firmware, and so no overlays: there never are any.

use esparto_overlay::{LoadError, Pin, Stats};

use super::ways::{CodeWriter, FileStore, Firmware};

/// Overlays that there are none of.
pub(super) enum System {}

pub(super) fn make(
    _store: FileStore,
    _writer: CodeWriter,
    _platform: Firmware,
    _bounce: &'static mut [u32],
) -> Result<System, LoadError> {
    Err(LoadError::BadTables { actual: 0, expected: 1 })
}

pub(super) fn install(overlays: &'static System) -> Result<(), LoadError> {
    match *overlays {}
}

impl System {
    pub(super) fn find(&self, _name: &str) -> Result<usize, LoadError> {
        match *self {}
    }

    pub(super) fn load(&self, _overlay: usize) -> Result<(), LoadError> {
        match *self {}
    }

    pub(super) fn prefetch(&self, _overlay: usize) -> Result<(), LoadError> {
        match *self {}
    }

    pub(super) unsafe fn load_at_top(&self, _overlay: usize) -> Result<(), LoadError> {
        match *self {}
    }

    pub(super) fn unload(&self, _overlay: usize) -> Result<(), LoadError> {
        match *self {}
    }

    pub(super) fn is_mapped(&self, _overlay: usize) -> bool {
        match *self {}
    }

    pub(super) fn pin(&self, _overlay: usize) -> Result<Pin<'static>, LoadError> {
        match *self {}
    }

    pub(super) fn stats(&self) -> Stats {
        match *self {}
    }
}
