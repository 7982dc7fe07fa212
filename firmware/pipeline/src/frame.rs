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
    measures: Option<[u32; 4]>,
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
            measures: None,
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
        // Each stage is a function of its own, and so is its stack frame: in one frame for all of
        // them, every stage would need the stack of the largest.
        self.held = match (stage, core::mem::replace(&mut self.held, Held::Nothing)) {
            (Stage::Decode, Held::Photograph) => self.decode(station)?,
            (Stage::Scale, Held::Rgb(rgb)) => self.scale(station, rgb)?,
            (Stage::Detect, Held::Luma(luma)) => self.detect(station, luma),
            (Stage::Report, Held::Detection) => self.report(station)?,
            (Stage::Compress, Held::Report(report)) => {
                return self.compress(station, report).map(Some);
            }
            _ => return Err(PipelineError::Order { stage }),
        };
        Ok(None)
    }

    #[inline(never)]
    fn decode(&mut self, station: &mut Station<A>) -> Result<Held<A>, PipelineError> {
        let rgb = Rgb::decode_here(self.photograph, station.frame_memory.clone())?;
        self.pixels_crc = rgb.checksum();
        Ok(Held::Rgb(rgb))
    }

    #[inline(never)]
    fn scale(&mut self, station: &mut Station<A>, rgb: Rgb<A>) -> Result<Held<A>, PipelineError> {
        let (luma, measures) = rgb.scale(station.frame_memory.clone())?;
        self.measures = measures;
        drop(rgb);
        self.luma_crc = luma.checksum();
        Ok(Held::Luma(luma))
    }

    #[inline(never)]
    fn detect(&mut self, station: &mut Station<A>, luma: Luma<A>) -> Held<A> {
        self.detection = Some(station.eye.look(&luma, self.luma_crc));
        drop(luma);
        Held::Detection
    }

    #[inline(never)]
    fn report(&mut self, station: &mut Station<A>) -> Result<Held<A>, PipelineError> {
        let detection = self.detection.ok_or(PipelineError::Order { stage: Stage::Report })?;
        let crcs = (self.pixels_crc, self.luma_crc);
        let person_permille = (detection.person * 1000.0) as u32;
        let entry = Entry::new(self.number, self.photograph.name, crcs, person_permille);
        let entry = entry.with_measures(self.measures);
        Ok(Held::Report(station.log.report(entry)?))
    }

    #[inline(never)]
    fn compress(
        &mut self,
        station: &mut Station<A>,
        report: String,
    ) -> Result<FrameResult, PipelineError> {
        let packed = Packed::new(&report)?;
        let result = self.result(&report, &packed);
        drop(report);
        station.outbox.send(packed);
        result.ok_or(PipelineError::Order { stage: Stage::Compress })
    }

    fn result(&self, report: &str, packed: &Packed) -> Option<FrameResult> {
        Some(FrameResult {
            frame: self.number,
            scene: self.photograph.name,
            pixels_crc: self.pixels_crc,
            luma_crc: self.luma_crc,
            measures: self.measures,
            detection: self.detection?,
            report_crc: crc32fast::hash(report.as_bytes()),
            report_bytes: report.len(),
            packed_bytes: packed.bytes().len(),
            packed_crc: crc32fast::hash(packed.bytes()),
        })
    }
}
