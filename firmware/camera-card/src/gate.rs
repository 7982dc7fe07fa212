//! One stage at a time works in overlays: two that share a slot would take each other's code away.

use core::cell::RefCell;
use core::task::Waker;

use board_virt::task::Blocking;
use camera::{Guard, Stage};
use critical_section::Mutex;
use esparto::bus::Wait;

use crate::overlays;

/// Stages that may wait.
const WAITING: usize = Stage::ALL.len();

struct State {
    holder: Option<Stage>,
    waiting: [Option<Waker>; WAITING],
}

/// The way in.
pub(crate) struct Gate(Mutex<RefCell<State>>);

pub(crate) static GATE: Gate =
    Gate(Mutex::new(RefCell::new(State { holder: None, waiting: [const { None }; WAITING] })));

impl Gate {
    /// The stage that works in overlays now.
    pub(crate) fn holder(&self) -> Option<Stage> {
        critical_section::with(|cs| self.0.borrow_ref(cs).holder)
    }

    /// Takes it for `stage`, or notes who is to be woken.
    fn try_enter(&self, stage: Stage, waker: Waker) -> bool {
        critical_section::with(|cs| {
            let mut state = self.0.borrow_ref_mut(cs);
            let is_free = state.holder.is_none();
            if is_free {
                state.holder = Some(stage);
            } else {
                state.waiting[stage as usize] = Some(waker);
            }
            is_free
        })
    }
}

/// The network has no code to load, and takes longest: nobody waits for it.
fn is_resident(stage: Stage) -> bool {
    stage == Stage::Detect
}

impl Guard for Gate {
    fn begin(&self) {
        overlays::set_up();
    }

    fn end(&self) {
        overlays::tell();
    }

    fn enter(&self, stage: Stage) {
        if is_resident(stage) {
            return;
        }
        while !self.try_enter(stage, Blocking.waker()) {
            // Others wake this task too; then it looks again.
            Blocking.wait(u32::MAX);
        }
        overlays::note_hits(stage);
    }

    fn leave(&self, stage: Stage) {
        if is_resident(stage) {
            return;
        }
        let waiting = critical_section::with(|cs| {
            let mut state = self.0.borrow_ref_mut(cs);
            state.holder = None;
            core::mem::replace(&mut state.waiting, [const { None }; WAITING])
        });
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}
