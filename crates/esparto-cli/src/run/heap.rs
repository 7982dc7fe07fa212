//! Which heap, from the command line.

use std::fmt;
use std::mem::MaybeUninit;
use std::str::FromStr;

use esparto::heap::OnChip;
use esparto::heap::freertos::{Heap1, Heap2, Heap4, Heap5};
use esparto::heap::linked_list::{BestFit, Carried, Derived, FirstFit, Merging, NoMerging};
use esparto::{Caps, Heap, LinkedList, Memory, Realtime, RegionError, RegionId, Sink, Throughput};

/// A heap and its options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeapChoice {
    /// The default heap, with its hard bound.
    #[default]
    Realtime,
    /// The default heap, with a cache in front.
    Throughput,
    /// The linked list.
    LinkedList(ListOptions),
    /// The heap that never frees.
    Heap1,
    /// Best fit, never merged.
    Heap2,
    /// First fit, merged at the free.
    Heap4,
    /// The same over several stretches; the regions of a chip are heaps by themselves.
    Heap5,
}

/// How a linked list goes about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    best: bool,
    no_merge: bool,
    carried: bool,
}

/// The names without options; the first of a heap is the one that reports show.
const NAMES: [(&str, HeapChoice); 9] = [
    ("realtime", HeapChoice::Realtime),
    ("default", HeapChoice::Realtime),
    ("throughput", HeapChoice::Throughput),
    (
        "linked-list",
        HeapChoice::LinkedList(ListOptions { best: false, no_merge: false, carried: false }),
    ),
    ("heap_1", HeapChoice::Heap1),
    ("bump", HeapChoice::Heap1),
    ("heap_2", HeapChoice::Heap2),
    ("heap_4", HeapChoice::Heap4),
    ("heap_5", HeapChoice::Heap5),
];

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
            ($heap:ty) => {
                memory.add_static::<$heap>(name, bytes, caps)
            };
        }
        let list = match self {
            Self::Realtime => return with!(Heap<OnChip<Realtime>>),
            Self::Throughput => return with!(Heap<OnChip<Throughput>>),
            Self::Heap1 => return with!(Heap1),
            Self::Heap2 => return with!(Heap2),
            Self::Heap4 => return with!(Heap4),
            Self::Heap5 => return with!(Heap5<1>),
            Self::LinkedList(options) => options,
        };
        match (list.best, list.no_merge, list.carried) {
            (false, false, false) => with!(LinkedList<FirstFit, Merging, Derived>),
            (false, false, true) => with!(LinkedList<FirstFit, Merging, Carried>),
            (false, true, false) => with!(LinkedList<FirstFit, NoMerging, Derived>),
            (false, true, true) => with!(LinkedList<FirstFit, NoMerging, Carried>),
            (true, false, false) => with!(LinkedList<BestFit, Merging, Derived>),
            (true, false, true) => with!(LinkedList<BestFit, Merging, Carried>),
            (true, true, false) => with!(LinkedList<BestFit, NoMerging, Derived>),
            (true, true, true) => with!(LinkedList<BestFit, NoMerging, Carried>),
        }
    }
}

/// Writes the choice as [`FromStr`] reads it.
impl fmt::Display for HeapChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::LinkedList(list) = self else {
            let name = NAMES.iter().find(|(_, choice)| choice == self);
            return f.write_str(name.map_or("", |(name, _)| name));
        };
        f.write_str("linked-list")?;
        let options = [(list.best, "best"), (list.no_merge, "no-merge"), (list.carried, "carried")];
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
    /// The heap has no memory that a replay could give it.
    OwnsNothing,
    /// The heap has no such option.
    Option {
        /// The heap.
        heap: String,
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
                write!(f, "no heap is called {actual:?}: there are ")?;
                for (index, (name, _)) in NAMES.iter().enumerate() {
                    f.write_str(match index {
                        0 => "",
                        _ if index + 1 == NAMES.len() => " and ",
                        _ => ", ",
                    })?;
                    f.write_str(name)?;
                }
                Ok(())
            }
            Self::OwnsNothing => f.write_str(
                "heap_3 wraps another malloc and owns no memory to replay in: name the heap that it wraps",
            ),
            Self::Option { heap, actual } if heap == "linked-list" => {
                write!(f, "{heap} has no option {actual:?}: there are best, no-merge and carried")
            }
            Self::Option { heap, actual } => {
                write!(f, "{heap} has no option {actual:?}, nor any other: leave it out")
            }
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
        if name == "heap_3" {
            return Err(UnknownHeap::OwnsNothing);
        }
        let Some((_, mut choice)) = NAMES.iter().find(|(known, _)| *known == name).copied() else {
            return Err(UnknownHeap::Heap { actual: name.to_owned() });
        };
        for option in parts {
            let unknown =
                || UnknownHeap::Option { heap: name.to_owned(), actual: option.to_owned() };
            let Self::LinkedList(list) = &mut choice else { return Err(unknown()) };
            let switch = match option {
                "best" => &mut list.best,
                "no-merge" => &mut list.no_merge,
                "carried" => &mut list.carried,
                _ => return Err(unknown()),
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
        let lists = ["linked-list:best", "linked-list:best:no-merge:carried"];
        for text in NAMES.iter().map(|(name, _)| *name).chain(lists) {
            let shown = match text {
                "default" => "realtime",
                "bump" => "heap_1",
                _ => text,
            };
            assert_eq!(text.parse::<HeapChoice>().unwrap().to_string(), shown);
        }
        assert_eq!("default".parse(), Ok(HeapChoice::default()));
        let error = |text: &str| text.parse::<HeapChoice>().unwrap_err();
        assert_eq!(error("tlsf"), UnknownHeap::Heap { actual: "tlsf".to_owned() });
        assert!(error("tlsf").to_string().ends_with("heap_2, heap_4 and heap_5"));
        assert_eq!(error("heap_3"), UnknownHeap::OwnsNothing);
        for heap in ["linked-list", "heap_4"] {
            let (heap, actual) = (heap.to_owned(), "x".to_owned());
            assert_eq!(error(&format!("{heap}:x")), UnknownHeap::Option { heap, actual });
        }
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
