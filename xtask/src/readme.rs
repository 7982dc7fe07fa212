//! The README's Rust examples, compiled and run as doctests.
#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
