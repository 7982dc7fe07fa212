//! A program's functions as steps, of which only the flow matters.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use raki::{BaseIOpcode, COpcode, Decode, Instruction, Isa, OpcodeKind};

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next one.
    Next,
    /// To the next one or to this address.
    Branch(u32),
    /// To this address, of this function or, as its last call, of another.
    Jump(u32),
    /// To the function there and then to the next one.
    Call(u32),
    /// Back to whoever called.
    Return,
    /// Nobody can tell.
    Unknown,
}

/// A question whether two registers are equal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Equality {
    /// The lower number first.
    pub(super) registers: [usize; 2],
    /// Is the branch taken when they are?
    pub(super) taken: bool,
}

/// What a step does with a register that may count something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Makes it 1 when something else is zero, and 0 otherwise.
    IsZero { register: usize },
    /// Adds to it.
    Add { register: usize, number: i32 },
    /// Branches on whether it is zero.
    Ask { register: usize, taken_if_zero: bool },
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) addr: u32,
    pub(super) flow: Flow,
    /// A branch on whether two registers are equal, neither the zero.
    pub(super) equality: Option<Equality>,
    pub(super) counting: Option<Counting>,
    /// A shift to the right by so many bits.
    pub(super) shift: Option<i32>,
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

/// A program's functions, by address.
#[derive(Debug)]
pub(super) struct Code {
    functions: BTreeMap<u32, Function>,
}

impl Code {
    /// Reads the program at `path`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = object::File::parse(&*bytes)
            .with_context(|| format!("{} is not an ELF file", path.display()))?;
        let mut functions = BTreeMap::new();
        for symbol in file.symbols() {
            let Some(section) = symbol.section_index().filter(|_| symbol.size() > 0) else {
                continue;
            };
            if symbol.kind() != SymbolKind::Text {
                continue;
            }
            let section = file.section_by_index(section)?;
            let name = symbol.name().context("a function without a name")?.to_owned();
            let code = section.data_range(symbol.address(), symbol.size())?;
            let code = code.with_context(|| format!("{name} has no code"))?;
            let addr = u32::try_from(symbol.address()).context("not a 32-bit program")?;
            functions.insert(addr, Function { steps: steps(code, addr), name });
        }
        ensure!(!functions.is_empty(), "{} has no symbols", path.display());
        Ok(Self { functions })
    }

    /// The function at an address.
    pub(super) fn at(&self, addr: u32) -> Option<&Function> {
        self.functions.get(&addr)
    }

    /// The only function whose name holds `part`.
    pub(super) fn named(&self, part: &str) -> Result<&Function> {
        let mut found = self.functions.values().filter(|function| function.name.contains(part));
        let function = found.next().with_context(|| format!("no function {part}"))?;
        ensure!(found.next().is_none(), "several functions {part}");
        Ok(function)
    }
}

/// Decodes a function. What is no instruction leads nobody knows where.
fn steps(code: &[u8], start_addr: u32) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut at = 0;
    // The register and value of an `auipc` right in front.
    let mut upper: Option<(usize, u32)> = None;
    while at + 2 <= code.len() {
        let addr = start_addr + at as u32;
        let half = u16::from_le_bytes([code[at], code[at + 1]]);
        let decoded = if half & 3 != 3 {
            at += 2;
            half.decode(Isa::Rv32)
        } else {
            let Some(&[low, high]) = code.get(at + 2..at + 4) else { break };
            at += 4;
            (u32::from(half) | u32::from(u16::from_le_bytes([low, high])) << 16).decode(Isa::Rv32)
        };
        let step = decoded.as_ref().map_or(
            Step { addr, flow: Flow::Unknown, equality: None, counting: None, shift: None },
            |instruction| step(instruction, addr, upper),
        );
        steps.push(step);
        upper = decoded.ok().and_then(|it| match (it.opc, it.rd, it.imm) {
            (OpcodeKind::BaseI(BaseIOpcode::AUIPC), Some(rd), Some(imm)) => {
                // The decoder gives the upper twenty bits as a number.
                Some((rd, addr.wrapping_add((imm as u32) << 12)))
            }
            _ => None,
        });
    }
    steps
}

/// One instruction at `addr`, behind an `auipc` that set a register to a value.
fn step(it: &Instruction, addr: u32, upper: Option<(usize, u32)>) -> Step {
    use BaseIOpcode::{BEQ, BGE, BGEU, BLT, BLTU, BNE, JAL, JALR, SRLI};
    let there = || addr.wrapping_add_signed(it.imm.unwrap_or(0));
    let call_or_jump = |to: Option<u32>, is_call: bool| match to {
        Some(to) if is_call => Flow::Call(to),
        Some(to) => Flow::Jump(to),
        None => Flow::Unknown,
    };
    // Through a register: known when the instruction in front set it.
    let through = |register: Option<usize>, offset: i32| {
        let (upper_register, value) = upper?;
        (register == Some(upper_register)).then(|| value.wrapping_add_signed(offset))
    };
    const RA: Option<usize> = Some(1);
    let is_zero = |register: Option<usize>| register.is_none_or(|number| number == 0);
    let flow = match &it.opc {
        OpcodeKind::BaseI(BEQ | BNE | BLT | BGE | BLTU | BGEU)
        | OpcodeKind::C(COpcode::BEQZ | COpcode::BNEZ) => Flow::Branch(there()),
        OpcodeKind::BaseI(JAL) => call_or_jump(Some(there()), !is_zero(it.rd)),
        OpcodeKind::C(COpcode::J) => Flow::Jump(there()),
        OpcodeKind::C(COpcode::JAL) => Flow::Call(there()),
        OpcodeKind::BaseI(JALR) => match through(it.rs1, it.imm.unwrap_or(0)) {
            None if is_zero(it.rd) && it.rs1 == RA => Flow::Return,
            to => call_or_jump(to, !is_zero(it.rd)),
        },
        OpcodeKind::C(COpcode::JR) if it.rs1 == RA => Flow::Return,
        OpcodeKind::C(COpcode::JR) => call_or_jump(through(it.rs1, 0), false),
        OpcodeKind::C(COpcode::JALR) => call_or_jump(through(it.rs1, 0), true),
        _ => Flow::Next,
    };
    let equality = match (&it.opc, it.rs1, it.rs2) {
        (OpcodeKind::BaseI(opcode @ (BEQ | BNE)), Some(one), Some(other)) if one * other != 0 => {
            Some(Equality { registers: [one.min(other), one.max(other)], taken: *opcode == BEQ })
        }
        _ => None,
    };
    let shift = match &it.opc {
        OpcodeKind::BaseI(SRLI) | OpcodeKind::C(COpcode::SRLI) => it.imm,
        _ => None,
    };
    Step { addr, flow, equality, counting: counting(it), shift }
}

/// What an instruction does with a register that may count.
fn counting(it: &Instruction) -> Option<Counting> {
    use BaseIOpcode::{ADDI, BEQ, BNE, SLTIU};
    let is_add = matches!(it.opc, OpcodeKind::BaseI(ADDI) | OpcodeKind::C(COpcode::ADDI));
    match &it.opc {
        OpcodeKind::BaseI(SLTIU) if it.imm == Some(1) => {
            Some(Counting::IsZero { register: it.rd? })
        }
        _ if is_add && (it.rs1.is_none() || it.rs1 == it.rd) => {
            Some(Counting::Add { register: it.rd?, number: it.imm? })
        }
        OpcodeKind::C(opcode @ (COpcode::BEQZ | COpcode::BNEZ)) => {
            Some(Counting::Ask { register: it.rs1?, taken_if_zero: *opcode == COpcode::BEQZ })
        }
        OpcodeKind::BaseI(opcode @ (BEQ | BNE)) if it.rs2 == Some(0) => {
            Some(Counting::Ask { register: it.rs1?, taken_if_zero: *opcode == BEQ })
        }
        _ => None,
    }
}
