//! The board of whichever core this is compiled for, under one name for the programs that run on
//! several.
#![no_std]

#[cfg(all(target_arch = "xtensa", not(target_feature = "sext")))]
pub use board_lx106::*;
#[cfg(target_arch = "riscv32")]
pub use board_virt::*;
#[cfg(all(target_arch = "xtensa", target_feature = "sext"))]
pub use board_windowed::*;
