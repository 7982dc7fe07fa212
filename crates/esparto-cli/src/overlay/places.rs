//! What in an overlay depends on where it lies: the linker's relocations made the image's.

use esparto_image::{Change, Distance, Place, Placement};
use object::elf;
use rustc_hash::FxHashMap;

use super::check::Relocations;
use super::config::Overlay;
use super::elf::{Firmware, Part, Relocation};
use crate::Failure;

/// Where the target of a relocation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Code,
    Data,
    Resident,
}

/// The places of one part of `overlay`, in their order; none for a prelinked one.
///
/// # Errors
/// A relocation that does not survive a move.
pub(crate) fn of(
    firmware: &Firmware<'_>,
    overlay: &Overlay,
    part: Part,
    relocations: &Relocations,
) -> Result<Vec<Place>, Failure> {
    let k = overlay.number;
    let number = firmware.sections.iter().position(|section| section.part == part);
    let list = relocations.iter().find(|(target, _)| Some(*target) == number);
    let (Some((number, list)), Placement::Relocatable) = (list, overlay.placement) else {
        return Ok(Vec::new());
    };
    let section = &firmware.sections[*number];
    let in_code = matches!(part, Part::Code(_));
    let is_xtensa = firmware.header.e_machine.get(object::LittleEndian) == elf::EM_XTENSA;
    let target_of =
        |relocation: &Relocation| match firmware.part_of(&firmware.symbols[relocation.symbol]) {
            Part::Code(other) if other == k => Target::Code,
            Part::Data(other) | Part::Zero(other) if other == k => Target::Data,
            _ => Target::Resident,
        };
    // Lower halves name the instruction with the upper half.
    let uppers: FxHashMap<u32, Target> = list
        .iter()
        .filter(|relocation| relocation.r_type == elf::R_RISCV_PCREL_HI20)
        .map(|relocation| (relocation.addr, target_of(relocation)))
        .collect();

    let mut places = Vec::new();
    for relocation in list {
        let symbol = &firmware.symbols[relocation.symbol];
        let target = target_of(relocation);
        let value = symbol.addr.wrapping_add_signed(relocation.addend);
        let fault = |why: &str, mend: &str| {
            Failure::bad_input(format!(
                "overlay {}: {why} at {:#010x} of section {}, to {} (relocation type {})",
                overlay.name, relocation.addr, section.name, symbol.name, relocation.r_type.0
            ))
            .in_file(firmware.file)
            .mend(mend)
        };
        let offset = relocation.addr.wrapping_sub(section.addr());
        let mut push = |offset, change, distance, value: u32| {
            let low = if change == Change::Upper { (value & 0xFFF) as u16 } else { 0 };
            places.push(Place { offset, change, distance, low });
        };
        let absolute = match target {
            Target::Code => Some(Distance::Code),
            Target::Data => Some(Distance::Data),
            Target::Resident => None,
        };
        // From the code to elsewhere by a difference.
        let relative = |target| match target {
            Target::Code => None,
            Target::Data => Some(Distance::DataFromCode),
            Target::Resident => Some(Distance::FromCode),
        };
        match relocation.r_type {
            elf::R_RISCV_32 => {
                if let Some(distance) = absolute {
                    if !offset.is_multiple_of(4) {
                        return Err(fault("an unaligned address", "align it to 4 bytes"));
                    }
                    push(offset, Change::Word, distance, 0);
                }
            }
            // Its other numbers mean something else to RISC-V. Branches, jumps and loads of literals
            // reach by a distance, which stays within the code.
            _ if is_xtensa => {
                let is_reach = relocation.r_type == elf::R_XTENSA_SLOT0_OP && in_code;
                if is_reach && target != Target::Code {
                    return Err(fault(
                        "what cannot be moved",
                        "compile it with -mlongcalls and link with --no-relax, or set `placement = \"prelinked\"`",
                    ));
                }
            }
            elf::R_RISCV_HI20 | elf::R_RISCV_LO12_I | elf::R_RISCV_LO12_S => {
                let change = match relocation.r_type {
                    elf::R_RISCV_HI20 => Change::Upper,
                    elf::R_RISCV_LO12_I => Change::LowerI,
                    _ => Change::LowerS,
                };
                if let Some(distance) = absolute {
                    push(offset, change, distance, value);
                }
            }
            elf::R_RISCV_CALL | elf::R_RISCV_CALL_PLT if in_code => {
                if let Some(distance) = relative(target) {
                    push(offset, Change::Upper, distance, value.wrapping_sub(relocation.addr));
                    push(offset + 4, Change::LowerI, distance, 0);
                }
            }
            elf::R_RISCV_PCREL_HI20 if in_code => {
                if let Some(distance) = relative(target) {
                    push(offset, Change::Upper, distance, value.wrapping_sub(relocation.addr));
                }
            }
            elf::R_RISCV_PCREL_LO12_I | elf::R_RISCV_PCREL_LO12_S if in_code => {
                let change = if relocation.r_type == elf::R_RISCV_PCREL_LO12_I {
                    Change::LowerI
                } else {
                    Change::LowerS
                };
                let upper = uppers.get(&symbol.addr).ok_or_else(|| {
                    fault("a lower half without its upper half", "link again without relaxation")
                })?;
                if let Some(distance) = relative(*upper) {
                    push(offset, change, distance, 0);
                }
            }
            elf::R_RISCV_BRANCH
            | elf::R_RISCV_JAL
            | elf::R_RISCV_RVC_BRANCH
            | elf::R_RISCV_RVC_JUMP
                if target == Target::Code => {}
            elf::R_RISCV_BRANCH
            | elf::R_RISCV_JAL
            | elf::R_RISCV_RVC_BRANCH
            | elf::R_RISCV_RVC_JUMP
            | elf::R_RISCV_RVC_LUI
            | elf::R_RISCV_GPREL_I
            | elf::R_RISCV_GPREL_S
            | elf::R_RISCV_GOT_HI20
            | elf::R_RISCV_TPREL_HI20 => {
                return Err(fault(
                    "what cannot be moved",
                    "set `placement = \"prelinked\"`, or compile it without -fpic and thread-local data",
                ));
            }
            // Differences within the overlay, alignment, markers of the linker.
            _ => {}
        }
    }
    places.sort_by_key(|place| place.offset);
    Ok(places)
}
