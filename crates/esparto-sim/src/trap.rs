//! Why a core stops what it is doing.

use std::fmt;

/// An exception, by the privileged specification's table of `mcause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Cause {
    /// A fetch from where nothing can be executed.
    InstructionAccess = 1,
    /// Bits that are no instruction of this core, or a CSR that is not there.
    IllegalInstruction = 2,
    /// `ebreak`.
    Breakpoint = 3,
    /// A load from an address that is no multiple of its size.
    LoadMisaligned = 4,
    /// A load that the memory does not answer.
    LoadAccess = 5,
    /// A store or atomic at an address that is no multiple of its size.
    StoreMisaligned = 6,
    /// A store or atomic that the memory does not take.
    StoreAccess = 7,
    /// `ecall` from user mode.
    UserCall = 8,
    /// `ecall` from machine mode.
    MachineCall = 11,
}

impl Cause {
    /// The number in `mcause`.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}

/// Writes the specification's words.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InstructionAccess => "instruction access fault",
            Self::IllegalInstruction => "illegal instruction",
            Self::Breakpoint => "breakpoint",
            Self::LoadMisaligned => "load address misaligned",
            Self::LoadAccess => "load access fault",
            Self::StoreMisaligned => "store address misaligned",
            Self::StoreAccess => "store access fault",
            Self::UserCall => "environment call from user mode",
            Self::MachineCall => "environment call from machine mode",
        })
    }
}

/// An exception and the value that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What happened.
    pub cause: Cause,
    /// The address or the bits: `mtval`.
    pub value: u32,
}

impl Trap {
    pub(crate) const fn new(cause: Cause, value: u32) -> Self {
        Self { cause, value }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (mtval {:#010x})", self.cause, self.value)
    }
}
