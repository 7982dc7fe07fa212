//! What QEMU said of a program, kept until the program is another one: QEMU runs each once, though
//! two steps want to know.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::CAMERA;
use crate::Repo;
use crate::emulator::{Emulator, Said};
use crate::program::Program;

/// A folder of records.
pub(crate) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The trace that the camera last wrote in QEMU.
    pub(crate) fn camera_trace(&self) -> PathBuf {
        self.folder.join("camera.trace")
    }

    /// What the camera says, and its trace beside.
    pub(crate) fn of_camera(&self, repo: &Repo) -> Result<Said> {
        self.kept(repo, &CAMERA, Some(&self.camera_trace()))
    }

    /// What `program` says.
    pub(crate) fn of(&self, repo: &Repo, program: &Program) -> Result<Said> {
        self.kept(repo, program, None)
    }

    fn kept(&self, repo: &Repo, program: &Program, trace: Option<&Path>) -> Result<Said> {
        program.build(repo)?;
        let mark = format!("of {:016x}", digest(&program.bytes(repo)?));
        let file = self.folder.join(program.title()).with_extension("txt");
        if let Some(said) = read(&file, &mark) {
            return Ok(said);
        }
        let said = Emulator::qemu()?.boot(repo, program, trace, |line| println!("{line}"))?;
        let text =
            format!("{mark}\n{}\nok\ninstructions {}\n", said.lines.join("\n"), said.instructions);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        Ok(said)
    }
}

/// What stands in `file`, if it is that of the program with this mark.
fn read(file: &Path, mark: &str) -> Option<Said> {
    let text = fs::read_to_string(file).ok()?;
    let (first, rest) = text.split_once('\n')?;
    let said = Said::close(rest.lines().map(str::to_owned).collect()).ok()?;
    (first == mark).then_some(said)
}

/// Tells programs apart; nobody means to deceive.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
