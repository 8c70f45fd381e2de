//! Streams on any number of threads, and what becomes of those that are given up.

use std::io::Write;

use super::*;

/// Open files of so many bytes, with what they have to be.
fn files(sizes: &[usize]) -> Vec<(PathBuf, Arc<File>, Sha256)> {
    let file = |(index, &size): (usize, &usize)| {
        let bytes: Vec<u8> = (0..size).map(|at| (at * (index + 7) / 3) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (PathBuf::from(format!("{index}.whl")), Arc::new(file), Sha256::of(&bytes))
    };
    sizes.iter().enumerate().map(file).collect()
}

/// Writes a zip of so many bytes, and gives its hash and what it has to be.
fn zip(hashing: &Hashing, size: usize) -> (Sha256, Sha256) {
    let bytes: Vec<u8> = (0..size).map(|at| (at * 31 / 5) as u8).collect();
    let mut piece = hashing.begin_zip();
    for part in bytes.chunks(PIECE) {
        piece.bytes[..part.len()].copy_from_slice(part);
        piece.filled = part.len();
        piece = hashing.pass_on(piece);
        assert_eq!(piece.filled, 0);
    }
    hashing.complete_zip();
    (hashing.of_zip(), Sha256::of(&bytes))
}

#[test]
fn everything_is_hashed_on_any_number_of_threads() {
    for threads in 0..5 {
        let hashing = Hashing::on(threads);
        for size in [0, 1, PIECE, 9 * PIECE + 5] {
            hashing.begin(files(&[0, 1, PIECE - 1, PIECE, PIECE + 1, 7 * PIECE + 13]));
            let (found, expected) = zip(&hashing, size);
            assert_eq!(found, expected, "{threads} {size}");
            hashing.finish().unwrap();
        }
    }
}

#[test]
fn of_damaged_files_the_first_is_named() {
    let hashing = Hashing::on(3);
    let mut files = files(&[10, 3 * PIECE, 20, 30, 2 * PIECE]);
    for damaged in [1, 3, 4] {
        files[damaged].2 = Sha256::of(b"something else");
    }
    hashing.begin(files);
    match hashing.finish() {
        Err(Error::Damaged { path, .. }) => assert_eq!(path, PathBuf::from("1.whl")),
        other => panic!("{other:?}"),
    }
    hashing.finish().unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.whl");
    let for_writing = Arc::new(File::create(&path).unwrap());
    let hashing = Hashing::on(2);
    hashing.begin([(path.clone(), for_writing, Sha256::of(b""))]);
    let error = hashing.finish().unwrap_err();
    assert_eq!(error.to_string(), format!("failed to read `{}`", path.display()));
}

/// A zip that was given up does not stop what comes after it.
#[test]
fn a_zip_may_be_left_unfinished() {
    let hashing = Hashing::on(2);
    hashing.begin(files(&[5 * PIECE]));
    let mut piece = hashing.begin_zip();
    piece.filled = PIECE;
    let _ = hashing.pass_on(piece);
    hashing.finish().unwrap();
    let (found, expected) = zip(&hashing, 100);
    assert_eq!(found, expected);
}
