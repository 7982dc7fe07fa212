//! Public-key arithmetic (`num-bigint`): key agreements in a 1024-bit group, one after another.
//!
//! The group is the second one of RFC 2409; the secrets are fixed, so this is no cryptography.
#![no_std]
#![no_main]

extern crate alloc;

use board_virt::println;
use num_bigint::BigUint;
use recording::{Recorder, Told};
use workloads::WorkloadMemory;

const ROUND_COUNT: usize = 3;
const PHASES: [&str; 2] = ["public", "shared"];

/// The prime of RFC 2409, section 6.2.
const PRIME_HEX: &[u8] = b"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1\
    29024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B\
    302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B\
    0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381\
    FFFFFFFFFFFFFFFF";

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, 2 * ROUND_COUNT, 16 * 1024, |phases| {
        let prime = BigUint::parse_bytes(PRIME_HEX, 16).expect("the prime is hexadecimal");
        let generator = BigUint::from(2_u32);
        for round in 0..ROUND_COUNT as u32 {
            let (ours, theirs) = (secret(2 * round), secret(2 * round + 1));
            let (our_public, their_public) = phases
                .run(0, || (generator.modpow(&ours, &prime), generator.modpow(&theirs, &prime)));
            let shared = phases.run(1, || {
                let shared = their_public.modpow(&ours, &prime);
                assert_eq!(shared, our_public.modpow(&theirs, &prime));
                shared
            });
            println!("result {round} shared_crc={:08x}", crc32fast::hash(&shared.to_bytes_be()));
        }
    })
}

/// 256 bits that are the same every time.
fn secret(seed: u32) -> BigUint {
    let words = (1..=8).scan(seed.wrapping_add(0x9E37_79B9), |state, _| {
        // xorshift32
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        Some(*state)
    });
    BigUint::new(words.collect())
}
