//! Start-up: tasks with their stacks, queues, buffers and settings that stay for ever, and a few
//! blocks that are needed only until then. The one work that a heap that never frees can do.

use oorandom::Rand32;

use crate::script::Script;

/// One part of a firmware starts: a task, its queue, what it keeps, and what it read to start.
fn start(random: &mut Rand32, script: &mut Script) {
    // A control block, and a stack in words.
    script.allocate(random.rand_range(88..121), 8);
    script.allocate(random.rand_range(96..257) * 4, 8);
    let queue_bytes = 76 + random.rand_range(2..17) * random.rand_range(4..33);
    script.allocate(queue_bytes, 8);
    let settings = script.allocate(random.rand_range(32..257), 4);
    for _ in 0..random.rand_range(4..13) {
        script.allocate(random.rand_range(4..49), 4);
    }
    script.free(settings);
}

/// What a firmware of twenty-six parts has after its start.
pub(super) fn steady(random: &mut Rand32) -> Script {
    let mut script = Script::default();
    for _ in 0..26 {
        start(random, &mut script);
    }
    script
}

/// Parts start until there is no memory left.
pub(super) fn growing(random: &mut Rand32, limit_bytes: u64) -> Script {
    let mut script = Script::default();
    while script.live_bytes() <= limit_bytes {
        start(random, &mut script);
    }
    script
}
