//! Refusals inside the loader: what is wrong is written down once, in one place, and what is handed
//! from function to function is only that something is.

use esparto_image::{ImageError, Part};

use crate::LoadError;

/// Something was refused. What it was is where the caller said that it wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// What a step of the loader answers.
pub(crate) type Checked<T> = Result<T, Refused>;

/// Writes down what is wrong.
#[inline(always)]
pub(crate) fn refuse<T>(why: &mut LoadError, error: LoadError) -> Checked<T> {
    *why = error;
    Err(Refused)
}

/// Writes down what is wrong with a file.
#[inline(never)]
#[cold]
pub(crate) fn refuse_image<T>(why: &mut LoadError, part: Part, cause: ImageError) -> Checked<T> {
    refuse(why, LoadError::Image { part, cause })
}

/// Gives `work` a place to write down what is wrong, and returns what it wrote.
#[inline]
pub(crate) fn explained<T>(
    work: impl FnOnce(&mut LoadError) -> Checked<T>,
) -> Result<T, LoadError> {
    let mut why = LoadError::InInterrupt;
    work(&mut why).map_err(|Refused| why)
}
