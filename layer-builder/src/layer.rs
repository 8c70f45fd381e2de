//! From wheels to the layer: which file goes where, the canonical zip, and the manifest that says what is in it.

pub mod archive;
pub mod audit;
pub mod bytecode;
pub mod compress;
pub mod fresh;
pub mod hashing;
pub mod html;
pub mod include;
pub mod inspect;
pub mod ledger;
pub mod licence;
pub mod listing;
pub mod manifest;
pub mod metadata;
pub mod plan;
pub mod requires;
pub mod sbom;
pub mod smoke;
