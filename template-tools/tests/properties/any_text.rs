//! Pieces of templates, put together in any way: nothing panics, and what has to hold holds.

use proptest::prelude::*;

use crate::oracle::check_text;

proptest! {
    #![proptest_config(crate::config())]

    #[test]
    fn no_text_makes_it_panic(
        more in prop::collection::vec(prop::sample::select(&SECTIONS[..]), 0..4),
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
    ) {
        check_text(&[more.concat(), pieces.concat()].concat());
    }
}

const SECTIONS: [&str; 12] = [
    "Parameters:\n",
    "Parameters: {}\n",
    "Mappings: ~ # x\n",
    "Mappings:\n  A:\n    b: {c: d}\n",
    "Parameters: {P: {Type: Number, Default: 7}}\n",
    "Description: x\n",
    "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n      Content: {S3Bucket: b-us-east-1, S3Key: k}\n",
    "Resources:\n  M:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: sosw\n      Content: {S3Bucket: b-us-east-1, S3Key: &a k}\n      CompatibleRuntimes:\n      - &a python3.9\n      - ",
    "Resources:\n  N:\n    Type: AWS::Lambda::LayerVersion\n    Properties:\n      LayerName: two\n      Content: {S3Bucket: b-us-east-1, S3Key: k, S3ObjectVersion: v}\n      CompatibleRuntimes: [python3.9, ",
    "a: b\n---\n",
    "{\"Resources\":",
    "\"Parameters\":\n  \"a\": &a {}\n",
];

const PIECES: [&str; 40] = [
    "Globals: {Function: {Layers: [",
    "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:\n        - ",
    "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7",
    "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:",
    "SOSW_LAYER_PLACEHOLDER",
    "layer:sosw:",
    "!Sub ",
    "Fn::Sub: ",
    "'",
    "\"",
    "\\x37",
    "\\",
    "${",
    "}",
    "{",
    "]",
    "[",
    "&a ",
    "*a",
    "<<: *a",
    "\n        - ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "# ",
    ": ",
    ":",
    ",",
    ">-\n          ",
    "|",
    "---\n",
    "\u{feff}",
    "你",
    "\u{85}",
    "\u{0}",
    "7",
    "? ",
    "%YAML 1.2\n",
];
