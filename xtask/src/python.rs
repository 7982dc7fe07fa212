//! Python with pinned packages, in a folder of its own below the target directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exec::Cmd;
use crate::{Repo, tools};

/// What is installed, with its versions.
const REQUIREMENTS: &str = "integrations/requirements.txt";

/// Programs of a virtual environment.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment, made if it is not there as [`REQUIREMENTS`] wants it.
    pub(crate) fn ensure(repo: &Repo) -> Result<Self> {
        let python = Self { folder: repo.target_dir()?.join("python") };
        let list = repo.path(REQUIREMENTS);
        let wanted = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
        let mark = python.folder.join("installed.txt");
        // Written last: what was interrupted is made anew.
        if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        tools::PYTHON.ensure()?;
        tools::ensure_venv()?;
        if python.folder.is_dir() {
            fs::remove_dir_all(&python.folder)
                .with_context(|| python.folder.display().to_string())?;
        }
        eprintln!("installing {REQUIREMENTS} into {}", python.folder.display());
        Cmd::new("python3", ".").words("-m venv").arg(&python.folder).run()?;
        python
            .run(Path::new("."), "python")
            .words("-m pip install --quiet --disable-pip-version-check -r")
            .arg(&list)
            .run()
            .context("the packages come from PyPI: is it within reach?")?;
        fs::write(&mark, wanted).with_context(|| mark.display().to_string())?;
        Ok(python)
    }

    /// A call of one of its programs from the folder `dir`.
    pub(crate) fn run(&self, dir: &Path, program: &str) -> Cmd {
        Cmd::new(self.folder.join("bin").join(program), dir).quiet()
    }

    /// A package beside the others, in a folder of its own: what they would clash with, or look for
    /// elsewhere.
    pub(crate) fn package(&self, name: &str, wanted: &str) -> Result<PathBuf> {
        let folder = self.keep(name);
        // The name of what pip installs last.
        if names(&folder).iter().any(|name| name.ends_with(".dist-info")) {
            return Ok(folder);
        }
        let install = self.run(Path::new("."), "python");
        let install =
            install.words("-m pip install --quiet --disable-pip-version-check --no-deps --target");
        install.arg(&folder).arg(wanted).run()?;
        Ok(folder)
    }

    /// A folder below the environment for what belongs to its packages, kept as long as they are.
    pub(crate) fn keep(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The names in a folder; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
