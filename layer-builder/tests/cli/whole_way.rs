//! The whole way of a wheel that nobody vouches for: opened, checked, planned into a layer, written, read back. Any bytes
//! may be refused; whatever is accepted has to come out as the canonical zip of its files.
//!
//! No test of its own: property tests and the fuzzer go this way with their own bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use layer_builder::layer::archive::assemble;
use layer_builder::layer::hashing::Hashing;
use layer_builder::layer::plan::{Input, plan};
use layer_builder::wheels::check::check;
use layer_builder::wheels::layout::Place;
use layer_builder::wheels::wheel::Wheel;
use layer_builder::zip_reader::{MAX_UNPACKED, Method, ZipFile};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The zip is refused.
    NoZip,
    /// The zip is one, but no wheel.
    NoWheel,
    /// There is no layer of it: it would be empty, or a file would be a folder, too.
    NoLayer,
    /// A layer of so many files.
    Layer(usize),
}

/// Goes the whole way with `bytes`, as the wheel `file_name`. `wheel` and `layer` are files to be written to.
pub(crate) fn whole_way(bytes: &[u8], file_name: &str, wheel: &mut File, layer: &mut File) -> Outcome {
    write_anew(wheel, bytes);
    let path = Path::new(file_name);
    let open = || ZipFile::read(path, wheel.try_clone().expect("an open file"));
    let Ok(zip) = open() else { return Outcome::NoZip };
    let total: u64 = zip.entries().iter().map(|entry| entry.size).sum();
    assert!(total <= MAX_UNPACKED);
    // Whether it is a wheel or not, every entry can be read, or is refused.
    let contents: BTreeMap<&str, Option<Vec<u8>>> =
        zip.entries().iter().map(|entry| (entry.path.as_str(), zip.content(entry).ok())).collect();
    assert_eq!(contents.len(), zip.entries().len(), "each name once");
    if check(&zip, file_name).is_err() {
        return Outcome::NoWheel;
    }
    let read = Wheel::read(path, wheel.try_clone().expect("an open file")).expect("it was read a moment ago");
    let expected: BTreeMap<String, (bool, Vec<u8>)> = read
        .files()
        .map(|(path, entry)| {
            let content = contents[entry.path.as_str()].clone().expect("whatever was checked can be read");
            (format!("python/{path}"), (entry.executable, content))
        })
        .collect();
    let names_once = read.files().count() == expected.len();
    let pythons = BTreeSet::from(["3.12".parse().expect("a version")]);
    let inputs = [Input { wheel: read, name: "alpha 1.0".to_owned(), place: Place::Everywhere }];
    let Ok(plan) = plan(&inputs, &pythons) else { return Outcome::NoLayer };
    assert_eq!(plan.shared.is_empty() && plan.collisions.is_empty(), names_once);
    write_anew(layer, b"");
    let hashing = Hashing::on(1);
    let copied = assemble(&plan, &inputs, layer, &hashing).expect("whatever was checked can be copied");
    let assembled = copied.hashed(&hashing);
    let mut written = Vec::new();
    layer.rewind().expect("an open file");
    layer.read_to_end(&mut written).expect("an open file");
    assert_eq!(assembled.size, written.len() as u64);
    assert_eq!(assembled.sha256, layer_builder::hash::Sha256::of(&written));
    let names = assert_canonical(&written);
    assert!(names.iter().eq(expected.keys()), "{names:?}");
    let again = ZipFile::read(Path::new("layer.zip"), layer.try_clone().expect("an open file"))
        .expect("what was written can be read");
    for entry in again.entries() {
        let content = again.content(entry).expect("what was written can be unpacked");
        // Of two files for one place, the audit takes neither: here the first counts.
        if names_once {
            assert_eq!(expected[&entry.path], (entry.executable, content), "{}", entry.path);
        }
    }
    Outcome::Layer(names.len())
}

fn write_anew(file: &mut File, bytes: &[u8]) {
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(bytes)).expect("an open file");
}

/// Reads a zip from its first byte to its last: every byte of every header is what the canonical form says. Gives the
/// names.
fn assert_canonical(bytes: &[u8]) -> Vec<String> {
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let long =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
    let mut at = 0;
    let mut headers = Vec::new();
    while bytes[at..].starts_with(b"PK\x03\x04") {
        let (name, stored) = (short(at + 26), long(at + 18));
        assert_eq!(short(at + 28), 0, "no extra field");
        headers.push((at, name));
        at += 30 + name + stored;
    }
    let directory = at;
    let mut names = Vec::new();
    for (start, name) in headers {
        assert!(bytes[at..].starts_with(b"PK\x01\x02"), "one header for each");
        let name_bytes = &bytes[start + 30..start + 30 + name];
        assert_eq!(&bytes[at + 4..at + 6], [20, 3], "version 2.0 on Unix");
        assert_eq!(bytes[at + 6..at + 32], bytes[start + 4..start + 30], "both headers say the same");
        assert_eq!(short(at + 8), if name_bytes.is_ascii() { 0 } else { 1 << 11 }, "flags");
        let method = if short(at + 10) == 0 { Method::Stored } else { Method::Deflated };
        assert!(method == Method::Deflated || long(at + 20) == long(at + 24));
        assert_eq!(&bytes[at + 12..at + 16], [0, 0, 0x21, 0], "1980-01-01 00:00");
        assert_eq!(bytes[at + 30..at + 38], [0; 8], "no extra field, no comment, disk 0");
        assert!(matches!(long(at + 38) >> 16, 0o100_644 | 0o100_755) && short(at + 38) == 0, "mode");
        assert_eq!(long(at + 42), start);
        assert_eq!(&bytes[at + 46..at + 46 + name], name_bytes);
        names.push(String::from_utf8(name_bytes.to_vec()).expect("names are UTF-8"));
        at += 46 + name;
    }
    assert!(names.is_sorted_by(|one, other| one < other), "sorted, each once: {names:?}");
    let count = u16::try_from(names.len()).expect("small zips").to_le_bytes();
    let number = |value: usize| u32::try_from(value).expect("small zips").to_le_bytes();
    let end =
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &number(at - directory), &number(directory), &[0, 0]];
    assert_eq!(bytes[at..], end.concat(), "the end, and nothing behind it");
    names
}
