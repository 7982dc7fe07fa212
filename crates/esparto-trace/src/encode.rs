//! From events to bytes.

use esparto::monitor::Source;
use esparto::{Caps, Event, Owner, PoolEvent, RegionId, RegionStats};

use crate::Name;
use crate::header::Header;
use crate::health::Health;
use crate::overlay::OverlayEvent;
use crate::record::{Entry, RegionDefinition, RegionSnapshot};
use crate::slot::{Held, Slot};
use crate::wire::{
    ADDRESS_PLACES, ARGUMENT_FOLLOWS, BLOCK_HEADER_BYTES, CHECKSUM, CHECKSUM_BYTES,
    HEADER_NAMED_BYTES, MAGIC, MAX_BLOCK_BYTES, MAX_FRAMES, MAX_RECORD_BYTES, NO_REGION, SYNC,
    VERSION, define, kind, pool, zigzag,
};

/// A clock that seems to have jumped by more than 2^32 less so many ticks went back by as many at
/// most: a snapshot or a loss was timed a little later than the event that follows it.
const BACKWARDS_TICKS: u32 = 1 << 28;

/// Writes a trace, block by block, to a function that takes bytes.
///
/// `BLOCK` is the length of the longest block: the encoder holds that much and little more. Each
/// block stands alone, so a lost or damaged one costs only itself; small blocks lose less and
/// cost [`BLOCK_HEADER_BYTES`] each. 512 is a good value for a device.
///
/// The encoder belongs outside the lock of the memory. If `out` takes memory from the memory
/// under observation, that is recorded too.
#[derive(Debug)]
pub struct Encoder<F: FnMut(&[u8]), const BLOCK: usize> {
    out: F,
    block: [u8; BLOCK],
    /// Bytes of `block` in use; the header of the block is filled in last.
    len: usize,
    sequence: u32,
    /// Ticks of the clock, unwrapped.
    time_ticks: u64,
    /// The time at the start of the block.
    base_ticks: u64,
    /// The clock has been read.
    is_started: bool,
    frame_count: usize,
    state: State,
}

/// What the reader knows from the records before, within the block.
#[derive(Debug)]
struct State {
    owner: Owner,
    require: Caps,
    prefer: Caps,
    region: u16,
    last_addrs: [usize; ADDRESS_PLACES],
    last_pool_addr: usize,
    last_frame: usize,
}

impl State {
    const START: Self = Self {
        owner: Owner(0),
        require: Caps::empty(),
        prefer: Caps::empty(),
        region: NO_REGION,
        last_addrs: [0; ADDRESS_PLACES],
        last_pool_addr: 0,
        last_frame: 0,
    };
}

impl<F: FnMut(&[u8]), const BLOCK: usize> Encoder<F, BLOCK> {
    const CHECKED: () = {
        assert!(BLOCK <= MAX_BLOCK_BYTES, "BLOCK must be at most MAX_BLOCK_BYTES");
        assert!(BLOCK >= 256, "BLOCK must be at least 256");
        assert!(BLOCK_HEADER_BYTES + MAX_RECORD_BYTES <= 256);
        assert!(HEADER_NAMED_BYTES <= 256);
    };

    /// Writes the header, with as many of `regions` as fit one block; the others follow as
    /// records.
    pub fn new(
        out: F,
        header: &Header,
        regions: impl IntoIterator<Item = RegionDefinition>,
    ) -> Self {
        const { Self::CHECKED };
        let mut encoder = Self {
            out,
            block: [0; BLOCK],
            len: 0,
            sequence: 0,
            time_ticks: 0,
            base_ticks: 0,
            is_started: false,
            frame_count: usize::from(header.frame_count).min(MAX_FRAMES),
            state: State::START,
        };
        let mut regions = regions.into_iter();
        encoder.write_header(header, &mut regions);
        for region in regions {
            encoder.define_region(&region);
        }
        encoder
    }

    fn write_header(
        &mut self,
        header: &Header,
        regions: &mut impl Iterator<Item = RegionDefinition>,
    ) {
        self.bytes(&MAGIC);
        self.bytes(&VERSION.to_le_bytes());
        let length_at = self.len;
        self.bytes(&[0; 2]);
        self.bytes(&header.tick_hz.to_le_bytes());
        self.byte(header.pointer_bytes);
        self.byte(self.frame_count as u8);
        self.text(header.chip.as_bytes());
        self.text(header.allocator.as_bytes());
        self.text(header.build_id.as_bytes());
        while BLOCK - self.len >= MAX_RECORD_BYTES + CHECKSUM_BYTES {
            let Some(region) = regions.next() else { break };
            self.put_region(&region);
        }
        let length = (self.len + CHECKSUM_BYTES) as u16;
        self.patch(length_at, &length.to_le_bytes());
        let checksum = CHECKSUM.checksum(self.written());
        self.bytes(&checksum.to_le_bytes());
        self.send();
    }

    /// Writes all that `pull` has, a batch at a time, until it has no more:
    /// `encoder.drain_from(|slots| memory.with_sink_mut(|recorder| recorder.drain(slots)).unwrap_or(0))`.
    pub fn drain_from<const FRAMES: usize>(
        &mut self,
        mut pull: impl FnMut(&mut [Slot<FRAMES>]) -> usize,
    ) {
        let mut slots = [Slot::EMPTY; 16];
        loop {
            let count = pull(&mut slots).min(slots.len());
            if count == 0 {
                return;
            }
            for slot in &slots[..count] {
                self.slot(slot);
            }
        }
    }

    /// Writes one recorded event.
    pub fn slot<const FRAMES: usize>(&mut self, slot: &Slot<FRAMES>) {
        match slot.held() {
            Held::Nothing => {}
            Held::Event(event) => self.event(slot.time(), slot.owner(), &event, &slot.frames),
            Held::Lost { count } => self.lost(slot.time(), count),
            Held::Pool(event) => self.pool(slot.time(), &event),
        }
    }

    /// Writes one event. `now` is the clock, which may wrap at 2^32: at most 2^32 − 2^28 ticks may
    /// pass between two records. A clock that went back by less than 2^28 counts as standing still.
    /// `frames` end at the first 0 and at the header's frame count.
    pub fn event(&mut self, now: u32, owner: Owner, event: &Event, frames: &[usize]) {
        self.begin();
        self.owner(owner);
        match *event {
            Event::Allocate { region, addr, size_bytes, align_log2, require, prefer } => {
                self.region(region);
                self.policy(require, prefer);
                self.tag(kind::ALLOCATE, align_log2);
                self.time(now);
                self.addr(region, addr);
                self.varint(size_bytes);
            }
            Event::Deallocate { region, addr, size_bytes } => {
                self.region(region);
                self.tag(kind::DEALLOCATE, 0);
                self.time(now);
                self.addr(region, addr);
                self.varint(size_bytes);
            }
            Event::Resize { region, old_addr, addr, old_size_bytes, size_bytes, align_log2 } => {
                self.region(region);
                self.tag(kind::RESIZE, align_log2);
                self.time(now);
                self.addr(region, old_addr);
                self.addr(region, addr);
                self.varint(old_size_bytes);
                self.varint(zigzag(size_bytes.wrapping_sub(old_size_bytes)));
            }
            Event::Failure { size_bytes, align_log2, require, prefer } => {
                self.policy(require, prefer);
                self.tag(kind::FAILURE, align_log2);
                self.time(now);
                self.varint(size_bytes);
            }
            Event::Mark { id } => {
                self.tag(kind::MARK, 0);
                self.time(now);
                return self.varint(id as usize);
            }
        }
        self.frames(frames);
    }

    /// Writes what a decoder read: for copying, cutting and converting traces. A
    /// [`Gap`](Entry::Gap) stands for what is not there and writes nothing.
    pub fn entry(&mut self, now: u32, owner: Owner, entry: &Entry, frames: &[usize]) {
        match entry {
            Entry::Event(event) => self.event(now, owner, event, frames),
            Entry::Pool(event) => self.pool(now, event),
            Entry::Lost { count } => self.lost(now, *count),
            Entry::Snapshot(snapshot) => self.region_snapshot(now, snapshot),
            Entry::Health(health) => self.health_record(now, health),
            Entry::Region(region) => self.define_region(region),
            Entry::OwnerName { owner, name } => self.define_owner(*owner, name.as_str()),
            Entry::MarkName { id, name } => self.define_mark(*id, name.as_str()),
            Entry::Overlay(event) => self.overlay(now, event),
            Entry::OverlayName { overlay, name } => self.define_overlay(*overlay, name.as_str()),
            Entry::Gap { .. } => {}
        }
    }

    /// Writes one event of tiers.
    pub fn pool(&mut self, now: u32, event: &PoolEvent) {
        let (which, addr, figures) = match *event {
            PoolEvent::Take { addr, size_bytes } => (pool::TAKE, addr, [Some(size_bytes), None]),
            PoolEvent::Give { addr } => (pool::GIVE, addr, [None; 2]),
            PoolEvent::Refused { addr } => (pool::REFUSED, addr, [None; 2]),
            PoolEvent::SetUp { start_addr, block_bytes, block_count } => {
                (pool::SET_UP, start_addr, [Some(block_bytes), Some(block_count)])
            }
            PoolEvent::End { start_addr } => (pool::END, start_addr, [None; 2]),
            // What a later version of the core tells has no record yet.
            _ => return,
        };
        self.begin();
        self.tag(kind::POOL, which);
        self.time(now);
        let difference = addr.wrapping_sub(self.state.last_pool_addr);
        self.state.last_pool_addr = addr;
        self.varint(zigzag(difference));
        figures.into_iter().flatten().for_each(|figure| self.varint(figure));
    }

    /// Writes what happened to an overlay.
    pub fn overlay(&mut self, now: u32, event: &OverlayEvent) {
        self.begin();
        self.tag(kind::OVERLAY, event.what());
        self.time(now);
        event.write(|figure| self.varint(figure));
    }

    /// Says that so many events are missing from `now` on.
    pub fn lost(&mut self, now: u32, count: u32) {
        self.begin();
        self.tag(kind::LOST, 0);
        self.time(now);
        self.varint(count as usize);
    }

    /// Writes the figures of all regions at one moment.
    ///
    /// They belong after exactly the events that led to them: take the figures and drain the
    /// recorder with nothing in between (one thread, or one critical section around both).
    pub fn snapshot(&mut self, now: u32, regions: &[RegionStats]) {
        for (k, stats) in regions.iter().enumerate() {
            self.region_snapshot(now, &RegionSnapshot::new(stats, k + 1 == regions.len()));
        }
    }

    /// Writes the figures of one region, as part of a snapshot.
    pub fn region_snapshot(&mut self, now: u32, snapshot: &RegionSnapshot) {
        self.begin();
        self.region(snapshot.region);
        self.tag(kind::SNAPSHOT, u8::from(snapshot.is_last));
        self.time(now);
        for figure in [
            snapshot.free_bytes,
            snapshot.live_bytes,
            snapshot.bookkeeping_bytes,
            snapshot.peak_bytes,
            snapshot.live_count,
            snapshot.free_count,
            snapshot.largest_free_bytes,
            snapshot.failure_count,
        ] {
            self.varint(figure);
        }
    }

    /// Writes how everything fares: regions, pools, tiers, stacks, buses, whatever
    /// [`monitor`](esparto::monitor) reads. Each is looked at under its own lock, and none is held
    /// while writing. [`flush`](Self::flush) after it, if somebody waits for the figures.
    pub fn health(&mut self, now: u32, sources: &[&dyn Source]) {
        for source in sources {
            source.read(&mut |reading| {
                Health::of(&reading, |health| self.health_record(now, &health));
            });
        }
    }

    /// Writes how one thing fares.
    pub fn health_record(&mut self, now: u32, health: &Health) {
        self.begin();
        self.tag(kind::HEALTH, health.figures.what());
        self.time(now);
        self.text(health.name.as_bytes());
        health.figures.write(|figure| self.varint(figure));
    }

    /// Says that there is a region. Must come before its first event.
    pub fn define_region(&mut self, region: &RegionDefinition) {
        self.begin();
        self.put_region(region);
    }

    /// Gives an owner a name.
    pub fn define_owner(&mut self, owner: Owner, name: &str) {
        self.define_name(define::OWNER, usize::from(owner.0), name);
    }

    /// Gives a mark a name.
    pub fn define_mark(&mut self, id: u32, name: &str) {
        self.define_name(define::MARK, id as usize, name);
    }

    /// Gives an overlay a name.
    pub fn define_overlay(&mut self, overlay: u16, name: &str) {
        self.define_name(define::OVERLAY, usize::from(overlay), name);
    }

    /// Closes the block under way and sends it, for a reader that waits. Nothing to do when the
    /// block is empty.
    pub fn flush(&mut self) {
        if self.len > BLOCK_HEADER_BYTES {
            self.close_block();
        }
    }

    /// Writes the end record and sends what is left. A trace without it counts as cut off.
    pub fn finish(mut self) {
        self.begin();
        self.tag(kind::END, 0);
        self.flush();
    }

    /// Makes room for one more record, and a block if there is none.
    fn begin(&mut self) {
        if self.len + MAX_RECORD_BYTES > BLOCK {
            self.close_block();
        }
        if self.len == 0 {
            self.len = BLOCK_HEADER_BYTES;
            self.base_ticks = self.time_ticks;
            self.state = State::START;
        }
    }

    fn close_block(&mut self) {
        let payload = self.block.get(BLOCK_HEADER_BYTES..self.len).unwrap_or_default();
        let (payload_len, checksum) = (payload.len() as u16, CHECKSUM.checksum(payload));
        self.patch(0, &SYNC);
        self.patch(4, &self.sequence.to_le_bytes());
        self.patch(8, &payload_len.to_le_bytes());
        self.patch(10, &self.base_ticks.to_le_bytes());
        self.patch(18, &checksum.to_le_bytes());
        let check = CHECKSUM.checksum(&self.block[4..22]) as u16;
        self.patch(22, &check.to_le_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.send();
    }

    fn send(&mut self) {
        let written = self.block.get(..self.len).unwrap_or_default();
        (self.out)(written);
        self.len = 0;
    }

    fn owner(&mut self, owner: Owner) {
        if owner != self.state.owner {
            self.state.owner = owner;
            self.tag(kind::OWNER, 0);
            self.varint(usize::from(owner.0));
        }
    }

    fn region(&mut self, region: RegionId) {
        if u16::from(region.0) != self.state.region {
            self.state.region = u16::from(region.0);
            self.tag(kind::REGION, region.0);
        }
    }

    fn policy(&mut self, require: Caps, prefer: Caps) {
        if require != self.state.require || prefer != self.state.prefer {
            (self.state.require, self.state.prefer) = (require, prefer);
            self.tag(kind::POLICY, 0);
            self.varint(usize::from(require.bits()));
            self.varint(usize::from(prefer.bits()));
        }
    }

    fn time(&mut self, now: u32) {
        let passed = now.wrapping_sub(self.time_ticks as u32);
        let is_backwards = self.is_started && passed > u32::MAX - BACKWARDS_TICKS;
        self.is_started = true;
        let passed = if is_backwards { 0 } else { passed };
        self.time_ticks += u64::from(passed);
        self.varint(passed as usize);
    }

    fn addr(&mut self, region: RegionId, addr: usize) {
        let last = &mut self.state.last_addrs[region.index() % ADDRESS_PLACES];
        let difference = addr.wrapping_sub(*last);
        *last = addr;
        self.varint(zigzag(difference));
    }

    fn frames(&mut self, frames: &[usize]) {
        if self.frame_count == 0 {
            return;
        }
        let frames = frames.get(..self.frame_count).unwrap_or(frames);
        let count = frames.iter().take_while(|&&frame| frame != 0).count();
        self.byte(count as u8);
        let mut last = self.state.last_frame;
        for (k, &frame) in frames.iter().take(count).enumerate() {
            self.varint(zigzag(frame.wrapping_sub(last)));
            last = frame;
            if k == 0 {
                self.state.last_frame = frame;
            }
        }
    }

    fn put_region(&mut self, region: &RegionDefinition) {
        self.tag(kind::DEFINE, define::REGION);
        self.byte(region.id.0);
        self.varint(usize::from(region.caps.bits()));
        self.varint(region.start_addr);
        self.varint(region.size_bytes);
        self.varint(region.bookkeeping_bytes);
        self.text(region.name.as_bytes());
    }

    fn define_name(&mut self, what: u8, id: usize, name: &str) {
        self.begin();
        self.tag(kind::DEFINE, what);
        self.varint(id);
        self.text(Name::new(name).as_bytes());
    }

    fn tag(&mut self, kind: u8, argument: u8) {
        if argument < ARGUMENT_FOLLOWS {
            self.byte(kind | argument << 4);
        } else {
            self.byte(kind | ARGUMENT_FOLLOWS << 4);
            self.byte(argument);
        }
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    fn text(&mut self, text: &[u8]) {
        self.byte(text.len() as u8);
        self.bytes(text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.patch(self.len, bytes);
        self.len += bytes.len();
    }

    // Room was made by `begin`, so the misses below do not happen; a checked access that does
    // nothing is smaller on the device than one that can panic.
    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.block.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.block.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn written(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or_default()
    }
}
