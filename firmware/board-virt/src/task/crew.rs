//! Tasks that run together until all have ended.

use core::marker::PhantomData;

use esparto::Owner;
use esparto::stack::{StackBreach, StackSpan, TaskTable};

use super::entry::{Context, call, take_traps};
use super::scheduler;
use crate::{counter, hint};

/// The most tasks of a crew.
pub const TASK_LIMIT: usize = 8;

/// The tasks of a crew, and their stacks.
pub type Table<'m> = TaskTable<'m, TASK_LIMIT>;

/// The tasks of a table, at work.
#[derive(Debug)]
pub struct Crew<'a> {
    table: &'a Table<'a>,
    // What tasks borrow has to stay while they run, and no shorter.
    _work: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<'a> Crew<'a> {
    /// A crew of nobody yet, for tasks of `table`. `on_switch` is called with the owner of the task
    /// that runs next (of `main`, the default one), inside of the interrupt. There is one crew at a
    /// time.
    #[must_use]
    pub fn new(table: &'a Table<'a>, on_switch: fn(Owner)) -> Self {
        scheduler::with(|scheduler| {
            assert!(scheduler.is_over(), "a crew is at work already");
            scheduler.start(on_switch);
        });
        Self { table, _work: PhantomData }
    }

    /// Gives `work` to the task of `owner`, which is less urgent than those added before.
    ///
    /// # Panics
    /// The table has no such task, or its stack has no room for what `work` brings along.
    ///
    /// # Safety
    /// Nothing else runs on its stack.
    pub unsafe fn add<F: FnOnce() + Send + 'a>(&mut self, owner: Owner, work: F) {
        let task = self.table.get(owner).expect("the task is in the table");
        let stack: *const StackSpan = task.stack();
        // SAFETY: the table has it for `'a`, and the crew is gone before that is over.
        let stack: &'static StackSpan = unsafe { &*stack };
        // What it brings along lies at the top of its stack, and the rest is below.
        let lead_bytes = size_of::<F>().next_multiple_of(StackSpan::ALIGN_BYTES);
        assert!(
            align_of::<F>() <= StackSpan::ALIGN_BYTES && lead_bytes <= stack.usable_bytes() / 2,
            "what the task {} brings along fills its stack",
            stack.name()
        );
        // SAFETY: inside of the stack, which nothing else uses, and aligned.
        let place = unsafe {
            let place = stack.top().sub(lead_bytes).cast::<F>();
            place.write(work);
            place
        };
        let start_addr = start::<F> as *const () as usize;
        let context = Context::starting(start_addr, place.addr().get());
        hint::name(owner.0, stack.name());
        // `start` gets the address back as a pointer.
        place.as_ptr().expose_provenance();
        // SAFETY: the context starts `start` with its argument, on a stack that is its own.
        scheduler::with(|scheduler| unsafe { scheduler.add(owner, stack, context) });
    }

    /// Runs the tasks until all have ended; waits for interrupts while all of them do.
    ///
    /// Not for a program that uses [`run_guarded`](crate::stack::run_guarded) meanwhile: both want
    /// the traps.
    ///
    /// # Errors
    /// A task overran its stack. By then it may have written to memory that is others', so all tasks
    /// end there and then; what they held is lost, not dropped.
    pub fn run(self) -> Result<(), StackBreach> {
        let before = take_traps();
        loop {
            call();
            let is_over = critical_section::with(|_| {
                let (is_over, is_idle) = scheduler::with(|it| (it.is_over(), it.is_idle()));
                if is_idle && !is_over {
                    // An interrupt ends it, and comes when the section is left.
                    counter::idle();
                }
                is_over
            });
            if is_over {
                break;
            }
        }
        before.restore();
        scheduler::with(|scheduler| scheduler.breach()).map_or(Ok(()), Err)
    }
}

/// Where a task begins.
extern "C" fn start<F: FnOnce()>(work: *mut F) -> ! {
    // SAFETY: written there by `add`, and read once.
    let work = unsafe { work.read() };
    work();
    loop {
        scheduler::with(scheduler::Scheduler::end);
        call();
    }
}
