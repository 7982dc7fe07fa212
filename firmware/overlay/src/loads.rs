//! What loading an overlay costs, in instructions.

use board_virt::{counter, println};
use esparto_overlay::Stats;

use crate::All;

/// Loads one overlay and returns what that took, and all of its instructions.
fn load(all: &All, name: &str) -> (Stats, u32) {
    let overlay = all.find(name).expect("packed");
    let before = all.stats();
    let start = counter::instructions();
    // SAFETY: the caller is resident, and so is its caller.
    unsafe { all.load_at_top(overlay) }.unwrap_or_else(|error| panic!("{error}"));
    let total = counter::instructions() - start;
    let after = all.stats();
    let spent = Stats {
        read_bytes: after.read_bytes - before.read_bytes,
        code_bytes: after.code_bytes - before.code_bytes,
        data_bytes: after.data_bytes - before.data_bytes,
        read_ticks: after.read_ticks - before.read_ticks,
        verify_ticks: after.verify_ticks - before.verify_ticks,
        copy_ticks: after.copy_ticks - before.copy_ticks,
        sync_ticks: after.sync_ticks - before.sync_ticks,
        ..Stats::default()
    };
    (spent, total)
}

/// Holds a load to its limit, with everything but the storage's read counted; `called` is what the
/// line calls it.
pub(crate) fn hold(all: &All, name: &str, called: &str, limit: u32) {
    let (spent, total) = load(all, name);
    let own = total - spent.read_ticks;
    let cost = own * 100 / spent.code_bytes;
    println!(
        "load {called} code={} total={total} read={} verify={} copy={} sync={} own={}.{:02} a byte",
        spent.code_bytes,
        spent.read_ticks,
        spent.verify_ticks,
        spent.copy_ticks,
        spent.sync_ticks,
        cost / 100,
        cost % 100
    );
    assert!(cost <= limit, "{name}: {cost} is more than {limit} hundredths a byte");
}
