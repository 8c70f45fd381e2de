//! Any bytes, and any wheel with something changed in it: nothing panics or asks for memory without bound, and whatever
//! is accepted comes out as the canonical zip of its files.

#![no_main]

use std::cell::RefCell;
use std::fs::File;

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/wheels.rs"]
#[expect(dead_code, reason = "the harness has more than is needed here")]
mod wheels;
#[path = "../../../layer-builder/tests/cli/whole_way.rs"]
mod whole_way;

use wheels::{ZipEntry, bare_wheel, file, wheel, zip};
use whole_way::whole_way;

const NAMES: &[&str] = &[
    "alpha.py",
    "alpha/__init__.py",
    "alpha/core.so",
    "alpha/__pycache__/x.pyc",
    "alpha/\u{fc}.txt",
    "alpha/",
    "alpha",
    "alpha-1.0.data/purelib/alpha.py",
    "alpha-1.0.data/platlib/core.so",
    "alpha-1.0.data/scripts/alpha",
    "alpha-1.0.data/data/etc/x",
    "alpha-1.0.data/other/x",
    "alpha-1.0.data/purelib/../../x",
    "alpha-1.0.dist-info/METADATA",
    "alpha-1.0.dist-info/WHEEL",
    "alpha-1.0.dist-info/RECORD",
    "alpha-1.0.dist-info/INSTALLER",
    "beta-1.0.dist-info/METADATA",
    "../alpha.py",
    "/alpha.py",
    "a\\b",
    "C:/x",
];

#[derive(Arbitrary, Debug)]
enum Name {
    Known(u8),
    Own(String),
    Bytes(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Entry {
    name: Name,
    local_name: Option<Name>,
    content: Vec<u8>,
    /// How often the content is repeated.
    times: u16,
    method: u16,
    flags: u16,
    mode: u16,
    crc32: Option<u32>,
    size: Option<u32>,
    local_extra: Vec<u8>,
    zip64: bool,
    /// Which of the strange things above are taken.
    strange: u8,
}

#[derive(Arbitrary, Debug)]
enum Shape {
    /// Metadata and RECORD are added.
    Wheel,
    /// They are not.
    Bare,
    Zip,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Put(u16, u8),
    /// The same from the end, where the directory is.
    PutBack(u16, u8),
    Long(u16, u32),
    LongBack(u16, u32),
    Insert(u16, Vec<u8>),
    Remove(u16, u8),
    Append(Vec<u8>),
}

fn name(name: &Name) -> Vec<u8> {
    let mut bytes = match name {
        Name::Known(number) => NAMES[usize::from(*number) % NAMES.len()].as_bytes().to_vec(),
        Name::Own(text) => text.as_bytes().to_vec(),
        Name::Bytes(bytes) => bytes.clone(),
    };
    bytes.truncate(1000);
    bytes
}

fn entry(entry: &Entry) -> ZipEntry {
    let strange = |bit: u8| entry.strange & 1 << bit != 0;
    let times = if entry.content.len() < 100 { usize::from(entry.times) } else { 1 };
    let mut made = file("", entry.content.repeat(times));
    made.name = name(&entry.name);
    made.method = if strange(0) { entry.method } else { 8 * (entry.method % 2) };
    made.flags = if strange(1) { entry.flags } else { entry.flags & 8 };
    made.mode = if strange(2) { entry.mode.into() } else { 0o100_644 | u32::from(entry.mode) & 0o111 };
    made.crc32 = entry.crc32.filter(|_| strange(3));
    made.size = entry.size.filter(|_| strange(4));
    made.local_name = entry.local_name.as_ref().filter(|_| strange(5)).map(name);
    if strange(6) {
        made.local_extra = entry.local_extra.iter().copied().take(200).collect();
    }
    made.zip64 = entry.zip64;
    made
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len();
        let front = |at: u16| usize::from(at) % length.max(1);
        let back = |at: u16| length.saturating_sub(1 + front(at));
        let put = |bytes: &mut Vec<u8>, at: usize, with: &[u8]| {
            with.iter().zip(at..length).for_each(|(byte, at)| bytes[at] = *byte);
        };
        match change {
            Change::Put(at, byte) => put(&mut bytes, front(*at), &[*byte]),
            Change::PutBack(at, byte) => put(&mut bytes, back(*at), &[*byte]),
            Change::Long(at, value) => put(&mut bytes, front(*at), &value.to_le_bytes()),
            Change::LongBack(at, value) => put(&mut bytes, back(*at), &value.to_le_bytes()),
            Change::Insert(at, with) => drop(bytes.splice(front(*at)..front(*at), with.iter().copied())),
            Change::Remove(at, count) => drop(bytes.drain(front(*at)..(front(*at) + usize::from(*count)).min(length))),
            Change::Append(with) => bytes.extend_from_slice(with),
        }
    }
    bytes
}

fn structured(data: &[u8]) -> libfuzzer_sys::arbitrary::Result<Vec<u8>> {
    let mut data = Unstructured::new(data);
    let shape = Shape::arbitrary(&mut data)?;
    let changes: Vec<Change> = if bool::arbitrary(&mut data)? { Vec::arbitrary(&mut data)? } else { Vec::new() };
    let entries: Vec<Entry> = Vec::arbitrary(&mut data)?;
    let entries: Vec<ZipEntry> = entries.iter().take(20).map(entry).collect();
    let bytes = match shape {
        Shape::Wheel => wheel("alpha", "1.0", &entries).bytes,
        Shape::Bare => bare_wheel("alpha", "1.0", &entries).bytes,
        Shape::Zip => zip(&entries),
    };
    Ok(changed(bytes, &changes))
}

thread_local! {
    static FILES: RefCell<[File; 2]> = RefCell::new([(); 2].map(|()| tempfile::tempfile().expect("a temporary file")));
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    let bytes = if mode % 4 == 0 { rest.to_vec() } else { structured(rest).unwrap_or_default() };
    FILES.with_borrow_mut(|[one, other]| {
        whole_way(&bytes, "alpha-1.0-py3-none-any.whl", one, other);
    });
});
