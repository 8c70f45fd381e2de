//! The binary `layer-builder`, end to end, over wheels that are made here and served from loopback.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod any_wheel;
mod audit;
mod build;
mod bytecode;
mod changed_locks;
mod faults;
#[cfg(unix)]
mod folders;
mod hints;
mod include;
mod inspect;
mod keyrings;
mod locks;
mod logins;
#[cfg(target_os = "linux")]
mod memory;
mod progress;
mod proofs;
mod published;
#[cfg(unix)]
mod repositories;
#[cfg(unix)]
mod sources;
mod strange_wheels;
mod targets;
mod whole_way;
mod world;
