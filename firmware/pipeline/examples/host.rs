//! The pipeline on the host: prints the lines that the core must print too.
//!
//! `cargo run --release -p pipeline --example host [FRAMES]`

use allocator_api2::alloc::Global;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let frame_count =
        std::env::args().nth(1).map_or(Ok(pipeline::FRAME_COUNT), |count| count.parse())?;
    pipeline::run(frame_count, Global, |result| println!("{result}"))?;
    Ok(())
}
