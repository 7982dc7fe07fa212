//! All that there is to watch.

use esparto::monitor::Source;

/// Memory, pools of frames, pools of events, bus, stacks, and the stack of interrupts; for whichever
/// task looks.
pub(crate) type Sources<'a> = [&'a (dyn Source + Sync); 6];

/// The same, as the monitor takes them.
pub(crate) fn plain(sources: Sources<'_>) -> [&dyn Source; 6] {
    sources.map(|source| source as &dyn Source)
}
