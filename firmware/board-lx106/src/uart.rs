//! Lines for people, by the emulator's own call.

use core::arch::asm;
use core::fmt::{self, Write};

/// What the emulator is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// The end; the argument is the verdict.
    Exit = 1,
    /// Read from a file, to an address, so many bytes.
    Read = 3,
    /// Write to a file, from an address, so many bytes.
    Write = 4,
    /// Open the file of a name, with flags and a mode.
    Open = 5,
    /// Close a file.
    Close = 6,
    /// Go to a place of a file, counted from what.
    Seek = 19,
}

/// Asks the emulator. It answers with less than 0 if it could not.
///
/// # Safety
/// The arguments are what the call takes.
pub(crate) unsafe fn simcall(call: Call, arguments: [u32; 3]) -> i32 {
    let [first, second, third] = arguments;
    let answer: i32;
    // SAFETY: promised by the caller. The instruction is `simcall`, which assemblers do not know for
    // this core; its results come back in the first two registers.
    unsafe {
        asm!(".byte 0x00, 0x51, 0x00",
            inlateout("a2") call as u32 => answer, inlateout("a3") first => _,
            in("a4") second, in("a5") third, options(nostack));
    }
    answer
}

/// The standard output of the emulator, as a [`Write`].
#[derive(Clone, Copy, Debug)]
pub struct Uart;

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const STANDARD_OUTPUT: u32 = 1;
        let text = [STANDARD_OUTPUT, text.as_ptr().addr() as u32, text.len() as u32];
        // SAFETY: a text and its length.
        unsafe { simcall(Call::Write, text) };
        Ok(())
    }
}

/// Writes `text` and ends the line; nobody else's comes in between.
pub fn line(text: fmt::Arguments<'_>) {
    critical_section::with(|_| {
        // The emulator takes all.
        let _ = writeln!(Uart, "{text}");
    });
}

/// Writes a line, in one piece whoever else does.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::uart::line(::core::format_args!($($argument)*))
    };
}
