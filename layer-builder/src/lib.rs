//! Builds Lambda layers out of locked wheels: `layers.toml` to lock to wheels to one canonical zip and its manifest.
//!
//! This crate knows nothing of AWS and runs nothing asynchronously.

mod atomic;
pub mod build;
pub mod cache;
pub mod called;
pub mod cli;
pub mod config;
mod git;
pub mod hash;
pub mod indexes;
pub mod interpreter;
pub mod layer;
pub mod lock;
mod processor;
pub mod provided;
pub mod relock;
mod repack;
pub mod requirement;
pub mod spec;
pub mod target;
pub mod ui;
pub mod wheels;
pub mod zip_reader;
pub mod zip_writer;
