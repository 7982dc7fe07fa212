//! A crate that is an overlay as a whole: traits, generics and constants come along.
#![no_std]

/// A window function, by its sample.
pub trait Window {
    /// The weight of sample `index` of `count`, out of 256.
    fn weight(&self, index: u32, count: u32) -> u32;
}

/// All samples alike.
#[derive(Debug)]
pub struct Flat;

/// Rises and falls in a straight line.
#[derive(Debug)]
pub struct Triangle;

impl Window for Flat {
    #[inline(never)]
    fn weight(&self, _: u32, _: u32) -> u32 {
        256
    }
}

impl Window for Triangle {
    #[inline(never)]
    fn weight(&self, index: u32, count: u32) -> u32 {
        let half = count.div_ceil(2);
        256 * (index.min(count - 1 - index) + 1) / half
    }
}

/// The window of that name.
#[inline(never)]
#[must_use]
pub fn window(name: &str) -> Option<&'static dyn Window> {
    match name {
        "flat" => Some(&Flat),
        "triangle" => Some(&Triangle),
        _ => None,
    }
}

/// The weighted sum of `samples`.
#[inline(never)]
#[must_use]
pub fn weigh(samples: &[u32], window: &dyn Window) -> u32 {
    let count = samples.len() as u32;
    (0..).zip(samples).map(|(index, sample)| sample * window.weight(index, count) / 256).sum()
}
