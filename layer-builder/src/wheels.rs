//! From a lock to wheels on this machine: which file of each package, fetched or built, and what of it belongs in a
//! layer.

pub mod check;
pub mod elf;
pub mod explain;
pub mod facts;
pub mod fetch;
pub mod layout;
pub mod record;
pub mod select;
pub mod source;
pub mod tags;
pub mod wheel;
