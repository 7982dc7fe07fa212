//! Pixels: decoding and scaling.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::{Photograph, PipelineError};

/// Width and height of the image that the network looks at.
pub const LUMA_SIDE_PX: usize = 96;

/// A small image, and what the lens measured on the way.
pub(crate) type Scaled<B> = (Luma<B>, Option<[u32; 4]>);

/// An image of three bytes a pixel.
#[derive(Debug)]
pub struct Rgb<A: Allocator> {
    pub(crate) width_px: usize,
    pub(crate) height_px: usize,
    pub(crate) pixels: Vec<u8, A>,
}

impl<A: Allocator> Rgb<A> {
    /// Decodes `photograph`, in the language that this camera does it in.
    ///
    /// # Errors
    /// [`PipelineError::Decode`] or [`PipelineError::FrameMemory`].
    pub(crate) fn decode_here(photograph: Photograph, memory: A) -> Result<Self, PipelineError> {
        #[cfg(feature = "native")]
        return crate::native::decode(photograph, memory);
        #[cfg(not(feature = "native"))]
        Self::decode(photograph, memory)
    }

    /// The luma as [`to_luma`](Self::to_luma) has it, and what the lens measured, if there is one.
    ///
    /// # Errors
    /// [`PipelineError::FrameMemory`].
    pub(crate) fn scale<B: Allocator>(&self, memory: B) -> Result<Scaled<B>, PipelineError> {
        #[cfg(feature = "native")]
        return crate::native::scale(self, memory);
        #[cfg(not(feature = "native"))]
        Ok((self.to_luma(memory)?, None))
    }

    /// Decodes `photograph` in Rust, straight into `memory`; the decoder's own tables and rows are asked
    /// of the global allocator.
    ///
    /// # Errors
    /// [`PipelineError::Decode`] or [`PipelineError::FrameMemory`].
    pub fn decode(photograph: Photograph, memory: A) -> Result<Self, PipelineError> {
        let refused = |_| PipelineError::Decode { photograph: photograph.name };
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(photograph.jpeg), options);
        decoder.decode_headers().map_err(refused)?;
        let info = decoder.info().ok_or(PipelineError::Decode { photograph: photograph.name })?;
        let (width_px, height_px) = (usize::from(info.width), usize::from(info.height));
        let mut pixels = zeroed(width_px * height_px * 3, memory)?;
        decoder.decode_into(&mut pixels).map_err(refused)?;
        Ok(Self { width_px, height_px, pixels })
    }

    /// CRC-32 of the pixels.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.pixels)
    }

    /// The luma of the largest centred square, averaged down to [`LUMA_SIDE_PX`].
    ///
    /// # Errors
    /// [`PipelineError::FrameMemory`].
    pub fn to_luma<B: Allocator>(&self, memory: B) -> Result<Luma<B>, PipelineError> {
        let side_px = self.width_px.min(self.height_px);
        let (left_px, top_px) = ((self.width_px - side_px) / 2, (self.height_px - side_px) / 2);
        let mut pixels = zeroed(LUMA_SIDE_PX * LUMA_SIDE_PX, memory)?;
        for (index, pixel) in pixels.iter_mut().enumerate() {
            let columns = span(index % LUMA_SIDE_PX, side_px);
            let rows = span(index / LUMA_SIDE_PX, side_px);
            let count = u32::try_from(columns.len() * rows.len()).unwrap_or(u32::MAX);
            let mut sum = 0;
            for row in rows {
                for column in columns.clone() {
                    let at = ((top_px + row) * self.width_px + left_px + column) * 3;
                    sum += luma(&self.pixels[at..at + 3]);
                }
            }
            // A mean of bytes is a byte.
            *pixel = (sum / count) as u8;
        }
        Ok(Luma { pixels })
    }
}

/// A square image of one byte a pixel.
#[derive(Debug)]
pub struct Luma<A: Allocator> {
    pub(crate) pixels: Vec<u8, A>,
}

impl<A: Allocator> Luma<A> {
    /// CRC-32 of the pixels.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.pixels)
    }

    /// The pixel of a row and a column.
    #[must_use]
    pub fn pixel(&self, row: usize, column: usize) -> u8 {
        self.pixels[row * LUMA_SIDE_PX + column]
    }
}

/// The source rows or columns behind one of the destination, never empty.
fn span(index: usize, side_px: usize) -> core::ops::Range<usize> {
    let start = index * side_px / LUMA_SIDE_PX;
    let end = ((index + 1) * side_px).div_ceil(LUMA_SIDE_PX).min(side_px);
    start..end.max(start + 1)
}

/// ITU-R BT.601 luma, in 1/256.
fn luma(rgb: &[u8]) -> u32 {
    (77 * u32::from(rgb[0]) + 150 * u32::from(rgb[1]) + 29 * u32::from(rgb[2])) >> 8
}

pub(crate) fn zeroed<A: Allocator>(
    size_bytes: usize,
    memory: A,
) -> Result<Vec<u8, A>, PipelineError> {
    let mut bytes = Vec::new_in(memory);
    bytes.try_reserve_exact(size_bytes).map_err(|_| PipelineError::FrameMemory { size_bytes })?;
    bytes.resize(size_bytes, 0);
    Ok(bytes)
}
