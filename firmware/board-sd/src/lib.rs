//! Files on an SD card, for firmware.
//!
//! ```text
//!  Card ── files, by name ──▶ embedded-sdmmc ──▶ bounds ──▶ SdCard ──▶ SPI: Sifive, or your own
//! ```
//!
//! - [`Sifive`]: the SPI controller of the simulator's board, as an embedded-hal `SpiDevice`. QEMU's
//!   `sifive_u` has the same registers at the same address.
//! - [`Card`]: a card with a FAT16 or FAT32 partition; [`Card::over_spi`] takes any `SpiDevice`,
//!   [`Card::mount`] any block device of embedded-sdmmc. [`File`]: an open file, read at any offset.
//! - [`CardError`]: what went wrong, with the mend. A missing, locked or damaged card is one of
//!   these: never a panic, never a hang.
//!
//! ```no_run
//! use board_sd::{Card, Sifive};
//!
//! let card = Card::over_spi(Sifive::start())?;
//! let file = card.open("overlays/camera_e")?;
//! let mut bounce = [0; 512];
//! let count = file.read_at(0, &mut bounce)?;
//! assert!(count as u32 <= file.len_bytes());
//! # Ok::<(), board_sd::CardError>(())
//! ```
#![cfg_attr(not(test), no_std)]

mod card;
mod error;
mod guard;
mod spi;
mod volume;

pub use card::{Card, File, SpiCard};
pub use error::CardError;
pub use spi::{Polls, Sifive, SpiError};
