//! The input: four photographs that anyone may use (`photos/README.md`).

/// A photograph as a camera module would deliver it.
#[derive(Clone, Copy, Debug)]
pub struct Photograph {
    /// What it shows.
    pub name: &'static str,
    /// Baseline JPEG, 320 × 240.
    pub jpeg: &'static [u8],
}

/// What the camera sees, in turn.
pub const PHOTOGRAPHS: [Photograph; 4] = [
    Photograph { name: "astronaut", jpeg: include_bytes!("../photos/astronaut.jpg") },
    Photograph { name: "coffee", jpeg: include_bytes!("../photos/coffee.jpg") },
    Photograph { name: "camera", jpeg: include_bytes!("../photos/camera.jpg") },
    Photograph { name: "chelsea", jpeg: include_bytes!("../photos/chelsea.jpg") },
];

/// How many frames the camera firmware takes: every photograph once.
pub const FRAME_COUNT: usize = PHOTOGRAPHS.len();
