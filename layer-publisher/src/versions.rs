//! What is there: the versions that AWS has, and where they go from there.

pub mod download;
pub mod latest;
pub mod locks;
pub mod mark;
pub mod promote;
pub mod prune;
pub mod rollback;
pub mod status;
pub mod usage;
pub mod ways;
