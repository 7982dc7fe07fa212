//! Lines of JSON on the serial port.

use core::ptr::with_exposed_provenance_mut;

fn put(byte: u8) {
    // SAFETY: the transmit register of the board's serial port; the emulated one is always ready.
    unsafe { with_exposed_provenance_mut::<u8>(0x1000_0000).write_volatile(byte) };
}

fn put_str(text: &str) {
    text.bytes().for_each(put);
}

/// One line, an object: begun by `new`, ended by `end`. Texts must need no escapes.
pub(crate) struct Line;

impl Line {
    pub(crate) fn new(kind: &str) -> Self {
        put_str("{\"kind\":");
        put(b'"');
        put_str(kind);
        put(b'"');
        Self
    }

    fn key(&self, key: &str) {
        put_str(",\"");
        put_str(key);
        put_str("\":");
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.key(key);
        put(b'"');
        put_str(value);
        put(b'"');
        self
    }

    pub(crate) fn number(self, key: &str, mut value: u64) -> Self {
        self.key(key);
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        digits[at..].iter().copied().for_each(put);
        self
    }

    pub(crate) fn end(self) {
        put_str("}\n");
    }
}
