//! Wheels that somebody could have made: what is refused, by the names of wheel and entry, and what is legal and rare.

use layer_builder::zip_reader::ZipFile;
use tests::server::Answer;
use tests::wheels::{TestWheel, ZipEntry, bare_wheel, file, wheel, wheel_with, zip};

use crate::world::World;

const NAME: &str = "alpha-1.1-py3-none-any.whl";

/// Builds a good layer, then replaces its one wheel by `bad`, and checks what is said; the old zip has to stay.
fn check_refused(bad: TestWheel, expected: &[&str]) {
    let good = wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n".repeat(2000))]);
    let world = World::new(&[good]);
    let _ = world.run(&["build"]).expect_code(0);
    let read =
        || [world.zip(), world.path("target/layers/small.json")].map(|path| std::fs::read(path).unwrap());
    let before = read();
    world.server.answer(&format!("/{}", bad.file_name), Answer::File(bad.bytes.clone()));
    world.write_project(std::slice::from_ref(&bad), |wheel| {
        world.server.url(&format!("/{}", wheel.file_name))
    });
    let outcome = world.run(&["build"]).expect_code(1);
    let named = format!("`{}` cannot be used", bad.file_name);
    for part in std::iter::once(named.as_str()).chain(expected.iter().copied()) {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("/.tmp"), "nobody knows that file: {}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert_eq!(before, read());
    assert!(!world.cached(&bad).exists(), "a wheel that is refused has no place in the cache");
    let left = std::fs::read_dir(world.path("target/layers")).unwrap().count();
    assert_eq!(left, 2, "nothing half is left behind");
}

/// Builds a layer of `wheel` and gives the content of `path` in it.
fn content_of(wheel: &TestWheel, path: &str) -> Vec<u8> {
    let world = World::new(std::slice::from_ref(wheel));
    let _ = world.run(&["build"]).expect_code(0);
    let zip = ZipFile::open(&world.zip()).unwrap();
    let entry = zip.entries().iter().find(|entry| entry.path == path).unwrap();
    zip.content(entry).unwrap()
}

fn bad_entry(entry: ZipEntry) -> TestWheel {
    wheel("alpha", "1.1", &[file("alpha.py", ""), entry])
}

fn odd() -> ZipEntry {
    file("alpha/odd.py", "some content, some content")
}

/// A wheel that is good but for what `change` does to its bytes.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> TestWheel {
    let mut wheel = bad_entry(odd());
    change(&mut wheel.bytes);
    wheel
}

/// Where the header of `alpha/odd.py` begins in the directory.
fn in_directory(bytes: &[u8]) -> usize {
    let name = bytes.windows(12).rposition(|bytes| bytes == b"alpha/odd.py").unwrap();
    // RECORD names it too, but before.
    name - 46
}

fn in_front(bytes: &[u8]) -> usize {
    bytes.windows(12).position(|bytes| bytes == b"alpha/odd.py").unwrap() - 30
}

fn put(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..at + with.len()].copy_from_slice(with);
}

#[test]
fn truncated_wheels_are_refused() {
    let whole = wheel("alpha", "1.1", &[file("alpha.py", "x = 1\n".repeat(2000))]);
    for keep in [0, 10, whole.bytes.len() / 2, whole.bytes.len() - 1] {
        let bytes = whole.bytes[..keep].to_vec();
        check_refused(TestWheel { bytes, ..whole.clone() }, &[NAME, "is not a complete zip file"]);
    }
}

#[test]
fn unsafe_paths_are_refused() {
    for path in [
        "../evil.py",
        "/etc/evil",
        "a/../../evil",
        "a\\evil.py",
        "C:/evil.py",
        "a//evil.py",
        "./evil.py",
        "a/\0evil",
        "a/\u{1b}[2Jevil",
        "alpha-1.1.data/purelib/../../../evil.py",
        "alpha-1.1.data/../evil.py",
        "alpha-1.1.data/purelib//etc/evil",
    ] {
        let shown = path.replace('\0', "\\u{0}").replace('\u{1b}', "\\u{1b}");
        let said = format!("`{shown}` is not a plain relative path");
        check_refused(bad_entry(file(path, "")), &[NAME, &said]);
    }
    let long = format!("alpha/{}.py", "x".repeat(253));
    check_refused(bad_entry(file(&long, "")), &[NAME, "has a name with a part of more than 255 bytes"]);
    let bytes = ZipEntry { name: b"alpha/\xff.py".to_vec(), ..odd() };
    check_refused(bad_entry(bytes), &[NAME, "`alpha/\u{fffd}.py` has a name that is not UTF-8"]);
}

#[test]
fn files_of_data_that_have_no_place_are_refused() {
    for path in ["alpha-1.1.data/unknown/x", "alpha-1.1.data/x"] {
        let said = format!("`{path}` has no place: a wheel's `.data` holds `purelib`, ");
        check_refused(bad_entry(file(path, "")), &[&said]);
    }
}

#[test]
fn entries_of_another_kind_are_refused() {
    check_refused(
        bad_entry(ZipEntry { mode: 0o120_777, ..odd() }),
        &[NAME, "`alpha/odd.py` is a symbolic link"],
    );
    check_refused(bad_entry(ZipEntry { flags: 1, ..odd() }), &[NAME, "`alpha/odd.py` is encrypted"]);
    let bzip2 = "`alpha/odd.py` is compressed with Bzip2, which is neither `stored` nor `deflate`";
    check_refused(bad_entry(ZipEntry { method: 12, ..odd() }), &[NAME, bzip2]);
    check_refused(
        wheel("alpha", "1.1", &[file("alpha.py", "one"), file("alpha.py", "two")]),
        &[NAME, "`alpha.py` stands there more than once"],
    );
}

#[test]
fn damaged_streams_are_refused() {
    for (entry, expected) in [
        (ZipEntry { crc32: Some(0xdead_beef), ..odd() }, "has a wrong CRC: expected deadbeef"),
        (ZipEntry { size: Some(3), ..odd() }, "does not unpack: it is larger"),
        (ZipEntry { size: Some(99), ..odd() }, "does not unpack: it is smaller"),
        (ZipEntry { size: Some(90_000_000), ..odd() }, "does not unpack: it claims a size that cannot be"),
        (ZipEntry { size: Some(1), method: 0, ..odd() }, "does not unpack: its two sizes differ"),
    ] {
        check_refused(bad_entry(entry), &[NAME, &format!("`alpha/odd.py` {expected}")]);
    }
    let broken = changed(|bytes| {
        let stream = in_front(bytes) + 30 + 12;
        bytes[stream..stream + 4].fill(0xff);
    });
    check_refused(broken, &[NAME, "`alpha/odd.py` does not unpack: the stream is damaged"]);
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    // What its headers claim is believed far enough to refuse it: by ratio, in all, and 4 GB.
    for (size, expected) in [
        (1_900_000_000, "unpacks to more than 100 times the size of the file, with those before it"),
        (2_100_000_000, "unpacks to more than 2000 MB, with those before it"),
        (u32::MAX, "unpacks to more than 2000 MB, with those before it"),
    ] {
        let entry = ZipEntry { size: Some(size), ..odd() };
        check_refused(bad_entry(entry), &[NAME, &format!("`alpha/odd.py` {expected}")]);
    }
    // One that does hold what it claims: zeros, 1,000 to 1, in several files.
    let zeros: Vec<ZipEntry> =
        (0..12).map(|number| file(&format!("alpha/{number:02}.bin"), vec![0; 10_000_000])).collect();
    check_refused(wheel("alpha", "1.1", &zeros), &[NAME, "`alpha/10.bin` unpacks to more than 100 times"]);
}

#[test]
fn much_that_packs_well_is_no_bomb() {
    let wheel = wheel("alpha", "1.1", &[file("alpha/zeros.bin", vec![0; 20_000_000])]);
    assert_eq!(content_of(&wheel, "python/alpha/zeros.bin").len(), 20_000_000);
}

/// Bombs that unpack one stream under many names: the second header lies in what the first one calls its data.
#[test]
fn entries_that_share_their_bytes_are_refused() {
    let stored = |name: &str, content: &[u8]| ZipEntry { method: 0, ..file(name, content) };
    let inner = zip(&[stored("alpha/inner.py", b"the same bytes")]);
    let inner = &inner[..30 + 14 + 14];
    let outer = zip(&[stored("alpha/outer.py", inner), stored("alpha/inner.py", b"the same bytes")]);
    let mut wheel = bare_wheel("alpha", "1.1", &[]);
    wheel.bytes = outer;
    let at = wheel.bytes.windows(14).rposition(|bytes| bytes == b"alpha/inner.py").unwrap() - 46;
    // The directory's offset of the second one, moved into the first one's data.
    put(&mut wheel.bytes, at + 42, &(30 + 14_u32).to_le_bytes());
    check_refused(wheel, &[NAME, "`alpha/inner.py` shares its bytes with another entry"]);

    let long = changed(|bytes| {
        let at = in_directory(bytes);
        put(bytes, at + 20, &4_000_000_000_u32.to_le_bytes());
    });
    check_refused(long, &[NAME, "shares its bytes with another entry"]);
}

#[test]
fn local_headers_that_say_something_else_are_refused() {
    let said = [NAME, "`alpha/odd.py` has a local header that does not agree with the directory"];
    check_refused(bad_entry(ZipEntry { local_name: Some(b"alpha/ood.py".to_vec()), ..odd() }), &said);
    check_refused(bad_entry(ZipEntry { local_name: Some(b"alpha/odd.pyc".to_vec()), ..odd() }), &said);
    // Signature, flags (encrypted), method, CRC, both sizes.
    for (at, with) in [(0, 0), (6, 1), (8, 0), (14, 7), (18, 7), (22, 7)] {
        check_refused(
            changed(|bytes| {
                let start = in_front(bytes);
                bytes[start + at] = with;
            }),
            &said,
        );
    }
    // With a data descriptor the header may say nothing, but not something else.
    let mut streamed = bad_entry(ZipEntry { flags: 8, ..odd() });
    let start = in_front(&streamed.bytes);
    streamed.bytes[start + 14] = 7;
    check_refused(streamed, &said);
    // Sizes of zip64 that are others, or that are not there.
    let mut other = bad_entry(ZipEntry { zip64: true, ..odd() });
    let start = in_front(&other.bytes);
    other.bytes[start + 30 + 12 + 4] ^= 1;
    check_refused(other, &said);
    check_refused(
        changed(|bytes| {
            let start = in_front(bytes);
            put(bytes, start + 22, &u32::MAX.to_le_bytes());
        }),
        &said,
    );
}

#[test]
fn a_zip_that_can_be_read_in_two_ways_is_refused() {
    // The directory of another zip in the comment: who looks for the last record finds that one, who looks for the
    // record that ends with the file finds the first.
    let hidden = zip(&[file("other.py", "something else")]);
    let with_comment = |comment: &[u8]| {
        changed(|bytes| {
            let length = bytes.len();
            put(bytes, length - 2, &u16::try_from(comment.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(comment);
        })
    };
    let broken = |why: &str| format!("{NAME}` is not a complete zip file: {why}");
    for comment in [hidden.as_slice(), b"PK\x05\x06 and so on, as long as a record would be".as_slice()] {
        let said = World::new(&[with_comment(comment)]).run(&["build"]).expect_code(1).stderr;
        assert!(said.contains(&broken("")), "{said}");
    }
    check_refused(
        changed(|bytes| bytes.extend_from_slice(b"more")),
        &[&broken("something stands behind its end")],
    );
    check_refused(
        changed(|bytes| drop(bytes.splice(0..0, *b"#!/bin/sh\n"))),
        &[&broken("something stands before its beginning")],
    );
    // A comment that is only that is legal.
    let commented = with_comment(b"made by hand");
    assert_eq!(content_of(&commented, "python/alpha/odd.py"), b"some content, some content");
}

#[test]
fn what_is_legal_and_rare_is_read_rightly() {
    let content = b"some content, some content";
    for entry in [
        ZipEntry { flags: 8, ..odd() },
        ZipEntry { zip64: true, ..odd() },
        ZipEntry { zip64: true, flags: 8, ..odd() },
        ZipEntry { zip64: true, local_extra: b"UT\x05\0\x03\0\0\0\0".to_vec(), ..odd() },
        ZipEntry { method: 0, flags: 8, ..odd() },
    ] {
        assert_eq!(content_of(&bad_entry(entry.clone()), "python/alpha/odd.py"), content, "{entry:?}");
    }
    let folder = ZipEntry { method: 0, mode: 0o40_755, ..file("alpha/", "") };
    let named = content_of(&bad_entry(folder), "python/alpha.py");
    assert_eq!(named, b"");
}

/// The files of a wheel `alpha` 1.1 with this RECORD.
fn with_record(record: &str) -> TestWheel {
    let mut files = metadata("alpha-1.1.dist-info", "alpha", "1.1");
    files.push(file("alpha.py", "x = 1\n"));
    files.push(file("alpha-1.1.dist-info/RECORD", record));
    bare_wheel("alpha", "1.1", &files)
}

fn metadata(info: &str, name: &str, version: &str) -> Vec<ZipEntry> {
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    vec![
        file(&format!("{info}/METADATA"), metadata),
        file(&format!("{info}/WHEEL"), "Wheel-Version: 1.0\nTag: py3-none-any\n"),
    ]
}

/// The lines of RECORD for the metadata, without hashes.
const REST: &str =
    "alpha-1.1.dist-info/METADATA,,\nalpha-1.1.dist-info/WHEEL,,\nalpha-1.1.dist-info/RECORD,,\n";

#[test]
fn a_record_that_lies_is_refused() {
    // `python -c "import hashlib, base64; print(base64.urlsafe_b64encode(hashlib.sha256(b'x = 1\n').digest()))"`
    let hash = "sha256=nia_NpkRxFwkPGhBR7I_yeHc_PJX0pmhxjIBam_NM_Q";
    let other = "sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (row, expected) in [
        (
            format!("alpha.py,{other},6"),
            format!("`alpha.py` is not what RECORD says: expected {other}, found {hash}"),
        ),
        (
            format!("alpha.py,{hash},7"),
            "`alpha.py` is not what RECORD says: expected 7 bytes, found 6 bytes".into(),
        ),
        ("alpha.py,md5=x,6".into(), "RECORD hashes `alpha.py` with `md5=x`: expected sha256".into()),
        (String::new(), "`alpha.py` is not in RECORD".into()),
        ("alpha.py,,\nbeta.py,,".into(), "RECORD lists `beta.py`, which is not there".into()),
    ] {
        check_refused(with_record(&format!("{row}\n{REST}")), &[&expected, "hint: somebody has changed it"]);
    }
    let good = with_record(&format!("alpha.py,{hash},6\n{REST}"));
    assert_eq!(content_of(&good, "python/alpha.py"), b"x = 1\n");
}

#[test]
fn a_wheel_that_is_not_what_its_name_says_is_refused() {
    let of = |files: Vec<ZipEntry>| bare_wheel("alpha", "1.1", &files);
    let info = "alpha-1.1.dist-info";
    check_refused(bare_wheel("alpha", "1.1", &[]), &["it holds no `.dist-info` folder"]);
    check_refused(of(vec![file("alpha.py", "")]), &["it holds no `.dist-info` folder"]);
    check_refused(of(metadata(info, "alpha", "1.1")), &["it lacks `alpha-1.1.dist-info/RECORD`"]);
    for (absent, name) in ["METADATA", "WHEEL"].into_iter().enumerate() {
        let mut files = metadata(info, "alpha", "1.1");
        files.remove(absent);
        check_refused(of(files), &[&format!("it lacks `{info}/{name}`")]);
    }
    let two = [metadata(info, "alpha", "1.1"), metadata("beta-1.dist-info", "beta", "1")].concat();
    check_refused(
        of(two),
        &["it holds two `.dist-info` folders, `alpha-1.1.dist-info` and `beta-1.dist-info`"],
    );
    check_refused(
        of(metadata("beta-1.1.dist-info", "beta", "1.1")),
        &["`beta-1.1.dist-info` is not the folder of `alpha`"],
    );
    for (name, version, expected) in [
        ("beta", "1.1", "says `Name: beta`, and the name of the wheel says `alpha`"),
        ("alpha", "1.2", "says `Version: 1.2`, and the name of the wheel says `1.1`"),
    ] {
        check_refused(of(metadata(info, name, version)), &["`alpha-1.1.dist-info/METADATA`", expected]);
    }
    let later =
        [metadata(info, "alpha", "1.1").remove(0), file(&format!("{info}/WHEEL"), "Wheel-Version: 2.0\n")];
    check_refused(of(later.to_vec()), &["`alpha-1.1.dist-info/WHEEL` says `Wheel-Version: 2.0`"]);
}

#[test]
fn names_and_versions_may_be_spelt_in_several_ways() {
    let info = "Alpha.Beta-1.0.0.dist-info";
    let mut files = metadata(info, "alpha-BETA", "1.0.0");
    files.push(file("alpha.py", ""));
    let rows =
        ["alpha.py", &format!("{info}/METADATA"), &format!("{info}/WHEEL")].map(|path| format!("{path},,\n"));
    files.push(file(&format!("{info}/RECORD"), rows.concat()));
    let mut wheel = bare_wheel("alpha_beta", "1.0", &files);
    assert_eq!(content_of(&wheel, "python/alpha.py"), b"");
    wheel = wheel_with("alpha", "1.1", "", &[file("alpha-1.1.data/purelib/alpha.py", "y")]);
    assert_eq!(content_of(&wheel, "python/alpha.py"), b"y");
}
