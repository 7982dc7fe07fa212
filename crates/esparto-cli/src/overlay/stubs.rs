//! The resident object: stubs, records and tables. `docs/overlays.md` draws them.

use std::mem::offset_of;

use esparto_image::firmware::{
    FIRMWARE_MAGIC, FIRMWARE_SYMBOL, FIRMWARE_VERSION, Firmware, FunctionRecord, MISS_SYMBOL,
    OverlayEntry, RECORD_PREFIX, SlotEntry,
};
use esparto_image::{Abi, Placement};
use object::elf::{self, RelocationType};
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope,
};
use rustc_hash::FxHashMap;

use super::config::{Config, Overlay};
use super::retarget::Stubbed;
use crate::Failure;

/// RISC-V instructions, their immediates left to relocations. `t0` is x5, `t1` is x6.
mod riscv {
    pub(super) const LUI_T0: u32 = 0x0000_02B7;
    pub(super) const LUI_T1: u32 = 0x0000_0337;
    pub(super) const LBU_T0_T0: u32 = 0x0002_C283;
    pub(super) const LW_T0_T0: u32 = 0x0002_A283;
    pub(super) const ADDI_T0_T0: u32 = 0x0002_8293;
    pub(super) const ADDI_T1_T1: u32 = 0x0003_0313;
    pub(super) const ADD_T1_T1_T0: u32 = 0x0053_0333;
    pub(super) const JR_T1: u32 = 0x0003_0067;

    /// `beqz t0` over so many bytes, fewer than 32.
    pub(super) const fn beqz_t0(forward_bytes: u32) -> u32 {
        0x0002_8063 | (forward_bytes >> 5 & 0x3F) << 25 | (forward_bytes >> 1 & 0xF) << 8
    }
}

/// Xtensa instructions of three bytes.
mod xtensa {
    pub(super) const LITERAL_BYTES: usize = 16;

    /// What the miss path of the windowed convention has of the stack: the save areas, and room to
    /// hand on arguments.
    const WINDOWED_FRAME_BYTES: u32 = 112;

    fn l32r(code: &mut Vec<u8>, register: u32, literal: usize) {
        let at = LITERAL_BYTES + code.len();
        let back_words = (4 * literal as i32 - ((at as i32 + 3) & !3)) >> 2;
        put(code, (back_words as u32 & 0xFFFF) << 8 | register << 4 | 1);
    }

    /// The code of a stub behind its four literals, where functions are called by `call0`.
    pub(super) fn stub(is_relocatable: bool) -> Vec<u8> {
        let mut code = Vec::new();
        l32r(&mut code, 9, 0);
        if is_relocatable {
            put(&mut code, 0x00_2992); // l32i a9, a9, 0
            put(&mut code, 11 << 12 | 0x916); // beqz a9, to what follows the jump
            l32r(&mut code, 10, 1);
            put(&mut code, 0x80_99A0); // add a9, a9, a10
            put(&mut code, 0xFF_C992); // addi a9, a9, -1
        } else {
            put(&mut code, 0x00_0992); // l8ui a9, a9, 0
            put(&mut code, 5 << 12 | 0x916); // beqz a9
            l32r(&mut code, 9, 1);
        }
        put(&mut code, 0x00_09A0); // jx a9
        l32r(&mut code, 9, 2);
        l32r(&mut code, 10, 3);
        put(&mut code, 0x00_0AA0); // jx a10
        code
    }

    /// The same where windows rotate: called by `call8`, before any `entry`, so that the registers are
    /// the caller's. Its `a9` is the only one that is free: `entry` will write the stack pointer to it.
    pub(super) fn windowed_stub() -> Vec<u8> {
        let mut code = Vec::new();
        l32r(&mut code, 9, 0);
        put(&mut code, 0x00_0992); // l8ui a9, a9, 0
        put(&mut code, 5 << 12 | 0x916); // beqz a9, to the entry
        l32r(&mut code, 9, 1);
        put(&mut code, 0x00_09A0); // jx a9
        put(&mut code, (WINDOWED_FRAME_BYTES / 8) << 12 | 0x136); // entry a1, …
        l32r(&mut code, 8, 2);
        l32r(&mut code, 9, 3);
        put(&mut code, 0x00_09A0); // jx a9
        code
    }

    fn put(code: &mut Vec<u8>, instruction: u32) {
        code.extend(&instruction.to_le_bytes()[..3]);
    }
}

/// Where stubs of the windowed convention go when their overlay is not mapped: another name, since a
/// loader for `call0` must not be entered behind a rotated window.
const MISS_WINDOWED: &str = "__esparto_overlay_miss_windowed";

/// What stands before the name in the symbol of a stub's literals.
pub(super) const LITERALS_PREFIX: &str = "__esparto_literals_";

/// Writes the object for `overlays`, the stubs of each beside it.
///
/// # Errors
/// A relocatable overlay in a convention that has no register to spare.
pub(crate) fn write(
    config: &Config,
    overlays: &[(&Overlay, &[Stubbed])],
    e_flags: u32,
) -> Result<Vec<u8>, Failure> {
    let architecture =
        if config.isa.is_riscv() { Architecture::Riscv32 } else { Architecture::Xtensa };
    let mut writer = Writer {
        object: Object::new(BinaryFormat::Elf, architecture, Endianness::Little),
        symbols: FxHashMap::default(),
        is_riscv: config.isa.is_riscv(),
    };
    writer.object.flags = FileFlags::Elf {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_flags: elf::FileFlags(e_flags),
    };
    writer.tables(config);
    for (overlay, stubs) in overlays {
        for stub in *stubs {
            let record = writer.record(overlay, stub);
            if writer.is_riscv {
                writer.riscv_stub(overlay, stub, record);
            } else {
                writer.xtensa_stub(overlay, stub, record, config)?;
            }
        }
    }
    writer.object.write().map_err(|error| {
        Failure::bad_input(format!("cannot write the object of the stubs: {error}"))
            .mend("shorten the names of the functions")
    })
}

struct Writer {
    object: Object<'static>,
    symbols: FxHashMap<String, SymbolId>,
    is_riscv: bool,
}

impl Writer {
    fn section(&mut self, name: String, kind: SectionKind) -> SectionId {
        self.object.add_section(Vec::new(), name.into_bytes(), kind)
    }

    fn define(
        &mut self,
        name: &str,
        section: SectionId,
        size: u64,
        kind: SymbolKind,
        weak: bool,
    ) -> SymbolId {
        let symbol = self.object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size,
            kind,
            scope: SymbolScope::Linkage,
            weak,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
        self.symbols.insert(name.to_owned(), symbol);
        symbol
    }

    /// The symbol `name`, defined by somebody else if not here.
    fn symbol(&mut self, name: &str) -> SymbolId {
        if let Some(&symbol) = self.symbols.get(name) {
            return symbol;
        }
        let symbol = self.object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Unknown,
            scope: SymbolScope::Unknown,
            weak: false,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        });
        self.symbols.insert(name.to_owned(), symbol);
        symbol
    }

    fn relocate(
        &mut self,
        section: SectionId,
        offset: u64,
        symbol: SymbolId,
        addend: i64,
        r_type: RelocationType,
    ) {
        let relocation =
            Relocation { offset, symbol, addend, flags: RelocationFlags::Elf { r_type } };
        self.object
            .add_relocation(section, relocation)
            .expect("a relocation given by its number is always taken");
    }

    /// A word that holds the address of a symbol.
    fn word(&mut self, section: SectionId, offset: usize, symbol: &str, addend: i64) {
        let symbol = self.symbol(symbol);
        let r_type = if self.is_riscv { elf::R_RISCV_32 } else { elf::R_XTENSA_32 };
        self.relocate(section, offset as u64, symbol, addend, r_type);
    }

    fn data(&mut self, section: SectionId, bytes: &[u8]) {
        self.object.append_section_data(section, bytes, 4);
    }

    fn tables(&mut self, config: &Config) {
        let overlays = &config.overlays;
        let count = overlays.len();
        self.reserve("__esparto_mapped", ".bss.esparto.mapped", count);
        let relocatable = overlays.iter().filter(|o| o.placement == Placement::Relocatable);
        let relocatable_count = relocatable.count();
        if relocatable_count != 0 {
            self.reserve("__esparto_bases", ".bss.esparto.bases", 4 * relocatable_count);
        }
        if config.has_gdb_table {
            self.gdb_table(config);
        }

        let slots = self.section(".rodata.esparto.slots".to_owned(), SectionKind::ReadOnlyData);
        for slot in &config.slots {
            let mut entry = [0; size_of::<SlotEntry>()];
            put(&mut entry, offset_of!(SlotEntry, start_addr), &slot.addr.to_le_bytes());
            put(&mut entry, offset_of!(SlotEntry, len_bytes), &slot.len_bytes.to_le_bytes());
            self.data(slots, &entry);
        }
        let size = config.slots.len() * size_of::<SlotEntry>();
        self.define("__esparto_slots", slots, size as u64, SymbolKind::Data, false);

        let names = self.section(".rodata.esparto.names".to_owned(), SectionKind::ReadOnlyData);
        let mut name_offsets = Vec::new();
        let mut all_names = Vec::new();
        for overlay in overlays {
            name_offsets.push(all_names.len() as i64);
            all_names.extend(overlay.name.as_str().as_bytes());
        }
        self.data(names, &all_names);
        let size = all_names.len() as u64;
        self.define("__esparto_names", names, size, SymbolKind::Data, false);

        let entries =
            self.section(".rodata.esparto.overlays".to_owned(), SectionKind::ReadOnlyData);
        for (index, overlay) in overlays.iter().enumerate() {
            let mut entry = [0; size_of::<OverlayEntry>()];
            let name_bytes = overlay.name.as_str().len() as u16;
            put(&mut entry, offset_of!(OverlayEntry, name_bytes), &name_bytes.to_le_bytes());
            put(&mut entry, offset_of!(OverlayEntry, slot), &overlay.slot.to_le_bytes());
            self.data(entries, &entry);
            let start = index * entry.len();
            let k = overlay.number;
            self.word(
                entries,
                start + offset_of!(OverlayEntry, name_addr),
                "__esparto_names",
                name_offsets[index],
            );
            for (at, symbol) in [
                (offset_of!(OverlayEntry, code_addr), "e_start"),
                (offset_of!(OverlayEntry, code_bytes), "e_size"),
                (offset_of!(OverlayEntry, data_addr), "d_start"),
                (offset_of!(OverlayEntry, data_bytes), "d_size"),
            ] {
                self.word(entries, start + at, &format!("__ovl{k}_{symbol}"), 0);
            }
            if overlay.placement == Placement::Relocatable {
                let at = start + offset_of!(OverlayEntry, base_addr);
                self.word(entries, at, "__esparto_bases", 4 * i64::from(overlay.base_index));
            }
        }
        let size = (count * size_of::<OverlayEntry>()) as u64;
        self.define("__esparto_overlays", entries, size, SymbolKind::Data, false);
        self.firmware(config);
    }

    fn firmware(&mut self, config: &Config) {
        let section =
            self.section(".rodata.esparto.firmware".to_owned(), SectionKind::ReadOnlyData);
        let mut firmware = [0; size_of::<Firmware>()];
        let mut set = |at: usize, value: &[u8]| put(&mut firmware, at, value);
        set(offset_of!(Firmware, magic), &FIRMWARE_MAGIC.to_le_bytes());
        set(offset_of!(Firmware, version), &FIRMWARE_VERSION.to_le_bytes());
        set(offset_of!(Firmware, isa), &[config.isa.code()]);
        set(offset_of!(Firmware, abi), &[config.abi.code()]);
        set(offset_of!(Firmware, chip), config.chip.as_str().as_bytes());
        set(offset_of!(Firmware, overlay_count), &(config.overlays.len() as u16).to_le_bytes());
        set(offset_of!(Firmware, slot_count), &(config.slots.len() as u16).to_le_bytes());
        self.data(section, &firmware);
        let mut addresses = vec![
            (offset_of!(Firmware, overlays_addr), "__esparto_overlays"),
            (offset_of!(Firmware, slots_addr), "__esparto_slots"),
            (offset_of!(Firmware, mapped_addr), "__esparto_mapped"),
        ];
        if config.has_gdb_table {
            addresses.push((offset_of!(Firmware, gdb_table_addr), "_ovly_table"));
        }
        for (at, symbol) in addresses {
            self.word(section, at, symbol, 0);
        }
        let size = firmware.len() as u64;
        self.define(FIRMWARE_SYMBOL, section, size, SymbolKind::Data, false);
    }

    fn reserve(&mut self, symbol: &str, section: &str, len_bytes: usize) {
        let section = self.section(section.to_owned(), SectionKind::UninitializedData);
        self.object.append_section_bss(section, len_bytes as u64, 4);
        self.define(symbol, section, len_bytes as u64, SymbolKind::Data, false);
    }

    fn gdb_table(&mut self, config: &Config) {
        let section = self.section(".data.esparto.gdb".to_owned(), SectionKind::Data);
        let len_bytes = 16 * config.overlays.len();
        self.data(section, &vec![0; len_bytes]);
        for (index, overlay) in config.overlays.iter().enumerate() {
            for (at, symbol) in [(0, "e_start"), (4, "e_size"), (8, "e_lma")] {
                let symbol = format!("__ovl{}_{symbol}", overlay.number);
                self.word(section, 16 * index + at, &symbol, 0);
            }
        }
        self.define("_ovly_table", section, len_bytes as u64, SymbolKind::Data, false);
        // In one section with the table: nothing but gdb asks for it, so a linker that collects
        // sections would drop it alone.
        self.data(section, &(config.overlays.len() as u32).to_le_bytes());
        let count = self.define("_novlys", section, 4, SymbolKind::Data, false);
        self.object.symbol_mut(count).value = len_bytes as u64;
    }

    fn record(&mut self, overlay: &Overlay, stub: &Stubbed) -> SymbolId {
        let name = format!("{RECORD_PREFIX}{}", stub.name);
        let section = self
            .section(format!(".rodata.esparto.record.{}", stub.name), SectionKind::ReadOnlyData);
        let mut record = [0; size_of::<FunctionRecord>()];
        put(&mut record, offset_of!(FunctionRecord, overlay), &overlay.number.to_le_bytes());
        self.data(section, &record);
        self.word(section, offset_of!(FunctionRecord, target_addr), &stub.real, 0);
        self.define(&name, section, record.len() as u64, SymbolKind::Data, stub.is_weak)
    }

    fn riscv_stub(&mut self, overlay: &Overlay, stub: &Stubbed, record: SymbolId) {
        use elf::{R_RISCV_HI20 as HI, R_RISCV_LO12_I as LO};
        let real = self.symbol(&stub.real);
        let miss = self.symbol(MISS_SYMBOL);
        // Instructions, each with what fills its immediate.
        let mut code = Vec::new();
        match overlay.placement {
            Placement::Relocatable => {
                let base = self.symbol("__esparto_bases");
                let at = 4 * i64::from(overlay.base_index);
                code.push((riscv::LUI_T0, Some((HI, base, at))));
                code.push((riscv::LW_T0_T0, Some((LO, base, at))));
                code.push((riscv::beqz_t0(20), None));
                code.push((riscv::LUI_T1, Some((HI, real, 0))));
                code.push((riscv::ADDI_T1_T1, Some((LO, real, 0))));
                code.push((riscv::ADD_T1_T1_T0, None));
                code.push((riscv::JR_T1, None));
            }
            _ => {
                let mapped = self.symbol("__esparto_mapped");
                let at = i64::from(overlay.number);
                code.push((riscv::LUI_T0, Some((HI, mapped, at))));
                code.push((riscv::LBU_T0_T0, Some((LO, mapped, at))));
                code.push((riscv::beqz_t0(12), None));
                code.push((riscv::LUI_T1, Some((HI, real, 0))));
                code.push((riscv::JR_T1, Some((LO, real, 0))));
            }
        }
        code.push((riscv::LUI_T0, Some((HI, record, 0))));
        code.push((riscv::ADDI_T0_T0, Some((LO, record, 0))));
        code.push((riscv::LUI_T1, Some((HI, miss, 0))));
        code.push((riscv::JR_T1, Some((LO, miss, 0))));

        let section = self.section(format!(".text.esparto.stub.{}", stub.name), SectionKind::Text);
        let bytes: Vec<u8> = code.iter().flat_map(|(word, _)| word.to_le_bytes()).collect();
        self.data(section, &bytes);
        for (index, (_, fill)) in code.iter().enumerate() {
            if let Some((r_type, symbol, addend)) = *fill {
                self.relocate(section, 4 * index as u64, symbol, addend, r_type);
            }
        }
        self.define(&stub.name, section, bytes.len() as u64, SymbolKind::Text, stub.is_weak);
    }

    /// Literals, then the code: an L32R reaches backwards only.
    fn xtensa_stub(
        &mut self,
        overlay: &Overlay,
        stub: &Stubbed,
        record: SymbolId,
        config: &Config,
    ) -> Result<(), Failure> {
        let is_relocatable = overlay.placement == Placement::Relocatable;
        let (miss, code) = match (config.abi, is_relocatable) {
            (Abi::Windowed, true) => {
                let what = format!(
                    "overlay {}: no stubs for relocatable code in the windowed convention of {}",
                    overlay.name, config.isa
                );
                return Err(config.fault_of(overlay, what).mend("set `placement = \"prelinked\"`"));
            }
            (Abi::Windowed, false) => (MISS_WINDOWED, xtensa::windowed_stub()),
            _ => (MISS_SYMBOL, xtensa::stub(is_relocatable)),
        };
        let (flag, at) = if is_relocatable {
            ("__esparto_bases", 4 * i64::from(overlay.base_index))
        } else {
            ("__esparto_mapped", i64::from(overlay.number))
        };
        let flag = self.symbol(flag);
        let real = self.symbol(&stub.real);
        let miss = self.symbol(miss);
        let literals = [(flag, at), (real, 0), (record, 0), (miss, 0)];
        let section = self.section(format!(".text.esparto.stub.{}", stub.name), SectionKind::Text);
        self.data(section, &[0; xtensa::LITERAL_BYTES]);
        self.data(section, &code);
        for (index, (symbol, addend)) in literals.into_iter().enumerate() {
            self.relocate(section, 4 * index as u64, symbol, addend, elf::R_XTENSA_32);
        }
        let name = format!("{LITERALS_PREFIX}{}", stub.name);
        let len = xtensa::LITERAL_BYTES as u64;
        self.define(&name, section, len, SymbolKind::Data, stub.is_weak);
        let symbol =
            self.define(&stub.name, section, code.len() as u64, SymbolKind::Text, stub.is_weak);
        self.object.symbol_mut(symbol).value = len;
        Ok(())
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
