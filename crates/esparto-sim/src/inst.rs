//! A decoded instruction.

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
    // What follows is several instructions in one look; see `fuse`.
    LwSw,
    LwAddi,
    LwLw,
    LwLi,
    LwBeq,
    LwAdd,
    LwMul,
    SwAddi,
    SwSw,
    SwLi,
    SwLw,
    LbLb,
    LbAddi,
    LbMul,
    LbuAddi,
    LbuAdd,
    SbAddi,
    SbBne,
    AddiAddi,
    AddiBltu,
    AddiBne,
    AddiAdd,
    AddiSub,
    AddiSw,
    AddiSb,
    AddiLi,
    AddiAnd,
    AddiJalr,
    LiSub,
    LiAddi,
    LiJalr,
    SubLw,
    SubSw,
    SubAndi,
    AddLw,
    AddBne,
    AddBltu,
    AddAdd,
    AddAddi,
    AddLi,
    MulAddi,
    MulAdd,
    AndiAdd,
    SlliAdd,
    SlliSrli,
    SlliOr,
    SrliAnd,
    SrliOr,
    AndOr,
    BeqBne,
    AddiAddiBltu,
    AddiAddiBne,
    LiSubLw,
    LiSubSw,
    AddLwBeq,
    LwSwAddi,
}

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

/// In place of the result's register, which a branch has not: it goes back to the start of its
/// block.
pub(crate) const LOOP: u8 = 33;

/// The register that takes what is written to `x0`. Nothing reads it.
pub(crate) const SINK: u8 = 32;

/// Registers by an 8-bit number: no index is out of bounds, so no access is checked. 32 are the
/// core's, one is [`SINK`].
pub(crate) type Registers = [u32; 256];

const _: () = assert!(size_of::<Inst>() == 8);
