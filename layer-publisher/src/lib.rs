//! Publishes built layers as LayerVersions: the manifest in, a LayerVersion in every region and the ledger out.
//!
//! Only [`aws`] names the SDK's types; what comes out of it is ours. What is to be done is computed by
//! [`publish::plan`] as data, and carried out by [`publish::execute`].

pub mod aws;
pub mod called;
pub mod cli;
pub mod clocks;
pub mod config;
pub mod function;
pub(crate) mod interrupt;
pub mod layer_version;
pub mod ledger_file;
pub mod machine_lock;
pub mod manifest;
pub mod publish;
pub mod region;
pub mod stack;
pub mod tally;
pub mod ui;
pub mod under_way;
pub mod versions;
pub mod when;
pub mod zip_directory;
pub mod zip_source;
