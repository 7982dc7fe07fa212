//! Looking up what an overlay exports, in the tables of its file.

use esparto_image::{HEADER_BYTES, Header, Part, STRIPE_BYTES, name_hash};

use crate::{LoadError, Overlays, Platform, Store, Tables, Writer, place::finish_tables};

/// Words of an entry of the table of exports: hash, address, where the name is.
const ENTRY_WORDS: u32 = 3;

/// An export with the hash of the name in question.
#[derive(Clone, Copy)]
struct Candidate {
    addr: u32,
    /// Where its name is in the file: two bytes of length, then the name.
    name_offset: u32,
    /// How many bytes of length and name were as they should be.
    equal_bytes: usize,
}

/// Finds a name while the tables pass by, word by word: first the entries, then the names.
struct Search<'n> {
    name: &'n [u8],
    hash: u32,
    exports_offset: u32,
    names_offset: u32,
    entry: [u32; 2],
    /// Different names with one hash are rare; no more of them are looked at.
    candidates: [Candidate; 4],
    candidate_count: usize,
}

impl<'n> Search<'n> {
    fn new(name: &'n str, header: &Header) -> Self {
        Self {
            name: name.as_bytes(),
            hash: name_hash(name),
            exports_offset: header.exports_offset(),
            names_offset: header.names_offset(),
            entry: [0; 2],
            candidates: [Candidate { addr: 0, name_offset: 0, equal_bytes: 0 }; 4],
            candidate_count: 0,
        }
    }

    /// Takes in the word at `offset` of the file.
    fn word(&mut self, offset: u32, word: u32) {
        if offset < self.exports_offset {
            return;
        }
        if offset < self.names_offset {
            match (offset - self.exports_offset) / 4 % ENTRY_WORDS {
                0 => self.entry[0] = word,
                1 => self.entry[1] = word,
                _ if self.entry[0] == self.hash => {
                    if let Some(place) = self.candidates.get_mut(self.candidate_count) {
                        let name_offset = self.names_offset.wrapping_add(word);
                        *place = Candidate { addr: self.entry[1], name_offset, equal_bytes: 0 };
                        self.candidate_count += 1;
                    }
                }
                _ => {}
            }
            return;
        }
        for candidate in &mut self.candidates[..self.candidate_count] {
            for (index, byte) in word.to_le_bytes().into_iter().enumerate() {
                let at = (offset + index as u32).wrapping_sub(candidate.name_offset) as usize;
                let expected = match at {
                    0 => self.name.len() as u8,
                    1 => (self.name.len() >> 8) as u8,
                    _ => match self.name.get(at - 2) {
                        Some(byte) => *byte,
                        None => continue,
                    },
                };
                candidate.equal_bytes += usize::from(byte == expected);
            }
        }
    }

    fn found(&self) -> Option<u32> {
        let is_whole = |candidate: &&Candidate| candidate.equal_bytes == self.name.len() + 2;
        self.candidates[..self.candidate_count].iter().find(is_whole).map(|found| found.addr)
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
    pub(crate) fn exported(&self, overlay: usize, name: &str) -> Result<u32, LoadError> {
        self.admit(overlay)?;
        let _turn = self.turn();
        // SAFETY: it is our turn, and nothing in here loads.
        let engine = unsafe { self.engine() };
        self.read(engine, overlay, Part::Code, |stream, _writer, prefix| {
            let header = &prefix.header;
            let mut search = Search::new(name, header);
            let last_offset = header.segments_offset() - STRIPE_BYTES as u32;
            stream.begin_sum(last_offset);
            while stream.offset() < last_offset {
                let offset = stream.offset();
                let words = stream.some((last_offset - offset) as usize / 4)?;
                let count = words.len();
                for (offset, word) in (offset..).step_by(4).zip(words) {
                    search.word(offset, u32::from_le(*word));
                }
                stream.take(count);
            }
            for (offset, word) in (last_offset..).step_by(4).zip(&stream.exactly(4)?[..3]) {
                search.word(offset, u32::from_le(*word));
            }
            finish_tables(stream, HEADER_BYTES as u32)?;
            search.found().ok_or(LoadError::NoSymbol)
        })
    }
}
