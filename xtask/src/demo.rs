//! demo
use crate::Repo;
use anyhow::{Result, bail};
pub(crate) fn run(_repo: &Repo) -> Result<()> {
    bail!("not yet")
}
