//! The firmware without its overlays: what is flashed.
//!
//! Program headers are made anew, because a linker may join resident sections and overlays in one,
//! and because other tools leave empty or oversized ones behind.

use esparto_image::firmware::{FIRMWARE_MAGIC, FIRMWARE_SYMBOL};
use object::LittleEndian as Le;
use object::elf;
use object::pod::bytes_of;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{U16, U32};
use sha2::{Digest, Sha256};

use super::elf::{Firmware, Part, Section};
use crate::Failure;

const BUILD_ID_OFFSET: usize = core::mem::offset_of!(esparto_image::firmware::Firmware, build_id);

/// The firmware without overlays, stamped.
pub(crate) struct Stripped {
    pub(crate) elf: Vec<u8>,
    pub(crate) build_id: [u8; 32],
}

/// Makes the file that is flashed, with its build id in place.
///
/// # Errors
/// A firmware without the packer's tables.
pub(crate) fn strip(firmware: &Firmware<'_>) -> Result<Stripped, Failure> {
    let mut elf = without_overlays(firmware)?;
    let missing = |what: String| {
        Failure::bad_input(what)
            .in_file(firmware.file)
            .mend("link it with everything that `esparto overlay link` wrote")
    };
    let symbol = firmware
        .symbol(FIRMWARE_SYMBOL)
        .ok_or_else(|| missing(format!("no symbol {FIRMWARE_SYMBOL}: not linked with overlays")))?;
    let at = offset_in_file(&elf, symbol.addr)
        .filter(|at| elf[*at..].starts_with(&FIRMWARE_MAGIC.to_le_bytes()))
        .ok_or_else(|| missing(format!("{FIRMWARE_SYMBOL} is not in what is flashed")))?;
    let place = at + BUILD_ID_OFFSET;
    elf[place..place + 32].fill(0);
    let build_id: [u8; 32] = Sha256::digest(&elf).into();
    elf[place..place + 32].copy_from_slice(&build_id);
    Ok(Stripped { elf, build_id })
}

/// The bytes that a flash would take: everything loaded that is in the file.
pub(crate) fn flash_bytes(firmware: &Firmware<'_>) -> (u64, u64) {
    let stored = |section: &&Section<'_>| section.is_alloc() && section.kind() != elf::SHT_NOBITS;
    let sum = |with_overlays: bool| {
        firmware
            .sections
            .iter()
            .filter(stored)
            .filter(|section| with_overlays || section.part == Part::Resident)
            .map(|section| u64::from(section.len_bytes()))
            .sum()
    };
    (sum(true), sum(false))
}

fn is_kept(section: &Section<'_>) -> bool {
    section.part == Part::Resident && section.kind() != elf::SHT_RELA
}

fn without_overlays(firmware: &Firmware<'_>) -> Result<Vec<u8>, Failure> {
    let broken = |what: &str| {
        Failure::bad_input(what).in_file(firmware.file).mend("link the firmware again")
    };
    let segments = segments(firmware)?;
    let header_bytes = size_of::<elf::FileHeader32<Le>>();
    let mut out = vec![0; header_bytes + segments.len() * size_of::<elf::ProgramHeader32<Le>>()];

    // Loaded sections keep their offsets modulo the alignment of their segment.
    let mut new_index = vec![0_u16; firmware.sections.len()];
    let mut kept: Vec<(usize, u32)> = Vec::new();
    let mut order: Vec<usize> =
        (1..firmware.sections.len()).filter(|&index| is_kept(&firmware.sections[index])).collect();
    for (new, &old) in (1..).zip(&order) {
        new_index[old] = new;
    }
    let by_number = order.clone();
    order.sort_by_key(|&index| {
        let section = &firmware.sections[index];
        (!section.is_alloc(), section.header.sh_offset.get(Le), index)
    });
    let mut segment_offsets = vec![None; segments.len()];
    for index in order {
        let section = &firmware.sections[index];
        let is_stored = section.kind() != elf::SHT_NOBITS;
        let segment = segments.iter().position(|s| s.sections.contains(&index));
        let offset = match segment {
            Some(number) => {
                let segment = &segments[number];
                let start = *segment_offsets[number].get_or_insert_with(|| {
                    let align = segment.align.max(1) as usize;
                    let wanted = segment.addr as usize % align;
                    let mut start = out.len() / align * align + wanted;
                    if start < out.len() {
                        start += align;
                    }
                    start
                });
                start + (section.addr() - segment.addr) as usize
            }
            None => {
                let align = section.header.sh_addralign.get(Le).clamp(1, MAX_ALIGN);
                out.len().next_multiple_of(align as usize)
            }
        };
        if is_stored {
            if out.len() > offset && !section.bytes.is_empty() {
                return Err(broken("sections of one segment overlap in the file"));
            }
            out.resize(offset.max(out.len()), 0);
            out.extend(section.bytes);
        }
        kept.push((index, offset as u32));
    }
    rewrite_symbols(firmware, &kept, &new_index, &mut out);

    out.resize(out.len().next_multiple_of(4), 0);
    let sections_offset = out.len();
    out.extend([0; size_of::<elf::SectionHeader32<Le>>()]);
    for old in by_number {
        let offset = kept.iter().find(|(index, _)| *index == old).map_or(0, |(_, offset)| *offset);
        let mut header = *firmware.sections[old].header;
        let renumber = |number: u32| new_index.get(number as usize).copied().map_or(0, u32::from);
        header.sh_offset = U32::new(Le, offset);
        header.sh_link = U32::new(Le, renumber(header.sh_link.get(Le)));
        if header.sh_flags(Le).contains(elf::SHF_INFO_LINK) {
            header.sh_info = U32::new(Le, renumber(header.sh_info.get(Le)));
        }
        out.extend(bytes_of(&header));
    }

    let mut header = *firmware.header;
    header.e_phoff = U32::new(Le, if segments.is_empty() { 0 } else { header_bytes as u32 });
    header.e_phnum = U16::new(Le, segments.len() as u16);
    header.e_shoff = U32::new(Le, sections_offset as u32);
    header.e_shnum = U16::new(Le, 1 + kept.len() as u16);
    let names = firmware.header.e_shstrndx.get(Le).0;
    let names = new_index.get(usize::from(names)).copied().unwrap_or(0);
    header.e_shstrndx = U16::new(Le, elf::SymbolSection(names));
    out[..header_bytes].copy_from_slice(bytes_of(&header));
    for (number, segment) in segments.iter().enumerate() {
        let at = header_bytes + number * size_of::<elf::ProgramHeader32<Le>>();
        let mut program = segment.header;
        program.p_offset = U32::new(Le, segment_offsets[number].unwrap_or(0) as u32);
        out[at..at + size_of_val(&program)].copy_from_slice(bytes_of(&program));
    }
    Ok(out)
}

/// The most that contents are aligned to; what asks for more is damaged.
const MAX_ALIGN: u32 = 0x1_0000;

/// A segment of what is flashed.
struct Segment {
    header: elf::ProgramHeader32<Le>,
    addr: u32,
    align: u32,
    sections: Vec<usize>,
}

/// The loaded segments, each cut to its resident sections. One that had an overlay between resident
/// sections becomes two.
fn segments(firmware: &Firmware<'_>) -> Result<Vec<Segment>, Failure> {
    let programs = firmware.header.program_headers(Le, firmware.bytes).map_err(|error| {
        Failure::bad_input(format!("damaged program headers: {error}"))
            .in_file(firmware.file)
            .mend("link the firmware again")
    })?;
    let mut segments = Vec::new();
    for program in programs.iter().filter(|program| program.p_type(Le) == elf::PT_LOAD) {
        let (start, len) = (program.p_vaddr.get(Le), program.p_memsz.get(Le));
        let mut inside: Vec<usize> = (1..firmware.sections.len())
            .filter(|&index| {
                let section = &firmware.sections[index];
                section.is_alloc()
                    && section.len_bytes() != 0
                    && section
                        .addr()
                        .checked_sub(start)
                        .and_then(|from| from.checked_add(section.len_bytes()))
                        .is_some_and(|end| end <= len)
                    && is_in_file_range(section, program)
            })
            .collect();
        inside.sort_by_key(|&index| firmware.sections[index].addr());
        for run in inside.split(|&index| !is_kept(&firmware.sections[index])) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let addr = firmware.sections[*first].addr();
            let last = &firmware.sections[*last];
            let memory_bytes = last.addr() + last.len_bytes() - addr;
            let stored_end = run
                .iter()
                .map(|&index| &firmware.sections[index])
                .filter(|section| section.kind() != elf::SHT_NOBITS)
                .map(|section| section.addr() + section.len_bytes())
                .max()
                .unwrap_or(addr);
            let mut header = *program;
            header.p_vaddr = U32::new(Le, addr);
            header.p_paddr = U32::new(Le, program.p_paddr.get(Le).wrapping_add(addr - start));
            header.p_filesz = U32::new(Le, stored_end - addr);
            header.p_memsz = U32::new(Le, memory_bytes);
            let align = program.p_align.get(Le);
            let align = if align.is_power_of_two() && align <= MAX_ALIGN { align } else { 1 };
            segments.push(Segment { header, addr, align, sections: run.to_vec() });
        }
    }
    Ok(segments)
}

/// Overlays share addresses, so a section is of a segment only if its contents are as well.
fn is_in_file_range(section: &Section<'_>, program: &elf::ProgramHeader32<Le>) -> bool {
    if section.kind() == elf::SHT_NOBITS {
        return true;
    }
    let from = section.header.sh_offset.get(Le).checked_sub(program.p_offset.get(Le));
    let in_memory = section.addr().wrapping_sub(program.p_vaddr.get(Le));
    from.is_some_and(|from| {
        from == in_memory
            && from
                .checked_add(section.len_bytes())
                .is_some_and(|end| end <= program.p_filesz.get(Le))
    })
}

/// Symbols follow their sections; those of overlays keep their addresses, without a section.
fn rewrite_symbols(
    firmware: &Firmware<'_>,
    kept: &[(usize, u32)],
    new_index: &[u16],
    out: &mut [u8],
) {
    let symbol_bytes = size_of::<elf::Sym32<Le>>();
    for &(index, offset) in kept {
        let section = &firmware.sections[index];
        if section.kind() != elf::SHT_SYMTAB {
            continue;
        }
        let table = &mut out[offset as usize..][..section.bytes.len()];
        for symbol in table.chunks_exact_mut(symbol_bytes) {
            let number = u16::from_le_bytes([symbol[14], symbol[15]]);
            let is_reserved = number == 0 || number >= elf::SHN_LORESERVE;
            if is_reserved {
                continue;
            }
            let new = match new_index.get(usize::from(number)) {
                Some(&new) if new != 0 => new,
                _ => elf::SHN_ABS.0,
            };
            symbol[14..16].copy_from_slice(&new.to_le_bytes());
        }
    }
}

/// Where the byte at `addr` is in the ELF file, by its program headers.
fn offset_in_file(elf: &[u8], addr: u32) -> Option<usize> {
    let header = elf::FileHeader32::<Le>::parse(elf).ok()?;
    header.program_headers(Le, elf).ok()?.iter().find_map(|program| {
        let from = addr.checked_sub(program.p_vaddr.get(Le))?;
        let len = program.p_filesz.get(Le);
        (program.p_type(Le) == elf::PT_LOAD && len.checked_sub(from)? >= 80)
            .then(|| (program.p_offset.get(Le) + from) as usize)
    })
}
