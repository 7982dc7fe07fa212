//! The tests of the crate in one program: linked once, and built once for Miri. `cargo test -p esparto
//! heap_tag::` runs those of one file. What the model checker compiles anew is beside it.

extern crate alloc;

mod bump;
mod bus;
mod bus_async;
mod bus_example;
mod bus_kit;
mod bus_random;
mod bus_stress;
mod freertos;
mod guard;
mod guard_pool;
mod heap_extend;
mod heap_sized;
mod heap_tag;
mod heap_tag_check;
mod kept;
mod linked_list;
mod memory;
mod memory_grow;
mod memory_settle;
mod memory_sized;
mod memory_usual;
mod monitor;
mod oracle;
mod pool_block;
mod pool_examples;
mod pool_stress;
mod pool_typed;
mod stack;
mod stack_examples;
mod tiers;
mod word;
