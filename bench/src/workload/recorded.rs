//! The recorded traces of `traces/`, as work for any allocator.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use esparto::Event;
use esparto_trace::{Decoder, Entry, Mode};

use crate::script::Script;

/// The traces in `dir`, by name.
pub(super) fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut traces = Vec::new();
    for entry in dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "trace")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            traces.push((name.to_owned(), path));
        }
    }
    traces.sort_unstable();
    Ok(traces)
}

/// Turns a trace into operations: same sizes, alignments and order, whatever the addresses were.
/// All its regions become one.
pub(super) fn load(path: &Path) -> Result<Script> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = || path.display().to_string();
    let mut script = Script::default();
    let mut slots: HashMap<usize, u32> = HashMap::new();
    let size_of = |bytes: usize| {
        u32::try_from(bytes).with_context(|| format!("{}: a block of {bytes} bytes", name()))
    };
    for record in Decoder::from_slice(&bytes, Mode::Strict).with_context(name)? {
        let Entry::Event(event) = record.with_context(name)?.entry else { continue };
        match event {
            Event::Allocate { addr, size_bytes, align_log2, .. } => {
                let slot = script.allocate(size_of(size_bytes)?, 1 << align_log2);
                if slots.insert(addr, slot).is_some() {
                    bail!("{}: two live blocks at {addr:#x}: record it anew", name());
                }
            }
            Event::Deallocate { addr, .. } => {
                // A block from before the recording began is no work of this trace.
                if let Some(slot) = slots.remove(&addr) {
                    script.free(slot);
                }
            }
            Event::Resize { old_addr, addr, size_bytes, .. } => {
                if let Some(slot) = slots.remove(&old_addr) {
                    script.resize(slot, size_of(size_bytes)?);
                    slots.insert(addr, slot);
                }
            }
            Event::Failure { .. } | Event::Mark { .. } => {}
        }
    }
    Ok(script)
}
