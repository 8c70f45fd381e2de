//! The harness of the tests.

pub mod bench_publish;
pub mod http;
pub mod local_aws;
pub mod project;
pub mod proxy;
pub mod scrubbed;
pub mod tools;
