//! The binary `layer-builder`, end to end, over wheels that are made here and served from loopback.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod audit;
mod build;
mod faults;
mod inspect;
#[cfg(target_os = "linux")]
mod memory;
mod proofs;
mod world;
