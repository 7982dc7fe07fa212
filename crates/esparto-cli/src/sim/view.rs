//! The result of a run, for people and for programs.

use std::io::{self, Write};

use esparto_sim::{StaleFetch, Stop};
use serde::Serialize;

use super::memcheck::Error;
use super::profile::Function;
use crate::Failure;

/// Functions shown to people; JSON has all.
const SHOWN_FUNCTIONS: usize = 25;

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) board: &'static str,
    pub(super) end: End,
    pub(super) instructions: u64,
    pub(super) output: String,
    pub(super) stale_fetches: Vec<Stale>,
    /// Without memcheck, none.
    pub(super) errors: Option<Vec<Error>>,
    pub(super) profile: Option<Vec<Function>>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum End {
    Exit {
        code: u32,
    },
    Limit,
    Unhandled {
        cause: u32,
        value: u32,
        pc: u32,
    },
    Asleep {
        pc: u32,
    },
    /// By the debugger.
    Killed,
    Other,
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Exit { code } => Self::Exit { code },
            Stop::Limit => Self::Limit,
            Stop::Unhandled { trap, pc } => {
                Self::Unhandled { cause: trap.cause.code(), value: trap.value, pc }
            }
            Stop::Asleep { pc } => Self::Asleep { pc },
            _ => Self::Other,
        }
    }
}

/// An instruction fetched that was written without a `fence.i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Stale {
    pub(super) pc: u32,
    pub(super) writer_pc: u32,
}

impl From<&StaleFetch> for Stale {
    fn from(stale: &StaleFetch) -> Self {
        Self { pc: stale.pc, writer_pc: stale.writer_pc }
    }
}

impl Run {
    /// The text, without what the firmware said: that was shown as it came.
    pub(super) fn write(&self, w: &mut dyn Write) -> io::Result<()> {
        for stale in &self.stale_fetches {
            writeln!(
                w,
                "stale fetch at {:#010x}: written at {:#010x} and no fence.i since",
                stale.pc, stale.writer_pc
            )?;
        }
        for error in self.errors.iter().flatten() {
            write_error(w, error)?;
        }
        if let Some(functions) = &self.profile {
            let total: u64 = functions.iter().map(|function| function.instructions).sum();
            writeln!(w, "\n{:>15}  {:>6}  function", "instructions", "share")?;
            for function in functions.iter().take(SHOWN_FUNCTIONS) {
                let share = function.instructions as f64 * 100.0 / total.max(1) as f64;
                writeln!(w, "{:>15}  {share:>5.1}%  {}", function.instructions, function.function)?;
            }
        }
        writeln!(w, "{} instructions on {}", self.instructions, self.board)
    }

    /// Was it good?
    pub(super) fn judge(&self, limit: u64) -> Result<(), Failure> {
        let error_count = self.errors.as_ref().map_or(0, Vec::len);
        if error_count > 0 {
            let errors = if error_count == 1 { "error" } else { "errors" };
            return Err(Failure::bad_input(format_args!("memcheck found {error_count} {errors}"))
                .mend("mend them, or name what is meant to be so with --suppress"));
        }
        match self.end {
            End::Exit { code: 0 } if self.stale_fetches.is_empty() => Ok(()),
            End::Exit { code: 0 } => Err(Failure::bad_input(format_args!(
                "{} fetches of instructions that were written without a fence.i",
                self.stale_fetches.len()
            ))
            .mend("execute fence.i between writing code and running it")),
            End::Exit { code } => {
                Err(Failure::bad_input(format_args!("the firmware ended with verdict {code}")))
            }
            End::Limit => Err(Failure::bad_input(format_args!(
                "the firmware did not end within {limit} instructions"
            ))
            .mend("give it more with --max-instructions, or see where it is with --profile")),
            End::Unhandled { cause, value, pc } => Err(Failure::bad_input(format_args!(
                "a trap at {pc:#010x} has nowhere to go: mcause {cause}, mtval {value:#010x}"
            ))
            .mend("point mtvec to a handler before anything can trap")),
            End::Asleep { pc } => Err(Failure::bad_input(format_args!(
                "the firmware waits at {pc:#010x} for an interrupt, and none will come"
            ))
            .mend("enable an interrupt in mie, and set mtimecmp, before wfi")),
            End::Killed => Err(Failure::bad_input("the debugger ended the firmware")),
            End::Other => Err(Failure::bad_input("the simulator stopped for a reason of its own")),
        }
    }
}

fn write_error(w: &mut dyn Write, error: &Error) -> io::Result<()> {
    let task = error.task.as_ref().map_or_else(String::new, |task| format!(", in {task}"));
    writeln!(w, "{}: {}{task}", error.flaw, error.what)?;
    write_frames(w, &error.at)?;
    if let Some(block) = &error.block {
        writeln!(
            w,
            "  the block of {} bytes at {:#010x} was allocated{}",
            block.size_bytes,
            block.addr,
            block.owner.as_ref().map_or_else(String::new, |owner| format!(" for {owner}"))
        )?;
        write_frames(w, &block.allocated_at)?;
        if let Some(freed_at) = &block.freed_at {
            writeln!(w, "  and freed")?;
            write_frames(w, freed_at)?;
        }
    }
    Ok(())
}

fn write_frames(w: &mut dyn Write, frames: &[String]) -> io::Result<()> {
    frames.iter().enumerate().try_for_each(|(depth, frame)| {
        writeln!(w, "    {} {frame}", if depth == 0 { "at" } else { "by" })
    })
}
