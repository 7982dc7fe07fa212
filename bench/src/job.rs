//! The job file, as the device reads it. Held in step with `bench/device/src/work.rs`.

use crate::script::{Op, Script};

/// What the device does with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Do it and say what each kind of operation cost.
    Measure,
    /// Do it with every block filled and checked.
    Verify,
    /// Do it until the first operation that fails.
    Fill,
    /// Find the smallest arena that holds it.
    Fit,
    /// Do it, resizing in place only, and say what the dearest operation of each kind cost.
    Worst,
}

/// One job: a script, an arena, and what to find out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) kind: Kind,
    pub(crate) script: &'a Script,
    pub(crate) arena_bytes: u32,
}

const MAGIC: u32 = 0x4553_504a;
const HEADER_WORDS: usize = 4;
const JOB_WORDS: usize = 8;

/// Writes the file for `jobs`. Jobs that share a script share its operations.
pub(crate) fn encode(jobs: &[Job<'_>]) -> Vec<u8> {
    let mut scripts: Vec<(*const Script, u32)> = Vec::new();
    let mut ops: Vec<[u32; 2]> = Vec::new();
    let mut words: Vec<u32> = vec![0; HEADER_WORDS];
    for job in jobs {
        let known = scripts.iter().find(|(script, _)| std::ptr::eq(*script, job.script));
        let first = known.map(|&(_, first)| first).unwrap_or_else(|| {
            let first = count(ops.len());
            scripts.push((job.script, first));
            ops.extend(job.script.ops.iter().map(|&op| encode_op(op)));
            first
        });
        words.extend([
            match job.kind {
                Kind::Measure => 0,
                Kind::Verify => 1,
                Kind::Fill => 2,
                Kind::Fit => 3,
                Kind::Worst => 4,
            },
            job.arena_bytes,
            first,
            count(job.script.ops.len()),
            count(job.script.warm_count),
            count(job.script.slot_count()),
            u32::try_from(job.script.peak_bytes()).expect("the board has less"),
            0,
        ]);
    }
    let ops_offset = (HEADER_WORDS + JOB_WORDS * jobs.len()) * 4;
    words[..HEADER_WORDS].copy_from_slice(&[
        MAGIC,
        count(jobs.len()),
        count(ops_offset),
        count(ops.len()),
    ]);
    words.into_iter().chain(ops.into_iter().flatten()).flat_map(u32::to_le_bytes).collect()
}

fn encode_op(op: Op) -> [u32; 2] {
    match op {
        Op::Allocate { slot, size_bytes, align_log2 } => {
            [u32::from(align_log2) << 25 | slot, size_bytes]
        }
        Op::Free { slot } => [1 << 30 | slot, 0],
        Op::Resize { slot, size_bytes } => [2 << 30 | slot, size_bytes],
    }
}

fn count(value: usize) -> u32 {
    u32::try_from(value).expect("a job file is smaller than the board's memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_share_a_script_share_its_operations() {
        let mut script = Script::default();
        let slot = script.allocate(24, 8);
        script.resize(slot, 48);
        script.end_warming();
        script.free(slot);
        let job = |kind| Job { kind, script: &script, arena_bytes: 4096 };
        let bytes = encode(&[job(Kind::Verify), job(Kind::Measure)]);
        let words: Vec<u32> = bytes
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("whole words")))
            .collect();
        assert_eq!(words[..4], [MAGIC, 2, 80, 3]);
        assert_eq!(words[4..12], [1, 4096, 0, 3, 2, 1, 48, 0]);
        assert_eq!(words[12..20], [0, 4096, 0, 3, 2, 1, 48, 0]);
        assert_eq!(words[20..], [3 << 25, 24, 2 << 30, 48, 1 << 30, 0]);
    }
}
