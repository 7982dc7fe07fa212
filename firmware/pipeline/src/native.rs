//! Decoding in C and scaling in C++: what a camera with overlays does.

use allocator_api2::alloc::Allocator;

use crate::pixels::{Scaled, zeroed};
use crate::{LUMA_SIDE_PX, Luma, Photograph, PipelineError, Rgb};

pub(crate) fn decode<A: Allocator>(
    photograph: Photograph,
    memory: A,
) -> Result<Rgb<A>, PipelineError> {
    let refused = |_| PipelineError::Decode { photograph: photograph.name };
    let size = jpeg::size(photograph.jpeg).map_err(refused)?;
    let (width_px, height_px) = (size.width_px as usize, size.height_px as usize);
    let mut pixels = zeroed(width_px * height_px * 3, memory)?;
    jpeg::decode(photograph.jpeg, size, &mut pixels).map_err(refused)?;
    Ok(Rgb { width_px, height_px, pixels })
}

pub(crate) fn scale<A: Allocator, B: Allocator>(
    rgb: &Rgb<A>,
    memory: B,
) -> Result<Scaled<B>, PipelineError> {
    let mut pixels = zeroed(LUMA_SIDE_PX * LUMA_SIDE_PX, memory)?;
    let measures = lens::look(&rgb.pixels, rgb.width_px, rgb.height_px, &mut pixels, LUMA_SIDE_PX);
    Ok((Luma { pixels }, Some(measures)))
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;
    use crate::PHOTOGRAPHS;

    #[test]
    fn the_lens_sees_what_rust_sees_and_the_decoders_differ_by_rounding() {
        for photograph in PHOTOGRAPHS {
            let in_c = decode(photograph, Global).unwrap();
            let (luma, measures) = scale(&in_c, Global).unwrap();
            assert_eq!(luma.pixels, in_c.to_luma(Global).unwrap().pixels, "{}", photograph.name);
            let mean = luma.pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
            assert_eq!(measures.map(|[light, ..]| light), Some(mean / luma.pixels.len() as u32));

            let in_rust = Rgb::decode(photograph, Global).unwrap();
            assert_eq!(in_c.pixels.len(), in_rust.pixels.len());
            let pairs = in_c.pixels.iter().zip(&in_rust.pixels);
            let apart: u64 = pairs.map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
            let mean = apart as f64 / in_c.pixels.len() as f64;
            assert!(mean < 2.0, "{}: {mean}", photograph.name);
        }
    }

    #[test]
    fn a_broken_photograph_is_an_error_in_c_too() {
        for len_bytes in [0, 2, 40, 700, 3000] {
            let mut broken = PHOTOGRAPHS[0];
            broken.jpeg = &broken.jpeg[..len_bytes];
            let error = decode(broken, Global).unwrap_err();
            assert_eq!(error, PipelineError::Decode { photograph: "astronaut" });
        }
    }
}
