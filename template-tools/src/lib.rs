//! Brings templates to new LayerVersions: byte-exact, with proof, and with a reason for everything left alone.
//!
//! The core is pure: [`arn`], [`pattern`], [`ledger`], [`pins`], [`document`], [`flow`], [`edit`] and [`plan`] take
//! text and give text, and touch neither files nor environment. [`tree`] is the edge to the file system. Nothing here
//! knows AWS's services, and nothing a terminal: the commands are the binary's.

#![cfg_attr(
    test,
    expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them, needed or not")
)]

pub mod arn;
pub mod content;
pub mod convert;
pub mod document;
pub mod edit;
pub mod flow;
pub mod inventory;
pub mod kind;
pub mod layers_file;
pub mod ledger;
pub mod lexical;
pub mod lint;
pub mod pattern;
pub mod pins;
pub mod plan;
pub mod report;
pub mod samconfig;
pub mod starter;
pub mod table;
pub mod template;
pub mod tree;
