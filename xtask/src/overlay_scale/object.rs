//! The functions as ELF objects, as a compiler would leave them.

use anyhow::{Context, Result};
use object::write::{Object, Relocation, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

use super::code::Library;

const ALIGN_BYTES: u64 = 4;

fn new() -> Object<'static> {
    Object::new(BinaryFormat::Elf, Architecture::Riscv32, Endianness::Little)
}

/// What everybody calls a function.
fn name(number: usize) -> String {
    format!("scale_{number}")
}

fn add_symbol(object: &mut Object<'_>, name: String, kind: SymbolKind) -> SymbolId {
    object.add_symbol(Symbol {
        name: name.into_bytes(),
        value: 0,
        size: 0,
        kind,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Undefined,
        flags: SymbolFlags::None,
    })
}

/// All functions of an overlay.
pub(super) fn overlay(library: &Library, overlay: usize) -> Result<Vec<u8>> {
    let mut object = new();
    let section = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    let first = overlay * library.functions_per_overlay();
    for number in first..first + library.functions_per_overlay() {
        let code = library.code(number);
        let symbol = add_symbol(&mut object, name(number), SymbolKind::Text);
        let at = object.add_symbol_data(symbol, section, &code.bytes, ALIGN_BYTES);
        if let Some((called, call_at)) = code.call {
            let symbol = add_symbol(&mut object, name(called), SymbolKind::Text);
            let offset = at + call_at as u64;
            let flags = RelocationFlags::Elf { r_type: elf::R_RISCV_CALL_PLT };
            let relocation = Relocation { offset, symbol, addend: 0, flags };
            object.add_relocation(section, relocation).context("a call")?;
        }
    }
    object.write().with_context(|| format!("the object of overlay {overlay}"))
}

/// The resident table: the address of each function, which is its stub's, and their number.
pub(super) fn table(library: &Library) -> Result<Vec<u8>> {
    let mut object = new();
    let section = object.add_section(Vec::new(), b".rodata".to_vec(), SectionKind::ReadOnlyData);
    let count = library.function_count();
    let symbol = add_symbol(&mut object, "scale_functions".to_owned(), SymbolKind::Data);
    let at = object.add_symbol_data(symbol, section, &vec![0; 4 * count], ALIGN_BYTES);
    for number in 0..count {
        let symbol = add_symbol(&mut object, name(number), SymbolKind::Text);
        let flags = RelocationFlags::Elf { r_type: elf::R_RISCV_32 };
        let offset = at + 4 * number as u64;
        object
            .add_relocation(section, Relocation { offset, symbol, addend: 0, flags })
            .context("an entry")?;
    }
    let symbol = add_symbol(&mut object, "scale_function_count".to_owned(), SymbolKind::Data);
    object.add_symbol_data(symbol, section, &(count as u32).to_le_bytes(), ALIGN_BYTES);
    object.write().context("the table of functions")
}
