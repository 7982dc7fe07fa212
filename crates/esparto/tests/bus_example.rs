//! The example of the bus runs through.

#[path = "../examples/bus.rs"]
mod bus;

#[test]
fn the_example_of_the_bus_runs() {
    bus::main().unwrap();
}
