//! The harness of the tests: the real binaries in a clean environment, wheels to order, and servers on loopback.
//!
//! Nothing here knows the product crates; what they promise each other is checked through their files and commands.

pub mod bench;
pub mod cargo;
pub mod command;
pub mod demo;
pub mod deployed;
pub mod elf;
pub mod example;
pub mod http;
pub mod interrupt;
pub mod local_aws;
pub mod own_layer;
pub mod project;
pub mod proxy;
pub mod roll_out;
pub mod server;
pub mod stack;
pub mod terminal;
pub mod tools;
pub mod wheels;
pub mod world;
