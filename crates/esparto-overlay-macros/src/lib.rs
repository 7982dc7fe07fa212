//! The attribute that puts a Rust function into an overlay.
//!
//! ```
//! use esparto_overlay_macros::overlay;
//!
//! #[overlay("report")]
//! fn summary(frames: u32) -> u32 {
//!     frames * 3
//! }
//! # assert_eq!(summary(2), 6);
//! ```
//!
//! `esparto.toml` names the overlay (`[[overlay]] name = "report"`); it needs no files. The firmware
//! is linked by `esparto-ld`, which moves the function out and leaves a stub. Everybody calls it as
//! before. On a host, in tests for one, the attribute changes nothing.
#![forbid(unsafe_code)]

mod mark;

use proc_macro::TokenStream;

/// Puts the body of this function into the overlay of that name.
///
/// A section holds one function body and nothing else, so these stay resident:
///
/// - **callees** that have no `#[overlay]` of their own, unless the compiler inlined them; closures
///   and nested functions are functions of their own too;
/// - **generics**: an instance of a generic callee is made wherever the compiler likes; a function
///   that is generic itself is refused;
/// - **constants**: string literals, tables, jump tables and vtables lie with the other constants.
///
/// Whole crates are the better overlays: `crate = "…"` in `esparto.toml` carries all of that along.
///
/// # Errors
/// Refused when compiling: `async` (the body is in another function), `const` (it may run in the
/// compiler), generic functions, `#[inline]`, and names that are no overlay's.
#[proc_macro_attribute]
pub fn overlay(arguments: TokenStream, item: TokenStream) -> TokenStream {
    mark::expand(arguments.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
