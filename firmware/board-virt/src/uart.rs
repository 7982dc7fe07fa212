//! The serial line: lines for people.

use core::fmt::{self, Write};

use crate::machine;

/// The serial line, as a [`Write`].
#[derive(Clone, Copy, Debug)]
pub struct Uart;

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            machine::send(byte);
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
