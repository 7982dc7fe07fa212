//! Placing: from a verified header to words in the slot and in the data area.

use esparto_image::{
    BLOCK_HEADER_BYTES, BlockHeader, Encoding, ImageError, Moved, Part, Prefix, Relocation,
    STRIPE_BYTES, Segment, SegmentKind,
};

use crate::{LoadError, Platform, Store, Writer, stream::Stream};

/// Where words go.
pub(crate) struct Target<'a, W, P> {
    pub(crate) writer: &'a mut W,
    pub(crate) platform: &'a P,
    pub(crate) moved: Moved,
}

impl<W: Writer, P: Platform> Target<'_, W, P> {
    /// Stores words from `addr` on.
    ///
    /// # Safety
    /// They lie in the slot (code) or in the data area (everything else) of the overlay that is
    /// being loaded, at a multiple of 4.
    #[inline]
    unsafe fn put(&mut self, kind: SegmentKind, addr: u32, words: &[u32]) {
        let platform = self.platform;
        if kind == SegmentKind::Code {
            // SAFETY: as promised by the caller.
            store_all(addr, words, |addr, word| unsafe { self.writer.store(addr, word) });
        } else {
            // SAFETY: as promised by the caller.
            store_all(addr, words, |addr, word| unsafe { platform.store_data(addr, word) });
        }
    }
}

/// Stores words one by one from `addr` on. Four a turn: what a load costs is this and the checksum.
#[inline(always)]
fn store_all(mut addr: u32, words: &[u32], mut store: impl FnMut(u32, u32)) {
    let (stripes, rest) = words.as_chunks::<4>();
    for [first, second, third, fourth] in stripes {
        store(addr, u32::from_le(*first));
        store(addr.wrapping_add(4), u32::from_le(*second));
        store(addr.wrapping_add(8), u32::from_le(*third));
        store(addr.wrapping_add(12), u32::from_le(*fourth));
        addr = addr.wrapping_add(16);
    }
    for word in rest {
        store(addr, u32::from_le(*word));
        addr = addr.wrapping_add(4);
    }
}

/// Reads and verifies the tables, which are ahead; the stream is behind the header.
pub(crate) fn pass_tables<S: Store, P: Platform>(
    stream: &mut Stream<'_, S, P>,
    prefix: &Prefix,
) -> Result<(), LoadError> {
    let from_offset = stream.offset();
    let last_offset = prefix.header.segments_offset() - STRIPE_BYTES as u32;
    stream.begin_sum(last_offset);
    stream.skip_to(last_offset)?;
    finish_tables(stream, from_offset)
}

/// The last stripe of the tables ends with their checksum, which takes itself as zero.
pub(crate) fn finish_tables<S: Store, P: Platform>(
    stream: &mut Stream<'_, S, P>,
    from_offset: u32,
) -> Result<(), LoadError> {
    let [first, second, third, expected] = *stream.exactly(4)? else { unreachable!("four words") };
    stream.sum_stripe([first, second, third, 0].map(u32::from_le));
    stream.take(4);
    stream.finish_sum(from_offset, u32::from_le(expected))
}

/// Places all segments of a file; the stream is behind the header.
///
/// # Safety
/// Code and data lie where the header says, moved by `target.moved`, and nobody uses them.
pub(crate) unsafe fn place<S: Store, W: Writer, P: Platform>(
    stream: &mut Stream<'_, S, P>,
    prefix: &Prefix,
    target: &mut Target<'_, W, P>,
    part: Part,
) -> Result<(), LoadError> {
    pass_tables(stream, prefix)?;
    for segment in prefix.segments() {
        let (end_offset, from_offset) = (segment.offset + segment.stored_bytes, segment.offset);
        stream.begin_sum(end_offset);
        // SAFETY: the prefix was parsed, so every segment lies inside code or data.
        unsafe {
            if segment.kind == SegmentKind::Zero {
                clear(segment, target);
            } else if segment.encoding == Encoding::Plain {
                copy(stream, segment, target)?;
            } else {
                relocate(stream, prefix, segment, target, part)?;
            }
        }
        // What is left is padding.
        stream.skip_to(end_offset)?;
        stream.finish_sum(from_offset, segment.checksum)?;
    }
    Ok(())
}

fn moved_addr<W, P>(segment: &Segment, target: &Target<'_, W, P>) -> u32 {
    let by = if segment.kind == SegmentKind::Code { target.moved.code } else { target.moved.data };
    segment.addr.wrapping_add(by)
}

/// # Safety
/// As for [`place`].
unsafe fn clear<W: Writer, P: Platform>(segment: &Segment, target: &mut Target<'_, W, P>) {
    let addr = moved_addr(segment, target);
    for offset in (0..segment.memory_bytes).step_by(4) {
        // SAFETY: inside the data area, as promised by the caller.
        unsafe { target.platform.store_data(addr + offset, 0) };
    }
}

/// # Safety
/// As for [`place`].
unsafe fn copy<S: Store, W: Writer, P: Platform>(
    stream: &mut Stream<'_, S, P>,
    segment: &Segment,
    target: &mut Target<'_, W, P>,
) -> Result<(), LoadError> {
    let mut addr = moved_addr(segment, target);
    let mut left = segment.memory_bytes as usize / 4;
    while left != 0 {
        let words = stream.some(left)?;
        let count = words.len();
        let before = target.platform.ticks();
        // SAFETY: inside the segment, as promised by the caller.
        unsafe { target.put(segment.kind, addr, words) };
        let ticks = target.platform.ticks().wrapping_sub(before);
        stream.stats.copy_ticks = stream.stats.copy_ticks.wrapping_add(ticks);
        stream.take(count);
        addr = addr.wrapping_add(4 * count as u32);
        left -= count;
    }
    Ok(())
}

/// # Safety
/// As for [`place`].
unsafe fn relocate<S: Store, W: Writer, P: Platform>(
    stream: &mut Stream<'_, S, P>,
    prefix: &Prefix,
    segment: &Segment,
    target: &mut Target<'_, W, P>,
    part: Part,
) -> Result<(), LoadError> {
    let image = |cause| LoadError::Image { part, cause };
    let block_bytes = usize::from(prefix.header.block_bytes);
    // A block with a relocation for each word and one more.
    stream.keep_lead(BLOCK_HEADER_BYTES + 4 + 2 * block_bytes)?;
    let mut addr = moved_addr(segment, target);
    let mut left_bytes = segment.memory_bytes;
    // The last word of the block before waits: an instruction may begin in its second half.
    let mut held: Option<u32> = None;
    while left_bytes != 0 {
        let offset = stream.offset();
        let words = stream.exactly(BLOCK_HEADER_BYTES / 4)?;
        let bytes = bytemuck::cast_slice(words).first_chunk().expect("a block's header");
        let limit_bytes = left_bytes.min(u32::from(prefix.header.block_bytes));
        let header = BlockHeader::parse(bytes, offset, limit_bytes).map_err(image)?;
        stream.take(BLOCK_HEADER_BYTES / 4);
        let end_offset = segment.offset + segment.stored_bytes;
        let body_words = header.body_bytes() / 4;
        if body_words as u32 > end_offset.saturating_sub(stream.offset()) / 4 {
            let expected_bytes = stream.offset() + header.body_bytes() as u32;
            return Err(image(ImageError::Truncated { expected_bytes, actual_bytes: end_offset }));
        }
        let body = stream.exactly(body_words)?;
        let before = target.platform.ticks();
        let (relocations, contents) = body.split_at_mut(header.relocation_count.into());
        let first_offset = offset + BLOCK_HEADER_BYTES as u32;
        let mut apply = |contents: &mut [u32]| {
            let moved = target.moved;
            apply_all(relocations, first_offset, &mut held, contents, moved).map_err(image)
        };
        #[cfg(feature = "lz4")]
        let mut unpacked = [0_u32; esparto_image::MAX_BLOCK_BYTES / 4];
        let contents = if header.is_compressed {
            #[cfg(feature = "lz4")]
            {
                let unpacked = &mut unpacked[..usize::from(header.memory_bytes) / 4];
                let stored = &bytemuck::cast_slice(contents)[..header.stored_bytes.into()];
                let memory = bytemuck::cast_slice_mut(unpacked);
                esparto_image::decompress(stored, memory, offset).map_err(image)?;
                unpacked
            }
            #[cfg(not(feature = "lz4"))]
            return Err(image(ImageError::CompressionMissing { offset }));
        } else {
            contents
        };
        apply(contents)?;
        let (last, others) = contents.split_last().expect("a block is never empty");
        // SAFETY: the words of the block and the one before it lie inside the segment.
        unsafe {
            if let Some(word) = held {
                target.put(segment.kind, addr, &[word]);
                addr = addr.wrapping_add(4);
            }
            target.put(segment.kind, addr, others);
        }
        addr = addr.wrapping_add(4 * others.len() as u32);
        held = Some(*last);
        let ticks = target.platform.ticks().wrapping_sub(before);
        stream.stats.copy_ticks = stream.stats.copy_ticks.wrapping_add(ticks);
        stream.take(body_words);
        left_bytes -= u32::from(header.memory_bytes);
    }
    if let Some(word) = held {
        // SAFETY: the segment's last word.
        unsafe { target.put(segment.kind, addr, &[word]) };
    }
    Ok(())
}

/// Applies the relocations of a block to its contents and to the word in front of them.
fn apply_all(
    relocations: &[u32],
    first_offset: u32,
    held: &mut Option<u32>,
    contents: &mut [u32],
    moved: Moved,
) -> Result<(), ImageError> {
    for (index, relocation) in relocations.iter().enumerate() {
        let word = u32::from_le(*relocation);
        let offset = first_offset + 4 * index as u32;
        let relocation = Relocation::parse(word, offset)?;
        if !apply(relocation, held, contents, moved) {
            return Err(ImageError::BadRelocation { offset, actual: word });
        }
    }
    Ok(())
}

/// Applies one relocation; says whether its place is there.
#[inline]
fn apply(
    relocation: Relocation,
    held: &mut Option<u32>,
    contents: &mut [u32],
    moved: Moved,
) -> bool {
    // In words from the one in front of the block; an odd halfword is the second half of its word.
    let (index, is_split) = (usize::from(relocation.halfword / 2), relocation.halfword % 2 == 1);
    if !is_split {
        let word = match index.checked_sub(1) {
            Some(index) => contents.get_mut(index),
            None => held.as_mut(),
        };
        let Some(word) = word else { return false };
        *word = relocation.applied_to(u32::from_le(*word), moved).to_le();
        return true;
    }
    let (low, high) = match index.checked_sub(1) {
        Some(index) => match contents.get_mut(index..) {
            Some([low, high, ..]) => (low, high),
            _ => return false,
        },
        None => match (held.as_mut(), contents.first_mut()) {
            (Some(low), Some(high)) => (low, high),
            _ => return false,
        },
    };
    let old = u32::from_le(*low) >> 16 | u32::from_le(*high) << 16;
    let new = relocation.applied_to(old, moved);
    *low = (u32::from_le(*low) & 0xFFFF | new << 16).to_le();
    *high = (u32::from_le(*high) & 0xFFFF_0000 | new >> 16).to_le();
    true
}
