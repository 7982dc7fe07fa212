//! The pipeline itself.

use alloc::vec::Vec;
use core::fmt;

use allocator_api2::alloc::Allocator;

use crate::{
    Detection, Entry, Log, PHOTOGRAPHS, Packed, Photograph, PipelineError, Platform, Rgb, Stage,
};

/// What came of one frame. Its `Display` is the line that core and host are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameResult {
    /// The number of the frame, from 0.
    pub frame: usize,
    /// What the camera looked at.
    pub scene: &'static str,
    /// CRC-32 of the decoded pixels.
    pub pixels_crc: u32,
    /// CRC-32 of the luma image.
    pub luma_crc: u32,
    /// What the network said.
    pub detection: Detection,
    /// CRC-32 of the JSON report.
    pub report_crc: u32,
    /// Length of the JSON report.
    pub report_bytes: usize,
    /// Length of the packed report.
    pub packed_bytes: usize,
    /// CRC-32 of the packed report.
    pub packed_crc: u32,
}

impl fmt::Display for FrameResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "result {} scene={} pixels_crc={:08x} luma_crc={:08x} nobody={} person={} \
             report_bytes={} report_crc={:08x} packed_bytes={} packed_crc={:08x}",
            self.frame,
            self.scene,
            self.pixels_crc,
            self.luma_crc,
            self.detection.nobody,
            self.detection.person,
            self.report_bytes,
            self.report_crc,
            self.packed_bytes,
            self.packed_crc,
        )
    }
}

/// Runs `frame_count` frames, the photographs in turn, and hands each result to `sink` as it
/// comes. The log grows by an entry a frame, as a device's does.
///
/// # Errors
/// The first [`PipelineError`]; frames before it have been delivered.
pub fn run<A: Allocator + Clone>(
    frame_count: usize,
    frame_memory: A,
    platform: &mut impl Platform,
    mut sink: impl FnMut(FrameResult),
) -> Result<(), PipelineError> {
    let mut log = Log::default();
    let mut sent = Vec::new();
    for (frame, &photograph) in PHOTOGRAPHS.iter().cycle().take(frame_count).enumerate() {
        let (result, packed) = one(frame, photograph, &frame_memory, &mut log, platform)?;
        // A device keeps what it sent until it is acknowledged: the last two reports.
        if sent.len() == 2 {
            sent.remove(0);
        }
        sent.push(packed);
        sink(result);
    }
    Ok(())
}

fn one<A: Allocator + Clone>(
    frame: usize,
    photograph: Photograph,
    frame_memory: &A,
    log: &mut Log,
    platform: &mut impl Platform,
) -> Result<(FrameResult, Packed), PipelineError> {
    let rgb =
        during(platform, frame, Stage::Decode, |_| Rgb::decode(photograph, frame_memory.clone()))?;
    let pixels_crc = rgb.checksum();
    let luma = during(platform, frame, Stage::Scale, |_| {
        let luma = rgb.to_luma(frame_memory.clone());
        drop(rgb);
        luma
    })?;
    let luma_crc = luma.checksum();
    let detection = during(platform, frame, Stage::Detect, |platform| {
        let mut detection = None;
        platform.on_stack(Detection::STACK_BYTES, &mut || detection = Some(Detection::of(&luma)));
        drop(luma);
        detection.ok_or(PipelineError::Stack)
    })?;
    let report = during(platform, frame, Stage::Report, |_| {
        log.report(Entry::new(frame, photograph.name, (pixels_crc, luma_crc), detection))
    })?;
    let packed = during(platform, frame, Stage::Compress, |_| Packed::new(&report))?;
    let result = FrameResult {
        frame,
        scene: photograph.name,
        pixels_crc,
        luma_crc,
        detection,
        report_crc: crc32fast::hash(report.as_bytes()),
        report_bytes: report.len(),
        packed_bytes: packed.bytes().len(),
        packed_crc: crc32fast::hash(packed.bytes()),
    };
    Ok((result, packed))
}

fn during<T, P: Platform>(
    platform: &mut P,
    frame: usize,
    stage: Stage,
    work: impl FnOnce(&mut P) -> T,
) -> T {
    platform.enter(frame, stage);
    let value = work(platform);
    platform.leave(frame, stage);
    value
}
