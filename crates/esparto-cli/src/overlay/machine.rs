//! What the relocations of each machine mean to an overlay.

use esparto_image::Isa;
use object::elf;

use crate::Failure;

/// How a relocation uses its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Calls it, or jumps there.
    Call,
    /// Takes its address, or a part of it.
    Address,
    /// Allows the linker to shorten what is here.
    Relax,
    /// Something else: a difference, a label of another relocation.
    Other,
}

/// A machine that overlays are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Riscv,
    Xtensa,
}

/// The machine with this number, which must be that of `isa`.
///
/// # Errors
/// It is another one.
pub(crate) fn of(e_machine: elf::Machine, isa: Isa) -> Result<Machine, Failure> {
    match e_machine {
        elf::EM_RISCV if isa.is_riscv() => Ok(Machine::Riscv),
        elf::EM_XTENSA if !isa.is_riscv() => Ok(Machine::Xtensa),
        other => Err(Failure::bad_input(format!("made for machine {}, not for {isa}", other.0))
            .mend("compile it with the firmware's own toolchain, or correct `chip`")),
    }
}

impl Machine {
    /// What a relocation of this type does.
    pub(crate) fn use_of(self, r_type: elf::RelocationType) -> Use {
        match self {
            Self::Riscv => match r_type {
                elf::R_RISCV_BRANCH
                | elf::R_RISCV_JAL
                | elf::R_RISCV_CALL
                | elf::R_RISCV_CALL_PLT
                | elf::R_RISCV_PLT32
                | elf::R_RISCV_RVC_BRANCH
                | elf::R_RISCV_RVC_JUMP => Use::Call,
                elf::R_RISCV_32
                | elf::R_RISCV_GOT_HI20
                | elf::R_RISCV_GOT32_PCREL
                | elf::R_RISCV_PCREL_HI20
                | elf::R_RISCV_HI20
                | elf::R_RISCV_LO12_I
                | elf::R_RISCV_LO12_S
                | elf::R_RISCV_GPREL_I
                | elf::R_RISCV_GPREL_S
                | elf::R_RISCV_RVC_LUI => Use::Address,
                elf::R_RISCV_RELAX => Use::Relax,
                _ => Use::Other,
            },
            Self::Xtensa => match r_type {
                elf::R_XTENSA_32 | elf::R_XTENSA_PLT => Use::Address,
                elf::R_XTENSA_ASM_EXPAND => Use::Call,
                _ => Use::Other,
            },
        }
    }

    /// Does a relocation of this type change a whole word of data?
    pub(crate) fn is_data(self, r_type: elf::RelocationType) -> bool {
        match self {
            Self::Riscv => matches!(
                r_type,
                elf::R_RISCV_32 | elf::R_RISCV_ADD32 | elf::R_RISCV_SUB32 | elf::R_RISCV_SET32
            ),
            Self::Xtensa => r_type == elf::R_XTENSA_32,
        }
    }
}
