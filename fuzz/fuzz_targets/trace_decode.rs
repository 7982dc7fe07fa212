//! Decodes arbitrary bytes, as they are and with their checksums put right.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    esparto_fuzz::check(bytes);
    let mut repaired = bytes.to_vec();
    esparto_fuzz::repair(&mut repaired);
    esparto_fuzz::check(&repaired);
});
