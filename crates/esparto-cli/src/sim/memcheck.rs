//! What memcheck found, with functions and lines.

use std::fs;
use std::path::{Path, PathBuf};

use esparto_sim::{BlockFound, Code, CodeMap, Finding, Leak, Machine, Memcheck};
use serde::Serialize;

use super::profile::Profile;
use crate::Failure;
use crate::report::{Frame, Symbols, crate_of};

/// Functions of allocators in C; Esparto's own are known by their crate.
const ALLOCATORS: [&str; 8] =
    ["malloc", "calloc", "realloc", "free", "_malloc_r", "_free_r", "pvPortMalloc", "vPortFree"];

/// Functions and crates that work for whoever called them.
const RUNTIME: [&str; 12] = [
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "strlen",
    "core",
    "alloc",
    "std",
    "compiler_builtins",
    "allocator_api2",
    "critical_section",
];

/// How far into a call stack an allocator is still looked for, past the code that told of the
/// block.
const TELLING_FRAMES: usize = 4;

/// Frames shown of a call stack.
const SHOWN_FRAMES: usize = 8;

/// The code of a firmware, for memcheck and for people.
pub(super) struct FirmwareCode {
    symbols: Symbols,
    functions: Profile,
}

impl FirmwareCode {
    pub(super) fn load(path: &Path, elf: &[u8]) -> Result<Self, Failure> {
        Ok(Self { symbols: Symbols::load(path)?, functions: Profile::of(elf) })
    }

    fn frames_at(&self, pc: u32) -> Vec<Frame> {
        self.symbols.frames_at(u64::from(pc))
    }

    /// The frames of a call stack: the first address is an instruction, the rest are behind one.
    fn stack(&self, addrs: &[u32]) -> Vec<Frame> {
        let pc = |depth: usize, addr: u32| if depth == 0 { addr } else { addr.wrapping_sub(2) };
        addrs.iter().enumerate().flat_map(|(k, &addr)| self.frames_at(pc(k, addr))).collect()
    }

    /// The frames from the user's own code on.
    fn users(&self, addrs: &[u32]) -> Vec<String> {
        let frames = self.stack(addrs);
        // What told of a block stands before the allocator that it was told by.
        let told =
            frames.iter().take(TELLING_FRAMES).position(|frame| is_allocator(&frame.function));
        let from = told.unwrap_or(0);
        let users = frames[from..].iter().position(|frame| {
            frame.is_users() && !is_allocator(&frame.function) && !is_runtime(&frame.function)
        });
        let from = users.map_or(0, |users| from + users);
        frames[from..].iter().take(SHOWN_FRAMES).map(Frame::to_string).collect()
    }
}

impl CodeMap for FirmwareCode {
    fn code_at(&self, pc: u32) -> Code {
        for frame in self.frames_at(pc) {
            if is_allocator(&frame.function) {
                return Code::Allocator;
            }
            if !is_runtime(&frame.function) {
                return Code::Program;
            }
        }
        Code::Runtime
    }

    fn function_at(&self, pc: u32) -> u32 {
        self.functions.start_of(pc).unwrap_or(pc)
    }
}

fn is_allocator(function: &str) -> bool {
    crate_of(function) == "esparto" || ALLOCATORS.contains(&function)
}

fn is_runtime(function: &str) -> bool {
    RUNTIME.contains(&crate_of(function))
        || function.starts_with("__rust_")
        || function.starts_with("__rustc")
}

/// Findings that the user does not want to see.
#[derive(Debug, Default)]
pub(super) struct Suppressions(Vec<(String, String)>);

impl Suppressions {
    /// Reads a file of lines `FLAW FUNCTION`; `*` is any flaw, `#` begins a comment.
    pub(super) fn load(path: Option<&PathBuf>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, error))?;
        let mut rules = Vec::new();
        let mut offset_bytes = 0;
        for line in text.split_inclusive('\n') {
            let rule = line.split('#').next().unwrap_or_default().trim();
            match rule.split_once(char::is_whitespace) {
                Some((flaw, function)) => {
                    rules.push((flaw.to_owned(), function.trim().to_owned()));
                }
                None if rule.is_empty() => {}
                None => {
                    return Err(Failure::bad_input("a suppression is `FLAW FUNCTION`")
                        .in_file(path)
                        .at_offset(offset_bytes)
                        .mend("write the flaw's name, or `*`, then part of a function's name"));
                }
            }
            offset_bytes += line.len() as u64;
        }
        Ok(Self(rules))
    }

    fn cover(&self, flaw: &str, frames: &[String]) -> bool {
        self.0.iter().any(|(name, function)| {
            (name == "*" || name == flaw) && frames.iter().any(|frame| frame.contains(function))
        })
    }
}

/// One finding, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Error {
    pub(super) flaw: &'static str,
    pub(super) what: String,
    pub(super) addr: Option<u32>,
    /// The task whose stack was in use, if the firmware told.
    pub(super) task: Option<String>,
    pub(super) at: Vec<String>,
    pub(super) block: Option<ErrorBlock>,
}

/// The block it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ErrorBlock {
    pub(super) addr: u32,
    pub(super) size_bytes: u32,
    /// Whom it was allocated for, if the firmware told.
    pub(super) owner: Option<String>,
    pub(super) allocated_at: Vec<String>,
    pub(super) freed_at: Option<Vec<String>>,
}

/// Memcheck over a run.
pub(super) struct Check {
    pub(super) memcheck: Memcheck,
    code: FirmwareCode,
    suppressions: Suppressions,
    errors: Vec<Error>,
}

impl Check {
    pub(super) fn new(
        path: &Path,
        elf: &[u8],
        suppress: Option<&PathBuf>,
    ) -> Result<Self, Failure> {
        // One to ask while the firmware runs, one to tell with.
        let memcheck = Memcheck::new(Box::new(FirmwareCode::load(path, elf)?));
        let code = FirmwareCode::load(path, elf)?;
        let suppressions = Suppressions::load(suppress)?;
        Ok(Self { memcheck, code, suppressions, errors: Vec::new() })
    }

    /// The same, and the run stops where something is found.
    pub(super) fn stopping(mut self) -> Self {
        self.memcheck.stop_at_findings();
        self
    }

    /// Takes what was found so far.
    pub(super) fn collect(&mut self) {
        for finding in self.memcheck.take_findings() {
            let error = self.error(&finding);
            self.push(error);
        }
    }

    /// Everything that was found, leaks at the end included.
    pub(super) fn finish(mut self, machine: &Machine) -> Vec<Error> {
        self.collect();
        for leak in self.memcheck.leaks(machine) {
            let error = self.leak(&leak);
            self.push(error);
        }
        self.errors
    }

    fn push(&mut self, error: Error) {
        if !self.suppressions.cover(error.flaw, &error.at) {
            self.errors.push(error);
        }
    }

    fn error(&self, finding: &Finding) -> Error {
        let block = finding.block.as_ref();
        let place = match finding.stack {
            Some((start, size_bytes)) => {
                let below = start.wrapping_sub(finding.addr);
                format!(", {below} bytes below a stack of {size_bytes}")
            }
            None => block.map_or_else(String::new, |block| place_in(finding.addr, block)),
        };
        Error {
            flaw: finding.flaw.name(),
            what: format!("{}: {:#010x}{place}", finding.flaw, finding.addr),
            addr: Some(finding.addr),
            task: finding.task.clone(),
            at: self.code.users(&finding.at),
            block: block.map(|block| ErrorBlock {
                addr: block.addr,
                size_bytes: block.size_bytes,
                owner: block.owner.clone(),
                allocated_at: self.code.users(&block.allocated_by),
                freed_at: block.freed_by.as_ref().map(|addrs| self.code.users(addrs)),
            }),
        }
    }

    fn leak(&self, leak: &Leak) -> Error {
        Error {
            flaw: "leak",
            what: format!(
                "{} bytes in {} blocks that nothing points to at the end",
                leak.size_bytes, leak.block_count
            ),
            addr: None,
            task: None,
            at: self.code.users(&leak.allocated_by),
            block: None,
        }
    }
}

/// Where an address is, seen from a block.
fn place_in(addr: u32, block: &BlockFound) -> String {
    let size = block.size_bytes;
    let offset = i64::from(addr) - i64::from(block.addr);
    if offset < 0 {
        format!(", {} bytes before a block of {size}", -offset)
    } else if offset < i64::from(size) {
        format!(", {offset} bytes into a block of {size}")
    } else {
        format!(", {} bytes behind a block of {size}", offset - i64::from(size))
    }
}
