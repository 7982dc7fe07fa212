//! Loops that copy and fill memory.

use super::asm::*;
use super::image::Image;
use super::program::{AREA_BYTES, BASE, ROUND};
use super::random::Random;

/// A loop that copies or fills, or nearly: pointers, widths and ends of every kind.
pub(crate) fn push(image: &mut Image, random: &mut Random) {
    let mut registers: Vec<u32> = (1..32).filter(|r| *r != BASE && *r != ROUND).collect();
    for at in 0..5 {
        let other = at + random.below(registers.len() as u32 - at) as i32 as u32;
        registers.swap(at as usize, other as usize);
    }
    let [from, to, end, value, count] = registers[..5] else { return };
    let size = random.below(3);
    let width = 1 << size;
    // Both lie in the lower half of the program's memory, and may overlap.
    let place = |random: &mut Random| {
        let offset = -(AREA_BYTES as i32) / 2 + random.below(AREA_BYTES / 2 - 256) as i32;
        if random.below(8) == 0 { offset } else { offset & !3 }
    };
    image.push(addi(from, BASE, place(random)));
    let near = random.below(2) == 0;
    image.push(match near {
        true => addi(to, from, random.below(16) as i32 - 8),
        false => addi(to, BASE, place(random)),
    });
    let rounds = random.pick(&[1, 2, 3, 7, 20, 40]);
    image.push(addi(end, to, rounds * width - random.pick(&[0, 0, 0, 1]) * (width - 1)));
    image.push(addi(count, 0, rounds));
    let top = image.pc();
    let is_fill = random.below(4) == 0;
    let load = i(0x03, random.pick(&[size, size | 4 & !(size << 1 & 4)]), value, from, 0);
    let mut body = if is_fill { vec![] } else { vec![load] };
    body.push(s(size, to, value, 0));
    if random.below(8) == 0 {
        body.reverse();
    }
    let mut moves = vec![addi(from, from, width), addi(to, to, width), addi(count, count, -1)];
    if random.below(2) == 0 {
        moves.swap(0, 1);
    }
    let before = random.below(6) as usize;
    if before < body.len() {
        body.insert(before, moves.remove(random.below(2) as usize));
    }
    image.push_all(body.into_iter().chain(moves));
    let back = top.wrapping_sub(image.pc()) as i32;
    image.push(match random.below(3) {
        0 => b(1, count, 0, back),
        1 => b(1, 0, count, back),
        _ => b(6, to, end, back),
    });
}
