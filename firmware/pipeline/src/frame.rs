//! A frame on its way through the stages.

use alloc::string::String;

use allocator_api2::alloc::Allocator;

use crate::{
    Detection, Entry, FrameResult, Luma, Packed, Photograph, PipelineError, Rgb, Stage, Station,
};

/// A frame between two stages. Whoever has it may take it to the next one, on any task.
#[derive(Debug)]
pub struct Frame<A: Allocator> {
    number: usize,
    photograph: Photograph,
    pixels_crc: u32,
    luma_crc: u32,
    detection: Option<Detection>,
    held: Held<A>,
}

/// What the next stage works on.
#[derive(Debug)]
enum Held<A: Allocator> {
    Photograph,
    Rgb(Rgb<A>),
    Luma(Luma<A>),
    Detection,
    Report(String),
    Nothing,
}

impl<A: Allocator + Clone> Frame<A> {
    /// A frame that was just taken.
    #[must_use]
    pub fn new(number: usize, photograph: Photograph) -> Self {
        Self {
            number,
            photograph,
            pixels_crc: 0,
            luma_crc: 0,
            detection: None,
            held: Held::Photograph,
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Takes the frame through `stage`, at `station`. What the stage no longer needs is freed; after
    /// the last one there is a result.
    ///
    /// # Errors
    /// [`PipelineError`]; the frame is of no use then.
    pub fn pass(
        &mut self,
        stage: Stage,
        station: &mut Station<A>,
    ) -> Result<Option<FrameResult>, PipelineError> {
        self.held = match (stage, core::mem::replace(&mut self.held, Held::Nothing)) {
            (Stage::Decode, Held::Photograph) => {
                let rgb = Rgb::decode(self.photograph, station.frame_memory.clone())?;
                self.pixels_crc = rgb.checksum();
                Held::Rgb(rgb)
            }
            (Stage::Scale, Held::Rgb(rgb)) => {
                let luma = rgb.to_luma(station.frame_memory.clone())?;
                self.luma_crc = luma.checksum();
                Held::Luma(luma)
            }
            (Stage::Detect, Held::Luma(luma)) => {
                self.detection = Some(station.eye.look(&luma, self.luma_crc));
                Held::Detection
            }
            (Stage::Report, Held::Detection) => {
                let detection = self.detection.ok_or(PipelineError::Order { stage })?;
                let crcs = (self.pixels_crc, self.luma_crc);
                let entry = Entry::new(self.number, self.photograph.name, crcs, detection);
                Held::Report(station.log.report(entry)?)
            }
            (Stage::Compress, Held::Report(report)) => {
                let packed = Packed::new(&report)?;
                let result = self.result(&report, &packed).ok_or(PipelineError::Order { stage })?;
                station.outbox.send(packed);
                return Ok(Some(result));
            }
            _ => return Err(PipelineError::Order { stage }),
        };
        Ok(None)
    }

    fn result(&self, report: &str, packed: &Packed) -> Option<FrameResult> {
        Some(FrameResult {
            frame: self.number,
            scene: self.photograph.name,
            pixels_crc: self.pixels_crc,
            luma_crc: self.luma_crc,
            detection: self.detection?,
            report_crc: crc32fast::hash(report.as_bytes()),
            report_bytes: report.len(),
            packed_bytes: packed.bytes().len(),
            packed_crc: crc32fast::hash(packed.bytes()),
        })
    }
}
