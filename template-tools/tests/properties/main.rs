//! For generated templates over all supported forms: exactly the versions change, and a second run does nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_text;
mod conversions;
mod entries;
mod expression;
mod intrinsics;
mod lists;
mod open_regions;
mod oracle;
mod samconfig;
mod versions;

use proptest::prelude::ProptestConfig;
use template_tools::arn::LayerVersionArn;
use template_tools::pins::{Pin, Pins};

const MINE: &str = "123456789012";
const THEIRS: &str = "210987654321";

/// `sosw` has one version everywhere, `my-Layer_1` differs by region, `so` is published in one region only.
const PINNED: [(&str, &str, u64); 5] = [
    ("sosw", "us-east-1", 100),
    ("sosw", "eu-west-1", 100),
    ("my-Layer_1", "us-east-1", 41),
    ("my-Layer_1", "eu-west-1", 4),
    ("so", "us-east-1", 5),
];
const LAYERS: [&str; 5] = ["sosw", "my-Layer_1", "so", "sosw2", "SOSW"];

fn pins() -> Pins {
    let arn = |(layer, region, version): &(&str, &str, u64)| {
        let arn: LayerVersionArn =
            format!("arn:aws:lambda:{region}:{MINE}:layer:{layer}:{version}").parse().unwrap();
        Pin::from(arn)
    };
    Pins::new(PINNED.iter().map(arn)).unwrap()
}

/// The version that is pinned for a layer of ours.
fn pinned(layer: &str, region: &str) -> Option<u64> {
    PINNED.iter().find(|pinned| (pinned.0, pinned.1) == (layer, region)).map(|pinned| pinned.2)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}
