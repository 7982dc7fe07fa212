//! All stages in one go, and what comes of a frame.

use core::fmt;

use allocator_api2::alloc::Allocator;

use crate::{Detection, Frame, PHOTOGRAPHS, PipelineError, Stage, Station};

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
    /// Light, contrast, edges and corners, if there is a lens that measures.
    pub measures: Option<[u32; 4]>,
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
        )?;
        match self.measures {
            Some([light, contrast, edges, corners]) => {
                write!(f, " light={light} contrast={contrast} edges={edges} corners={corners}")
            }
            None => Ok(()),
        }
    }
}

/// Runs `frame_count` frames through all stages, the photographs in turn, and hands each result to
/// `sink` as it comes.
///
/// # Errors
/// The first [`PipelineError`]; frames before it have been delivered.
pub fn run<A: Allocator + Clone>(
    frame_count: usize,
    frame_memory: A,
    mut sink: impl FnMut(FrameResult),
) -> Result<(), PipelineError> {
    let mut station = Station::new(frame_memory);
    for (number, &photograph) in PHOTOGRAPHS.iter().cycle().take(frame_count).enumerate() {
        let mut frame = Frame::new(number, photograph);
        for stage in Stage::ALL {
            if let Some(result) = frame.pass(stage, &mut station)? {
                sink(result);
            }
        }
    }
    Ok(())
}
