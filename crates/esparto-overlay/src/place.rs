//! Placing: from a verified header to words in the slot and in the data area.

use esparto_image::{
    BLOCK_HEADER_BYTES, BlockHeader, Encoding, ImageError, Moved, Relocation, Segment, SegmentKind,
};

use crate::{
    Platform, Store, Writer,
    fault::{Checked, Refused},
    stream::{Engine, piece},
};

const BLOCK_HEADER_WORDS: usize = BLOCK_HEADER_BYTES / 4;

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

/// Stores words from `addr` on: of code through the writer, of everything else as data.
///
/// # Safety
/// They lie in the slot (code) or in the data area (everything else) of the overlay that is being
/// loaded, at a multiple of 4.
#[inline(never)]
unsafe fn put<W: Writer, P: Platform>(
    writer: &mut W,
    platform: &P,
    is_code: bool,
    mut addr: u32,
    words: &[u32],
) {
    if is_code {
        // SAFETY: as promised by the caller.
        store_all(addr, words, |addr, word| unsafe { writer.store(addr, word) });
        return;
    }
    for word in words {
        // SAFETY: as promised by the caller.
        unsafe { platform.store_data(addr, u32::from_le(*word)) };
        addr = addr.wrapping_add(4);
    }
}

/// Places all segments of a file; the stream is behind the header.
///
/// # Safety
/// Code and data lie where the header says, the code `engine.moved` bytes above, and nobody uses
/// them.
pub(crate) unsafe fn place<S: Store, W: Writer, P: Platform>(
    engine: &mut Engine<S, W>,
    platform: &P,
) -> Checked<()> {
    engine.pass_tables(platform, None)?;
    for index in 0..engine.prefix.segment_count() {
        let Segment { kind, encoding, addr, memory_bytes, offset, stored_bytes, checksum } =
            engine.prefix.segment(index);
        let end_offset = offset + stored_bytes;
        let is_code = kind == SegmentKind::Code;
        let mut addr = addr.wrapping_add(if is_code { engine.moved } else { 0 });
        engine.begin_sum(platform, end_offset);
        // SAFETY: the prefix was checked, so every segment lies inside code or data.
        unsafe {
            if kind == SegmentKind::Zero {
                let end_addr = addr.wrapping_add(memory_bytes);
                while addr != end_addr {
                    platform.store_data(addr, 0);
                    addr = addr.wrapping_add(4);
                }
            } else if encoding == Encoding::Plain {
                copy(engine, platform, is_code, addr, memory_bytes)?;
            } else {
                relocate(engine, platform, is_code, addr, memory_bytes, end_offset)?;
            }
        }
        // What is left is padding.
        engine.skip_to(platform, end_offset, None)?;
        engine.finish_sum(offset, checksum)?;
    }
    Ok(())
}

/// # Safety
/// As for [`place`].
unsafe fn copy<S: Store, W: Writer, P: Platform>(
    engine: &mut Engine<S, W>,
    platform: &P,
    is_code: bool,
    mut addr: u32,
    memory_bytes: u32,
) -> Checked<()> {
    let mut left = memory_bytes as usize / 4;
    while left != 0 {
        let count = engine.ahead(platform, 1, left)?;
        let before = platform.ticks();
        let words = piece(engine.buffer, engine.start, count);
        // SAFETY: inside the segment, as promised by the caller.
        unsafe { put(&mut engine.writer, platform, is_code, addr, words) };
        engine.count_copy(platform, before);
        engine.start += count;
        addr = addr.wrapping_add(4 * count as u32);
        left -= count;
    }
    Ok(())
}

/// # Safety
/// As for [`place`].
#[inline(never)]
unsafe fn relocate<S: Store, W: Writer, P: Platform>(
    engine: &mut Engine<S, W>,
    platform: &P,
    is_code: bool,
    mut addr: u32,
    mut left_bytes: u32,
    end_offset: u32,
) -> Checked<()> {
    let moved = Moved { code: engine.moved, data: 0 };
    let block_bytes = engine.prefix.block_bytes();
    // A block with a relocation for each word and one more.
    engine.keep_lead(BLOCK_HEADER_BYTES as u32 + 4 + 2 * block_bytes)?;
    // The last word of the block before waits: an instruction may begin in its second half.
    let mut held = 0;
    // There is no word in front of the first block.
    let mut skip = 1;
    while left_bytes != 0 {
        let offset = engine.offset();
        engine.ahead(platform, BLOCK_HEADER_WORDS, BLOCK_HEADER_WORDS)?;
        let [first, second] = *piece(engine.buffer, engine.start, BLOCK_HEADER_WORDS) else {
            return Err(Refused);
        };
        let words = [u32::from_le(first), u32::from_le(second)];
        let limit_bytes = left_bytes.min(block_bytes);
        if BlockHeader::check(words, offset, limit_bytes, &mut engine.fault).is_err() {
            return engine.refuse_file();
        }
        let header = BlockHeader::from_words(words);
        let block_words = BLOCK_HEADER_WORDS + header.body_words();
        let block_bytes = 4 * block_words as u32;
        // Every block ends inside the segment, so the next one begins there.
        if block_bytes > end_offset.wrapping_sub(offset) {
            let expected_bytes = offset + block_bytes;
            engine.fault = ImageError::Truncated { expected_bytes, actual_bytes: end_offset };
            return engine.refuse_file();
        }
        engine.ahead(platform, block_words, block_words)?;
        let before = platform.ticks();
        let block = piece(engine.buffer, engine.start, block_words);
        // The word that waits takes the place in front of the contents, which is that of the last
        // relocation, or of the header's second half.
        let count = usize::from(header.relocation_count);
        let Some((front, window)) = block.split_at_mut_checked(1 + count) else {
            return Err(Refused);
        };
        let Some(place) = window.first_mut() else { return Err(Refused) };
        let last = core::mem::replace(place, held);
        #[cfg(feature = "lz4")]
        let mut unpacked = [0_u32; 1 + esparto_image::MAX_BLOCK_BYTES / 4];
        let window = if header.is_compressed {
            #[cfg(feature = "lz4")]
            {
                let window_words = 1 + usize::from(header.memory_bytes) / 4;
                let unpacked = &mut unpacked[..window_words];
                unpacked[0] = held;
                let stored = &bytemuck::cast_slice(&window[1..])[..header.stored_bytes.into()];
                let memory = bytemuck::cast_slice_mut(&mut unpacked[1..]);
                if let Err(cause) = esparto_image::decompress(stored, memory, offset) {
                    engine.fault = cause;
                    return engine.refuse_file();
                }
                unpacked
            }
            #[cfg(not(feature = "lz4"))]
            {
                engine.fault = ImageError::CompressionMissing { offset };
                return engine.refuse_file();
            }
        } else {
            window
        };
        for index in 0..count {
            let word = u32::from_le(front.get(2 + index).copied().unwrap_or(last));
            let is_good = Relocation::from_word(word).is_some_and(|relocation| {
                usize::from(relocation.halfword) >= 2 * skip
                    && relocation.apply(bytemuck::cast_slice_mut(window), moved)
            });
            if !is_good {
                let offset = offset + (BLOCK_HEADER_BYTES + 4 * index) as u32;
                engine.fault = ImageError::BadRelocation { offset, actual: word };
                return engine.refuse_file();
            }
        }
        let Some((wait, ready)) = window.split_last() else { return Err(Refused) };
        held = *wait;
        let ready = ready.get(skip..).unwrap_or_default();
        skip = 0;
        // SAFETY: the words of the block and the one before it lie inside the segment.
        unsafe { put(&mut engine.writer, platform, is_code, addr, ready) };
        addr = addr.wrapping_add(4 * ready.len() as u32);
        engine.count_copy(platform, before);
        engine.start += block_words;
        left_bytes -= u32::from(header.memory_bytes);
    }
    // SAFETY: the segment's last word.
    unsafe { put(&mut engine.writer, platform, is_code, addr, &[held]) };
    Ok(())
}
