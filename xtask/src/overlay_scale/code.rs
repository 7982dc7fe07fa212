//! Machine-made functions: what they compute, and their code for RV32IM.
//!
//! A function takes a word and gives a word. It is a list of operations on it; the first function of
//! an overlay also calls one of another overlay on the way, so that it returns into code that may be
//! gone by then.

/// A source of random numbers: the same seed gives the same ones.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// One step of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Xor(u32),
    Add(u32),
    /// By an odd number, so that nothing is lost.
    Multiply(u32),
    /// To the left, by 1 to 31 bits.
    Rotate(u32),
}

impl Operation {
    fn random(chance: &mut Chance) -> Self {
        let number = (chance.next() >> 32) as u32;
        match chance.below(4) {
            0 => Self::Xor(number),
            1 => Self::Add(number),
            2 => Self::Multiply(number | 1),
            _ => Self::Rotate(number % 31 + 1),
        }
    }

    fn apply(self, value: u32) -> u32 {
        match self {
            Self::Xor(number) => value ^ number,
            Self::Add(number) => value.wrapping_add(number),
            Self::Multiply(number) => value.wrapping_mul(number),
            Self::Rotate(bits) => value.rotate_left(bits),
        }
    }

    /// Three instructions, on `a0` and by way of `t0`.
    fn encode(self) -> [u32; 3] {
        let with = |number: u32, funct3: u32, funct7: u32| {
            let [high, low] = load_t0(number);
            [high, low, funct7 << 25 | T0 << 20 | A0 << 15 | funct3 << 12 | A0 << 7 | OP]
        };
        match self {
            Self::Xor(number) => with(number, 4, 0),
            Self::Add(number) => with(number, 0, 0),
            Self::Multiply(number) => with(number, 0, 1),
            Self::Rotate(bits) => [
                bits << 20 | A0 << 15 | 1 << 12 | T0 << 7 | OP_IMM,
                (32 - bits) << 20 | A0 << 15 | 5 << 12 | A0 << 7 | OP_IMM,
                T0 << 20 | A0 << 15 | 6 << 12 | A0 << 7 | OP,
            ],
        }
    }
}

const T0: u32 = 5;
const A0: u32 = 10;
const OP: u32 = 0x33;
const OP_IMM: u32 = 0x13;
const LUI: u32 = 0x37;

/// `lui t0` and `addi t0, t0`.
fn load_t0(number: u32) -> [u32; 2] {
    let high = number.wrapping_add(0x800) & 0xFFFF_F000;
    let low = number.wrapping_sub(high) & 0xFFF;
    [high | T0 << 7 | LUI, low << 20 | T0 << 15 | T0 << 7 | OP_IMM]
}

const RETURN: u32 = 0x0000_8067;
/// `addi sp, sp, -16; sw ra, 12(sp); auipc ra, 0; jalr ra, 0(ra); lw ra, 12(sp); addi sp, sp, 16`.
const CALL: [u32; 6] =
    [0xFF01_0113, 0x0011_2623, 0x0000_0097, 0x0000_80E7, 0x00C1_2083, 0x0101_0113];
/// Where the pair is that the linker completes.
pub(super) const CALL_AT_BYTES: usize = 8;

const FUNCTION_BYTES: usize = 8 << 10;

/// The code of a function.
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    /// What it calls, and where the call is.
    pub(super) call: Option<(usize, usize)>,
}

/// All functions of all overlays, by number: those of an overlay are next to one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library {
    overlay_count: usize,
    overlay_bytes: usize,
    seed: u64,
}

impl Library {
    pub(super) const fn new(overlay_count: usize, overlay_bytes: usize, seed: u64) -> Self {
        Self { overlay_count, overlay_bytes, seed }
    }

    pub(super) const fn overlay_count(&self) -> usize {
        self.overlay_count
    }

    pub(super) const fn functions_per_overlay(&self) -> usize {
        self.overlay_bytes / FUNCTION_BYTES
    }

    pub(super) const fn function_count(&self) -> usize {
        self.overlay_count * self.functions_per_overlay()
    }

    /// What function `number` answers to `argument`.
    pub(super) fn answer(&self, number: usize, argument: u32) -> u32 {
        let mut value = argument;
        for (index, operation) in self.operations(number).into_iter().enumerate() {
            if index == CALL_AFTER {
                // What is called calls nobody.
                value = match self.called_by(number) {
                    Some(called) => self.answer(called, value),
                    None => value,
                };
            }
            value = operation.apply(value);
        }
        value
    }

    pub(super) fn code(&self, number: usize) -> Code {
        let mut words = Vec::with_capacity(FUNCTION_BYTES / 4);
        let mut call = None;
        for (index, operation) in self.operations(number).into_iter().enumerate() {
            if index == CALL_AFTER
                && let Some(called) = self.called_by(number)
            {
                call = Some((called, words.len() * 4 + CALL_AT_BYTES));
                words.extend(CALL);
            }
            words.extend(operation.encode());
        }
        words.push(RETURN);
        words.resize(FUNCTION_BYTES / 4, 0);
        Code { bytes: words.into_iter().flat_map(u32::to_le_bytes).collect(), call }
    }

    fn operations(&self, number: usize) -> Vec<Operation> {
        let mut chance = Chance::new(self.seed ^ (number as u64) << 20);
        let room = FUNCTION_BYTES / 4 - CALL.len() - 1;
        (0..room / 3).map(|_| Operation::random(&mut chance)).collect()
    }

    /// The first function of an overlay calls the last one of another, most often one that shares its
    /// slot.
    fn called_by(&self, number: usize) -> Option<usize> {
        let per_overlay = self.functions_per_overlay();
        if !number.is_multiple_of(per_overlay) {
            return None;
        }
        let own = number / per_overlay;
        let other = (own * 31 + 8) % self.overlay_count;
        let other = if other == own { (own + 2) % self.overlay_count } else { other };
        Some(other * per_overlay + per_overlay - 1)
    }
}

/// The call comes in the middle.
const CALL_AFTER: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_differ_and_fill_their_place() {
        let library = Library::new(8, 2 * FUNCTION_BYTES, 1);
        let answers: std::collections::BTreeSet<_> =
            (0..library.function_count()).map(|number| library.answer(number, 1)).collect();
        assert_eq!(answers.len(), library.function_count());
        for number in 0..library.function_count() {
            let code = library.code(number);
            assert_eq!(code.bytes.len(), FUNCTION_BYTES);
            assert_eq!(code.call.is_some(), number % 2 == 0);
        }
    }

    #[test]
    fn constants_are_loaded_whole() {
        for number in [0, 1, 0x7FF, 0x800, 0xFFF, 0x1000, 0x7FFF_FFFF, 0x8000_0000, u32::MAX] {
            let [high, low] = load_t0(number);
            let signed_low = low as i32 >> 20;
            assert_eq!((high & 0xFFFF_F000).wrapping_add(signed_low as u32), number);
        }
    }
}
