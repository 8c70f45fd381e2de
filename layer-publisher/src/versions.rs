//! What is there: the versions that AWS has.

pub mod latest;
