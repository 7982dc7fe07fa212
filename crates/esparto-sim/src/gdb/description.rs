//! The registers as gdb wants to be told of them: those of the core, and the control and status
//! registers that a person looks at.

use std::fmt::Write;

/// gdb's number of the CSR 0.
const FIRST_CSR: u32 = 65;

/// The core's registers by their names in the calling convention, `x0` first, then `pc`.
const CORE: [&str; 33] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6", "pc",
];

/// The CSRs by number.
pub(super) const CSRS: [(u32, &str); 14] = [
    (0x300, "mstatus"),
    (0x301, "misa"),
    (0x304, "mie"),
    (0x305, "mtvec"),
    (0x320, "mcountinhibit"),
    (0x340, "mscratch"),
    (0x341, "mepc"),
    (0x342, "mcause"),
    (0x343, "mtval"),
    (0x344, "mip"),
    (0xB00, "mcycle"),
    (0xB02, "minstret"),
    (0xB80, "mcycleh"),
    (0xB82, "minstreth"),
];

/// The description, in gdb's XML.
pub(super) fn text() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>\
         <architecture>riscv:rv32</architecture><feature name=\"org.gnu.gdb.riscv.cpu\">",
    );
    for (number, name) in CORE.iter().enumerate() {
        let kind = match *name {
            "ra" | "pc" => "code_ptr",
            "sp" | "gp" | "tp" | "fp" => "data_ptr",
            _ => "int",
        };
        let _ = write!(
            text,
            "<reg name=\"{name}\" bitsize=\"32\" type=\"{kind}\" regnum=\"{number}\"/>"
        );
    }
    text.push_str("</feature><feature name=\"org.gnu.gdb.riscv.csr\">");
    for (number, name) in CSRS {
        let number = FIRST_CSR + number;
        let _ =
            write!(text, "<reg name=\"{name}\" bitsize=\"32\" type=\"int\" regnum=\"{number}\"/>");
    }
    text.push_str("</feature></target>");
    text
}
