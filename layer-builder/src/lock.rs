//! From a layer's requirements to its lock, and from the lock to where its files lie. uv does the resolving.

pub mod files;
pub mod pylock;
mod repository;
pub mod requirements;
pub mod roots;
pub mod uv;

pub use requirements::{Commit, Lock, LockedPackage, Pin};
