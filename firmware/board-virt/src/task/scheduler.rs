//! Who runs.

use core::cell::RefCell;
use core::ops::Range;

use critical_section::{CriticalSection, Mutex};
use esparto::Owner;
use esparto::stack::{StackBreach, StackSpan};

use super::context::{Cause, ContextCell, MAIN};
use super::crew::TASK_LIMIT;
use super::entry::{self, Context};
use crate::{stack, timer, trap};

/// What a task costs beside its stack and its heap.
pub const CONTROL_BYTES: usize = size_of::<Context>() + size_of::<Task>();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Waiting { until_ms: Option<u32> },
    Ended,
}

/// A task, but for its registers.
#[derive(Debug)]
struct Task {
    owner: Owner,
    stack: &'static StackSpan,
    /// What it ran on when it was switched away from: its stack, or one that it borrowed.
    addrs: Range<usize>,
    state: State,
    /// It was woken since it last waited.
    is_woken: bool,
    /// For how long it will wait.
    limit_ms: Option<u32>,
}

pub(super) struct Scheduler {
    /// The most urgent first.
    tasks: [Option<Task>; TASK_LIMIT],
    /// The one that runs; `None` is `main`, which runs when no task does.
    current: Option<usize>,
    main_addrs: Range<usize>,
    on_switch: fn(Owner),
    /// What put an end to all tasks.
    breach: Option<StackBreach>,
}

static SCHEDULER: Mutex<RefCell<Scheduler>> = Mutex::new(RefCell::new(Scheduler {
    tasks: [const { None }; TASK_LIMIT],
    current: None,
    main_addrs: 0..0,
    on_switch: |_| (),
    breach: None,
}));

static CONTEXTS: [ContextCell; TASK_LIMIT] = [const { ContextCell::new() }; TASK_LIMIT];

/// Runs `f` on the scheduler, from a task, a handler or `main`.
pub(super) fn with<R>(f: impl FnOnce(&mut Scheduler) -> R) -> R {
    critical_section::with(|cs| f(&mut SCHEDULER.borrow_ref_mut(cs)))
}

/// Every trap while tasks run. Returns the context to go on with.
pub(super) extern "C" fn handle() -> *mut Context {
    let cause = entry::cause();
    match cause {
        // SAFETY: inside of a trap for this interrupt.
        Cause::Interrupt(code) => unsafe { entry::dispatch(code) },
        Cause::Exception => trap::fail(),
        Cause::Call => {}
    }
    // SAFETY: interrupts are off inside of a trap.
    let cs = unsafe { CriticalSection::new() };
    let mut scheduler = SCHEDULER.borrow_ref_mut(cs);
    let is_call = matches!(cause, Cause::Call);
    scheduler.check(is_call);
    if is_call {
        scheduler.wait();
    }
    scheduler.expire(timer::now_ms());
    scheduler.switch()
}

impl Scheduler {
    pub(super) fn start(&mut self, on_switch: fn(Owner)) {
        *self = Self {
            tasks: [const { None }; TASK_LIMIT],
            current: None,
            main_addrs: stack::in_use(),
            on_switch,
            breach: None,
        };
    }

    /// Puts a task behind all that are there.
    ///
    /// # Safety
    /// The context can be gone on with once, and the stack stays until the task has ended.
    pub(super) unsafe fn add(&mut self, owner: Owner, stack: &'static StackSpan, context: Context) {
        let free = self.tasks.iter().position(Option::is_none);
        let index = free.expect("a table of tasks has no more than these");
        // SAFETY: nobody runs on this context yet, and interrupts are off.
        unsafe { *CONTEXTS[index].0.get() = context };
        self.tasks[index] = Some(Task {
            owner,
            stack,
            addrs: stack.addrs(),
            state: State::Ready,
            is_woken: false,
            limit_ms: None,
        });
    }

    /// All tasks have ended.
    pub(super) fn is_over(&self) -> bool {
        self.tasks.iter().flatten().all(|task| task.state == State::Ended)
    }

    /// Nothing is to be done before the next interrupt.
    pub(super) fn is_idle(&self) -> bool {
        self.first_ready().is_none()
    }

    pub(super) fn current(&self) -> Option<usize> {
        self.current
    }

    /// Says for how long the present task is going to wait.
    pub(super) fn set_limit(&mut self, limit_ms: Option<u32>) {
        if let Some(task) = self.running() {
            task.limit_ms = limit_ms;
        }
    }

    /// The present task has done its work.
    pub(super) fn end(&mut self) {
        if let Some(task) = self.running() {
            task.state = State::Ended;
        }
    }

    pub(super) fn wake(&mut self, index: usize) {
        if let Some(task) = self.tasks.get_mut(index).and_then(Option::as_mut) {
            match task.state {
                State::Waiting { .. } => task.state = State::Ready,
                State::Ready => task.is_woken = true,
                State::Ended => {}
            }
        }
    }

    fn running(&mut self) -> Option<&mut Task> {
        self.tasks.get_mut(self.current?)?.as_mut()
    }

    /// The present task called: it waits, unless it was woken since it last did.
    fn wait(&mut self) {
        let now_ms = timer::now_ms();
        // SAFETY: inside of a trap, where nobody else looks at the contexts.
        unsafe { (*self.context(self.current)).skip_call() };
        if let Some(task) = self.running() {
            let is_woken = core::mem::take(&mut task.is_woken);
            if task.state == State::Ready && !is_woken {
                let until_ms = task.limit_ms.map(|limit_ms| now_ms.wrapping_add(limit_ms));
                task.state = State::Waiting { until_ms };
            }
        }
    }

    /// Wakes all who have waited for long enough.
    fn expire(&mut self, now_ms: u32) {
        for task in self.tasks.iter_mut().flatten() {
            if let State::Waiting { until_ms: Some(until_ms) } = task.state
                && now_ms.wrapping_sub(until_ms) as i32 >= 0
            {
                task.state = State::Ready;
            }
        }
    }

    fn first_ready(&self) -> Option<usize> {
        let is_ready =
            |task: &Option<Task>| task.as_ref().is_some_and(|task| task.state == State::Ready);
        self.tasks.iter().position(is_ready)
    }

    /// Looks at the stack of the task that was interrupted. Not only when it is switched away from: a
    /// large frame may have jumped over the canary, and only then is the stack pointer out there. The
    /// canary waits for the task's own calls: in an interrupt, external memory may not answer.
    /// After an overrun nobody's memory can be trusted, so no task runs any more.
    fn check(&mut self, is_call: bool) {
        // SAFETY: inside of a trap, where nobody else looks at the contexts.
        let sp_addr = unsafe { (*self.context(self.current)).sp_addr() };
        if let Some(task) = self.running() {
            // On a stack that it borrowed, its own is as deep as it was then.
            let is_its_own = stack::in_use() == task.stack.addrs();
            let pointer = if is_its_own { task.stack.check_pointer(sp_addr) } else { Ok(()) };
            let canary = if is_call { task.stack.check() } else { Ok(()) };
            if let Err(breach) = pointer.and(canary) {
                self.breach = Some(breach);
                self.tasks.iter_mut().flatten().for_each(|task| task.state = State::Ended);
            }
        }
    }

    /// What put an end to all tasks, if anything did.
    pub(super) fn breach(&self) -> Option<StackBreach> {
        self.breach
    }

    fn switch(&mut self) -> *mut Context {
        let next = self.first_ready();
        if next == self.current {
            return self.context(next);
        }
        let addrs = stack::in_use();
        match self.running() {
            Some(task) => task.addrs = addrs,
            None => self.main_addrs = addrs,
        }
        self.current = next;
        let (addrs, owner) = match self.running() {
            Some(task) => (task.addrs.clone(), task.owner),
            None => (self.main_addrs.clone(), Owner::default()),
        };
        stack::switch_to(owner, addrs);
        (self.on_switch)(owner);
        self.context(next)
    }

    fn context(&self, index: Option<usize>) -> *mut Context {
        match index {
            Some(index) => CONTEXTS[index].0.get(),
            None => MAIN.0.get(),
        }
    }
}
