//! One event as the recorder keeps it: words, not yet bytes.

use esparto::{Caps, Event, Owner, PoolEvent, RegionId};

use crate::wire::pool;

/// What a slot holds, in the low three bits of its head. Zero is an unused slot.
mod kind {
    pub(super) const ALLOCATE: u32 = 1;
    pub(super) const DEALLOCATE: u32 = 2;
    pub(super) const RESIZE: u32 = 3;
    pub(super) const FAILURE: u32 = 4;
    pub(super) const MARK: u32 = 5;
    pub(super) const LOST: u32 = 6;
    /// Which event of a pool it is, is where the alignment of others is.
    pub(super) const POOL: u32 = 7;
}

/// One recorded event: six words, and one word per frame of its call stack.
///
/// Storing words costs the caller of the heap a handful of stores; making bytes of them is the
/// [`Encoder`](crate::Encoder)'s work, later and elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<const FRAMES: usize = 0> {
    /// Kind (3 bits), alignment (5), region (8), owner (16), from the low end.
    head: u32,
    time: u32,
    words: [usize; 4],
    pub(crate) frames: [usize; FRAMES],
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Nothing,
    Event(Event),
    Lost { count: u32 },
    Pool(PoolEvent),
}

impl<const FRAMES: usize> Slot<FRAMES> {
    /// An unused slot.
    pub const EMPTY: Self = Self { head: 0, time: 0, words: [0; 4], frames: [0; FRAMES] };

    /// Stores an event. Where the event's kind is known, this is straight-line code that stores
    /// only the words this kind needs.
    #[inline(always)]
    pub(crate) fn store(&mut self, time: u32, owner: Owner, event: Event) {
        let [a, b, c, d] = &mut self.words;
        let owner = u32::from(owner.0) << 16;
        self.time = time;
        self.head = match event {
            Event::Allocate { region, addr, size_bytes, align_log2, require, prefer } => {
                (*a, *b, *c) = (addr, size_bytes, caps_word(require, prefer));
                kind::ALLOCATE | align_bits(align_log2) | region_bits(region) | owner
            }
            Event::Deallocate { region, addr, size_bytes } => {
                (*a, *b) = (addr, size_bytes);
                kind::DEALLOCATE | region_bits(region) | owner
            }
            Event::Resize { region, old_addr, addr, old_size_bytes, size_bytes, align_log2 } => {
                (*a, *b, *c, *d) = (old_addr, old_size_bytes, addr, size_bytes);
                kind::RESIZE | align_bits(align_log2) | region_bits(region) | owner
            }
            Event::Failure { size_bytes, align_log2, require, prefer } => {
                (*b, *c) = (size_bytes, caps_word(require, prefer));
                kind::FAILURE | align_bits(align_log2) | owner
            }
            Event::Mark { id } => {
                *a = id as usize;
                kind::MARK | owner
            }
        };
    }

    /// Stores an event of tiers.
    #[inline(always)]
    pub(crate) fn store_pool(&mut self, time: u32, event: PoolEvent) {
        let [a, b, c, _] = &mut self.words;
        self.time = time;
        let which = match event {
            PoolEvent::Take { addr, size_bytes } => {
                (*a, *b) = (addr, size_bytes);
                pool::TAKE
            }
            PoolEvent::Give { addr } => {
                *a = addr;
                pool::GIVE
            }
            PoolEvent::Refused { addr } => {
                *a = addr;
                pool::REFUSED
            }
            PoolEvent::SetUp { start_addr, block_bytes, block_count } => {
                (*a, *b, *c) = (start_addr, block_bytes, block_count);
                pool::SET_UP
            }
            PoolEvent::End { start_addr } => {
                *a = start_addr;
                pool::END
            }
            // What a later version of the core tells has no slot yet.
            _ => return self.head = 0,
        };
        self.head = kind::POOL | align_bits(which);
    }

    /// Stores how many events were lost from `time` on.
    pub(crate) fn store_lost(&mut self, time: u32, count: u32) {
        self.head = kind::LOST;
        self.time = time;
        self.words[0] = count as usize;
    }

    pub(crate) fn time(&self) -> u32 {
        self.time
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner((self.head >> 16) as u16)
    }

    pub(crate) fn held(&self) -> Held {
        let [a, b, c, d] = self.words;
        let align_log2 = (self.head >> 3 & 31) as u8;
        let region = RegionId((self.head >> 8) as u8);
        let require = Caps::from_bits_retain(c as u16);
        let prefer = Caps::from_bits_retain((c >> 16) as u16);
        let event = match self.head & 7 {
            kind::ALLOCATE => {
                Event::Allocate { region, addr: a, size_bytes: b, align_log2, require, prefer }
            }
            kind::DEALLOCATE => Event::Deallocate { region, addr: a, size_bytes: b },
            kind::RESIZE => Event::Resize {
                region,
                old_addr: a,
                addr: c,
                old_size_bytes: b,
                size_bytes: d,
                align_log2,
            },
            kind::FAILURE => Event::Failure { size_bytes: b, align_log2, require, prefer },
            kind::MARK => Event::Mark { id: a as u32 },
            kind::LOST => return Held::Lost { count: a as u32 },
            kind::POOL => {
                return match align_log2 {
                    pool::TAKE => Held::Pool(PoolEvent::Take { addr: a, size_bytes: b }),
                    pool::GIVE => Held::Pool(PoolEvent::Give { addr: a }),
                    pool::REFUSED => Held::Pool(PoolEvent::Refused { addr: a }),
                    pool::SET_UP => Held::Pool(PoolEvent::SetUp {
                        start_addr: a,
                        block_bytes: b,
                        block_count: c,
                    }),
                    pool::END => Held::Pool(PoolEvent::End { start_addr: a }),
                    _ => Held::Nothing,
                };
            }
            _ => return Held::Nothing,
        };
        Held::Event(event)
    }
}

/// An alignment of 2^31 and above is beyond every target; it is kept as 2^31.
#[inline(always)]
fn align_bits(align_log2: u8) -> u32 {
    u32::from(align_log2 & 31) << 3
}

#[inline(always)]
fn region_bits(region: RegionId) -> u32 {
    u32::from(region.0) << 8
}

#[inline(always)]
fn caps_word(require: Caps, prefer: Caps) -> usize {
    usize::from(require.bits()) | usize::from(prefer.bits()) << 16
}
