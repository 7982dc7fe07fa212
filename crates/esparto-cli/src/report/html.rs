//! stub
use super::{Model, Summary};
use crate::Failure;
pub(crate) fn page(_model: &Model, _summary: &Summary) -> Result<String, Failure> {
    Ok(String::new())
}
