//! Sizes for people.

use core::fmt;

/// Writes a size as `8MB`, `6.2MB`, `512KB` or `100B`: units of 1024, one decimal, rounded to the
/// nearest, none when it is 0.
pub(super) struct Size(pub(super) usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KB: u64 = 1024;
        const MB: u64 = 1024 * KB;
        let bytes = self.0 as u64;
        let (unit, name) = match bytes {
            MB.. => (MB, "MB"),
            KB.. => (KB, "KB"),
            _ => return write!(f, "{bytes}B"),
        };
        // Sizes are below 2^48 on every target.
        let tenths = (bytes * 10 + unit / 2) / unit;
        match tenths % 10 {
            0 => write!(f, "{}{name}", tenths / 10),
            tenth => write!(f, "{}.{tenth}{name}", tenths / 10),
        }
    }
}
