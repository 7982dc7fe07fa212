//! Looking up what an overlay exports, in the tables of its file.

use esparto_image::{Part, name_hash};

use crate::{
    LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::{Checked, refuse},
    stream::Engine,
};

/// Words of an entry of the table of exports: hash, address, where the name is.
const ENTRY_WORDS: u32 = 3;

/// Finds a name while the tables pass by, word by word: first the entries, then the names.
struct Search<'n> {
    name: &'n [u8],
    hash: u32,
    exports_offset: u32,
    names_offset: u32,
    /// Entries with this hash that turned out to have another name.
    skip_count: u32,
    entry: [u32; 2],
    /// The address of an entry with this hash, once there is one.
    addr: Option<u32>,
    /// Where its name is in the file: two bytes of length, then the name.
    name_offset: u32,
    /// How many bytes of length and name were as they should be.
    equal_bytes: usize,
}

impl Search<'_> {
    /// Takes in the word at `offset` of the file.
    fn word(&mut self, offset: u32, word: u32) {
        if offset < self.exports_offset {
            return;
        }
        if offset < self.names_offset {
            match (offset - self.exports_offset) / 4 % ENTRY_WORDS {
                at @ 0..=1 => self.entry[at as usize] = word,
                _ if self.entry[0] != self.hash || self.addr.is_some() => {}
                _ if self.skip_count != 0 => self.skip_count -= 1,
                _ => {
                    self.addr = Some(self.entry[1]);
                    self.name_offset = self.names_offset.wrapping_add(word);
                }
            }
            return;
        }
        let len = (self.name.len() as u16).to_le_bytes();
        for (offset, byte) in (offset..).zip(word.to_le_bytes()) {
            let at = offset.wrapping_sub(self.name_offset) as usize;
            let expected = match at {
                0..=1 => Some(&len[at]),
                _ => self.name.get(at - 2),
            };
            self.equal_bytes += usize::from(expected == Some(&byte));
        }
    }
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// The address of an export, as linked.
    pub(crate) fn exported(&self, overlay: usize, name: &str, why: &mut LoadError) -> Checked<u32> {
        self.admit(overlay, why)?;
        let _turn = self.turn();
        // SAFETY: it is our turn, and nothing in here loads.
        let engine = unsafe { self.engine() };
        let outcome = self.search(engine, overlay, name);
        self.close(engine);
        outcome.or_else(|_| refuse(why, engine.why))
    }

    fn search(&self, engine: &mut Engine<S, W>, overlay: usize, name: &str) -> Checked<u32> {
        // Names with one hash are rare: for each of them the tables pass by once more.
        for skip_count in 0.. {
            self.open(engine, overlay, Part::Code)?;
            let mut search = Search {
                name: name.as_bytes(),
                hash: name_hash(name),
                exports_offset: engine.prefix.exports_offset(),
                names_offset: engine.prefix.names_offset(),
                skip_count,
                entry: [0; 2],
                addr: None,
                name_offset: 0,
                equal_bytes: 0,
            };
            let mut see = |offset, word| search.word(offset, word);
            engine.pass_tables(&self.platform, Some(&mut see))?;
            let (addr, equal_bytes) = (search.addr, search.equal_bytes);
            #[cfg(feature = "signed")]
            engine.check_seal(&self.platform, overlay)?;
            match addr {
                None => break,
                Some(addr) if equal_bytes == name.len() + 2 => return Ok(addr),
                Some(_) => {}
            }
        }
        refuse(&mut engine.why, LoadError::NoSymbol)
    }
}
