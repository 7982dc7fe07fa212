//! In which functions the instructions were spent.

use std::collections::HashMap;

use object::{Object, ObjectSymbol, SymbolKind};
use serde::Serialize;

/// One function's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Function {
    pub(super) function: String,
    pub(super) instructions: u64,
}

/// The functions of a firmware, by address.
pub(super) struct Profile {
    /// Start, end and name, in address order.
    functions: Vec<(u32, u32, String)>,
}

impl Profile {
    /// Reads the symbols of `elf`. A firmware without symbols is shown by address.
    pub(super) fn of(elf: &[u8]) -> Self {
        let file = object::File::parse(elf).ok();
        let mut functions: Vec<_> = file
            .iter()
            .flat_map(|file| file.symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| {
                let start = u32::try_from(symbol.address()).ok()?;
                let end = start.saturating_add(u32::try_from(symbol.size()).ok()?);
                Some((start, end, format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?))))
            })
            .collect();
        functions.sort();
        Self { functions }
    }

    /// The functions in which `counts` (executions by address) fall, the costliest first.
    pub(super) fn functions(&self, counts: &HashMap<u32, u64>) -> Vec<Function> {
        let mut by_name: HashMap<String, u64> = HashMap::new();
        for (&pc, &count) in counts {
            *by_name.entry(self.name_at(pc)).or_default() += count;
        }
        let mut functions: Vec<Function> = by_name
            .into_iter()
            .map(|(function, instructions)| Function { function, instructions })
            .collect();
        functions.sort_by(|a, b| {
            b.instructions.cmp(&a.instructions).then_with(|| a.function.cmp(&b.function))
        });
        functions
    }

    /// The first address of the function that holds `pc`.
    pub(super) fn start_of(&self, pc: u32) -> Option<u32> {
        self.function_at(pc).map(|(start, ..)| *start)
    }

    fn name_at(&self, pc: u32) -> String {
        self.function_at(pc).map_or_else(|| format!("{pc:#010x}"), |(.., name)| name.clone())
    }

    fn function_at(&self, pc: u32) -> Option<&(u32, u32, String)> {
        let behind = self.functions.partition_point(|(start, ..)| *start <= pc);
        let function = &self.functions[behind.checked_sub(1)?];
        (pc < function.1).then_some(function)
    }
}
