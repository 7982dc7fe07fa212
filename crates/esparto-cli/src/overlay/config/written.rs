//! The file as written, every value with its place in the text.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::Spanned;

use crate::Failure;

/// A text and where it was read.
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    text: &'a str,
    /// Where lines end.
    ends: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { file, text, ends }
    }

    /// The line in which something starts, from 1.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        1 + self.ends.partition_point(|end| *end < at.start)
    }

    /// A mistake in the line of `at`.
    pub(super) fn fault<T>(&self, at: &Spanned<T>, what: impl fmt::Display) -> Failure {
        Failure::bad_input(what).in_file(self.file).at_line(self.line(&at.span()))
    }

    /// What the text says, if it is TOML and says nothing that is unknown.
    pub(super) fn parse(&self) -> Result<File, Failure> {
        toml::from_str(self.text).map_err(|error| {
            let line = self.line(&error.span().unwrap_or_default());
            // Some messages have more than one line.
            Failure::bad_input(error.message().trim_end().replace('\n', "; "))
                .in_file(self.file)
                .at_line(line)
                .mend("docs/overlays.md lists what esparto.toml may say")
        })
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) chip: Spanned<String>,
    pub(super) isa: Option<Spanned<String>>,
    pub(super) word_only: Option<bool>,
    pub(super) ld: Option<String>,
    #[serde(default)]
    pub(super) gdb: bool,
    #[serde(default)]
    pub(super) fat: bool,
    pub(super) card: Option<Area>,
    pub(super) data: Option<Area>,
    #[serde(default)]
    pub(super) slot: Vec<Area>,
    #[serde(default)]
    pub(super) overlay: Vec<FileOverlay>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Area {
    pub(super) addr: Spanned<u32>,
    pub(super) size: Spanned<Size>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileOverlay {
    pub(super) name: Spanned<String>,
    pub(super) slot: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) files: Vec<Spanned<PathBuf>>,
    #[serde(rename = "crate")]
    pub(super) krate: Option<String>,
    #[serde(default)]
    pub(super) roots: Vec<String>,
    #[serde(default)]
    pub(super) exports: Vec<String>,
    #[serde(default)]
    pub(super) depends: Vec<Spanned<String>>,
    pub(super) constants: Option<Spanned<Constants>>,
    #[serde(default)]
    pub(super) placement: FilePlacement,
    #[serde(default)]
    pub(super) compress: bool,
}

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FilePlacement {
    #[default]
    Prelinked,
    Relocatable,
}

/// Where an overlay's constants live.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Constants {
    /// With the data: they stay when the code goes.
    #[default]
    Data,
    /// With the code: they go with it, so nobody outside may keep their address.
    Code,
}

/// A length in bytes, as a number or as in `"32K"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u32);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size below 4 GiB: bytes, or as in \"32K\", \"2M\"")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Size, E> {
        let wrong = || E::invalid_value(de::Unexpected::Signed(number), &self);
        u32::try_from(number).map(Size).map_err(|_| wrong())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        let (digits, factor) = match text.strip_suffix(['K', 'k']) {
            Some(digits) => (digits, 1 << 10),
            None => match text.strip_suffix(['M', 'm']) {
                Some(digits) => (digits, 1 << 20),
                None => (text, 1),
            },
        };
        let number: Option<u32> = digits.trim().parse().ok();
        let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
        number.and_then(|number| number.checked_mul(factor)).map(Size).ok_or_else(wrong)
    }
}
