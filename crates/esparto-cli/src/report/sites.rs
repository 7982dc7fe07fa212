//! Who called: return addresses become call stacks, call stacks become sites.

use rustc_hash::FxHashMap;

use super::overlay_symbols::OverlaySymbols;
use super::symbols::{Frame, Symbols};

/// Distinct call stacks that are told apart; later ones share one entry, so that a trace with a
/// new stack in every event does not fill the memory.
const STACKS: usize = 65_536;

/// No return address was recorded.
pub(crate) const NO_STACK: u32 = 0;
/// One of more than [`STACKS`] call stacks.
const OTHER_STACK: u32 = 1;

/// A place in the user's code that asks for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// What to call it: function, or address when there are no symbols.
    pub(crate) name: String,
    /// File and line, where known.
    pub(crate) location: Option<String>,
}

/// A call stack, as addresses and as text.
#[derive(Debug)]
struct Stack {
    addrs: Box<[usize]>,
    site: u32,
}

/// All call stacks and sites seen so far.
#[derive(Debug)]
pub(crate) struct Sites {
    symbols: Option<Symbols>,
    stacks: Vec<Stack>,
    by_addrs: FxHashMap<Box<[usize]>, u32>,
    sites: Vec<Site>,
    by_site: FxHashMap<(String, Option<String>), u32>,
}

impl Sites {
    pub(crate) fn new(symbols: Option<Symbols>) -> Self {
        let mut sites = Self {
            symbols,
            stacks: Vec::new(),
            by_addrs: FxHashMap::default(),
            sites: Vec::new(),
            by_site: FxHashMap::default(),
        };
        for name in ["(no call site recorded)", "(more call sites)"] {
            let site = sites.intern(Site { name: name.to_owned(), location: None });
            sites.stacks.push(Stack { addrs: Box::default(), site });
        }
        sites
    }

    /// Where overlays are, if there are any.
    pub(crate) fn overlays(&self) -> Option<&OverlaySymbols> {
        self.symbols.as_ref().map(Symbols::overlays).filter(|overlays| !overlays.is_empty())
    }

    /// The number of the stack `addrs`, innermost first.
    #[inline]
    pub(crate) fn stack(&mut self, addrs: &[usize]) -> u32 {
        if addrs.is_empty() {
            return NO_STACK;
        }
        match self.by_addrs.get(addrs) {
            Some(&stack) => stack,
            None => self.add(addrs),
        }
    }

    #[cold]
    fn add(&mut self, addrs: &[usize]) -> u32 {
        if self.stacks.len() >= STACKS {
            return OTHER_STACK;
        }
        let frames = self.frames_of(addrs);
        let site = match frames.iter().find(|frame| frame.is_users()).or(frames.first()) {
            Some(frame) => Site { name: frame.function.clone(), location: frame.location.clone() },
            None => Site { name: format!("{:#010x}", addrs[0]), location: None },
        };
        let site = self.intern(site);
        let number = self.stacks.len() as u32;
        self.stacks.push(Stack { addrs: addrs.into(), site });
        self.by_addrs.insert(addrs.into(), number);
        number
    }

    fn intern(&mut self, site: Site) -> u32 {
        let key = (site.name.clone(), site.location.clone());
        *self.by_site.entry(key).or_insert_with(|| {
            self.sites.push(site);
            self.sites.len() as u32 - 1
        })
    }

    fn frames_of(&self, addrs: &[usize]) -> Vec<Frame> {
        let Some(symbols) = &self.symbols else { return Vec::new() };
        // A return address is that of the instruction after the call, which may be another line.
        addrs.iter().flat_map(|&addr| symbols.frames_at(addr.saturating_sub(1) as u64)).collect()
    }

    /// The site of a stack.
    #[inline]
    pub(crate) fn site_of(&self, stack: u32) -> u32 {
        self.stacks[stack as usize].site
    }

    /// A site.
    pub(crate) fn site(&self, site: u32) -> &Site {
        &self.sites[site as usize]
    }

    /// A stack as lines of text, innermost first.
    pub(crate) fn stack_lines(&self, stack: u32) -> Vec<String> {
        let addrs = &self.stacks[stack as usize].addrs;
        if self.symbols.is_none() {
            return addrs.iter().map(|addr| format!("{addr:#010x}")).collect();
        }
        self.frames_of(addrs).iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_told_apart_up_to_the_bound() {
        let mut sites = Sites::new(None);
        assert_eq!(sites.stack(&[]), NO_STACK);
        let first = sites.stack(&[0x4200_0010, 0x4200_0020]);
        assert_eq!(sites.stack(&[0x4200_0010, 0x4200_0020]), first);
        assert_eq!(sites.site(sites.site_of(first)).name, "0x42000010");
        assert_eq!(sites.stack_lines(first), ["0x42000010", "0x42000020"]);
        // Another stack, the same innermost frame: the same site.
        let second = sites.stack(&[0x4200_0010]);
        assert_ne!(second, first);
        assert_eq!(sites.site_of(second), sites.site_of(first));
        for addr in 0..STACKS + 10 {
            sites.stack(&[addr]);
        }
        assert_eq!(sites.stack(&[usize::MAX]), OTHER_STACK);
        assert_eq!(sites.stacks.len(), STACKS);
    }
}
