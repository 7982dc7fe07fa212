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

/// Writes `text` and ends the line; nobody else's comes in between.
pub fn line(text: fmt::Arguments<'_>) {
    critical_section::with(|_| {
        // The serial line cannot fail.
        let _ = writeln!(Uart, "{text}");
    });
}

/// Writes a line to the serial line, in one piece whoever else does.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::uart::line(::core::format_args!($($argument)*))
    };
}
