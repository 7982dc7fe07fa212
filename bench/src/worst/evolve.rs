//! The search itself: families and random operations first, then what was dearest, changed a little,
//! round after round.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use oorandom::Rand32;

use super::moves::{self, Move};
use super::{KINDS, PerKind, families};
use crate::job::{self, Job, Kind};
use crate::qemu::{self, Line, Worst};
use crate::workload::below;

/// The dearest operation found of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) instructions: u64,
    /// Which operations led there.
    pub(super) how: String,
}

/// What led to a dear operation: everything up to it.
#[derive(Clone, Debug)]
struct Parent {
    instructions: u64,
    moves: Vec<Move>,
    how: String,
}

/// A search on one arena.
pub(super) struct Search<'a> {
    program: &'a Path,
    arena_bytes: u32,
    random: Rand32,
    /// The dearest of each kind, the dearest first.
    parents: PerKind<Vec<Parent>>,
}

/// The parents kept of each kind, the children of a round, and the operations of a random start.
const PARENT_COUNT: usize = 6;
const CHILD_COUNT: usize = 30;
const START_COUNT: usize = 1200;

impl<'a> Search<'a> {
    pub(super) fn new(program: &'a Path, arena_bytes: u32, seed: u64) -> Self {
        let random = Rand32::new(seed ^ u64::from(arena_bytes));
        Self { program, arena_bytes, random, parents: [const { Vec::new() }; KINDS.len()] }
    }

    /// Searches for `rounds` rounds.
    pub(super) fn run(&mut self, rounds: u32, progress: impl Fn()) -> Result<PerKind<Found>> {
        for round in 0..rounds {
            let tries = if round == 0 { self.starts() } else { self.children(round) };
            // One emulator for the whole round.
            let scripts: Vec<_> = tries.iter().map(|(_, moves)| moves::script(moves)).collect();
            let arena_bytes = self.arena_bytes;
            let jobs: Vec<_> = scripts
                .iter()
                .map(|script| Job { kind: Kind::Worst, script, arena_bytes })
                .collect();
            let costs = self.measure(&job::encode(&jobs), jobs.len())?;
            for ((how, moves), costs) in tries.into_iter().zip(costs) {
                self.keep(&how, &moves, &costs);
            }
            progress();
        }
        Ok(self.parents.each_ref().map(|parents| {
            parents.first().map_or_else(Found::default, |best| Found {
                instructions: best.instructions,
                how: best.how.clone(),
            })
        }))
    }

    fn starts(&mut self) -> Vec<(String, Vec<Move>)> {
        let mut tries = families::all(self.arena_bytes);
        for number in 0..CHILD_COUNT {
            let moves = moves::random(&mut self.random, self.arena_bytes, START_COUNT);
            tries.push((format!("random operations, start {number}"), moves));
        }
        tries
    }

    fn children(&mut self, round: u32) -> Vec<(String, Vec<Move>)> {
        let random = &mut self.random;
        let mut tries = Vec::new();
        for child in 0..CHILD_COUNT {
            let of_kind = &self.parents[child % KINDS.len()];
            let of_any = &self.parents[below(random, KINDS.len())];
            if of_kind.is_empty() || of_any.is_empty() {
                continue;
            }
            let parent = &of_kind[below(random, of_kind.len())];
            let other = &of_any[below(random, of_any.len())];
            let moves = moves::mutated(random, self.arena_bytes, &parent.moves, &other.moves);
            let origin = parent.how.split(", changed").next().unwrap_or_default();
            tries.push((format!("{origin}, changed until round {round}"), moves));
        }
        tries
    }

    fn measure(&self, jobs: &[u8], job_count: usize) -> Result<Vec<Worst>> {
        let mut costs = Vec::with_capacity(job_count);
        for line in qemu::run(self.program, jobs)? {
            match line {
                Line::Worst(worst) => {
                    if let Some(reason) = &worst.failed {
                        bail!("{} on {} bytes: {reason}", self.program.display(), self.arena_bytes);
                    }
                    costs.push(*worst);
                }
                Line::Hello { .. } | Line::Done {} => {}
                line => bail!("{} on {} bytes: {line:?}", self.program.display(), self.arena_bytes),
            }
        }
        ensure!(
            costs.len() == job_count,
            "{} on {} bytes: the program ended early",
            self.program.display(),
            self.arena_bytes
        );
        Ok(costs)
    }

    /// Takes one's place among the parents of each kind in which it is as dear as they. What is
    /// equal replaces what is older, so that the search drifts rather than stands.
    fn keep(&mut self, how: &str, moves: &[Move], costs: &Worst) {
        for (parents, (instructions, op_index)) in self.parents.iter_mut().zip(costs.per_kind()) {
            if instructions == 0 {
                continue;
            }
            let at = parents.partition_point(|parent| parent.instructions > instructions);
            if at < PARENT_COUNT {
                let moves = moves[..=op_index as usize].to_vec();
                let last = moves.last().expect("it is not empty");
                let how = how.split(": ").next().unwrap_or_default();
                let how = format!("{how}: operation {op_index}, {last:?}");
                parents.insert(at, Parent { instructions, moves, how });
                parents.truncate(PARENT_COUNT);
            }
        }
    }
}
