//! Where things are in the repository.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::exec::Cmd;

/// The workspace but for its commands. The same wherever something of it is built, so that it is built
/// once: other packages would share other features.
pub(crate) const WITHOUT_COMMANDS: &str = "--locked --workspace --exclude xtask --all-features";

/// The work tree this command belongs to.
#[derive(Clone, Debug)]
pub struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The repository that holds this `xtask`.
    ///
    /// # Errors
    /// Fails when `xtask` was moved out of its repository.
    pub fn find() -> Result<Self> {
        // Cargo sets it for `cargo run`; the built-in path serves a binary started by hand.
        let own = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.parent().context("xtask lies at the root of the file system")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The top folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder below the top.
    #[must_use]
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// What cargo knows about the root workspace, dependencies left out.
    ///
    /// # Errors
    /// Fails when cargo cannot read the workspace.
    pub fn metadata(&self) -> Result<Metadata> {
        let mut command = MetadataCommand::new();
        command.manifest_path(self.path("Cargo.toml")).no_deps();
        command.exec().context("cargo metadata of the root workspace")
    }

    /// Where cargo puts what it builds.
    ///
    /// # Errors
    /// Fails when cargo cannot read the workspace.
    pub fn target_dir(&self) -> Result<PathBuf> {
        Ok(self.metadata()?.target_directory.into_std_path_buf())
    }

    /// Every file that git knows or would add, relative to the top.
    ///
    /// # Errors
    /// Fails when the tree is no git work tree.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let list = Cmd::new("git", &self.root)
            .words("ls-files --cached --others --exclude-standard")
            .quiet()
            .read()
            .context("the list of files comes from git: install git and work in a clone")?;
        // A file that is deleted and not yet committed is still listed.
        Ok(list.lines().map(PathBuf::from).filter(|file| self.path(file).is_file()).collect())
    }

    /// Cargo in the root workspace.
    pub(crate) fn cargo(&self, words: &str) -> Cmd {
        Cmd::new("cargo", &self.root).words(words)
    }

    /// Builds the host tool and its linker, and returns the folder they are in.
    ///
    /// # Errors
    /// Fails when they do not build.
    pub(crate) fn host_tools(&self) -> Result<PathBuf> {
        let build = self.cargo("build --quiet").words(WITHOUT_COMMANDS);
        // With an example, what examples and tests need counts too: as they are built.
        build.words("--bin esparto --bin esparto-ld --example generate-trace").run()?;
        Ok(self.target_dir()?.join("debug"))
    }

    /// Cargo in another workspace of this repository, such as `firmware`.
    pub(crate) fn cargo_in(&self, dir: impl AsRef<Path>, words: &str) -> Cmd {
        Cmd::new("cargo", self.path(dir)).words(words)
    }
}
