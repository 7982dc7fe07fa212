//! The longest path through a function and all that it calls.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

use super::code::{Code, Counting, Flow, Function};
use super::rules::{Loop, Rules};

/// How many calls may be nested: nothing here recurses.
const MAX_DEPTH: u32 = 16;

/// What a call itself costs.
const CALL: u64 = 1;

/// The instructions on the longest path from a call of the function named `entry` to its return.
///
/// # Errors
/// When the code holds a loop that no rule is about, jumps where nobody knows, or calls what is no
/// function.
pub(super) fn longest(code: &Code, entry: &str, rules: Rules) -> Result<u64> {
    let mut search = Search { code, rules, functions: HashMap::new() };
    let longest = search.function(code.named(entry)?, 0)?;
    Ok(CALL + longest.with_context(|| format!("{entry} never returns"))?)
}

struct Search<'a> {
    code: &'a Code,
    rules: Rules,
    /// The longest path of functions already gone through, by name; none for those that do not return.
    functions: HashMap<&'a str, Option<u64>>,
}

/// The edges of a function's steps, and what each step's call adds.
struct Graph {
    successors: Vec<Vec<usize>>,
    /// What a step costs; none when there is no way on behind it.
    costs: Vec<Option<u64>>,
}

/// The jumps back that are left, for each loop, or for all together.
type Left = Vec<u32>;

impl<'a> Search<'a> {
    fn function(&mut self, function: &'a Function, depth: u32) -> Result<Option<u64>> {
        if let Some(&known) = self.functions.get(function.name.as_str()) {
            return Ok(known);
        }
        ensure!(depth < MAX_DEPTH, "{} calls too deep", function.name);
        let graph = self.graph(function, depth)?;
        let (edges, left) = self.loops(function, &graph)?;
        let count = self.rules.count(function).map(|(answer, _)| Count { function, answer });
        let counter = count.as_ref().map(Count::register).transpose()?;
        let count = count.zip(counter);
        let mut walk = Walk { graph: &graph, edges: &edges, count, known: HashMap::new() };
        let longest = walk.from(0, &State { left, count: None });
        self.functions.insert(&function.name, longest);
        Ok(longest)
    }

    fn graph(&mut self, function: &'a Function, depth: u32) -> Result<Graph> {
        let steps = &function.steps;
        let index_of: HashMap<u32, usize> =
            steps.iter().enumerate().map(|(index, step)| (step.addr, index)).collect();
        let is_equal = self.rules.compares_equal(function);
        let mut compared = None;
        let mut graph = Graph { successors: Vec::new(), costs: Vec::new() };
        for (index, step) in steps.iter().enumerate() {
            let mut cost = Some(1);
            let mut next = vec![index + 1];
            match step.flow {
                Flow::Next => {}
                Flow::Return => next.clear(),
                Flow::Branch(to) => {
                    let to = *index_of.get(&to).context("a branch out of its function")?;
                    next.push(to);
                    if let Some(equality) = step.equality.filter(|_| is_equal) {
                        ensure!(
                            *compared.get_or_insert(equality.registers) == equality.registers,
                            "{} compares several pairs of registers, and the rules know of one",
                            function.name
                        );
                        next = vec![if equality.taken { to } else { index + 1 }];
                    }
                }
                Flow::Jump(to) if index_of.contains_key(&to) => next = vec![index_of[&to]],
                Flow::Jump(to) | Flow::Call(to) => {
                    let called = self.code.at(to);
                    let called = called.with_context(|| {
                        format!("{} calls {to:#x}, where no function is", function.name)
                    })?;
                    cost = if self.rules.never_enters(called) {
                        None
                    } else {
                        self.function(called, depth + 1)?.map(|longest| 1 + longest)
                    };
                    if matches!(step.flow, Flow::Jump(_)) {
                        next.clear();
                    }
                }
                Flow::Unknown => {
                    bail!("{} jumps from {:#x}, nobody knows where", function.name, step.addr)
                }
            }
            next.retain(|&to| to < steps.len());
            let ends = matches!(step.flow, Flow::Return | Flow::Jump(_));
            ensure!(ends || !next.is_empty(), "{} runs out of its end", function.name);
            graph.successors.push(next);
            graph.costs.push(cost);
        }
        ensure!(!is_equal || compared.is_some(), "{} compares no registers", function.name);
        Ok(graph)
    }

    /// The edges that close a loop, with the place of each in the counts, and the counts.
    fn loops(&self, function: &Function, graph: &Graph) -> Result<(Edges, Left)> {
        let mut edges = Edges::new();
        let mut left = Left::new();
        let shared = self.rules.count(function).map(|(_, jumps)| jumps);
        left.extend(shared);
        for (from, successors) in graph.successors.iter().enumerate() {
            for &to in successors.iter().filter(|&&to| to <= from) {
                if !graph.reaches(to, from) {
                    continue;
                }
                if shared.is_some() {
                    edges.insert((from, to), 0);
                    continue;
                }
                let asks_last = successors.len() > 1;
                let one = Loop { function, from: to, to: from, asks_last };
                let jumps_back = self.rules.jumps_back(one).with_context(|| {
                    format!(
                        "{} has a loop from {:#x} to {:#x} that no rule is about: say in \
                         bench/src/bound/rules.rs how often it goes round",
                        function.name, function.steps[to].addr, function.steps[from].addr
                    )
                })?;
                edges.insert((from, to), left.len());
                left.push(jumps_back);
            }
        }
        Ok((edges, left))
    }
}

/// Edges that close a loop, and the place of their count.
type Edges = HashMap<(usize, usize), usize>;

impl Graph {
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.successors.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&self.successors[at]);
            }
        }
        false
    }
}

/// A count that decides how often loops go round.
struct Count<'a> {
    function: &'a Function,
    /// The answer of the question for zero that it starts from.
    answer: i32,
}

impl Count<'_> {
    /// The register in which it is kept: the one that such an answer is put into.
    fn register(&self) -> Result<usize> {
        let mut asked = self.function.steps.iter().filter_map(|step| match step.counting {
            Some(Counting::IsZero { register }) => Some(register),
            _ => None,
        });
        let register = asked.next();
        ensure!(asked.next().is_none(), "{} counts several things", self.function.name);
        register.with_context(|| format!("{} counts nothing", self.function.name))
    }
}

/// Where a walk stands, beside the step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    left: Left,
    /// The count's value, once it has one.
    count: Option<i32>,
}

/// Going through one function.
struct Walk<'a> {
    graph: &'a Graph,
    edges: &'a Edges,
    count: Option<(Count<'a>, usize)>,
    known: HashMap<(usize, State), Option<u64>>,
}

impl Walk<'_> {
    /// The longest path from a step to the function's end; none when it leads nowhere.
    fn from(&mut self, at: usize, state: &State) -> Option<u64> {
        if let Some(&known) = self.known.get(&(at, state.clone())) {
            return known;
        }
        let mut after = state.clone();
        let mut successors = self.graph.successors[at].as_slice();
        if let Some((count, counter)) = &self.count {
            match count.function.steps[at].counting {
                Some(Counting::IsZero { register }) if register == *counter => {
                    after.count = Some(count.answer);
                }
                Some(Counting::Add { register, number }) if register == *counter => {
                    after.count = after.count.map(|count| count + number);
                }
                Some(Counting::Ask { register, taken_if_zero })
                    if register == *counter && after.count.is_some() =>
                {
                    // The next step first, then where the branch leads.
                    let place = usize::from((after.count == Some(0)) == taken_if_zero);
                    successors = &successors[place..=place];
                }
                _ => {}
            }
        }
        let rest = if successors.is_empty() {
            Some(0)
        } else {
            let mut longest = None;
            for &to in successors {
                let on = match self.edges.get(&(at, to)) {
                    None => self.from(to, &after),
                    Some(&place) if after.left[place] > 0 => {
                        let mut fewer = after.clone();
                        fewer.left[place] -= 1;
                        self.from(to, &fewer)
                    }
                    Some(_) => None,
                };
                longest = longest.max(on);
            }
            longest
        };
        let longest = self.graph.costs[at].zip(rest).map(|(cost, rest)| cost + rest);
        self.known.insert((at, state.clone()), longest);
        longest
    }
}
