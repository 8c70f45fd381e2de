//! The hash of a layer's table, which the builder writes into the manifest and we compute again: two programs, one
//! definition, held together by a test of each and by one over both.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::hex;

/// SHA-256 in hex over the table without `publish`, as compact JSON with sorted keys.
pub(super) fn sha256(table: &Table) -> String {
    let mut text = String::new();
    let entries = table.iter().filter(|(key, _)| *key != "publish");
    write_object(&mut text, entries);
    hex(&Sha256::digest(text.as_bytes()))
}

/// Written by hand so that the order of keys does not hang on a feature of some other crate.
fn write_object<'a>(text: &mut String, entries: impl Iterator<Item = (&'a String, &'a Value)>) {
    let sorted: BTreeMap<_, _> = entries.collect();
    text.push('{');
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Json::from(key.as_str()).to_string());
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Table(table) => write_object(text, table.iter()),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::String(string) => text.push_str(&Json::from(string.as_str()).to_string()),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.push_str(&Json::from(*number).to_string()),
        Value::Boolean(boolean) => text.push_str(if *boolean { "true" } else { "false" }),
        Value::Datetime(datetime) => text.push_str(&Json::from(datetime.to_string()).to_string()),
    }
}
