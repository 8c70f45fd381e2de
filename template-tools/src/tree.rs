//! The edge to the file system: the only walker, the only writer.

pub mod at_once;
pub mod create;
pub mod needles;
pub mod scan;
pub mod write;
