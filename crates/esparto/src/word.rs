//! Word-only memory: instruction memory that takes nothing but aligned 32-bit loads and stores.
//!
//! On ESP32, S2 and ESP8266 a byte access to instruction memory traps (`LoadStoreError`), and so
//! does every compiler-made `memcpy`. So nothing of ours is stored in it: the free list is a table
//! outside, and a block offers words only, through volatile accesses that no compiler narrows.

use core::fmt;
use core::ptr::NonNull;

/// A stretch of free words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    len: u32,
}

const EMPTY: Span = Span { start: 0, len: 0 };

/// A heap over word-only memory, kept out of band in a table of `SPANS` free stretches.
///
/// First fit, neighbours merged at once; both operations are O(`SPANS`). At most `SPANS − 1` blocks
/// are live at a time: so many blocks have at most `SPANS` gaps, and giving one back never fails.
#[derive(Debug)]
pub struct WordHeap<const SPANS: usize> {
    base: NonNull<u32>,
    len_words: u32,
    /// The free stretches by address, no two touching; places from `span_count` on are empty.
    spans: [Span; SPANS],
    span_count: usize,
    live_count: usize,
}

// SAFETY: the heap is the only one that knows its memory, besides the blocks handed out.
unsafe impl<const SPANS: usize> Send for WordHeap<SPANS> {}

/// A block of words. Goes back through [`WordHeap::deallocate`], which takes it away: it cannot be
/// given back twice.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a block that is dropped is lost to its heap"]
pub struct WordBlock {
    base: NonNull<u32>,
    len_words: u32,
}

// SAFETY: a block is words that this value alone owns.
unsafe impl Send for WordBlock {}

impl<const SPANS: usize> WordHeap<SPANS> {
    const _TABLE: () = assert!(SPANS >= 2, "a table of one stretch could never hand out a block");

    /// Starts with all of `memory` free, and touches none of it.
    ///
    /// # Errors
    /// [`WordError::Empty`], [`WordError::Misaligned`] or [`WordError::TooLarge`].
    ///
    /// # Safety
    /// `memory` is valid for aligned 32-bit reads and writes and belongs to this heap alone, for as
    /// long as it or one of its blocks is used.
    pub unsafe fn new(memory: NonNull<[u32]>) -> Result<Self, WordError> {
        let () = Self::_TABLE;
        let base = memory.cast::<u32>();
        if memory.is_empty() {
            return Err(WordError::Empty);
        }
        if !base.is_aligned() {
            return Err(WordError::Misaligned { start_addr: base.addr().get() });
        }
        let Ok(len_words) = u32::try_from(memory.len()) else {
            return Err(WordError::TooLarge { len_words: memory.len() });
        };
        let mut spans = [EMPTY; SPANS];
        spans[0] = Span { start: 0, len: len_words };
        Ok(Self { base, len_words, spans, span_count: 1, live_count: 0 })
    }

    /// Hands out the first stretch that is long enough.
    ///
    /// # Errors
    /// [`WordError::ZeroSize`], [`WordError::Exhausted`] or [`WordError::TableFull`].
    pub fn allocate(&mut self, len_words: usize) -> Result<WordBlock, WordError> {
        if len_words == 0 {
            return Err(WordError::ZeroSize);
        }
        if self.live_count + 1 >= SPANS {
            return Err(WordError::TableFull { limit_count: SPANS - 1 });
        }
        let fits = |span: &Span| span.len as usize >= len_words;
        let Some(index) = self.free_spans().iter().position(fits) else {
            let largest_words = self.largest_free_words();
            return Err(WordError::Exhausted { requested_words: len_words, largest_words });
        };
        let (start, len) = (self.spans[index].start, len_words as u32);
        self.spans[index].start += len;
        self.spans[index].len -= len;
        if self.spans[index].len == 0 {
            self.remove(index);
        }
        self.live_count += 1;
        // SAFETY: the stretch lies inside the memory given at `new`.
        let base = unsafe { self.base.add(start as usize) };
        Ok(WordBlock { base, len_words: len })
    }

    /// Takes a block back.
    ///
    /// # Errors
    /// [`WordError::Foreign`] with the block still in it when it is another heap's.
    pub fn deallocate(&mut self, block: WordBlock) -> Result<(), (WordError, WordBlock)> {
        let offset_bytes = block.start_addr().wrapping_sub(self.base.addr().get());
        let len_bytes = self.len_words as usize * 4;
        if offset_bytes >= len_bytes || block.len_bytes() > len_bytes - offset_bytes {
            let (start_addr, heap_addr) = (block.start_addr(), self.base.addr().get());
            return Err((WordError::Foreign { start_addr, heap_addr, len_bytes }, block));
        }
        let freed = Span { start: (offset_bytes / 4) as u32, len: block.len_words };
        let end = freed.start + freed.len;
        let index = self.free_spans().partition_point(|span| span.start < freed.start);
        let touches_prev = index > 0 && {
            let prev = self.spans[index - 1];
            prev.start + prev.len == freed.start
        };
        let touches_next = index < self.span_count && self.spans[index].start == end;
        match (touches_prev, touches_next) {
            (true, true) => {
                self.spans[index - 1].len += freed.len + self.spans[index].len;
                self.remove(index);
            }
            (true, false) => self.spans[index - 1].len += freed.len,
            (false, true) => {
                self.spans[index] =
                    Span { start: freed.start, len: freed.len + self.spans[index].len };
            }
            (false, false) => self.insert(index, freed),
        }
        self.live_count -= 1;
        Ok(())
    }

    /// The words that are free, in all stretches together.
    #[must_use]
    pub fn free_words(&self) -> usize {
        self.free_spans().iter().map(|span| span.len as usize).sum()
    }

    /// The longest free stretch.
    #[must_use]
    pub fn largest_free_words(&self) -> usize {
        self.free_spans().iter().map(|span| span.len as usize).max().unwrap_or(0)
    }

    fn free_spans(&self) -> &[Span] {
        &self.spans[..self.span_count]
    }

    fn remove(&mut self, index: usize) {
        self.spans.copy_within(index + 1..self.span_count, index);
        self.span_count -= 1;
    }

    fn insert(&mut self, index: usize, span: Span) {
        // There is room: gaps never outnumber the live blocks by more than one.
        self.spans.copy_within(index..self.span_count, index + 1);
        self.spans[index] = span;
        self.span_count += 1;
    }
}

impl WordBlock {
    /// The first address.
    #[must_use]
    pub fn start_addr(&self) -> usize {
        self.base.addr().get()
    }

    /// The length in words.
    #[must_use]
    pub const fn len_words(&self) -> usize {
        self.len_words as usize
    }

    /// The length in bytes, a multiple of four.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.len_words as usize * 4
    }

    /// Reads one word.
    ///
    /// # Errors
    /// [`WordError::OutOfBounds`].
    pub fn load(&self, index: usize) -> Result<u32, WordError> {
        self.bounds(index, 1)?;
        // SAFETY: the index lies inside the block, whose memory takes aligned 32-bit reads.
        Ok(unsafe { self.base.add(index).read_volatile() })
    }

    /// Writes one word.
    ///
    /// # Errors
    /// [`WordError::OutOfBounds`].
    pub fn store(&mut self, index: usize, word: u32) -> Result<(), WordError> {
        self.bounds(index, 1)?;
        // SAFETY: the index lies inside the block, whose memory takes aligned 32-bit writes.
        unsafe { self.base.add(index).write_volatile(word) };
        Ok(())
    }

    /// Writes bytes as little-endian words from word `index` on; a last word that they do not fill
    /// is filled up with zeros.
    ///
    /// # Errors
    /// [`WordError::OutOfBounds`], and nothing was written.
    pub fn store_bytes(&mut self, index: usize, bytes: &[u8]) -> Result<(), WordError> {
        self.bounds(index, bytes.len().div_ceil(4))?;
        for (offset, chunk) in bytes.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.store(index + offset, u32::from_le_bytes(word))?;
        }
        Ok(())
    }

    fn bounds(&self, index: usize, count: usize) -> Result<(), WordError> {
        let len_words = self.len_words();
        if index <= len_words && count <= len_words - index {
            Ok(())
        } else {
            Err(WordError::OutOfBounds { index, count, len_words })
        }
    }
}

/// Why a word heap or block refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WordError {
    /// The memory has no word.
    Empty,
    /// The memory does not start at a word.
    Misaligned {
        /// Where it starts.
        start_addr: usize,
    },
    /// The memory has more words than 32 bits count.
    TooLarge {
        /// How many.
        len_words: usize,
    },
    /// A block of no words was asked for.
    ZeroSize,
    /// No free stretch is long enough.
    Exhausted {
        /// The length asked for.
        requested_words: usize,
        /// The longest free stretch.
        largest_words: usize,
    },
    /// The table outside holds no more blocks.
    TableFull {
        /// The most that can be live.
        limit_count: usize,
    },
    /// The block is another heap's.
    Foreign {
        /// Where the block starts.
        start_addr: usize,
        /// Where the heap starts.
        heap_addr: usize,
        /// How long the heap is.
        len_bytes: usize,
    },
    /// An access behind the block's end.
    OutOfBounds {
        /// The first word.
        index: usize,
        /// How many words.
        count: usize,
        /// The block's length.
        len_words: usize,
    },
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("word memory is empty"),
            Self::Misaligned { start_addr } => {
                write!(f, "word memory starts at {start_addr:#010x}, not at a multiple of 4")
            }
            Self::TooLarge { len_words } => {
                write!(f, "word memory of {len_words} words is longer than 32 bits count")
            }
            Self::ZeroSize => f.write_str("a block of 0 words was asked for"),
            Self::Exhausted { requested_words, largest_words } => write!(
                f,
                "{requested_words} words asked for, the longest free stretch has {largest_words}"
            ),
            Self::TableFull { limit_count } => write!(
                f,
                "{limit_count} blocks are live and the table holds no more: give it more spans"
            ),
            Self::Foreign { start_addr, heap_addr, len_bytes } => write!(
                f,
                "block at {start_addr:#010x} is not of the heap of {len_bytes} bytes at {heap_addr:#010x}"
            ),
            Self::OutOfBounds { index, count, len_words } => {
                write!(f, "words {index} to {index}+{count} of a block of {len_words}")
            }
        }
    }
}

impl core::error::Error for WordError {}
