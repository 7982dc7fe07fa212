//! A scripting engine (`rhai`) that lives long and runs one script again and again, its state
//! carried over: a controller whose rules are a script.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;

use board_virt::println;
use recording::{Recorder, Told};
use rhai::{Array, Engine, Scope};
use workloads::WorkloadMemory;

const SCRIPT: &str = include_str!("../../data/plant.rhai");
const RUN_COUNT: usize = 3;
const PHASES: [&str; 3] = ["engine", "compile", "run"];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, 2 + RUN_COUNT, 96 * 1024, |phases| {
        let engine = phases.run(0, Engine::new);
        let script = phases.run(1, || engine.compile(SCRIPT).expect("the script compiles"));
        let mut beds = Array::new();
        for run in 0..RUN_COUNT {
            let report = phases.run(2, || {
                let mut scope = Scope::new();
                scope.push("beds", core::mem::take(&mut beds));
                scope.push("state", Array::new());
                scope.push("start", (run * 4) as i32);
                let report = engine
                    .eval_ast_with_scope::<String>(&mut scope, &script)
                    .expect("the script runs");
                beds = scope.get_value("state").expect("the script leaves its state");
                report
            });
            println!(
                "result {run} report_bytes={} report_crc={:08x}",
                report.len(),
                crc32fast::hash(report.as_bytes())
            );
            if run + 1 == RUN_COUNT {
                report.lines().for_each(|line| println!("| {line}"));
            }
        }
    })
}
