//! The layout as a linker script and as Rust.

use std::fmt::Write as _;
use std::ops::Range;

use crate::{Layout, Piece, Sram};

/// Pages of this size are either written or executed.
const PAGE_BYTES: u32 = 4096;

/// The identity of the build, where the program can read it.
const BUILD_ID: &str = "
/* The identity of the build, where the program can read it. */
SECTIONS
{
  .note.gnu.build-id : ALIGN(4)
  {
    _build_id_start = .;
    KEEP(*(.note.gnu.build-id));
    _build_id_end = .;
    . = ALIGN(4);
  } > REGION_RODATA
}
INSERT AFTER .rodata;
";

impl Layout {
    /// The `memory.x` that riscv-rt's linker script includes.
    #[must_use]
    pub fn script(&self) -> String {
        let main = &self.main.addrs;
        let code = match self.sram {
            Sram::Data => Some(self.code.clone()),
            Sram::Shared => None,
            Sram::Split { code_addr } => Some(code_addr..code_addr + main.len() as u32),
        };
        let places = [("CODE", code.clone()), ("CONST", self.constants.clone())];
        let mut text = format!("/* {}, made from its map. */\nMEMORY\n{{\n", self.name);
        for (name, addrs) in places {
            text.push_str(&addrs.map_or(String::new(), |addrs| region(name, &addrs)));
        }
        text.push_str(&region("SRAM", main));
        text.push_str("}\n\n");
        let code_name = if code.is_some() { "CODE" } else { "SRAM" };
        let constants_name = if self.constants.is_some() { "CONST" } else { code_name };
        for (part, place) in [
            ("TEXT", code_name),
            ("RODATA", constants_name),
            ("DATA", "SRAM"),
            ("BSS", "SRAM"),
            ("HEAP", "SRAM"),
            ("STACK", "SRAM"),
        ] {
            // A string takes any text.
            let _ = writeln!(text, "REGION_ALIAS(\"REGION_{part}\", {place});");
        }
        text.push_str(&self.code_in_sram());
        text.push_str(BUILD_ID);
        text
    }

    /// Keeps statics off the pages of the code, and beside the code what a trap looks at while flash
    /// does not answer.
    fn code_in_sram(&self) -> String {
        let skipped = match self.sram {
            Sram::Data => return String::new(),
            Sram::Shared => String::new(),
            // What riscv-rt places behind `.text` without naming it comes on top.
            Sram::Split { .. } => format!(
                "    . = ALIGN(. + SIZEOF(.text) + SIZEOF(.init.rust) + 16, {PAGE_BYTES});
    . = . + SIZEOF(.dispatch);\n"
            ),
        };
        format!(
            "
/* The tables of handlers: a trap comes while flash does not answer, too. On a page of their own,
   since they do not execute. */
SECTIONS
{{
  .dispatch : ALIGN({PAGE_BYTES})
  {{
    *(.rodata.__CORE_INTERRUPTS .rodata.__EXCEPTIONS)
    . = ALIGN(4);
  }} > REGION_TEXT
}}
INSERT AFTER .text;

/* Code is in the same memory: statics begin on a page behind it. */
SECTIONS
{{
  .code_pages (NOLOAD) :
  {{
{skipped}    . = ALIGN({PAGE_BYTES});
  }} > SRAM
}}
INSERT BEFORE .data;
"
        )
    }

    /// The regions that are left, as Rust for `include!`: the first is what the linker leaves of the
    /// SRAM.
    #[must_use]
    pub fn table(&self) -> String {
        let flash_bytes = self.code.len() + self.constants.as_ref().map_or(0, Range::len);
        let mut text = format!(
            "const NAME: &str = {:?};\nconst FLASH_BYTES: usize = {flash_bytes:#x};\n\
             const SRAM_END_ADDR: usize = {:#x};\nconst BOOT_STACK_BYTES: usize = {:#x};\n\
             const SRAM: Piece = {};\nconst OTHERS: [Piece; {}] = [\n",
            self.name,
            self.main.addrs.end,
            self.boot_stack_bytes,
            piece(&self.main),
            self.others.len(),
        );
        for other in &self.others {
            let _ = writeln!(text, "    {},", piece(other));
        }
        text.push_str("];\n");
        text
    }
}

fn region(name: &str, addrs: &Range<u32>) -> String {
    format!("  {name:<5} : ORIGIN = {:#010x}, LENGTH = {:#x}\n", addrs.start, addrs.len())
}

fn piece(piece: &Piece) -> String {
    format!(
        "Piece {{ name: {:?}, addrs: {:#x}..{:#x}, caps: Caps::from_bits_retain({:#x}) }}",
        piece.name,
        piece.addrs.start,
        piece.addrs.end,
        piece.caps.bits(),
    )
}
