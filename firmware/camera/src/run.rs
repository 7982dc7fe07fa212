//! Start, work, end.

use board_virt::task::{CONTROL_BYTES, Crew, TASK_LIMIT, Table};
use board_virt::{println, stack};
use esparto::monitor::{Named, Snapshot, Thresholds};
use esparto::stack::{StackSpan, Task};
use esparto::{Caps, Owner, Stack};
use pipeline::{Detection, Stage};
use recording::Names;

use crate::events::{self, BUS, Post, READING, SECOND};
use crate::guard::{Guard, Unguarded};
use crate::memory::{
    FRAMES, MEMORY, OWNER_HEALTH, OWNER_POOLS, OWNER_TRIGGER, OWNERS, PAYLOADS, owner_of,
};
use crate::plan::Plan;
use crate::sources::{Sources, plain};
use crate::{health, stages};

/// Readings that may wait while the trigger is kept from them: by another task's critical section,
/// and no longer.
const READING_DEPTH: u16 = 8;
const SECOND_DEPTH: u16 = 2;

/// What a task does.
#[derive(Clone, Copy)]
enum Job {
    Trigger,
    Health,
    Stage(Stage),
}

/// A task and its stack.
#[derive(Clone, Copy)]
struct Role {
    job: Job,
    stack_bytes: usize,
    /// Where the stack lies.
    caps: Caps,
}

/// What a stage's stack takes more when its code is loaded while it runs.
const LOADER_BYTES: usize = if cfg!(feature = "native") { 12 * 1024 } else { 0 };

/// The decoder in Rust keeps its rows on the stack, the one in C does not.
const DECODER_BYTES: usize = if cfg!(feature = "native") { 8 * 1024 } else { 52 * 1024 };

/// The most urgent first: what is short, and last the network, which everybody may interrupt.
const ROLES: [Role; 7] = [
    Role::new(Job::Trigger, 6 * 1024),
    Role::new(Job::Health, 4 * 1024),
    Role::new(Job::Stage(Stage::Report), 4 * 1024 + LOADER_BYTES),
    Role::new(Job::Stage(Stage::Compress), 4 * 1024 + LOADER_BYTES),
    Role::new(Job::Stage(Stage::Decode), DECODER_BYTES + LOADER_BYTES),
    Role::new(Job::Stage(Stage::Scale), 4 * 1024 + LOADER_BYTES),
    // All layers' tensors live in one stack frame, too large for what internal memory has left.
    Role { caps: Caps::EXTERNAL, ..Role::new(Job::Stage(Stage::Detect), Detection::STACK_BYTES) },
];

const _: () = assert!(ROLES.len() <= TASK_LIMIT);

impl Role {
    const fn new(job: Job, stack_bytes: usize) -> Self {
        Self { job, stack_bytes, caps: Caps::INTERNAL.union(Caps::BYTE) }
    }

    const fn owner(&self) -> Owner {
        match self.job {
            Job::Trigger => OWNER_TRIGGER,
            Job::Health => OWNER_HEALTH,
            Job::Stage(stage) => owner_of(stage),
        }
    }

    const fn name(&self) -> &'static str {
        match self.job {
            Job::Trigger => "trigger",
            Job::Health => "health",
            Job::Stage(stage) => stage.name(),
        }
    }
}

/// Does what `plan` says, and returns when it is done.
///
/// # Panics
/// Something went wrong: memory, a stack or a place was missing, a frame failed, figures grew.
pub fn run(plan: &Plan) {
    run_with(plan, &Unguarded);
}

/// The same with `guard` around it.
///
/// # Panics
/// As [`run`].
pub fn run_with(plan: &Plan, guard: &'static dyn Guard) {
    // SAFETY: once, on the boot stack.
    let interrupts = unsafe { stack::adopt_boot("interrupts") };
    let marks = Stage::ALL.map(|stage| (stage as u32, stage.name()));
    recording::start(&MEMORY, Names { owners: &OWNERS, marks: &marks });
    recording::snapshot(&MEMORY);
    guard.begin();
    MEMORY.set_owner(OWNER_POOLS);
    FRAMES.init().expect("there is room for frames");
    PAYLOADS.init().expect("there is room for events");
    BUS.start().expect("it is new");

    let stacks = ROLES.map(|role| {
        MEMORY.set_owner(role.owner());
        Stack::allocate(role.name(), &MEMORY, role.caps, role.stack_bytes)
            .expect("there is room for stacks")
    });
    MEMORY.set_owner(Owner::default());
    // Of a task's stack nothing goes to the system: interrupts have one of their own.
    let mut table = Table::with_overhead(0);
    for (stack, role) in stacks.iter().zip(ROLES) {
        let task = Task::new(role.owner(), stack).with_control_bytes(CONTROL_BYTES);
        table.add(task).expect("every task is another");
    }
    let bus = Named::new("events", &BUS);
    let interrupts: &StackSpan = &interrupts;
    let sources: Sources = [&MEMORY, &FRAMES, &PAYLOADS, &bus, &table, interrupts];

    work(plan, guard, &table, sources);

    let sources = plain(sources);
    recording::health(&sources);
    println!("{}", Snapshot(&sources));
    for caps in [Caps::INTERNAL, Caps::EXTERNAL] {
        let stats = MEMORY.heap_stats(caps).expect("there is such memory");
        println!("{caps} {}", stats.log(&Thresholds::DEFAULT));
    }
    for stack in stacks.iter().map(|stack| &**stack).chain([interrupts]) {
        let (size_bytes, used_bytes) = (stack.len_bytes(), stack.high_water_bytes());
        println!("stack {} size={size_bytes} high_water={used_bytes}", stack.name());
    }
    guard.end();
    drop(stacks);
    PAYLOADS.deinit().expect("every event came back");
    FRAMES.deinit().expect("every frame came back");
    recording::finish(&MEMORY);
    println!("ok");
}

/// Runs all tasks until they have ended.
fn work(plan: &Plan, guard: &'static dyn Guard, table: &Table<'_>, sources: Sources<'_>) {
    let mut crew = Crew::new(table, |owner| {
        MEMORY.set_owner(owner);
    });
    for role in ROLES {
        let (name, owner) = (role.name(), role.owner());
        match role.job {
            Job::Trigger => {
                let post = Post::new(name, READING, READING_DEPTH);
                let work = move || stages::trigger(plan, post, sources);
                // SAFETY: each stack is a block of its own, and only the crew runs on it.
                unsafe { crew.add(owner, work) };
            }
            Job::Health => {
                let post = Post::new(name, SECOND, SECOND_DEPTH);
                let work = move || health::watch(plan, post, sources);
                // SAFETY: as above.
                unsafe { crew.add(owner, work) };
            }
            Job::Stage(stage) => {
                let post = Post::of_stage(stage);
                let work = move || stages::work(plan, guard, stage, post);
                // SAFETY: as above.
                unsafe { crew.add(owner, work) };
            }
        }
    }
    events::start();
    if let Err(breach) = crew.run() {
        panic!("{breach}");
    }
}
