//! From the bytes of one block to records.

use esparto::{Caps, Event, Owner, PoolEvent, RegionId};

use crate::health::Health;
use crate::name::Name;
use crate::overlay::OverlayEvent;
use crate::record::{Entry, Record, RegionDefinition, RegionSnapshot};
use crate::wire::{
    ADDRESS_PLACES, ARGUMENT_FOLLOWS, MAX_FRAMES, MAX_NAME_BYTES, NO_REGION, define, health, kind,
    overlay, pool, unzigzag,
};

/// What is wrong with a record. The offset is the cursor's, and so are the figures: a small type
/// keeps the good path fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Cut,
    Varint,
    Kind,
    Region,
    Text,
    Range(&'static str),
}

/// A place in the bytes of a block.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    /// For a [`Fault`]: what was found, and the limit it breaks.
    pub(crate) actual: u64,
    pub(crate) limit: u64,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, actual: 0, limit: 0 }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        let Some(&eight) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) else {
            return self.varint_by_bytes();
        };
        if eight[0] < 0x80 {
            self.at += 1;
            return Ok(u64::from(eight[0]));
        }
        let word = u64::from_le_bytes(eight);
        // The high bits that are clear; the lowest of them is in the last byte.
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.varint_by_bytes();
        }
        self.at += ends.trailing_zeros() as usize / 8 + 1;
        // Keep the bytes up to the last, then close the gaps that the high bits leave: between
        // neighbouring bytes, pairs and fours.
        let kept = word & (ends ^ (ends - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
        let kept = kept & 0x007f_007f_007f_007f | (kept & 0x7f00_7f00_7f00_7f00) >> 1;
        let kept = kept & 0x0000_3fff_0000_3fff | (kept & 0x3fff_0000_3fff_0000) >> 2;
        Ok(kept & 0x0fff_ffff | (kept & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// Near the end of a block, and for nine bytes and more.
    #[inline(never)]
    fn varint_by_bytes(&mut self) -> Result<u64, Fault> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = u64::from(self.byte()?);
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(Fault::Varint);
            }
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// A number of the target's `usize`.
    #[inline]
    pub(crate) fn word(&mut self, mask: usize, field: &'static str) -> Result<usize, Fault> {
        let value = self.varint()?;
        if value <= mask as u64 {
            Ok(value as usize)
        } else {
            Err(self.out_of_range(field, value, mask as u64))
        }
    }

    /// A difference of two numbers of the target's `usize`: its sign may fill 64 bits.
    #[inline]
    fn difference(&mut self) -> Result<usize, Fault> {
        let value = self.varint()?;
        match usize::try_from(value) {
            Ok(value) => Ok(unzigzag(value)),
            Err(_) => Err(self.out_of_range("difference", value, usize::MAX as u64)),
        }
    }

    pub(crate) fn narrow<T: TryFrom<u64>>(
        &mut self,
        field: &'static str,
        limit: T,
    ) -> Result<T, Fault>
    where
        u64: From<T>,
    {
        let value = self.varint()?;
        T::try_from(value).map_err(|_| self.out_of_range(field, value, u64::from(limit)))
    }

    pub(crate) fn bytes(&mut self, limit: usize, field: &'static str) -> Result<&'a [u8], Fault> {
        let count = usize::from(self.byte()?);
        if count > limit {
            return Err(self.out_of_range(field, count as u64, limit as u64));
        }
        let bytes = self.bytes.get(self.at..self.at + count).ok_or(Fault::Cut)?;
        self.at += count;
        Ok(bytes)
    }

    pub(crate) fn name(&mut self) -> Result<Name, Fault> {
        let bytes = self.bytes(MAX_NAME_BYTES, "length of a name")?;
        core::str::from_utf8(bytes).map(Name::new).map_err(|_| Fault::Text)
    }

    #[cold]
    fn out_of_range(&mut self, field: &'static str, actual: u64, limit: u64) -> Fault {
        (self.actual, self.limit) = (actual, limit);
        Fault::Range(field)
    }
}

/// What the records before say about the next one.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) time_ticks: u64,
    owner: Owner,
    require: Caps,
    prefer: Caps,
    region: u16,
    /// The region was defined; what lies in it makes sense.
    pub(crate) is_region_known: bool,
    last_addrs: [usize; ADDRESS_PLACES],
    last_pool_addr: usize,
    last_frame: usize,
    frames: [usize; MAX_FRAMES],
    frame_count: usize,

    // The same for the whole trace.
    known_regions: [u64; 4],
    max_frame_count: usize,
    /// All bits of the target's `usize`.
    mask: usize,
    refuse_unknown_regions: bool,
}

impl State {
    pub(crate) fn new(mask: usize, max_frame_count: usize, refuse_unknown_regions: bool) -> Self {
        Self {
            time_ticks: 0,
            owner: Owner(0),
            require: Caps::empty(),
            prefer: Caps::empty(),
            region: NO_REGION,
            is_region_known: false,
            last_addrs: [0; ADDRESS_PLACES],
            last_pool_addr: 0,
            last_frame: 0,
            frames: [0; MAX_FRAMES],
            frame_count: 0,
            known_regions: [0; 4],
            max_frame_count,
            mask,
            refuse_unknown_regions,
        }
    }

    /// Forgets what does not outlive a block.
    pub(crate) fn start_block(&mut self, time_ticks: u64) {
        *self = Self {
            time_ticks,
            known_regions: self.known_regions,
            ..Self::new(self.mask, self.max_frame_count, self.refuse_unknown_regions)
        };
    }

    /// The return addresses of the last event.
    pub(crate) fn frames(&self) -> &[usize] {
        self.frames.get(..self.frame_count).unwrap_or_default()
    }

    /// Reads one record and the prefixes before it into `record`; `false` is the end record.
    ///
    /// The record is written in place: handing it up through `Result` and `Option` by value took
    /// a third of the time.
    #[inline]
    pub(crate) fn read(
        &mut self,
        cursor: &mut Cursor<'_>,
        record: &mut Record,
    ) -> Result<bool, Fault> {
        self.frame_count = 0;
        loop {
            let tag = cursor.byte()?;
            let kind = tag & 15;
            match kind {
                kind::ALLOCATE => {
                    let align_log2 = self.argument(tag, cursor)?;
                    self.read_time(cursor)?;
                    let region = self.region(cursor)?;
                    let addr = self.addr(region, cursor)?;
                    let size_bytes = cursor.word(self.mask, "size")?;
                    self.read_frames(cursor)?;
                    let (require, prefer) = (self.require, self.prefer);
                    record.entry = Entry::Event(Event::Allocate {
                        region,
                        addr,
                        size_bytes,
                        align_log2,
                        require,
                        prefer,
                    });
                }
                kind::DEALLOCATE if tag == kind => {
                    self.read_time(cursor)?;
                    let region = self.region(cursor)?;
                    let addr = self.addr(region, cursor)?;
                    let size_bytes = cursor.word(self.mask, "size")?;
                    self.read_frames(cursor)?;
                    record.entry = Entry::Event(Event::Deallocate { region, addr, size_bytes });
                }
                kind::RESIZE => {
                    let align_log2 = self.argument(tag, cursor)?;
                    self.read_time(cursor)?;
                    let region = self.region(cursor)?;
                    let old_addr = self.addr(region, cursor)?;
                    let addr = self.addr(region, cursor)?;
                    let old_size_bytes = cursor.word(self.mask, "size")?;
                    let size_bytes = old_size_bytes.wrapping_add(cursor.difference()?) & self.mask;
                    self.read_frames(cursor)?;
                    record.entry = Entry::Event(Event::Resize {
                        region,
                        old_addr,
                        addr,
                        old_size_bytes,
                        size_bytes,
                        align_log2,
                    });
                }
                kind::REGION => {
                    let region = self.argument(tag, cursor)?;
                    self.region = u16::from(region);
                    self.is_region_known =
                        self.known_regions[usize::from(region >> 6)] >> (region & 63) & 1 != 0;
                    continue;
                }
                kind::OWNER if tag == kind => {
                    self.owner = Owner(cursor.narrow("owner", u16::MAX)?);
                    continue;
                }
                kind::POLICY if tag == kind => {
                    self.require = Caps::from_bits_retain(cursor.narrow("caps", u16::MAX)?);
                    self.prefer = Caps::from_bits_retain(cursor.narrow("caps", u16::MAX)?);
                    continue;
                }
                kind::END if tag == kind => return Ok(false),
                _ => record.entry = self.read_rare(tag, cursor)?,
            }
            record.time_ticks = self.time_ticks;
            record.owner = self.owner;
            return Ok(true);
        }
    }

    /// The kinds that are not worth a place in the hot loop.
    #[inline(never)]
    fn read_rare(&mut self, tag: u8, cursor: &mut Cursor<'_>) -> Result<Entry, Fault> {
        match (tag & 15, tag >> 4) {
            (kind::FAILURE, _) => {
                let align_log2 = self.argument(tag, cursor)?;
                self.read_time(cursor)?;
                let size_bytes = cursor.word(self.mask, "size")?;
                self.read_frames(cursor)?;
                let (require, prefer) = (self.require, self.prefer);
                Ok(Entry::Event(Event::Failure { size_bytes, align_log2, require, prefer }))
            }
            (kind::MARK, 0) => {
                self.read_time(cursor)?;
                Ok(Entry::Event(Event::Mark { id: cursor.narrow("mark", u32::MAX)? }))
            }
            (kind::LOST, 0) => {
                self.read_time(cursor)?;
                Ok(Entry::Lost { count: cursor.narrow("count of lost events", u32::MAX)? })
            }
            (kind::SNAPSHOT, is_last @ (0 | 1)) => {
                self.read_time(cursor)?;
                let region = self.region(cursor)?;
                let mut figure = || cursor.word(self.mask, "figure of a snapshot");
                Ok(Entry::Snapshot(RegionSnapshot {
                    region,
                    is_last: is_last == 1,
                    free_bytes: figure()?,
                    live_bytes: figure()?,
                    bookkeeping_bytes: figure()?,
                    peak_bytes: figure()?,
                    live_count: figure()?,
                    free_count: figure()?,
                    largest_free_bytes: figure()?,
                    failure_count: figure()?,
                }))
            }
            (kind::POOL, which @ pool::TAKE..=pool::END) => {
                self.read_time(cursor)?;
                let difference = cursor.difference()?;
                self.last_pool_addr = self.last_pool_addr.wrapping_add(difference) & self.mask;
                let addr = self.last_pool_addr;
                Ok(Entry::Pool(match which {
                    pool::TAKE => {
                        PoolEvent::Take { addr, size_bytes: cursor.word(self.mask, "size")? }
                    }
                    pool::GIVE => PoolEvent::Give { addr },
                    pool::REFUSED => PoolEvent::Refused { addr },
                    pool::SET_UP => PoolEvent::SetUp {
                        start_addr: addr,
                        block_bytes: cursor.word(self.mask, "size of a block")?,
                        block_count: cursor.word(self.mask, "count of blocks")?,
                    },
                    _ => PoolEvent::End { start_addr: addr },
                }))
            }
            (kind::HEALTH, what @ health::HEAP..=health::GUARD) => {
                self.read_time(cursor)?;
                Ok(Entry::Health(Health::read(what, self.mask, cursor)?))
            }
            (kind::OVERLAY, what @ overlay::LOADED..=overlay::HIT) => {
                self.read_time(cursor)?;
                Ok(Entry::Overlay(OverlayEvent::read(what, cursor)?))
            }
            (kind::DEFINE, define::OVERLAY) => Ok(Entry::OverlayName {
                overlay: cursor.narrow("overlay", u16::MAX)?,
                name: cursor.name()?,
            }),
            (kind::DEFINE, define::REGION) => {
                let id = cursor.byte()?;
                let definition = RegionDefinition {
                    id: RegionId(id),
                    caps: Caps::from_bits_retain(cursor.narrow("caps", u16::MAX)?),
                    start_addr: cursor.word(self.mask, "start of a region")?,
                    size_bytes: cursor.word(self.mask, "size of a region")?,
                    bookkeeping_bytes: cursor.word(self.mask, "bookkeeping of a region")?,
                    name: cursor.name()?,
                };
                self.known_regions[usize::from(id >> 6)] |= 1 << (id & 63);
                self.is_region_known |= self.region == u16::from(id);
                Ok(Entry::Region(definition))
            }
            (kind::DEFINE, define::OWNER) => Ok(Entry::OwnerName {
                owner: Owner(cursor.narrow("owner", u16::MAX)?),
                name: cursor.name()?,
            }),
            (kind::DEFINE, define::MARK) => {
                Ok(Entry::MarkName { id: cursor.narrow("mark", u32::MAX)?, name: cursor.name()? })
            }
            _ => {
                cursor.actual = u64::from(tag);
                Err(Fault::Kind)
            }
        }
    }

    #[inline]
    fn argument(&self, tag: u8, cursor: &mut Cursor<'_>) -> Result<u8, Fault> {
        let argument = tag >> 4;
        if argument < ARGUMENT_FOLLOWS { Ok(argument) } else { cursor.byte() }
    }

    #[inline]
    fn read_time(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        self.time_ticks = self.time_ticks.saturating_add(cursor.varint()?);
        Ok(())
    }

    #[inline]
    fn region(&self, cursor: &mut Cursor<'_>) -> Result<RegionId, Fault> {
        if self.region == NO_REGION || self.refuse_unknown_regions && !self.is_region_known {
            cursor.actual = u64::from(self.region);
            return Err(Fault::Region);
        }
        Ok(RegionId(self.region as u8))
    }

    #[inline]
    fn addr(&mut self, region: RegionId, cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
        let last = &mut self.last_addrs[region.index() % ADDRESS_PLACES];
        *last = last.wrapping_add(cursor.difference()?) & self.mask;
        Ok(*last)
    }

    #[inline]
    fn read_frames(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if self.max_frame_count == 0 { Ok(()) } else { self.read_some_frames(cursor) }
    }

    #[inline(never)]
    fn read_some_frames(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let count = usize::from(cursor.byte()?);
        if count > self.max_frame_count {
            return Err(cursor.out_of_range("frames", count as u64, self.max_frame_count as u64));
        }
        let mut last = self.last_frame;
        for frame in self.frames.iter_mut().take(count) {
            last = last.wrapping_add(cursor.difference()?) & self.mask;
            *frame = last;
        }
        self.frame_count = count;
        self.last_frame = self.frames().first().copied().unwrap_or(self.last_frame);
        Ok(())
    }
}
