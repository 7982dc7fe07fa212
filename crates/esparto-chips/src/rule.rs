//! The rules of a chip that break naive code. They follow from its data.

use esparto::Caps;

use crate::{Atomics, Bus, Chip, Isa, Kind, Protection, Role, WordOrder};

/// A rule of some chips that code written for others breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Memory is either writable or executable unless the build says otherwise.
    WriteXorExecute,
    /// Some memory takes 32-bit accesses only.
    WordAccessOnly,
    /// An alias has its words in reverse order.
    InvertedAlias,
    /// What is written at the data address runs at another one.
    SplitBuses,
    /// The core has no atomic instructions.
    AtomicsEmulated,
    /// Atomics do not work in PSRAM.
    NoAtomicsInPsram,
    /// Whether atomics work in PSRAM is not established.
    AtomicsInPsramUnknown,
    /// The core cannot run code from PSRAM.
    PsramNotExecutable,
    /// PSRAM is out of reach while the flash cache is off.
    PsramNeedsCache,
    /// Code written as data must be made visible to the instruction fetch.
    SyncAfterCodeWrite,
}

pub(crate) const ALL: &[Rule] = &[
    Rule::WriteXorExecute,
    Rule::WordAccessOnly,
    Rule::InvertedAlias,
    Rule::SplitBuses,
    Rule::AtomicsEmulated,
    Rule::NoAtomicsInPsram,
    Rule::AtomicsInPsramUnknown,
    Rule::PsramNotExecutable,
    Rule::PsramNeedsCache,
    Rule::SyncAfterCodeWrite,
];

impl Rule {
    /// The name, as JSON gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WriteXorExecute => "write-xor-execute",
            Self::WordAccessOnly => "word-access-only",
            Self::InvertedAlias => "inverted-alias",
            Self::SplitBuses => "split-buses",
            Self::AtomicsEmulated => "atomics-emulated",
            Self::NoAtomicsInPsram => "no-atomics-in-psram",
            Self::AtomicsInPsramUnknown => "atomics-in-psram-unknown",
            Self::PsramNotExecutable => "psram-not-executable",
            Self::PsramNeedsCache => "psram-needs-cache",
            Self::SyncAfterCodeWrite => "sync-after-code-write",
        }
    }

    /// The rule, and what to do about it, on `chip`.
    #[must_use]
    pub fn text_for(self, chip: &Chip) -> &'static str {
        match self {
            Self::WriteXorExecute => {
                "Memory protection (W^X) is on by default and locked until reset: what a heap \
                 hands out does not execute. Code loaded at run time needs a build without it."
            }
            Self::WordAccessOnly => {
                "The instruction bus is read and written as aligned 32-bit words only: a byte, a \
                 half-word or a misaligned word faults. No byte data belongs there."
            }
            Self::InvertedAlias => {
                "The instruction alias has its words in reverse order: a plain copy through the \
                 data address reverses the code. Write through the instruction address, word by \
                 word."
            }
            Self::SplitBuses => {
                "The data address of a byte is not executable: code written there runs at its \
                 alias."
            }
            Self::AtomicsEmulated => {
                "The core has no read-modify-write instruction: atomics are emulated by keeping \
                 interrupts off."
            }
            Self::NoAtomicsInPsram => {
                "Atomics do not work in PSRAM: locks, counters and reference counts (an Arc) \
                 belong in internal memory."
            }
            Self::AtomicsInPsramUnknown => {
                "Whether atomics work in PSRAM is not established: keep locks, counters and \
                 reference counts in internal memory."
            }
            Self::PsramNotExecutable => {
                "The core cannot run code from PSRAM, only keep data there."
            }
            Self::PsramNeedsCache => {
                "PSRAM is out of reach while the flash cache is off: no data of an interrupt \
                 handler, no lock, no stack of a task that writes flash belongs there."
            }
            Self::SyncAfterCodeWrite if chip.isa.value.is_riscv() => {
                "After writing code: write back the data cache where there is one, then `fence; \
                 fence.i`."
            }
            Self::SyncAfterCodeWrite => {
                "After writing code: write back the data cache where there is one, then `memw; \
                 isync`."
            }
        }
    }

    pub(crate) fn applies_to(self, chip: &Chip) -> bool {
        let regions = chip.regions;
        match self {
            Self::WriteXorExecute => chip.protection.value == Some(Protection::OnByDefault),
            Self::WordAccessOnly => regions.iter().any(|r| r.caps.is_word_only()),
            Self::InvertedAlias => regions
                .iter()
                .any(|r| r.alias.is_some_and(|alias| alias.order == WordOrder::Inverted)),
            Self::SplitBuses => regions.iter().any(|r| {
                r.role == Role::Memory
                    && r.bus == Bus::Data
                    && r.alias.is_some()
                    && r.caps.contains(Caps::EXEC)
            }),
            Self::AtomicsEmulated => chip.atomics.value == Atomics::Emulated,
            Self::NoAtomicsInPsram => {
                chip.psram.is_some_and(|psram| psram.atomics.value == Some(false))
            }
            Self::AtomicsInPsramUnknown => {
                chip.psram.is_some_and(|psram| psram.atomics.value.is_none())
            }
            Self::PsramNotExecutable => chip.psram.is_some_and(|psram| !psram.executes.value),
            Self::PsramNeedsCache => regions.iter().any(|r| r.kind == Kind::Psram),
            // The oldest core has neither a data cache nor a use for the barrier.
            Self::SyncAfterCodeWrite => chip.isa.value != Isa::XtensaLx106,
        }
    }
}
