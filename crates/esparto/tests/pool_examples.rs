//! The examples of pools and tiers run through.

#[path = "../examples/pool.rs"]
mod pool;
#[path = "../examples/tiers.rs"]
mod tiers;

#[test]
fn the_example_of_pools_runs() {
    pool::main().unwrap();
}

#[test]
fn the_example_of_tiers_runs() {
    tiers::main().unwrap();
}
