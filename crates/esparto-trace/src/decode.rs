//! From a stream of bytes to records.

use core::fmt;
use core::iter::FusedIterator;

use esparto::{Event, Owner};

use crate::error::{DecodeError, ReadError};
use crate::header::{BuildId, Header};
use crate::record::{Entry, Record};
use crate::source::{Slice, Source};
use crate::state::{Cursor, Fault, State};
use crate::wire::{
    BLOCK_HEADER_BYTES, CHECKSUM, CHECKSUM_BYTES, FAST_CHECKSUM, HEADER_FIXED_BYTES,
    HEADER_MIN_BYTES, MAGIC, MAX_BUILD_ID_BYTES, MAX_FRAMES, SYNC, VERSION,
};

/// What to do about a damaged trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Stop at the first fault and say what it is. Waits for the end of the stream after the end
    /// record, so it is for files rather than live ports.
    Strict,
    /// Go on with the next good block and count what was skipped. The header must be good.
    Lenient,
}

/// What lenient reading left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Bytes that belong to no good block.
    pub bytes: u64,
    /// Blocks that never came or were damaged, by the numbers of those around them.
    pub missing_blocks: u64,
    /// Good blocks with a record that makes no sense; the records before it were delivered.
    pub faulty_blocks: u64,
    /// Records of regions whose definition is missing.
    pub records: u64,
}

/// Reads a trace, record by record, in constant memory and in time proportional to its length.
///
/// It is an iterator that ends after the trace's end or after the first error. Nothing is
/// delivered from a block before its checksum is right.
#[derive(Debug)]
pub struct Decoder<S> {
    source: S,
    mode: Mode,
    header: Header,
    state: State,
    phase: Phase,
    /// Of the first byte of the source's window.
    offset: u64,
    /// The part of the window that holds records, and how far it is read.
    section_len: usize,
    section_at: usize,
    /// Bytes to drop once the section is read.
    trailer_len: usize,
    next_sequence: u32,
    skipped: Skipped,
    /// What was read last.
    record: Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// The end record came.
    Complete,
    /// The bytes ended without it, or there was an error.
    Stopped,
}

/// What stands at the front of the window.
enum Block {
    Good {
        sequence: u32,
        base_ticks: u64,
        payload_len: usize,
    },
    End,
    /// Not a good block; the next one can begin after so many bytes.
    Bad {
        error: DecodeError,
        skip_len: usize,
    },
}

impl<'a> Decoder<Slice<'a>> {
    /// Reads the header of a trace that is in memory as a whole.
    ///
    /// # Errors
    /// A fault in the header, in either mode.
    pub fn from_slice(bytes: &'a [u8], mode: Mode) -> Result<Self, DecodeError> {
        Self::new(Slice(bytes), mode).map_err(|error| match error {
            ReadError::Decode(error) => error,
            ReadError::Source(never) => match never {},
        })
    }
}

#[cfg(feature = "std")]
impl<R: std::io::Read> Decoder<crate::Chunks<R>> {
    /// Reads the header of a trace from a file, a pipe or a port.
    ///
    /// # Errors
    /// A fault in the header, in either mode; errors of the reader.
    pub fn from_reader(reader: R, mode: Mode) -> Result<Self, ReadError<std::io::Error>> {
        Self::new(crate::Chunks::new(reader), mode)
    }
}

impl<S: Source> Decoder<S> {
    /// Reads the header of a trace.
    ///
    /// # Errors
    /// A fault in the header, in either mode; errors of the source.
    pub fn new(mut source: S, mode: Mode) -> Result<Self, ReadError<S::Error>> {
        source.fill(HEADER_MIN_BYTES).map_err(ReadError::Source)?;
        let header_len = header_len(source.window())?;
        source.fill(header_len).map_err(ReadError::Source)?;
        let (header, names_len) = read_header(source.window(), header_len)?;
        let mask = if header.pointer_bytes == 4 { u32::MAX as usize } else { usize::MAX };
        Ok(Self {
            source,
            mode,
            header,
            state: State::new(mask, usize::from(header.frame_count), mode == Mode::Strict),
            phase: Phase::Running,
            offset: 0,
            // What follows the names are definitions, up to the checksum.
            section_len: header_len - CHECKSUM_BYTES,
            section_at: names_len,
            trailer_len: CHECKSUM_BYTES,
            next_sequence: 0,
            skipped: Skipped::default(),
            record: Record { time_ticks: 0, owner: Owner(0), entry: Entry::Gap { block_count: 0 } },
        })
    }

    /// What the trace says about itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The return addresses of the event that came last, innermost first.
    #[must_use]
    pub fn frames(&self) -> &[usize] {
        self.state.frames()
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset + self.section_at as u64
    }

    /// What was left out so far.
    #[must_use]
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// The end record was read: the recording side finished properly.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// Reads the next record to `self.record`; `false` when there is none.
    #[inline]
    fn next_record(&mut self) -> Result<bool, ReadError<S::Error>> {
        loop {
            if self.section_at >= self.section_len {
                if self.phase != Phase::Running {
                    return Ok(false);
                }
                if self.next_section()? {
                    return Ok(true);
                }
                continue;
            }
            let section = self.source.window().get(..self.section_len).unwrap_or_default();
            let mut cursor = Cursor::new(section, self.section_at);
            let result = self.state.read(&mut cursor, &mut self.record);
            let Cursor { at, actual, limit, .. } = cursor;
            self.section_at = at;
            match result {
                Ok(true) => {
                    if self.state.is_region_known || !has_region(&self.record.entry) {
                        return Ok(true);
                    }
                    self.skipped.records += 1;
                }
                Ok(false) => {
                    self.phase = Phase::Complete;
                    self.check_trailing()?;
                    self.stop_reading();
                }
                Err(fault) => {
                    self.fail(fault_error(fault, self.offset(), actual, limit))?;
                    self.skipped.faulty_blocks += 1;
                    self.section_at = self.section_len;
                }
            }
        }
    }

    /// Leaves nothing to read in the section.
    fn stop_reading(&mut self) {
        self.section_len = self.section_at;
    }

    /// Drops the section that was read and finds the next; `true` when `self.record` is a gap.
    #[inline(never)]
    fn next_section(&mut self) -> Result<bool, ReadError<S::Error>> {
        self.drop_front(self.section_len + self.trailer_len);
        (self.section_len, self.section_at, self.trailer_len) = (0, 0, 0);
        let (sequence, base_ticks, payload_len) = loop {
            match self.look()? {
                Block::Good { sequence, base_ticks, payload_len } => {
                    let ahead = sequence.wrapping_sub(self.next_sequence);
                    let is_late = ahead > u32::MAX / 2;
                    if ahead != 0 {
                        self.fail(DecodeError::BlockSequence {
                            offset: self.offset,
                            expected: self.next_sequence,
                            actual: sequence,
                        })?;
                    }
                    if !is_late {
                        break (sequence, base_ticks, payload_len);
                    }
                    self.skip(BLOCK_HEADER_BYTES + payload_len);
                }
                Block::End => {
                    self.fail(DecodeError::Unfinished { offset: self.offset })?;
                    self.phase = Phase::Stopped;
                    return Ok(false);
                }
                Block::Bad { error, skip_len } => {
                    self.fail(error)?;
                    self.skip(skip_len);
                }
            }
        };
        let missing = sequence.wrapping_sub(self.next_sequence);
        self.skipped.missing_blocks += u64::from(missing);
        self.next_sequence = sequence.wrapping_add(1);
        if base_ticks < self.state.time_ticks {
            self.fail(DecodeError::OutOfRange {
                offset: self.offset,
                field: "time of the block",
                actual: base_ticks,
                limit: self.state.time_ticks,
            })?;
        }
        let time_ticks = base_ticks.max(self.state.time_ticks);
        self.state.start_block(time_ticks);
        self.drop_front(BLOCK_HEADER_BYTES);
        self.section_len = payload_len;
        let entry = Entry::Gap { block_count: missing };
        self.record = Record { time_ticks, owner: Owner(0), entry };
        Ok(missing != 0)
    }

    /// Looks at what stands at the front of the window.
    fn look(&mut self) -> Result<Block, ReadError<S::Error>> {
        let offset = self.offset;
        self.source.fill(BLOCK_HEADER_BYTES).map_err(ReadError::Source)?;
        let Some(front) = self.source.window().first_chunk::<BLOCK_HEADER_BYTES>() else {
            let actual_bytes = self.source.window().len();
            if actual_bytes == 0 {
                return Ok(Block::End);
            }
            let error =
                DecodeError::Truncated { offset, expected_bytes: BLOCK_HEADER_BYTES, actual_bytes };
            return Ok(Block::Bad { error, skip_len: actual_bytes });
        };
        let &[s0, s1, s2, s3, ref fields @ .., k0, k1] = front;
        let &[q0, q1, q2, q3, l0, l1, t0, t1, t2, t3, t4, t5, t6, t7, c0, c1, c2, c3] = fields;
        let actual = [s0, s1, s2, s3];
        if actual != SYNC {
            let error = DecodeError::NotABlock { offset, actual };
            return Ok(Block::Bad { error, skip_len: self.sync_distance() });
        }
        let (expected, actual) = (u16::from_le_bytes([k0, k1]), CHECKSUM.checksum(fields) as u16);
        if expected != actual {
            let error = DecodeError::BlockHeaderChecksum { offset, expected, actual };
            return Ok(Block::Bad { error, skip_len: self.sync_distance() });
        }
        let payload_len = usize::from(u16::from_le_bytes([l0, l1]));
        let block_len = BLOCK_HEADER_BYTES + payload_len;
        self.source.fill(block_len).map_err(ReadError::Source)?;
        let window = self.source.window();
        let Some(payload) = window.get(BLOCK_HEADER_BYTES..block_len) else {
            let actual_bytes = window.len();
            let error = DecodeError::Truncated { offset, expected_bytes: block_len, actual_bytes };
            return Ok(Block::Bad { error, skip_len: self.sync_distance() });
        };
        let (expected, actual) =
            (u32::from_le_bytes([c0, c1, c2, c3]), FAST_CHECKSUM.checksum(payload));
        if expected != actual {
            // The length is covered by the header's own checksum, so the whole block goes:
            // looking for blocks inside would make the time quadratic.
            let error = DecodeError::BlockChecksum { offset, expected, actual };
            return Ok(Block::Bad { error, skip_len: block_len });
        }
        Ok(Block::Good {
            sequence: u32::from_le_bytes([q0, q1, q2, q3]),
            base_ticks: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            payload_len,
        })
    }

    /// Bytes to the next place in the window where a block may begin, at least one.
    fn sync_distance(&self) -> usize {
        let window = self.source.window();
        let after = window.get(1..).unwrap_or_default();
        after.iter().position(|&byte| byte == SYNC[0]).map_or(window.len(), |at| at + 1)
    }

    fn check_trailing(&mut self) -> Result<(), ReadError<S::Error>> {
        if self.mode == Mode::Lenient {
            return Ok(());
        }
        let read_len = self.section_at;
        self.source.fill(read_len + 1).map_err(ReadError::Source)?;
        if self.source.window().len() > read_len {
            self.fail(DecodeError::TrailingBytes { offset: self.offset() })?;
        }
        Ok(())
    }

    /// Stops, in strict mode.
    #[cold]
    fn fail(&mut self, error: DecodeError) -> Result<(), ReadError<S::Error>> {
        match self.mode {
            Mode::Strict => Err(ReadError::Decode(error)),
            Mode::Lenient => Ok(()),
        }
    }

    fn skip(&mut self, count: usize) {
        self.skipped.bytes += count as u64;
        self.drop_front(count);
    }

    fn drop_front(&mut self, count: usize) {
        self.source.consume(count);
        self.offset += count as u64;
    }
}

impl<S: Source> Iterator for Decoder<S> {
    type Item = Result<Record, ReadError<S::Error>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_record() {
            Ok(true) => Some(Ok(self.record)),
            Ok(false) => None,
            Err(error) => {
                self.phase = Phase::Stopped;
                self.stop_reading();
                Some(Err(error))
            }
        }
    }
}

impl<S: Source> FusedIterator for Decoder<S> {}

fn has_region(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Snapshot(_)
            | Entry::Event(
                Event::Allocate { .. } | Event::Deallocate { .. } | Event::Resize { .. }
            )
    )
}

#[cold]
fn fault_error(fault: Fault, offset: u64, actual: u64, limit: u64) -> DecodeError {
    match fault {
        Fault::Cut => DecodeError::RecordCut { offset },
        Fault::Varint => DecodeError::Varint { offset },
        Fault::Kind => DecodeError::UnknownKind { offset, actual: actual as u8 },
        Fault::Region => DecodeError::UnknownRegion { offset, actual: actual as u16 },
        Fault::Text => DecodeError::NotText { offset },
        Fault::Range(field) => DecodeError::OutOfRange { offset, field, actual, limit },
    }
}

/// The length of the header, from its first bytes.
fn header_len(window: &[u8]) -> Result<usize, DecodeError> {
    let mut magic = [0; MAGIC.len()];
    for (to, from) in magic.iter_mut().zip(window) {
        *to = *from;
    }
    let have_len = window.len().min(MAGIC.len());
    if magic.get(..have_len) != MAGIC.get(..have_len) {
        return Err(DecodeError::NotATrace { actual: magic });
    }
    let [v0, v1, l0, l1] = *window
        .get(MAGIC.len()..)
        .and_then(|rest| rest.first_chunk())
        .ok_or_else(|| truncated_header(HEADER_MIN_BYTES, window))?;
    let version = u16::from_le_bytes([v0, v1]);
    if version != VERSION {
        return Err(DecodeError::UnsupportedVersion { actual: version, expected: VERSION });
    }
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if length < HEADER_MIN_BYTES {
        return Err(DecodeError::OutOfRange {
            offset: 12,
            field: "length of the header",
            actual: length as u64,
            limit: HEADER_MIN_BYTES as u64,
        });
    }
    Ok(length)
}

/// The header and the length of what was read of it.
fn read_header(window: &[u8], header_len: usize) -> Result<(Header, usize), DecodeError> {
    let Some((bytes, checksum)) =
        window.get(..header_len).and_then(|header| header.split_last_chunk::<CHECKSUM_BYTES>())
    else {
        return Err(truncated_header(header_len, window));
    };
    let (expected, actual) = (u32::from_le_bytes(*checksum), FAST_CHECKSUM.checksum(bytes));
    if expected != actual {
        return Err(DecodeError::HeaderChecksum { expected, actual });
    }
    let mut cursor = Cursor::new(bytes, HEADER_FIXED_BYTES - 6);
    let result = read_names(&mut cursor);
    let Cursor { at, actual, limit, .. } = cursor;
    let header = result.map_err(|fault| fault_error(fault, at as u64, actual, limit))?;
    Ok((header, at))
}

/// The fields from the tick rate on.
fn read_names(cursor: &mut Cursor<'_>) -> Result<Header, Fault> {
    let tick_hz =
        u32::from_le_bytes([cursor.byte()?, cursor.byte()?, cursor.byte()?, cursor.byte()?]);
    let pointer_bytes = cursor.byte()?;
    if pointer_bytes != 4 && (pointer_bytes != 8 || size_of::<usize>() < 8) {
        (cursor.actual, cursor.limit) = (u64::from(pointer_bytes), size_of::<usize>() as u64);
        return Err(Fault::Range("pointer width"));
    }
    let frame_count = cursor.byte()?;
    if usize::from(frame_count) > MAX_FRAMES {
        (cursor.actual, cursor.limit) = (u64::from(frame_count), MAX_FRAMES as u64);
        return Err(Fault::Range("frame count"));
    }
    let chip = cursor.name()?;
    let allocator = cursor.name()?;
    let build_id = BuildId::new(cursor.bytes(MAX_BUILD_ID_BYTES, "length of the build id")?);
    Ok(Header { chip, allocator, build_id, tick_hz, pointer_bytes, frame_count })
}

fn truncated_header(expected_bytes: usize, window: &[u8]) -> DecodeError {
    DecodeError::Truncated { offset: 0, expected_bytes, actual_bytes: window.len() }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, missing_blocks, faulty_blocks, records } = self;
        write!(
            f,
            "{bytes} damaged bytes, {missing_blocks} missing blocks, {faulty_blocks} faulty blocks, {records} records of unknown regions"
        )
    }
}
