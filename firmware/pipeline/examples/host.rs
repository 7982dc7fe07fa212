//! The pipeline on the host: prints the lines that the core must print too.
//!
//! `cargo run --release -p pipeline --example host [FRAMES]`

use allocator_api2::alloc::Global;
use pipeline::{Platform, Stage};

struct Desk;

impl Platform for Desk {
    fn enter(&mut self, _frame: usize, _stage: Stage) {}
    fn leave(&mut self, _frame: usize, _stage: Stage) {}

    // A main thread has megabytes.
    fn on_stack(&mut self, _size_bytes: usize, work: &mut dyn FnMut()) {
        work();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let frame_count =
        std::env::args().nth(1).map_or(Ok(pipeline::FRAME_COUNT), |count| count.parse())?;
    pipeline::run(frame_count, Global, &mut Desk, |result| println!("{result}"))?;
    Ok(())
}
