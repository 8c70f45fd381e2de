//! Builds Lambda layers out of locked wheels: `layers.toml` to lock to wheels to one canonical zip and its manifest.
//!
//! This crate knows nothing of AWS and runs nothing asynchronously.

pub mod called;
pub mod config;
pub mod hash;
pub mod target;
pub mod ui;
