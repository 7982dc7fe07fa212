//! Refusals inside the loader: what is wrong is written down once, in one place, and what is handed
//! from function to function is only that something is.

pub(crate) use esparto_image::Refused;

use crate::LoadError;

/// What a step of the loader answers.
pub(crate) type Checked<T> = Result<T, Refused>;

/// Writes down what is wrong.
#[inline(always)]
pub(crate) fn refuse<T>(why: &mut LoadError, error: LoadError) -> Checked<T> {
    *why = error;
    Err(Refused)
}

/// Gives `work` a place to write down what is wrong, and returns what it wrote.
#[inline]
pub(crate) fn explained<T>(
    work: impl FnOnce(&mut LoadError) -> Checked<T>,
) -> Result<T, LoadError> {
    let mut why = LoadError::InInterrupt;
    work(&mut why).map_err(|Refused| why)
}
