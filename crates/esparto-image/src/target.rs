//! What an image was made for: instruction set, calling convention, part, placement, name.

use core::fmt;

use crate::wire::MAX_NAME_BYTES;

macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $code,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one with this code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// Its byte in the header.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

coded! {
    /// An instruction set.
    Isa {
        /// RISC-V, 32 bits: integer, multiply, compressed.
        Rv32imc = 1, "rv32imc";
        /// The same with atomics.
        Rv32imac = 2, "rv32imac";
        /// The same with atomics and single-precision floats.
        Rv32imafc = 3, "rv32imafc";
        /// Xtensa LX106.
        XtensaLx106 = 16, "xtensa-lx106";
        /// Xtensa LX6.
        XtensaLx6 = 17, "xtensa-lx6";
        /// Xtensa LX7.
        XtensaLx7 = 18, "xtensa-lx7";
    }
}

coded! {
    /// A calling convention.
    Abi {
        /// RISC-V: integers in registers, floats too.
        Ilp32 = 1, "ilp32";
        /// RISC-V: single-precision floats in their own registers.
        Ilp32f = 2, "ilp32f";
        /// Xtensa without register windows.
        Call0 = 16, "call0";
        /// Xtensa with register windows.
        Windowed = 17, "windowed";
    }
}

coded! {
    /// Which file of the pair.
    Part {
        /// `NAME_e`: code, evictable.
        Code = 1, "e";
        /// `NAME_d`: constants, data and what is zero at first; stays when the code goes.
        Data = 2, "d";
    }
}

coded! {
    /// How the code finds its place.
    Placement {
        /// Linked for one slot; runs nowhere else.
        Prelinked = 0, "prelinked";
        /// Carries its relocations and runs wherever it fits.
        Relocatable = 1, "relocatable";
    }
}

impl Isa {
    /// Is this RISC-V?
    #[must_use]
    pub const fn is_riscv(self) -> bool {
        self.code() < Self::XtensaLx106.code()
    }

    /// Can a core of `self` run code made for `code`? The compressed RISC-V sets include one
    /// another; Xtensa cores differ too much.
    #[must_use]
    pub const fn runs(self, code: Self) -> bool {
        if self.is_riscv() { code.code() <= self.code() } else { self.code() == code.code() }
    }
}

/// A name of 1 to 24 ASCII letters, digits, `_` and `-`, as overlays and chips have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    bytes: [u8; MAX_NAME_BYTES],
}

impl Name {
    /// `text` as a name; `None` if it is empty, too long or holds another character.
    #[must_use]
    pub const fn new(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return None;
        }
        let mut bytes = [0; MAX_NAME_BYTES];
        let mut index = 0;
        while index < text.len() {
            if !is_allowed(text[index]) {
                return None;
            }
            bytes[index] = text[index];
            index += 1;
        }
        Some(Self { bytes })
    }

    /// The name padded with zeros in `bytes`; `None` if there is no such name.
    #[must_use]
    pub fn from_padded(bytes: [u8; MAX_NAME_BYTES]) -> Option<Self> {
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(MAX_NAME_BYTES);
        let (name, padding) = bytes.split_at(len);
        let good = !name.is_empty()
            && name.iter().all(|&byte| is_allowed(byte))
            && padding.iter().all(|&byte| byte == 0);
        good.then_some(Self { bytes })
    }

    /// The name, padded with zeros.
    #[must_use]
    pub const fn padded(&self) -> &[u8; MAX_NAME_BYTES] {
        &self.bytes
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(MAX_NAME_BYTES);
        // Holds only ASCII: every constructor checked that.
        core::str::from_utf8(&self.bytes[..len]).unwrap_or_default()
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
