//! The task asks for 4096 bytes a round and forgets them. It ends when there is nothing left, and
//! not with a crash; the report says where the bytes went.
#![no_std]
#![no_main]

use core::alloc::Layout;

use board::{exit, println};
use esparto::AllocError;
use esparto::monitor::{Diagnosis, Monitor, Named, Thresholds};
use esparto::stack::StackSpan;
use leak::{BLOCK_WORDS, INTERNAL, MEMORY, TASK, fill, first_lines, free_bytes};

/// Returns how many rounds there were, and what ended them.
fn test_task(stack: &StackSpan) -> (usize, AllocError) {
    let mut round_count = 0;
    loop {
        first_lines(stack);
        println!("Heap before malloc {} (bytes)", free_bytes());
        match MEMORY.allocate_here(Layout::new::<[i32; BLOCK_WORDS]>(), INTERNAL) {
            // SAFETY: just granted, and this long.
            Ok(block) => unsafe { fill(block) },
            Err(error) => return (round_count, error),
        }
        round_count += 1;
        println!("Heap after malloc {} (bytes)", free_bytes());
    }
}

#[cfg_attr(target_arch = "riscv32", board::entry)]
#[cfg_attr(target_arch = "xtensa", unsafe(no_mangle))]
fn main() -> ! {
    leak::start();
    let mut end = None;
    leak::run("testTask", |stack| end = Some(test_task(stack)));
    let (round_count, error) = end.expect("the task ended");
    println!("Not enough heap.");
    println!("{error}");
    println!("{}", Diagnosis::from(error));
    println!("{}", MEMORY.leaks());

    assert!(matches!(error, AllocError::Exhausted { .. }));
    assert!(round_count > 1, "there was room for more than one block");
    let mut sites = MEMORY.leaks().sites().filter(|leak| leak.owner == TASK);
    let leak = sites.next().expect("the leak is on record");
    assert!(sites.next().is_none(), "the task leaks in one place");
    assert_eq!(leak.live_count, round_count);
    assert_eq!(leak.live_bytes, round_count * BLOCK_WORDS * size_of::<i32>());
    assert!(leak.site.is_some_and(|site| site.file.ends_with("leaking.rs")));

    // The monitor names it too, and the rest of the memory is well.
    let sram = Named::new("sram", &MEMORY).with_caps(INTERNAL);
    let psram = Named::new("psram", &MEMORY).with_caps(esparto::Caps::EXTERNAL);
    let mut found_count = 0;
    let polled = Monitor::<2>::new(Thresholds::DEFAULT).poll(&[&sram, &psram], |finding| {
        println!("{finding}");
        found_count += 1;
    });
    assert_eq!((polled.reading_count, polled.trouble_count), (2, 1));
    assert!(found_count >= 2, "low free heap, and exhaustion");
    println!("ok");
    exit::success()
}
