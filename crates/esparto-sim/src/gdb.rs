//! gdb's side of a machine: its remote protocol, by the crate gdbstub.
//!
//! Breakpoints never change the program's memory, so they also work in code that is loaded later,
//! and memory that takes words only is read and written as gdb likes.

mod description;
mod monitor;
mod target;

use std::net::TcpStream;

use gdbstub::common::Signal;
use gdbstub::conn::ConnectionExt;
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{DisconnectReason, GdbStub, SingleThreadStopReason};
use gdbstub::target::ext::breakpoints::WatchKind;

use crate::debug::{WatchedAccess, Watchpoints};
use crate::machine::{Machine, Stop};
use crate::trap::Cause;

/// Who runs the machine while gdb waits, and shows what the program says.
pub trait Desk {
    /// Runs `machine` for at most `count` instructions.
    fn run(&mut self, machine: &mut Machine, count: u64) -> Stop;

    /// Instructions were executed without [`Self::run`]: a step, or up to a watched access.
    fn show(&mut self, machine: &mut Machine);
}

/// How a session with gdb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Session {
    /// gdb went away; the program can go on.
    Detached,
    /// gdb asked for the program's end.
    Killed,
    /// The program ended.
    Ended(Stop),
}

/// The session broke.
#[derive(Debug, thiserror::Error)]
#[error("the session with gdb broke: {0}")]
pub struct GdbError(String);

/// Instructions between two looks at what gdb sends.
const SLICE: u64 = 1 << 20;

/// Lets the gdb at the other end of `stream` debug `machine`, for at most `last` instructions since
/// the start of the program.
///
/// # Errors
/// The connection broke, or gdb and the stub did not understand one another.
pub fn debug(
    machine: &mut Machine,
    stream: TcpStream,
    desk: &mut dyn Desk,
    last: u64,
) -> Result<Session, GdbError> {
    let broke = |error: String| GdbError(error);
    stream.set_nodelay(true).map_err(|error| broke(error.to_string()))?;
    let mut target = Debugged {
        machine,
        desk,
        last,
        watchpoints: Watchpoints::default(),
        is_stepping: false,
        ended: None,
    };
    let reason = GdbStub::new(stream)
        .run_blocking::<Loop<'_>>(&mut target)
        .map_err(|error| broke(error.to_string()))?;
    let ended = target.ended;
    Ok(match (reason, ended) {
        (DisconnectReason::Kill, _) => Session::Killed,
        (_, Some(stop)) => Session::Ended(stop),
        _ => {
            target.machine.cache.breakpoints.clear();
            target.machine.bus.is_code_changed = true;
            Session::Detached
        }
    })
}

/// A machine that gdb has its hands on.
struct Debugged<'m> {
    machine: &'m mut Machine,
    desk: &'m mut dyn Desk,
    last: u64,
    watchpoints: Watchpoints,
    is_stepping: bool,
    ended: Option<Stop>,
}

type Reason = SingleThreadStopReason<u32>;

impl Debugged<'_> {
    /// Goes on for a while; `None` if there is nothing to tell.
    fn go(&mut self) -> Option<Reason> {
        let stop = if self.is_stepping {
            let stop = self.machine.step();
            self.desk.show(self.machine);
            match stop {
                Stop::Limit | Stop::Said => return Some(Reason::DoneStep),
                other => other,
            }
        } else {
            // A breakpoint that stands where it goes on from has been told.
            if self.machine.cache.breakpoints.contains(&self.machine.pc()) {
                let stop = self.machine.step();
                self.desk.show(self.machine);
                if !matches!(stop, Stop::Limit | Stop::Said) {
                    return Some(self.reason(stop));
                }
            }
            let count = SLICE.min(self.last.saturating_sub(self.machine.instructions()));
            if self.watchpoints.is_empty() {
                self.desk.run(self.machine, count)
            } else {
                let stop = self.machine.run_to_access(count, &mut self.watchpoints);
                self.desk.show(self.machine);
                stop
            }
        };
        match stop {
            Stop::Said => None,
            Stop::Limit if self.machine.instructions() < self.last => None,
            stop => Some(self.reason(stop)),
        }
    }

    fn reason(&mut self, stop: Stop) -> Reason {
        match stop {
            Stop::Exit { code } => {
                self.ended = Some(stop);
                Reason::Exited(code as u8)
            }
            Stop::Breakpoint { .. } => Reason::SwBreak(()),
            Stop::Watchpoint => match self.watchpoints.take_hit() {
                Some((access, addr)) => Reason::Watch { tid: (), kind: kind_of(access), addr },
                None => Reason::Signal(Signal::SIGTRAP),
            },
            Stop::Found => Reason::Signal(Signal::SIGTRAP),
            // The program stays to be looked at, at the instruction that trapped.
            Stop::Unhandled { trap, pc } => {
                self.machine.set_pc(pc);
                Reason::Signal(match trap.cause {
                    Cause::IllegalInstruction => Signal::SIGILL,
                    Cause::Breakpoint => Signal::SIGTRAP,
                    Cause::LoadMisaligned | Cause::StoreMisaligned => Signal::SIGBUS,
                    Cause::UserCall | Cause::MachineCall => Signal::SIGSYS,
                    _ => Signal::SIGSEGV,
                })
            }
            Stop::Asleep { .. } => Reason::Signal(Signal::SIGSTOP),
            Stop::Limit | Stop::Said => {
                self.ended = Some(Stop::Limit);
                Reason::Terminated(Signal::SIGXCPU)
            }
        }
    }
}

fn kind_of(access: WatchedAccess) -> WatchKind {
    match access {
        WatchedAccess::Write => WatchKind::Write,
        WatchedAccess::Read => WatchKind::Read,
        WatchedAccess::Any => WatchKind::ReadWrite,
    }
}

struct Loop<'m>(std::marker::PhantomData<&'m ()>);

impl<'m> BlockingEventLoop for Loop<'m> {
    type Target = Debugged<'m>;
    type Connection = TcpStream;
    type StopReason = Reason;

    fn wait_for_stop_reason(
        target: &mut Debugged<'m>,
        stream: &mut TcpStream,
    ) -> Result<Event<Reason>, WaitForStopReasonError<String, std::io::Error>> {
        loop {
            if stream.peek().map_err(WaitForStopReasonError::Connection)?.is_some() {
                let byte = stream.read().map_err(WaitForStopReasonError::Connection)?;
                return Ok(Event::IncomingData(byte));
            }
            if let Some(reason) = target.go() {
                return Ok(Event::TargetStopped(reason));
            }
        }
    }

    fn on_interrupt(_: &mut Debugged<'m>) -> Result<Option<Reason>, String> {
        Ok(Some(Reason::Signal(Signal::SIGINT)))
    }
}
