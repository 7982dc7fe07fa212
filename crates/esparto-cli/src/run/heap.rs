//! Which heap, from the command line.

use std::fmt;
use std::mem::MaybeUninit;
use std::str::FromStr;

use esparto::heap::linked_list::{BestFit, Carried, Derived, FirstFit, Merging, NoMerging};
use esparto::{Caps, LinkedList, Memory, RegionError, RegionId, Sink};

/// A heap and its options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapChoice {
    best: bool,
    no_merge: bool,
    carried: bool,
}

impl HeapChoice {
    /// Adds a region under the heap chosen.
    pub(crate) fn add<const N: usize, S: Sink>(
        self,
        memory: &Memory<N, S>,
        name: &'static str,
        bytes: &'static mut [MaybeUninit<u8>],
        caps: Caps,
    ) -> Result<RegionId, RegionError> {
        macro_rules! with {
            ($fit:ty, $merge:ty, $address:ty) => {
                memory.add_static::<LinkedList<$fit, $merge, $address>>(name, bytes, caps)
            };
        }
        match (self.best, self.no_merge, self.carried) {
            (false, false, false) => with!(FirstFit, Merging, Derived),
            (false, false, true) => with!(FirstFit, Merging, Carried),
            (false, true, false) => with!(FirstFit, NoMerging, Derived),
            (false, true, true) => with!(FirstFit, NoMerging, Carried),
            (true, false, false) => with!(BestFit, Merging, Derived),
            (true, false, true) => with!(BestFit, Merging, Carried),
            (true, true, false) => with!(BestFit, NoMerging, Derived),
            (true, true, true) => with!(BestFit, NoMerging, Carried),
        }
    }
}

/// Writes the choice as [`FromStr`] reads it.
impl fmt::Display for HeapChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("linked-list")?;
        let options = [(self.best, "best"), (self.no_merge, "no-merge"), (self.carried, "carried")];
        options.iter().filter(|(on, _)| *on).try_for_each(|(_, name)| write!(f, ":{name}"))
    }
}

/// A heap or an option of it that there is not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownHeap {
    /// No heap has this name.
    Heap {
        /// The name given.
        actual: String,
    },
    /// The heap has no such option.
    Option {
        /// The option given.
        actual: String,
    },
    /// An option is given twice.
    Twice {
        /// The option.
        actual: String,
    },
}

impl fmt::Display for UnknownHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heap { actual } => {
                write!(f, "no heap is called {actual:?}: there is linked-list")
            }
            Self::Option { actual } => write!(
                f,
                "linked-list has no option {actual:?}: there are best, no-merge and carried"
            ),
            Self::Twice { actual } => write!(f, "option {actual:?} is given twice: say it once"),
        }
    }
}

impl std::error::Error for UnknownHeap {}

impl FromStr for HeapChoice {
    type Err = UnknownHeap;

    fn from_str(text: &str) -> Result<Self, UnknownHeap> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        if name != "linked-list" {
            return Err(UnknownHeap::Heap { actual: name.to_owned() });
        }
        let mut choice = Self::default();
        for option in parts {
            let switch = match option {
                "best" => &mut choice.best,
                "no-merge" => &mut choice.no_merge,
                "carried" => &mut choice.carried,
                _ => return Err(UnknownHeap::Option { actual: option.to_owned() }),
            };
            if std::mem::replace(switch, true) {
                return Err(UnknownHeap::Twice { actual: option.to_owned() });
            }
        }
        Ok(choice)
    }
}

/// Reads a number of bytes: `8388608`, `8192K`, `8M`.
pub(crate) fn parse_bytes(text: &str) -> Result<u32, String> {
    let (digits, shift) = match text.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, 20),
        None => match text.strip_suffix(['K', 'k']) {
            Some(digits) => (digits, 10),
            None => (text, 0),
        },
    };
    let number = digits
        .parse::<u32>()
        .map_err(|_| format!("{text:?} is not a number of bytes: write 8388608, 8192K or 8M"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{text} is 4 GiB or more: no chip has that"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_faults_are_named() {
        for text in ["linked-list", "linked-list:best", "linked-list:best:no-merge:carried"] {
            assert_eq!(text.parse::<HeapChoice>().unwrap().to_string(), text);
        }
        let error = |text: &str| text.parse::<HeapChoice>().unwrap_err();
        assert_eq!(error("tlsf"), UnknownHeap::Heap { actual: "tlsf".to_owned() });
        assert_eq!(error("linked-list:x"), UnknownHeap::Option { actual: "x".to_owned() });
        assert_eq!(
            error("linked-list:best:best"),
            UnknownHeap::Twice { actual: "best".to_owned() }
        );
    }

    #[test]
    fn sizes_take_suffixes() {
        assert_eq!(parse_bytes("8M"), Ok(8 << 20));
        assert_eq!(parse_bytes("512k"), Ok(512 << 10));
        assert_eq!(parse_bytes("17"), Ok(17));
        assert!(parse_bytes("4096M").is_err());
        assert!(parse_bytes("-1").is_err());
        assert!(parse_bytes("").is_err());
    }
}
