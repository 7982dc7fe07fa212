//! Functions of overlays: several share addresses, so an address says which one only together with what
//! was in the slot.

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// Above an address of 32 bits: the overlay that it is in, plus 1.
const MARK_SHIFT: u32 = 32;

/// The code of one overlay.
#[derive(Debug)]
struct Code {
    overlay: u16,
    start_addr: u64,
    end_addr: u64,
    /// By address.
    functions: Vec<(u64, String)>,
}

/// The code of all overlays of a firmware; none for most.
#[derive(Debug, Default)]
pub(crate) struct OverlaySymbols {
    codes: Vec<Code>,
}

impl OverlaySymbols {
    /// Reads those of the sections `.ovlK_e`, as `esparto overlay link` calls them.
    pub(crate) fn read<'d>(file: &impl Object<'d>) -> Self {
        let codes = file.sections().filter_map(|section| {
            let number = section.name().ok()?.strip_prefix(".ovl")?.strip_suffix("_e")?;
            let overlay: u16 = number.parse().ok()?;
            let start_addr = section.address();
            let end_addr = start_addr.checked_add(section.size())?;
            let mut functions: Vec<_> = file
                .symbols()
                .filter(|symbol| symbol.section_index() == Some(section.index()))
                .filter(|symbol| symbol.kind() == SymbolKind::Text)
                .filter_map(|symbol| Some((symbol.address(), plain(symbol.name().ok()?, overlay))))
                .collect();
            // A static has a second name beside its own; the shorter one is its own.
            functions.sort_by_key(|(addr, name)| (*addr, name.len()));
            functions.dedup_by_key(|(addr, _)| *addr);
            Some(Code { overlay, start_addr, end_addr, functions })
        });
        Self { codes: codes.filter(|code| code.end_addr <= 1 << MARK_SHIFT).collect() }
    }

    /// Marks the innermost of `frames` that lie in the code of an overlay with the one that `is_present`
    /// says is there, up to the first that does not: a caller whose place was taken is returned to by
    /// way of resident code. What lies further out may have gone and stays as it is.
    pub(crate) fn mark(&self, frames: &mut [usize], is_present: impl Fn(u16) -> bool) {
        // A return address is that of the instruction after the call.
        let is_overlays =
            |frame: &&mut usize| self.codes.iter().any(|code| code.contains(**frame as u64 - 1));
        let innermost = frames.iter_mut().filter(|frame| **frame != 0);
        let innermost = innermost.skip_while(|frame| !is_overlays(frame)).take_while(is_overlays);
        for frame in innermost {
            let addr = *frame as u64 - 1;
            let mut here = self.codes.iter().filter(|code| code.contains(addr));
            let here = here.find(|code| is_present(code.overlay));
            if let (Some(code), true) = (here, usize::BITS > MARK_SHIFT) {
                *frame |= (usize::from(code.overlay) + 1) << MARK_SHIFT;
            }
        }
    }

    /// There is nothing to mark.
    pub(crate) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The function at an address that was marked, or at one that only one overlay has; of another one in
    /// overlays, only that.
    pub(crate) fn function_at(&self, addr: u64) -> Option<String> {
        let (mark, addr) = (addr >> MARK_SHIFT, addr & ((1 << MARK_SHIFT) - 1));
        let mut found = self.codes.iter().filter(|code| {
            code.contains(addr) && (mark == 0 || u64::from(code.overlay) + 1 == mark)
        });
        let code = found.next()?;
        if found.next().is_some() {
            return Some(format!("code of an overlay at {:#010x}", addr + 1));
        }
        let before = code.functions.partition_point(|(start, _)| *start <= addr);
        let function = before.checked_sub(1).map(|index| code.functions[index].1.clone());
        Some(function.unwrap_or_else(|| format!("code of an overlay at {:#010x}", addr + 1)))
    }
}

impl Code {
    fn contains(&self, addr: u64) -> bool {
        (self.start_addr..self.end_addr).contains(&addr)
    }
}

/// The name that the source has: without what the packer put in front.
fn plain(name: &str, overlay: u16) -> String {
    // A static is numbered besides: there may be several of one name.
    let numbered = name.strip_prefix(&format!("__ov{overlay}l_"));
    let of_static = numbered.and_then(|rest| Some(rest.split_once('_')?.1));
    let plain = of_static.or_else(|| name.strip_prefix(&format!("__ov{overlay}_")));
    plain.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(overlay: u16, functions: &[(u64, &str)]) -> Code {
        let functions = functions.iter().map(|&(addr, name)| (addr, name.to_owned())).collect();
        Code { overlay, start_addr: 0x8400_0000, end_addr: 0x8400_1000, functions }
    }

    #[test]
    fn who_was_in_the_slot_says_which_function_it_was() {
        let overlays = OverlaySymbols {
            codes: vec![
                code(0, &[(0x8400_0000, "decode"), (0x8400_0100, "upsample")]),
                code(1, &[(0x8400_0000, "report")]),
            ],
        };
        let named = |present: u16| {
            let mut frames = [0x8000_0010, 0x8400_0104, 0x8400_0004, 0x8000_0020, 0x8400_0200];
            overlays.mark(&mut frames, |overlay| overlay == present);
            frames.map(|frame| overlays.function_at(frame as u64 - 1))
        };
        let name = |name: &str| Some(name.to_owned());
        let outer = || name("code of an overlay at 0x84000200");
        assert_eq!(named(0), [None, name("upsample"), name("decode"), None, outer()]);
        assert_eq!(named(1), [None, name("report"), name("report"), None, outer()]);
        // Nobody knows who it was.
        assert_eq!(named(7)[1], name("code of an overlay at 0x84000104"));
        for name in ["__ov1_report", "__ov1l_23_report", "report"] {
            assert_eq!(plain(name, 1), "report");
        }
    }
}
