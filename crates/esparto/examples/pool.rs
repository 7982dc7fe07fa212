//! Pools: values from a static pool, blocks of a size chosen at run time, and what a pool says
//! about wrong frees and about itself.
//!
//! `cargo run -p esparto --example pool`

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use esparto::pool::{BlockPool, Critical, LockFree, Pool, Shape, Single};

#[derive(Debug)]
struct Reading {
    sensor: u8,
    microvolts: i32,
}

/// Tasks and interrupt handlers may use it: that is what `Critical` says.
static READINGS: Pool<Reading, 4, Critical> = Pool::new();

/// Lives after `init`; frees are checked, for C and for whoever else must be distrusted.
static BUFFERS: BlockPool<LockFree> = BlockPool::new();

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut reading = READINGS.allocate(Reading { sensor: 3, microvolts: 0 })?;
    reading.microvolts = 1_250;
    println!("a value in a block: {reading:?} of sensor {}", reading.sensor);
    let held: Vec<_> = (0..3)
        .map_while(|sensor| READINGS.allocate(Reading { sensor, microvolts: 0 }).ok())
        .collect();
    let rejected = READINGS.allocate(Reading { sensor: 9, microvolts: -1 }).map_err(|full| full.0);
    println!("{} more, then the pool is full and gives {:?} back", held.len(), rejected.err());
    drop((reading, held));
    println!("{}\n", READINGS.stats().titled("Readings"));

    let shape = Shape::new(256, 8)?;
    let memory = Box::leak(Box::new([MaybeUninit::<u8>::uninit(); 2304]));
    BUFFERS.init_static(memory, shape)?;
    println!("set up twice: {}", BUFFERS.init_static(&mut [], shape).unwrap_err());
    let block = BUFFERS.allocate()?;
    let inside = NonNull::new(block.as_ptr().wrapping_add(16)).ok_or("no address")?;
    println!("inside:  {}", BUFFERS.deallocate(inside).unwrap_err());
    println!("foreign: {}", BUFFERS.deallocate(NonNull::from(&0_u8)).unwrap_err());
    BUFFERS.deallocate(block)?;
    println!("again:   {}", BUFFERS.deallocate(block).unwrap_err());
    println!("{:?}", BUFFERS.stats().refused);

    let own: BlockPool<Single> = BlockPool::new();
    println!("never set up: {}", own.allocate().unwrap_err());
    println!("1 byte: {}", Shape::new(1, 8).unwrap_err());
    println!("overflow: {}", Shape::new(usize::MAX / 2, 3).unwrap_err());
    Ok(())
}
