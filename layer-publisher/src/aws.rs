//! Everything that names the AWS SDK's types. What comes out of here is ours.

pub mod failure;
pub mod lambda;
pub mod profiles;
pub mod session;
