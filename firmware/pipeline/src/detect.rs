//! The network: is there a person in the picture?

use allocator_api2::alloc::Allocator;
use microflow_macros::model;
use nalgebra::SMatrix;

use crate::Luma;

// The macro reads the file relative to the directory of the workspace, where cargo runs rustc.
#[model("pipeline/models/person_detect.tflite")]
struct PersonDetect;

/// What the network says about a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Score of "no person", 0 to 1.
    pub nobody: f32,
    /// Score of "a person", 0 to 1.
    pub person: f32,
}

impl Detection {
    /// The stack that [`of`](Self::of) needs on the core, with some to spare.
    pub const STACK_BYTES: usize = 352 * 1024;

    /// Runs the network on `luma`.
    ///
    /// It allocates nothing: weights are constants, and the tensors of all layers live in one
    /// stack frame, so it wants [`STACK_BYTES`](Self::STACK_BYTES) of stack.
    #[must_use]
    #[inline(never)]
    pub fn of<A: Allocator>(luma: &Luma<A>) -> Self {
        // The model's zero point is -128 and its scale 1/255: a byte becomes an i8 by its top bit.
        let input = [SMatrix::from_fn(|row, column| [(luma.pixel(row, column) ^ 0x80) as i8])];
        let scores = PersonDetect::predict_quantized(input);
        Self { nobody: scores[0], person: scores[1] }
    }
}
