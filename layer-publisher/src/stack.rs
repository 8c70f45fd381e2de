//! Stacks: a template in, a change set, its events, and what came of it.
//!
//! What will happen is data ([`change_set`], [`parameters`], [`describe`], [`state`]) before anything happens, and
//! [`deploy`] is the way through. Nothing here names the SDK.

pub mod change_set;
mod decide;
pub mod deploy;
pub mod describe;
mod error;
pub mod events;
mod follow;
mod ground;
pub(crate) mod layer;
mod local;
mod making;
mod managed;
mod nested;
pub mod parameters;
mod region;
mod report;
pub mod roll_out;
pub mod settings;
mod staged;
pub mod state;
mod template;
mod verify;
