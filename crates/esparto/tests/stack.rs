//! Stacks: high-water marks, canaries, guards, the task table, pools of stacks and of nodes.

use std::alloc::Layout;

use crate::kept::bytes;
use esparto::guard::{Ledger, OwnerHeap};
use esparto::pool::TakeError;
use esparto::stack::{
    GuardError, GuardRange, NodePool, NodePoolError, Stack, StackBreach, StackError, StackPool,
    StackPoolError, StackSpan, StackUnit, TableError, Task, TaskTable,
};
use esparto::{AllocError, Caps, LinkedList, Memory, Owner};
use proptest::prelude::*;

const SRAM: Caps = Caps::INTERNAL.union(Caps::BYTE).union(Caps::WORD).union(Caps::ATOMIC);

fn memory() -> &'static Memory<2, Ledger<32>> {
    let memory = Box::leak(Box::new(Memory::with_sink(Ledger::new())));
    memory.add_static::<LinkedList>("sram", bytes(16384), SRAM).unwrap();
    memory
}

fn adopt(len: usize) -> Stack {
    Stack::adopt("worker", &mut bytes(4096)[..len]).unwrap()
}

/// Does what a task does: writes from the top down.
fn push(stack: &StackSpan, used_bytes: usize) {
    // SAFETY: the stack's own memory, which nobody else writes.
    unsafe { stack.top().sub(used_bytes).write_bytes(0x11, used_bytes) };
}

#[test]
fn the_mark_stays_at_the_deepest_point_in_words_and_in_bytes() {
    let stack = adopt(1024);
    assert_eq!((stack.len_bytes(), stack.usable_bytes()), (1024, 1008));
    assert_eq!((stack.unused_bytes(), stack.high_water_bytes()), (1008, 0));
    push(&stack, 400);
    push(&stack, 100);
    assert_eq!((stack.unused_bytes(), stack.high_water_bytes()), (608, 400));
    assert_eq!(stack.unused(StackUnit::FREERTOS), 152, "vanilla FreeRTOS counts words of 4");
    assert_eq!(stack.unused(StackUnit::ESP_IDF), 608, "ESP-IDF counts bytes");
    assert_eq!(stack.check(), Ok(()));
    assert_eq!(
        stack.to_string(),
        "worker: 400 of 1008 bytes used, 608 bytes (152 words of 4) never used"
    );
    push(&stack, 1008);
    assert_eq!((stack.unused_bytes(), stack.check()), (0, Ok(())), "full, and not over");
}

#[test]
fn units_convert_and_never_overflow() {
    assert_eq!(StackUnit::FREERTOS.bytes(256), Some(1024));
    assert_eq!(StackUnit::ESP_IDF.bytes(1024), Some(1024));
    assert_eq!(StackUnit::Words.count(1023), 255, "whole words only");
    assert_eq!(StackUnit::Words.bytes(usize::MAX), None);
    assert_eq!(format!("{} {}", StackUnit::Words, StackUnit::Bytes), "words bytes");
}

#[test]
fn an_overrun_is_found_and_named_and_the_neighbours_are_unharmed() {
    // Three stacks side by side; the one in the middle is overrun by less than its canary.
    let (low, rest) = bytes(3072).split_at_mut(1024);
    let (middle, high) = rest.split_at_mut(1024);
    let [low, middle, high] = [("low", low), ("middle", middle), ("high", high)]
        .map(|(name, memory)| Stack::adopt(name, memory).unwrap());
    push(&low, 64);
    push(&high, 64);
    push(&middle, 1008 + 4);

    let error = middle.check().unwrap_err();
    let StackBreach::Canary { name, addr, expected, actual } = error else { panic!("{error:?}") };
    assert_eq!((name, addr), ("middle", middle.addrs().start + 12));
    assert_eq!(actual, 0x1111_1111);
    assert_ne!(expected, actual);
    let text = error.to_string();
    assert!(text.starts_with("task middle overran its stack: the canary at 0x"), "{text}");
    assert!(text.contains("is 0x11111111, expected 0x") && text.ends_with("give it a larger one"));
    assert_eq!(middle.unused_bytes(), 0);

    for neighbour in [&low, &high] {
        assert_eq!(neighbour.check(), Ok(()));
        assert_eq!(neighbour.high_water_bytes(), 64);
    }
}

#[test]
fn every_word_of_the_canary_counts_and_a_neighbours_canary_is_no_excuse() {
    for index in 0..StackSpan::CANARY_BYTES / 4 {
        let stack = adopt(256);
        // SAFETY: the stack's own memory.
        unsafe { stack.start().cast::<u32>().add(index).write(0) };
        assert!(matches!(stack.check(), Err(StackBreach::Canary { addr, actual: 0, .. })
                if addr == stack.addrs().start + 4 * index));
    }
    let (a, b) = (adopt(256), adopt(256));
    // SAFETY: two stacks of the same length.
    unsafe { a.start().copy_to_nonoverlapping(b.start(), 256) };
    assert!(b.check().is_err(), "a copy of another stack has another canary");
}

#[test]
fn a_stack_pointer_that_left_the_stack_is_a_breach_even_if_the_canary_is_whole() {
    let stack = adopt(512);
    let addrs = stack.addrs();
    for inside in [addrs.end, addrs.end - 16, addrs.start + StackSpan::CANARY_BYTES] {
        assert_eq!(stack.check_at(inside), Ok(()));
    }
    for outside in [addrs.start - 64, addrs.start, addrs.end + 16] {
        let error = stack.check_at(outside).unwrap_err();
        assert!(matches!(error, StackBreach::Pointer { name: "worker", sp_addr, .. }
            if sp_addr == outside));
        assert!(error.to_string().contains("its stack pointer is"));
    }
}

#[test]
fn guards_are_aligned_to_their_size_and_name_the_task_at_a_fault() {
    // 16 bytes off, so that larger guards cannot start where the stack does.
    let stack = Stack::adopt("guarded", &mut bytes(1024)[16..]).unwrap();
    for size_bytes in [8, 16, 32, 64, 256] {
        let guard = stack.guard(size_bytes).unwrap();
        assert!(guard.start_addr().is_multiple_of(size_bytes));
        assert!(guard.start_addr() >= stack.addrs().start);
        assert!(guard.start_addr() - stack.addrs().start < size_bytes, "as low as can be");
        assert_eq!(guard.size_bytes(), size_bytes);
        // NAPOT: as many ones at the end as the size has doublings of 8.
        let pmpaddr = guard.napot_pmpaddr();
        assert_eq!(8usize << pmpaddr.trailing_ones(), size_bytes);
        assert_eq!((pmpaddr & !(size_bytes / 8 - 1)) << 2, guard.start_addr());
        // A trap there is this task's; one byte further it is not.
        let end_addr = guard.start_addr() + size_bytes;
        let error = guard.check_fault(end_addr - 1).unwrap_err();
        assert_eq!((error.name(), guard.check_fault(end_addr)), ("guarded", Ok(())));
        assert!(error.to_string().contains("in the guard of"), "{error}");
    }
    assert_eq!(GuardRange::WATCHPOINT_BYTES, 32);
    for size_bytes in [0, 4, 24, usize::MAX] {
        assert!(matches!(stack.guard(size_bytes), Err(GuardError::Size { .. })));
    }
    let too_large = stack.guard(512);
    assert_eq!(too_large, Err(GuardError::TooLarge { size_bytes: 512, stack_bytes: 1008 }));
}

#[test]
fn stacks_come_from_memory_by_capability_and_go_back() {
    let memory = memory();
    let before = memory.caps_stats(Caps::INTERNAL).free_bytes;
    let stack = Stack::allocate("task", memory, Caps::INTERNAL, 1000).unwrap();
    assert_eq!(stack.len_bytes(), 1008, "rounded up to the ABI's alignment");
    assert!(stack.addrs().end.is_multiple_of(StackSpan::ALIGN_BYTES));
    assert!(memory.caps_stats(Caps::INTERNAL).free_bytes < before);
    drop(stack);
    assert_eq!(memory.caps_stats(Caps::INTERNAL).free_bytes, before);

    let error = Stack::allocate("big", memory, Caps::INTERNAL, 64 << 10).unwrap_err();
    assert!(matches!(
        error,
        StackError::NoMemory { name: "big", error: AllocError::TooLarge { .. }, .. }
    ));
    let error = Stack::allocate("psram", memory, Caps::EXTERNAL, 1024).unwrap_err();
    assert!(matches!(error, StackError::NoMemory { error: AllocError::NoRegion { .. }, .. }));
    let error = Stack::allocate("huge", memory, Caps::INTERNAL, usize::MAX).unwrap_err();
    assert!(matches!(error, StackError::TooLarge { name: "huge", .. }));
    let error = Stack::allocate("tiny", memory, Caps::INTERNAL, 31).unwrap_err();
    let expected = StackError::TooSmall { name: "tiny", len_bytes: 31, needed_bytes: 32 };
    assert_eq!(error, expected);
    assert_eq!(memory.caps_stats(Caps::INTERNAL).free_bytes, before);
}

#[test]
fn static_memory_needs_no_heap_and_is_trimmed() {
    let stack = Stack::adopt("odd", &mut bytes(256)[3..250]).unwrap();
    let addrs = stack.addrs();
    assert!(addrs.start.is_multiple_of(16) && addrs.end.is_multiple_of(16));
    assert_eq!(stack.len_bytes(), 224);
    for len in [0, 1, 15, 31] {
        let error = Stack::adopt("short", &mut bytes(64)[..len]).unwrap_err();
        assert!(matches!(error, StackError::TooSmall { name: "short", needed_bytes: 32, .. }));
    }
}

#[test]
fn the_table_refuses_what_cannot_run() {
    let (a, b, small) = (adopt(2048), adopt(2048), adopt(784));
    let mut table = TaskTable::<2>::new();
    assert_eq!(TaskTable::<2>::OVERHEAD_BYTES, 768);
    let error = table.add(Task::new(Owner(1), &small)).unwrap_err();
    let expected = TableError::StackTooSmall {
        name: "worker",
        usable_bytes: 768,
        overhead_bytes: 768,
        needed_bytes: 800,
    };
    assert_eq!(error, expected);
    assert!(error.to_string().ends_with("give it 800 at least"), "{error}");

    table.add(Task::new(Owner(1), &a)).unwrap();
    let duplicate = table.add(Task::new(Owner(1), &b));
    assert_eq!(duplicate, Err(TableError::Duplicate { owner: Owner(1), name: "worker" }));
    let shared = table.add(Task::new(Owner(2), &a));
    assert_eq!(shared, Err(TableError::SharedStack { name: "worker", with: "worker" }));
    table.add(Task::new(Owner(2), &b)).unwrap();
    let c = adopt(2048);
    assert_eq!(table.add(Task::new(Owner(3), &c)), Err(TableError::Full { limit_count: 2 }));
    assert_eq!(table.remove(Owner(1)).map(|task| task.owner()), Some(Owner(1)));
    assert!(table.remove(Owner(1)).is_none());
    table.add(Task::new(Owner(3), &c)).unwrap();
}

#[test]
fn an_array_of_400_bytes_needs_more_than_1024_and_less_than_1500() {
    let table = TaskTable::<1>::new();
    let needed_bytes = table.needed_bytes(400);
    assert!((1025..1500).contains(&needed_bytes), "{needed_bytes}");
    assert_eq!(TaskTable::<1>::with_overhead(0).needed_bytes(usize::MAX) % 16, 0);
}

#[test]
fn a_task_costs_its_control_block_its_stack_and_its_heap() {
    let memory = memory();
    let stacks = [adopt(2048), adopt(1024)];
    let mut table = TaskTable::<4>::new();
    table.add(Task::new(Owner(1), &stacks[0]).with_control_bytes(192)).unwrap();
    table.add(Task::new(Owner(2), &stacks[1]).with_control_bytes(192)).unwrap();
    push(&stacks[0], 300);

    let layout = Layout::from_size_align(100, 4).unwrap();
    memory.set_owner(Owner(1));
    let blocks = [(); 3].map(|()| memory.allocate(layout, Caps::INTERNAL).unwrap());
    // Another task gives one of them back, as receivers of messages do.
    memory.set_owner(Owner(2));
    // SAFETY: from this memory, with this layout.
    unsafe { memory.deallocate(blocks[0], layout) };

    let stats = table.get(Owner(1)).unwrap().stats().with_heap(memory.owner_heap(Owner(1)));
    assert_eq!(stats.heap, OwnerHeap { live_bytes: 200, live_count: 2 });
    assert_eq!((stats.control_bytes, stats.stack_bytes), (192, 2048));
    assert_eq!(stats.stack_unused_bytes, 2048 - 16 - 300);
    assert_eq!(stats.total_bytes(), 192 + 2048 + 200);
    assert_eq!(
        stats.to_string(),
        "worker: 2440 bytes: control block 192, stack 2048 (1732 never used), heap 200 in 2 blocks"
    );
    assert_eq!(memory.owner_heap(Owner(2)), OwnerHeap::default());
    assert_eq!(table.total_bytes(|owner| memory.owner_heap(owner)), 2440 + 192 + 1024);
    assert_eq!(table.to_string().lines().count(), 3);
}

#[test]
fn the_table_finds_the_task_that_overran() {
    let [a, b] = ["first", "second"].map(|name| Stack::adopt(name, bytes(1024)).unwrap());
    let mut table = TaskTable::<2>::new();
    table.add(Task::new(Owner(1), &a)).unwrap();
    table.add(Task::new(Owner(2), &b)).unwrap();
    assert_eq!(table.check(), Ok(()));
    assert_eq!(table.check_switch(Owner(2), b.addrs().end - 32), Ok(()));
    assert_eq!(table.check_switch(Owner(9), 0), Ok(()), "nobody's stack");
    push(&b, 1012);
    assert_eq!(table.check().unwrap_err().name(), "second");
    assert_eq!(table.check_switch(Owner(1), a.addrs().end - 32), Ok(()));
    assert_eq!(table.check_switch(Owner(2), b.addrs().end - 32).unwrap_err().name(), "second");
}

#[test]
fn a_pool_of_stacks_reports_its_total_and_has_them_back() {
    let memory = memory();
    let pool: &'static StackPool = Box::leak(Box::new(StackPool::new()));
    assert!(matches!(pool.take("early"), Err(StackError::Pool { name: "early", .. })));
    let too_small = pool.init_in(memory, Caps::INTERNAL, 16, 3);
    let expected = StackPoolError::TooSmall { stack_bytes: 16, needed_bytes: 32 };
    assert_eq!(too_small, Err(expected));
    assert_eq!(pool.init_in(memory, Caps::INTERNAL, 2040, 3), Ok(3 * 2048));
    assert_eq!(pool.stats().total_bytes(), 3 * 2048);
    assert!(matches!(pool.init_in(memory, Caps::INTERNAL, 2048, 3), Err(StackPoolError::Init(_))));

    let stacks = ["a", "b", "c"].map(|name| pool.take(name).unwrap());
    let exhausted = pool.take("d").unwrap_err();
    let error = TakeError::Exhausted { block_count: 3 };
    assert_eq!(exhausted, StackError::Pool { name: "d", error });
    push(&stacks[1], 500);
    drop(stacks);
    let again = ["d", "e", "f"].map(|name| pool.take(name).unwrap());
    assert!(again.iter().all(|stack| stack.high_water_bytes() == 0), "painted anew");
    assert!(again.iter().all(|stack| stack.len_bytes() == 2048));

    let fixed: &'static StackPool = Box::leak(Box::new(StackPool::new()));
    assert_eq!(fixed.init_static(bytes(4096), 1024, 3), Ok(3072), "and without any heap");
    assert_eq!(fixed.take("g").unwrap().len_bytes(), 1024);
}

#[test]
fn driver_nodes_come_back_with_their_buffers() {
    struct Driver<'d>(u32, &'d std::cell::Cell<u32>);
    impl Drop for Driver<'_> {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
        }
    }
    let removed = std::cell::Cell::new(0);
    let memory = memory();
    let nodes: NodePool<Driver<'_>> = NodePool::new(128, 256);
    nodes.init_static(bytes(2048), 4).unwrap();
    assert!(nodes.shape(4).unwrap().block_bytes() >= 128 + 256 + size_of::<Driver<'_>>());

    for round in 0..10 {
        let mut taken: Vec<_> =
            (0..4).map(|id| nodes.take(Driver(id, &removed)).unwrap()).collect();
        assert!(matches!(nodes.take(Driver(9, &removed)), Err(TakeError::Exhausted { .. })));
        for (id, node) in taken.iter_mut().enumerate() {
            assert_eq!((node.buffer().len(), node.data().len()), (128, 256));
            assert!(node.buffer().iter().chain(node.data()).all(|&byte| byte == 0));
            node.buffer_mut().fill(id as u8 + 1);
            node.data_mut().fill(0xFF);
        }
        for (id, node) in taken.iter().enumerate() {
            assert_eq!(node.0, id as u32);
            assert!(node.buffer().iter().all(|&byte| byte == id as u8 + 1));
        }
        drop(taken);
        assert_eq!(nodes.stats().used_count, 0, "all of them, round {round}");
    }
    assert_eq!(removed.get(), 50, "values are dropped, those refused too");

    let too_large: NodePool<u8> = NodePool::new(usize::MAX, 1);
    assert!(matches!(
        too_large.init_in(memory, Caps::INTERNAL, 1),
        Err(NodePoolError::TooLarge { .. })
    ));
    let empty: NodePool<u8> = NodePool::new(8, 8);
    assert!(matches!(empty.init_in(memory, Caps::INTERNAL, 0), Err(NodePoolError::Shape(_))));
    assert!(matches!(empty.take(1), Err(TakeError::NotInitialised)));
    empty.init_in(memory, Caps::INTERNAL, 2).unwrap();
    assert_eq!(*empty.take(7).unwrap(), 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 256 }))]

    /// Whatever is written where: the mark is the deepest byte, rounded to words, and the canary
    /// speaks exactly when it was reached.
    #[test]
    fn the_mark_and_the_canary_agree_with_what_was_written(
        depths in prop::collection::vec(1usize..=512, 1..6),
    ) {
        let stack = adopt(512);
        for &depth in &depths {
            push(&stack, depth);
        }
        let deepest = *depths.iter().max().unwrap();
        let usable = stack.usable_bytes();
        prop_assert_eq!(stack.high_water_bytes(), deepest.next_multiple_of(4).min(usable));
        prop_assert_eq!(stack.check().is_err(), deepest > usable);
    }
}
