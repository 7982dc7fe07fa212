//! The camera's lens: the largest centred square of a picture, averaged down to a small luma image,
//! and four measures of that, each behind one virtual interface in C++.
#![no_std]

unsafe extern "C" {
    /// `native/lens.cpp`.
    fn lens_look(
        rgb: *const u8,
        width_px: u32,
        height_px: u32,
        luma: *mut u8,
        side_px: u32,
        measures: *mut u32,
    );
}

/// Writes the luma of `rgb`, three bytes a pixel, to `luma`, a square of one byte a pixel. Gives light
/// (the mean), contrast (the variance), edges and corners.
///
/// # Panics
/// A slice is not as long as the figures say.
#[must_use]
pub fn look(
    rgb: &[u8],
    width_px: usize,
    height_px: usize,
    luma: &mut [u8],
    side_px: usize,
) -> [u32; 4] {
    assert_eq!(rgb.len(), width_px * height_px * 3, "the picture");
    assert_eq!(luma.len(), side_px * side_px, "the small one");
    assert!(side_px > 2 && width_px > 0 && height_px > 0, "there is something to see");
    let mut measures = [0; 4];
    // SAFETY: the lengths were checked; C++ reads and writes inside of them and keeps nothing.
    unsafe {
        lens_look(
            rgb.as_ptr(),
            width_px as u32,
            height_px as u32,
            luma.as_mut_ptr(),
            side_px as u32,
            measures.as_mut_ptr(),
        );
    }
    measures
}
