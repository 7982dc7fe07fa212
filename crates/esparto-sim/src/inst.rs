//! A decoded instruction.

use crate::runs::with_runs;

macro_rules! operations {
    (
        pairs { $($pair:ident = $($of_pair:ident)+,)* }
        threes { $($three:ident = $($of_three:ident)+,)* }
    ) => {
        /// What an instruction does. Immediates are ready to use: `auipc` has become [`Op::Li`], targets
        /// of jumps are absolute.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Op {
            Li,
            Addi,
            Slti,
            Sltiu,
            Xori,
            Ori,
            Andi,
            Slli,
            Srli,
            Srai,
            Add,
            Sub,
            Sll,
            Slt,
            Sltu,
            Xor,
            Srl,
            Sra,
            Or,
            And,
            Mul,
            Mulh,
            Mulhsu,
            Mulhu,
            Div,
            Divu,
            Rem,
            Remu,
            Lb,
            Lh,
            Lw,
            Lbu,
            Lhu,
            Sb,
            Sh,
            Sw,
            Beq,
            Bne,
            Blt,
            Bge,
            Bltu,
            Bgeu,
            /// A jump whose target is known: `imm` is the link; the block goes on at the target.
            Jal,
            Jalr,
            Fence,
            Lr,
            Sc,
            AmoSwap,
            AmoAdd,
            AmoXor,
            AmoAnd,
            AmoOr,
            AmoMin,
            AmoMax,
            AmoMinu,
            AmoMaxu,
            // From here on the machine does the work, not the block.
            FenceI,
            Csrrw,
            Csrrs,
            Csrrc,
            Csrrwi,
            Csrrsi,
            Csrrci,
            Ecall,
            Ebreak,
            Mret,
            Wfi,
            /// `slti x0, x0, imm`: no operation for a core, a message for the simulator.
            Hint,
            /// Written since the last `fence.i`: to be told before it is executed.
            Stale,
            /// A debugger stops before what is here.
            Break,
            /// `imm` holds the bits.
            Illegal,
            /// The end of a block that goes on elsewhere.
            Through,
            /// In front of a loop that copies or fills; `imm` is its number.
            Sweep,
            /// In front of a block; never executed. `imm` is the block's length in instructions.
            Head,
            // Two or three instructions in one look.
            $($pair,)*
            $($three,)*
        }
    };
}

with_runs!(operations);

impl Op {
    /// Is it a conditional branch?
    pub(crate) const fn is_branch(self) -> bool {
        self as u8 >= Self::Beq as u8 && self as u8 <= Self::Bgeu as u8
    }

    /// Does it read and write memory at once?
    pub(crate) const fn is_atomic(self) -> bool {
        self as u8 >= Self::AmoSwap as u8 && self as u8 <= Self::AmoMaxu as u8
    }

    /// Is it left to the machine? Such an instruction is the last of its block.
    pub(crate) const fn is_system(self) -> bool {
        self as u8 >= Self::FenceI as u8 && self as u8 <= Self::Illegal as u8
    }
}

/// A decoded instruction: 8 bytes, so that a cache line of the host holds eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inst {
    pub(crate) op: Op,
    /// Where the result goes; [`SINK`] instead of `x0`.
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    /// The second source; for [`Op::Jalr`] and the system's, the length in bytes.
    pub(crate) rs2: u8,
    pub(crate) imm: i32,
}

/// The register that takes what is written to `x0`. Nothing reads it.
pub(crate) const SINK: u8 = 32;

/// Registers by an 8-bit number: no index is out of bounds, so no access is checked. 32 are the
/// core's, one is [`SINK`].
pub(crate) type Registers = [u32; 256];

/// What one look at a block executes: an instruction, or two or three if the first one's operation
/// says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) a: Inst,
    pub(crate) b: Inst,
    pub(crate) c: Inst,
}

const _: () = assert!(size_of::<Inst>() == 8 && size_of::<Step>() == 24);
