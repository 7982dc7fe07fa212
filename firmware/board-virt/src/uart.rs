//! The serial line: lines for people.

use core::fmt::{self, Write};

/// The transmit register of the machine's 16550, which is ready whenever the host is.
const TRANSMIT: *mut u8 = core::ptr::without_provenance_mut(0x1000_0000);

/// The serial line, as a [`Write`].
#[derive(Clone, Copy, Debug)]
pub struct Uart;

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the machine has a 16550 at this address, and a byte stored to its transmit
            // register does nothing but send it.
            unsafe { TRANSMIT.write_volatile(byte) };
        }
        Ok(())
    }
}

/// Writes a line to the serial line.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {{
        use ::core::fmt::Write as _;
        // The serial line cannot fail.
        let _ = ::core::writeln!($crate::uart::Uart, $($argument)*);
    }};
}
