//! The fields of an image, for errors: a byte on the device, a name for people.

use core::fmt;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A field that has a value which it cannot have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

fields! {
    /// How long the header is.
    HeaderLength = "header length";
    /// Code or data.
    Part = "part";
    /// Prelinked or relocatable.
    Placement = "placement";
    /// The instruction set.
    Isa = "instruction set";
    /// The calling convention.
    Abi = "calling convention";
    /// What must be zero.
    Reserved = "reserved field";
    /// How many segments.
    SegmentCount = "segment count";
    /// How many dependencies.
    DependencyCount = "dependency count";
    /// How long a block is at most.
    BlockLimit = "block length";
    /// From the header to the first segment.
    TablesLength = "length of the tables";
    /// How long the file is.
    ImageLength = "length of the image";
    /// Where the code was linked.
    CodeAddress = "address of the code";
    /// How much memory the code takes.
    CodeLength = "length of the code";
    /// Where the data was linked.
    DataAddress = "address of the data";
    /// How much memory the data takes.
    DataLength = "length of the data";
    /// Where the table of constructors is.
    Constructors = "address of the constructors";
    /// Where the table of destructors is.
    Destructors = "address of the destructors";
    /// What a segment is.
    SegmentKind = "kind of a segment";
    /// How a segment is stored.
    SegmentEncoding = "encoding of a segment";
    /// Where a segment was linked.
    SegmentAddress = "address of a segment";
    /// How much memory a segment takes.
    SegmentLength = "length of a segment";
    /// Where a segment is stored.
    SegmentOffset = "offset of a segment";
    /// How long a segment is stored.
    SegmentStored = "stored length of a segment";
    /// An overlay that must be loaded before.
    Dependency = "dependency, which is the overlay itself";
    /// How much memory a block takes.
    BlockLength = "length of a block";
    /// How long a block is stored.
    BlockStored = "stored length of a block";
    /// How many relocations a block has.
    BlockRelocations = "relocations of a block";
    /// How a block is stored.
    BlockFlags = "flags of a block";
    /// What fills a block up.
    BlockPadding = "padding of a block";
    /// What fills anything else up.
    Padding = "padding";
    /// The hash of an export's name.
    ExportHash = "hash of an export";
    /// Where an export stands in its table.
    ExportOrder = "order of an export";
    /// Where an export was linked.
    ExportAddress = "address of an export";
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
