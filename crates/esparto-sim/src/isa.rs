//! Which instructions a core has.

use esparto_chips::Isa;

/// The extensions beyond RV32I, M, C, Zicsr and Zifencei, which every core here has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// A: atomic instructions.
    pub atomics: bool,
}

impl Extensions {
    /// What a chip of instruction set `isa` has. A chip with Xtensa cores gets a RISC-V core in
    /// their place, with atomics: its memory map is what it is simulated for.
    #[must_use]
    pub const fn of(isa: Isa) -> Self {
        Self { atomics: !matches!(isa, Isa::Rv32imc) }
    }

    /// The value of `misa`.
    pub(crate) const fn misa(self) -> u32 {
        let letters = 1 << 2 | 1 << 8 | 1 << 12;
        0x4000_0000 | letters | self.atomics as u32
    }
}
