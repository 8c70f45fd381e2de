//! From wheels to the layer: which file goes where, the canonical zip, and the manifest that says what is in it.

pub mod archive;
pub mod include;
pub mod inspect;
pub mod manifest;
pub mod plan;
pub mod requires;
