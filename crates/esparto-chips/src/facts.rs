//! The smaller facts about a chip, each with its source.

use core::fmt;

use crate::{AddrRange, Bus};

/// A value and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Header, manual or data sheet that says so.
    pub source: &'static str,
}

impl<T> Fact<T> {
    /// `value`, as `source` says.
    #[must_use]
    pub const fn new(value: T, source: &'static str) -> Self {
        Self { value, source }
    }
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Xtensa LX106, call0 ABI.
    XtensaLx106,
    /// Xtensa LX6, windowed ABI.
    XtensaLx6,
    /// Xtensa LX7, windowed ABI.
    XtensaLx7,
    /// RISC-V, 32 bits: integer, multiply, compressed.
    Rv32imc,
    /// The same with atomics.
    Rv32imac,
    /// The same with atomics and single-precision floats.
    Rv32imafc,
}

impl Isa {
    /// Is this RISC-V?
    #[must_use]
    pub const fn is_riscv(self) -> bool {
        matches!(self, Self::Rv32imc | Self::Rv32imac | Self::Rv32imafc)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XtensaLx106 => "Xtensa LX106",
            Self::XtensaLx6 => "Xtensa LX6",
            Self::XtensaLx7 => "Xtensa LX7",
            Self::Rv32imc => "RV32IMC",
            Self::Rv32imac => "RV32IMAC",
            Self::Rv32imafc => "RV32IMAFC",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How read-modify-write atomics come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Atomics {
    /// By instructions.
    Hardware,
    /// By software that keeps interrupts off; the core has no such instruction.
    Emulated,
}

impl Atomics {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Emulated => "emulated",
        }
    }
}

/// Whether memory is either writable or executable (W^X).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// The system software sets it up unless the build turns it off; locked until reset.
    OnByDefault,
    /// The system software never sets it up.
    Absent,
}

impl Protection {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnByDefault => "on-by-default",
            Self::Absent => "absent",
        }
    }
}

/// A cache between the core and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// What it serves: `instruction`, `data`, `shared`, `L1`, `L2`.
    pub name: &'static str,
    /// The line sizes to choose from, the default first; `None` if not established.
    pub line_bytes: Option<&'static [u32]>,
    /// Where this comes from.
    pub source: &'static str,
}

/// The PSRAM that a chip can have. Its windows are regions of [`Kind::Psram`](crate::Kind::Psram).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Psram {
    /// Sizes that are sold, ascending. The size is a choice of module, not of chip.
    pub sizes_bytes: &'static [u32],
    /// The size taken when nobody says which; one of `sizes_bytes`.
    pub typical_bytes: u32,
    /// The source of both.
    pub sizes_source: &'static str,
    /// Can the core run code from it?
    pub executes: Fact<bool>,
    /// Do read-modify-write atomics work in it? `None` if not established; then no region claims
    /// it.
    pub atomics: Fact<Option<bool>>,
}

/// A window in which the cache shows flash: code and constants of a firmware. How much of it answers
/// depends on the module and on what the build maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashWindow {
    /// The bus that reads there.
    pub bus: Bus,
    /// The addresses. Where a [`Kind::Psram`](crate::Kind::Psram) region has the same, the two share
    /// them page by page.
    pub range: AddrRange,
    /// Where this comes from.
    pub source: &'static str,
}
