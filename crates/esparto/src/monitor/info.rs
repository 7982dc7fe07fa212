//! Totals and free bytes by kind of memory.

use core::fmt;

use super::HeapStats;
use super::size::Size;
use crate::{Caps, Memory, Sink};

/// One kind of memory at one moment; all 0 if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The length of all regions of this kind.
    pub total_bytes: usize,
    /// What of it is free.
    pub free_bytes: usize,
    /// The least that was ever free: see [`HeapStats::min_free_bytes`].
    pub min_free_bytes: usize,
}

impl From<Option<HeapStats>> for Usage {
    fn from(stats: Option<HeapStats>) -> Self {
        stats.map_or_else(Self::default, |stats| Self {
            total_bytes: stats.total_bytes,
            free_bytes: stats.free_bytes,
            min_free_bytes: stats.min_free_bytes,
        })
    }
}

/// Internal and external memory at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Regions with [`Caps::INTERNAL`]: SRAM.
    pub internal: Usage,
    /// Regions with [`Caps::EXTERNAL`]: PSRAM.
    pub external: Usage,
}

impl MemoryInfo {
    /// Is there any external memory?
    #[must_use]
    pub const fn has_external(&self) -> bool {
        self.external.total_bytes != 0
    }

    /// The figures as a line for a log, behind `tag` if there is one.
    #[must_use]
    pub const fn log<'t>(&self, tag: Option<&'t str>) -> impl fmt::Display + use<'t> {
        InfoLog { info: *self, tag }
    }
}

struct InfoLog<'t> {
    info: MemoryInfo,
    tag: Option<&'t str>,
}

impl fmt::Display for InfoLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = self.tag {
            write!(f, "[{tag}] ")?;
        }
        let usage = |f: &mut fmt::Formatter<'_>, name: &str, usage: &Usage| {
            write!(
                f,
                "{name}: {} of {} free (min {})",
                Size(usage.free_bytes),
                Size(usage.total_bytes),
                Size(usage.min_free_bytes)
            )
        };
        usage(f, "SRAM", &self.info.internal)?;
        f.write_str(", ")?;
        if self.info.has_external() {
            usage(f, "PSRAM", &self.info.external)
        } else {
            f.write_str("no PSRAM")
        }
    }
}

/// DMA-capable and internal memory at one moment. They overlap: most internal memory can do DMA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Regions with [`Caps::DMA`].
    pub dma: Usage,
    /// Regions with [`Caps::INTERNAL`].
    pub internal: Usage,
}

impl fmt::Display for MemoryUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory Usage:")?;
        for (name, usage) in [("DMA", &self.dma), ("Internal", &self.internal)] {
            write!(f, "\n  {name}: {} of {} bytes free", usage.free_bytes, usage.total_bytes)?;
        }
        Ok(())
    }
}

impl<const N: usize, S: Sink> Memory<N, S> {
    /// Internal and external memory.
    pub fn info(&self) -> MemoryInfo {
        MemoryInfo {
            internal: self.heap_stats(Caps::INTERNAL).into(),
            external: self.heap_stats(Caps::EXTERNAL).into(),
        }
    }

    /// DMA-capable and internal memory.
    pub fn usage(&self) -> MemoryUsage {
        MemoryUsage {
            dma: self.heap_stats(Caps::DMA).into(),
            internal: self.heap_stats(Caps::INTERNAL).into(),
        }
    }
}
