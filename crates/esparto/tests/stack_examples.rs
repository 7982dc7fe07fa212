//! The examples of stacks, of the monitor and of the guards run through.

#[path = "../examples/guard.rs"]
mod guard;
#[path = "../examples/monitor.rs"]
mod monitor;
#[path = "../examples/stack.rs"]
mod stack;

#[test]
fn the_example_of_stacks_runs() {
    stack::main().unwrap();
}

// Miri knows no memory at a fixed address; what the monitor does is in `monitor.rs`.
#[cfg_attr(miri, ignore = "shows a region at an address of a memory map")]
#[test]
fn the_example_of_the_monitor_runs() {
    monitor::main().unwrap();
}

#[test]
fn the_example_of_the_guards_runs() {
    guard::main().unwrap();
}
