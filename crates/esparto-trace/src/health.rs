//! How things fare, on the wire.

use core::fmt;

use esparto::Caps;
use esparto::bus::RefusedPosts;
use esparto::monitor::{HeapStats, Reading};
use esparto::pool::Refused;

use crate::Name;
use crate::state::{Cursor, Fault};
use crate::wire::health;

/// How one thing fared at one moment. [`Display`](fmt::Display) writes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its name.
    pub name: Name,
    /// Its figures.
    pub figures: Figures,
}

/// The figures of one thing at one moment: what [`Reading`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Figures {
    /// A region, or all regions with some capabilities.
    Heap {
        /// What it has.
        caps: Caps,
        /// Its figures.
        stats: HeapStats,
    },
    /// A pool.
    Pool(PoolFigures),
    /// A class of tiers.
    Class {
        /// Those of its pool; failures went on to the heap.
        pool: PoolFigures,
        /// Blocks handed out.
        alloc_count: u32,
        /// Blocks taken back.
        free_count: u32,
    },
    /// A stack.
    Stack {
        /// What its task may use.
        usable_bytes: usize,
        /// What of that was never used.
        unused_bytes: usize,
        /// Somebody wrote where nothing was theirs.
        is_breached: bool,
    },
    /// A bus. The posts that it refused follow, a record for each reason that there was.
    Bus {
        /// Does it run?
        is_started: bool,
        /// Events posted.
        posted_count: u32,
        /// Events received.
        delivered_count: u32,
        /// Events that a subscriber lost.
        dropped_count: u32,
        /// Events alive.
        alive_count: u32,
        /// The most that were ever alive at once.
        peak_count: u32,
        /// The places for events.
        event_count: u32,
        /// The services registered.
        service_count: u32,
    },
    /// Posts that a bus refused for one reason.
    RefusedPosts {
        /// Which: its place in [`RefusedPosts::REASONS`].
        reason: u8,
        /// How many.
        count: u32,
    },
    /// A guard's log.
    Guard {
        /// How many violations were found.
        violation_count: u32,
    },
}

/// The figures of a pool, or of a class of tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolFigures {
    /// A block's size.
    pub block_bytes: usize,
    /// How many blocks there are.
    pub block_count: u32,
    /// How many are in use.
    pub used_count: u32,
    /// The most that were in use at once.
    pub peak_count: u32,
    /// Requests that found no block.
    pub failure_count: u32,
    /// Pointers that were refused when they were given back.
    pub refused: Refused,
    /// How often the free list was found written over and given up.
    pub corruption_count: u32,
}

/// Counts that the core has in words have at most 32 bits on every target.
fn count(count: usize) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

impl Health {
    /// Gives what a reading says, a record at a time.
    pub fn of(reading: &Reading, mut take: impl FnMut(Self)) {
        let name = Name::new(reading.name());
        let figures = match *reading {
            Reading::Heap { caps, stats, .. } => Figures::Heap { caps, stats },
            Reading::Pool { stats, .. } => Figures::Pool(PoolFigures {
                block_bytes: stats.block_bytes,
                block_count: count(stats.block_count),
                used_count: count(stats.used_count),
                peak_count: count(stats.peak_count),
                failure_count: stats.failure_count,
                refused: stats.refused,
                corruption_count: stats.corruption_count,
            }),
            Reading::Class(class) => Figures::Class {
                pool: PoolFigures {
                    block_bytes: class.block_bytes,
                    block_count: count(class.block_count),
                    used_count: count(class.used_count),
                    peak_count: count(class.peak_count),
                    failure_count: class.failure_count,
                    refused: class.refused,
                    corruption_count: class.corruption_count,
                },
                alloc_count: class.alloc_count,
                free_count: class.free_count,
            },
            Reading::Stack { usable_bytes, unused_bytes, breach, .. } => {
                Figures::Stack { usable_bytes, unused_bytes, is_breached: breach.is_some() }
            }
            Reading::Bus { stats, .. } => {
                let figures = Figures::Bus {
                    is_started: stats.is_started,
                    posted_count: stats.posted_count,
                    delivered_count: stats.delivered_count,
                    dropped_count: stats.dropped_count,
                    alive_count: count(stats.alive_count),
                    peak_count: count(stats.peak_count),
                    event_count: count(stats.event_count),
                    service_count: count(stats.service_count),
                };
                take(Self { name, figures });
                for (reason, (_, count)) in stats.refused.iter().enumerate() {
                    if count != 0 {
                        let figures = Figures::RefusedPosts { reason: reason as u8, count };
                        take(Self { name, figures });
                    }
                }
                return;
            }
            Reading::Guard { violation_count, .. } => Figures::Guard { violation_count },
            // What a later version of the core reads has no record yet.
            _ => return,
        };
        take(Self { name, figures });
    }

    pub(crate) fn read(what: u8, mask: usize, cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let name = cursor.name()?;
        let figures = match what {
            health::HEAP => Figures::Heap {
                caps: Caps::from_bits_retain(cursor.narrow("caps", u16::MAX)?),
                stats: HeapStats {
                    total_bytes: bytes(cursor, mask)?,
                    free_bytes: bytes(cursor, mask)?,
                    allocated_bytes: bytes(cursor, mask)?,
                    largest_free_bytes: bytes(cursor, mask)?,
                    min_free_bytes: bytes(cursor, mask)?,
                    failure_count: bytes(cursor, mask)?,
                },
            },
            health::POOL => Figures::Pool(PoolFigures::read(cursor, mask)?),
            health::CLASS => Figures::Class {
                pool: PoolFigures::read(cursor, mask)?,
                alloc_count: figure(cursor)?,
                free_count: figure(cursor)?,
            },
            health::STACK => Figures::Stack {
                usable_bytes: bytes(cursor, mask)?,
                unused_bytes: bytes(cursor, mask)?,
                is_breached: figure(cursor)? != 0,
            },
            health::BUS => Figures::Bus {
                is_started: figure(cursor)? != 0,
                posted_count: figure(cursor)?,
                delivered_count: figure(cursor)?,
                dropped_count: figure(cursor)?,
                alive_count: figure(cursor)?,
                peak_count: figure(cursor)?,
                event_count: figure(cursor)?,
                service_count: figure(cursor)?,
            },
            health::REFUSED => Figures::RefusedPosts {
                reason: cursor.narrow("reason", u8::MAX)?,
                count: figure(cursor)?,
            },
            _ => Figures::Guard { violation_count: figure(cursor)? },
        };
        Ok(Self { name, figures })
    }
}

fn bytes(cursor: &mut Cursor<'_>, mask: usize) -> Result<usize, Fault> {
    cursor.word(mask, "figure of a health record")
}

fn figure(cursor: &mut Cursor<'_>) -> Result<u32, Fault> {
    cursor.narrow("count of a health record", u32::MAX)
}

impl Figures {
    pub(crate) const fn what(&self) -> u8 {
        match self {
            Self::Heap { .. } => health::HEAP,
            Self::Pool(_) => health::POOL,
            Self::Class { .. } => health::CLASS,
            Self::Stack { .. } => health::STACK,
            Self::Bus { .. } => health::BUS,
            Self::RefusedPosts { .. } => health::REFUSED,
            Self::Guard { .. } => health::GUARD,
        }
    }

    /// The numbers, in the order in which they are read.
    pub(crate) fn write(&self, mut put: impl FnMut(usize)) {
        match *self {
            Self::Heap { caps, stats } => [
                usize::from(caps.bits()),
                stats.total_bytes,
                stats.free_bytes,
                stats.allocated_bytes,
                stats.largest_free_bytes,
                stats.min_free_bytes,
                stats.failure_count,
            ]
            .into_iter()
            .for_each(put),
            Self::Pool(pool) => pool.write(put),
            Self::Class { pool, alloc_count, free_count } => {
                pool.write(&mut put);
                [alloc_count, free_count].into_iter().for_each(|count| put(count as usize));
            }
            Self::Stack { usable_bytes, unused_bytes, is_breached } => {
                [usable_bytes, unused_bytes, usize::from(is_breached)].into_iter().for_each(put);
            }
            Self::Bus {
                is_started,
                posted_count,
                delivered_count,
                dropped_count,
                alive_count,
                peak_count,
                event_count,
                service_count,
            } => [
                u32::from(is_started),
                posted_count,
                delivered_count,
                dropped_count,
                alive_count,
                peak_count,
                event_count,
                service_count,
            ]
            .into_iter()
            .for_each(|count| put(count as usize)),
            Self::RefusedPosts { reason, count } => {
                [usize::from(reason), count as usize].into_iter().for_each(put);
            }
            Self::Guard { violation_count } => put(violation_count as usize),
        }
    }
}

impl PoolFigures {
    fn read(cursor: &mut Cursor<'_>, mask: usize) -> Result<Self, Fault> {
        Ok(Self {
            block_bytes: bytes(cursor, mask)?,
            block_count: figure(cursor)?,
            used_count: figure(cursor)?,
            peak_count: figure(cursor)?,
            failure_count: figure(cursor)?,
            refused: Refused {
                foreign_count: figure(cursor)?,
                interior_count: figure(cursor)?,
                repeated_count: figure(cursor)?,
            },
            corruption_count: figure(cursor)?,
        })
    }

    fn write(&self, mut put: impl FnMut(usize)) {
        put(self.block_bytes);
        let Refused { foreign_count, interior_count, repeated_count } = self.refused;
        for count in [
            self.block_count,
            self.used_count,
            self.peak_count,
            self.failure_count,
            foreign_count,
            interior_count,
            repeated_count,
            self.corruption_count,
        ] {
            put(count as usize);
        }
    }
}

impl fmt::Display for PoolFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} blocks of {} bytes used, peak {}, {} failures, {} frees refused",
            self.used_count,
            self.block_count,
            self.block_bytes,
            self.peak_count,
            self.failure_count,
            self.refused.total_count()
        )?;
        match self.corruption_count {
            0 => Ok(()),
            count => write!(f, ", free list given up {count} times"),
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.figures {
            Figures::Heap { caps, stats } => write!(
                f,
                "heap {name} ({caps}): {} of {} bytes free, least {}, largest {}, fragmentation {}%, {} failures",
                stats.free_bytes,
                stats.total_bytes,
                stats.min_free_bytes,
                stats.largest_free_bytes,
                stats.fragmentation_percent(),
                stats.failure_count
            ),
            Figures::Pool(pool) => write!(f, "pool {name}: {pool}"),
            Figures::Class { pool, alloc_count, free_count } => {
                write!(f, "class {name}: {pool}, {alloc_count} taken, {free_count} given back")
            }
            Figures::Stack { usable_bytes, unused_bytes, is_breached } => {
                write!(f, "stack {name}: {unused_bytes} of {usable_bytes} bytes never used")?;
                f.write_str(if is_breached { ", overrun" } else { "" })
            }
            Figures::Bus {
                is_started,
                posted_count,
                delivered_count,
                dropped_count,
                alive_count,
                peak_count,
                event_count,
                service_count,
            } => {
                let state = if is_started { "" } else { " (stopped)" };
                write!(
                    f,
                    "bus {name}{state}: {service_count} services, {alive_count} of {event_count} events alive, peak {peak_count}, {posted_count} posted, {delivered_count} delivered, {dropped_count} dropped"
                )
            }
            Figures::RefusedPosts { reason, count } => {
                let reason = RefusedPosts::REASONS.get(usize::from(reason));
                let reason = reason.copied().unwrap_or("a reason of a later version");
                write!(f, "bus {name}: {count} posts refused: {reason}")
            }
            Figures::Guard { violation_count } => {
                write!(f, "guard {name}: {violation_count} violations")
            }
        }
    }
}
