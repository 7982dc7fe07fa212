//! The library behind the host tool.
#![forbid(unsafe_code)]
