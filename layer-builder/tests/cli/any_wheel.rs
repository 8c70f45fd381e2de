//! Wheels of any shape, whole and damaged, go the whole way: nothing panics, and what is accepted comes out right.

use std::fs::File;

use proptest::collection::vec;
use proptest::prelude::*;
use tests::wheels::{ZipEntry, bare_wheel, file, wheel, zip};

use crate::whole_way::{Outcome, whole_way};

const NAME: &str = "alpha-1.0-py3-none-any.whl";

fn files() -> [File; 2] {
    [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()]
}

fn go(bytes: &[u8]) -> Outcome {
    let [mut one, mut other] = files();
    whole_way(bytes, NAME, &mut one, &mut other)
}

/// Names that matter, and any others.
fn names() -> impl Strategy<Value = String> {
    let mattering = prop::sample::select(vec![
        "alpha.py",
        "alpha/__init__.py",
        "alpha/__pycache__/x.pyc",
        "alpha/ü.txt",
        "alpha/",
        "alpha",
        "alpha-1.0.data/purelib/alpha.py",
        "alpha-1.0.data/scripts/alpha",
        "alpha-1.0.data/data/etc/x",
        "alpha-1.0.data/other/x",
        "alpha-1.0.dist-info/INSTALLER",
        "beta-1.0.dist-info/METADATA",
        "../alpha.py",
    ]);
    prop_oneof![3 => mattering.prop_map(str::to_owned), 1 => "[a-z./\\\\:]{0,8}"]
}

fn entries() -> impl Strategy<Value = Vec<ZipEntry>> {
    let content =
        prop_oneof![vec(any::<u8>(), 0..40), (any::<u8>(), 0..5000_usize).prop_map(|(b, n)| vec![b; n])];
    let entry = (names(), content, any::<[bool; 4]>());
    vec(
        entry.prop_map(|(name, content, [stored, streamed, zip64, executable])| ZipEntry {
            method: if stored { 0 } else { 8 },
            flags: if streamed { 8 } else { 0 },
            mode: if executable { 0o100_755 } else { 0o100_644 },
            zip64,
            ..file(&name, content)
        }),
        0..8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn whole_wheels_come_out_whole(entries in entries()) {
        let wheel = wheel("alpha", "1.0", &entries);
        let outcome = go(&wheel.bytes);
        let mut names: Vec<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        names.sort_unstable();
        let is_fine = |name: &[u8]| name.starts_with(b"alpha.py") || name == b"alpha/__init__.py";
        if names.windows(2).all(|pair| pair[0] != pair[1]) && names.iter().all(|name| is_fine(name)) {
            // METADATA, WHEEL and RECORD come along.
            prop_assert_eq!(outcome, Outcome::Layer(names.len() + 3));
        }
    }

    #[test]
    fn damaged_wheels_never_panic(entries in entries(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>(), is_cut in any::<bool>()) {
        let mut bytes = wheel("alpha", "1.0", &entries).bytes;
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = go(&bytes);
    }

    #[test]
    fn zips_that_are_no_wheels_never_panic(entries in entries()) {
        let _ = go(&zip(&entries));
        let _ = go(&bare_wheel("alpha", "1.0", &entries).bytes);
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(go(&bytes), Outcome::NoZip);
    }
}
