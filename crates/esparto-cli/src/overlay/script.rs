//! The linker fragment: where each overlay is linked to run, and that it is stored elsewhere.

use std::fmt::{self, Write};

use super::config::{Config, Overlay};

/// The fragment, for `-T` beside the firmware's own script.
pub(crate) fn fragment(config: &Config) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_fragment(config, &mut text);
    text
}

fn write_fragment(config: &Config, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "/* Written by `esparto overlay link`. Give it to the linker with a second -T. */"
    )?;
    writeln!(out, "MEMORY\n{{")?;
    let card = &config.card;
    region(out, "ESPARTO_CARD", card.addr, card.len_bytes)?;
    if let Some(data) = &config.data {
        region(out, "ESPARTO_DATA", data.addr, data.len_bytes)?;
    }
    for overlay in &config.overlays {
        let slot = &config.slots[usize::from(overlay.slot)];
        let name = format!("ESPARTO_OVERLAY{}", overlay.number);
        region(out, &name, slot.addr, slot.len_bytes)?;
    }
    writeln!(out, "}}\nSECTIONS\n{{")?;
    for overlay in &config.overlays {
        sections(out, overlay, config.data.is_some())?;
    }
    writeln!(out, "}}")
}

/// Without attributes: by those, a linker chooses a region for sections that name none.
fn region(out: &mut String, name: &str, addr: u32, len_bytes: u32) -> fmt::Result {
    writeln!(out, "  {name} : ORIGIN = {addr:#010x}, LENGTH = {len_bytes:#x}")
}

fn sections(out: &mut String, overlay: &Overlay, has_data: bool) -> fmt::Result {
    let k = overlay.number;
    // Without a data area, a section that is not empty does not fit in a region of nothing; so it
    // goes to the slot's region, and the checker says what is missing.
    let data = if has_data { "ESPARTO_DATA".to_owned() } else { format!("ESPARTO_OVERLAY{k}") };
    write!(
        out,
        "  .ovl{k}_e : ALIGN(16)
  {{
    __ovl{k}_e_start = .;
    KEEP(*(.ovl{k}.e.literal* .ovl{k}.e..literal*))
    KEEP(*(.ovl{k}.e.*))
    . = ALIGN(4);
    __ovl{k}_e_end = .;
  }} > ESPARTO_OVERLAY{k} AT> ESPARTO_CARD
  .ovl{k}_d : ALIGN(16)
  {{
    __ovl{k}_d_start = .;
    __ovl{k}_init_start = .;
    KEEP(*(SORT_BY_NAME(.ovl{k}.i.init_array.*)))
    KEEP(*(.ovl{k}.i.init_array .ovl{k}.i.ctors*))
    __ovl{k}_init_end = .;
    __ovl{k}_fini_start = .;
    KEEP(*(SORT_BY_NAME(.ovl{k}.i.fini_array.*)))
    KEEP(*(.ovl{k}.i.fini_array .ovl{k}.i.dtors*))
    __ovl{k}_fini_end = .;
    KEEP(*(.ovl{k}.d.*))
    . = ALIGN(4);
    __ovl{k}_d_end = .;
  }} > {data} AT> ESPARTO_CARD
  .ovl{k}_b (NOLOAD) : ALIGN(4)
  {{
    KEEP(*(.ovl{k}.b.*))
    . = ALIGN(4);
    __ovl{k}_b_last = .;
  }} > {data}
  /* An empty section is not moved up to its alignment. */
  __ovl{k}_b_end = MAX(__ovl{k}_b_last, __ovl{k}_d_end);
  __ovl{k}_e_size = __ovl{k}_e_end - __ovl{k}_e_start;
  __ovl{k}_e_lma = LOADADDR(.ovl{k}_e);
  __ovl{k}_d_size = __ovl{k}_b_end - __ovl{k}_d_start;
"
    )
}
