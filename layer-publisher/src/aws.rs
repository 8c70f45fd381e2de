//! Everything that names the AWS SDK's types. What comes out of here is ours.

pub mod cloudformation;
pub mod download;
pub mod failure;
pub mod function;
pub mod gate;
pub mod lambda;
pub mod pace;
pub mod profiles;
pub mod s3;
pub mod session;
pub mod ssm;
