//! Hashing the wheels and the zip that is made of them, while the zip is written.
//!
//! A stream has to be hashed from its start to its end, so a thread takes one and goes on with it for a while. Where no
//! other thread is free it takes two, for two at once cost less than one after the other. Whoever writes the zip helps
//! when it is ahead.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::archive::Error;
use crate::hash::{Hasher, Sha256, update_both};
use crate::processor::spawn_elsewhere;
use crate::zip_reader::{self, read_at};

/// How much is read, hashed and written at once, in bytes.
pub(super) const PIECE: usize = 1 << 16;
/// How many pieces of the zip may wait to be hashed.
const WAITING: usize = 32;
/// How many are left when whoever writes the zip, and had to help, goes on with that. If it went on after every one, two
/// threads would wait for each other at every piece.
const FEW: usize = 16;
/// More threads are of no use: the zip is the longest stream, and takes as long as all wheels together.
const MOST_HELPERS: usize = 2;
/// How often a thread without work looks for some before it sleeps. Who sleeps is woken late, and elsewhere.
const LOOKS: usize = 2000;

/// Hashes of files that are read, and of the zip that is written.
#[derive(Debug)]
pub struct Hashing {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Those that nobody works on, the largest last.
    wheels: Vec<Wheel>,
    /// How many are not hashed to their end.
    wheels_left: usize,
    /// The first in the order of the wheels that is not what it has to be.
    failure: Option<(usize, Error)>,
    zip: Zip,
    /// What wheels are read into, while nobody needs it.
    buffers: Vec<Vec<u8>>,
    /// Threads that look for something to do, or sleep.
    idle: usize,
    /// Threads that sleep.
    asleep: usize,
    /// A thread has panicked, and what it had taken is lost.
    is_broken: bool,
    /// Whether the one that writes is not alone.
    has_helpers: bool,
    /// Helpers that are not there yet.
    to_start: usize,
    /// Nobody needs the helpers any more.
    is_over: bool,
}

/// A file that is to be hashed.
#[derive(Debug)]
struct Wheel {
    index: usize,
    path: PathBuf,
    file: Arc<File>,
    expected: Sha256,
    hasher: Hasher,
    offset: u64,
}

/// The zip that is being written.
#[derive(Debug, Default)]
struct Zip {
    /// `None` while somebody works on it, and when it is done.
    hasher: Option<Hasher>,
    /// Somebody works on it.
    is_taken: bool,
    /// What is written and not hashed yet, the oldest first.
    pieces: VecDeque<Piece>,
    spare: Vec<Piece>,
    /// It is being written.
    is_open: bool,
    is_complete: bool,
    sha256: Option<Sha256>,
}

/// A part of a zip.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// [`PIECE`] of them.
    pub(super) bytes: Vec<u8>,
    /// How many of them count.
    pub(super) filled: usize,
}

impl Piece {
    fn empty() -> Self {
        Self { bytes: vec![0; PIECE], filled: 0 }
    }
}

/// Who hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The one that writes the zip.
    Writer,
    Helper,
}

/// A stream that somebody works on, with what is to be hashed next.
enum Task {
    Wheel(Wheel, Vec<u8>),
    Zip(Hasher, Piece),
}

impl Task {
    /// The hasher, and what it is to be fed with; nothing at the end of a wheel.
    fn next(&mut self) -> io::Result<(&mut Hasher, &[u8])> {
        match self {
            Self::Wheel(wheel, buffer) => {
                buffer.resize(PIECE, 0);
                let got = read_at(&wheel.file, wheel.offset, buffer)?;
                buffer.truncate(got);
                wheel.offset += got as u64;
                Ok((&mut wheel.hasher, buffer))
            }
            Self::Zip(hasher, piece) => Ok((hasher, &piece.bytes[..piece.filled])),
        }
    }
}

impl State {
    fn take_zip(&mut self) -> Option<Task> {
        if self.zip.pieces.is_empty() {
            return None;
        }
        let hasher = self.zip.hasher.take()?;
        self.zip.is_taken = true;
        Some(Task::Zip(hasher, self.zip.pieces.pop_front()?))
    }

    fn take_wheel(&mut self) -> Option<Task> {
        let wheel = self.wheels.pop()?;
        Some(Task::Wheel(wheel, self.buffers.pop().unwrap_or_default()))
    }

    /// Unless it is the last one: a helper is at that, between two pieces of it.
    fn take_smallest_wheel(&mut self) -> Option<Task> {
        if self.wheels.len() < 2 {
            return None;
        }
        let wheel = self.wheels.remove(0);
        Some(Task::Wheel(wheel, self.buffers.pop().unwrap_or_default()))
    }

    /// What a thread is to do next: two things if no other thread waits for one. As long as the zip is being written, its
    /// writer leaves the large wheels to a helper, who takes a piece of the zip with each of theirs.
    fn take(&mut self, by: By) -> Option<(Task, Option<Task>)> {
        let one = match by {
            By::Writer if self.zip.is_open && self.has_helpers => {
                return Some((self.take_smallest_wheel().or_else(|| self.take_zip())?, None));
            }
            By::Writer => self.take_zip().or_else(|| self.take_wheel())?,
            By::Helper => self.take_wheel().or_else(|| self.take_zip())?,
        };
        let other = if self.idle > 0 { None } else { self.take_zip().or_else(|| self.take_wheel()) };
        Some((one, other))
    }

    fn give_back(&mut self, task: Task, result: io::Result<()>) {
        match task {
            Task::Zip(hasher, piece) => {
                self.zip.hasher = Some(hasher);
                self.zip.is_taken = false;
                self.zip.spare.push(Piece { filled: 0, ..piece });
                self.zip.finish_if_complete();
            }
            Task::Wheel(wheel, buffer) => {
                let goes_on = buffer.len() == PIECE;
                self.buffers.push(buffer);
                match result {
                    Ok(()) if goes_on => self.wheels.push(wheel),
                    result => self.end(wheel, result.err()),
                }
            }
        }
    }

    fn end(&mut self, wheel: Wheel, failure: Option<io::Error>) {
        let Wheel { index, path, expected, hasher, .. } = wheel;
        self.wheels_left -= 1;
        let found = hasher.finish();
        let error = match failure {
            Some(source) => zip_reader::Error::Io { path, source }.into(),
            None if found == expected => return,
            None => Error::Damaged { path, expected, found },
        };
        if self.failure.as_ref().is_none_or(|(first, _)| index < *first) {
            self.failure = Some((index, error));
        }
    }
}

impl Zip {
    fn finish_if_complete(&mut self) {
        if self.is_complete && self.pieces.is_empty() {
            self.sha256 = self.hasher.take().map(Hasher::finish).or(self.sha256);
        }
    }
}

impl Hashing {
    /// With so many threads, the one that writes among them.
    pub fn on(threads: usize) -> Self {
        let to_start = threads.saturating_sub(1).min(MOST_HELPERS);
        let state = State { to_start, ..State::default() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// Begins to hash open files, each with its path and what it has to be.
    pub fn begin(&self, files: impl IntoIterator<Item = (PathBuf, Arc<File>, Sha256)>) {
        let wheel = |(index, (path, file, expected))| {
            let hasher = Hasher::new();
            Wheel { index, path, file, expected, hasher, offset: 0 }
        };
        let mut wheels: Vec<Wheel> = files.into_iter().enumerate().map(wheel).collect();
        wheels.sort_by_cached_key(|wheel| wheel.file.metadata().map_or(0, |file| file.len()));
        let mut state = self.shared.lock();
        state.wheels_left += wheels.len();
        state.wheels.extend(wheels);
        let to_start = std::mem::take(&mut state.to_start);
        state.has_helpers |= to_start > 0;
        self.shared.wake(state);
        for _ in 0..to_start {
            let shared = Arc::clone(&self.shared);
            spawn_elsewhere(move || shared.help_until(By::Helper, |state| state.is_over));
        }
    }

    /// Hashes the files to their end. The first of them that is not what it has to be is an error.
    pub fn finish(&self) -> Result<(), Error> {
        // A zip that was given up is not written any more.
        self.shared.lock().zip.is_open = false;
        self.shared.help_until(By::Writer, |state| state.wheels_left == 0);
        self.shared.lock().failure.take().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Begins to hash a zip; one that was begun before is forgotten. Gives its first piece, to be filled.
    pub(super) fn begin_zip(&self) -> Piece {
        // What somebody still works on of a zip that was given up must not come back into this one.
        self.shared.lock().zip.pieces.clear();
        self.shared.help_until(By::Writer, |state| !state.zip.is_taken);
        let mut state = self.shared.lock();
        let spare = std::mem::take(&mut state.zip.spare);
        state.zip = Zip { hasher: Some(Hasher::new()), spare, is_open: true, ..Zip::default() };
        state.zip.spare.pop().unwrap_or_else(Piece::empty)
    }

    /// Hands on a piece of the zip, and gives an empty one for it.
    pub(super) fn pass_on(&self, piece: Piece) -> Piece {
        if self.shared.lock().zip.pieces.len() >= WAITING {
            self.shared.help_until(By::Writer, |state| state.zip.pieces.len() <= FEW);
        }
        let mut state = self.shared.lock();
        state.zip.pieces.push_back(piece);
        let spare = state.zip.spare.pop();
        self.shared.wake(state);
        spare.unwrap_or_else(Piece::empty)
    }

    /// No more pieces come.
    pub(super) fn complete_zip(&self) {
        let mut state = self.shared.lock();
        state.zip.is_open = false;
        state.zip.is_complete = true;
        state.zip.finish_if_complete();
        self.shared.wake(state);
    }

    /// The hash of the zip, which is complete.
    pub(super) fn of_zip(&self) -> Sha256 {
        self.shared.help_until(By::Writer, |state| state.zip.sha256.is_some());
        self.shared.lock().zip.sha256.expect("it was waited for")
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        self.shared.wake(state);
    }
}

impl Shared {
    fn help_until(&self, by: By, is_done: impl Fn(&State) -> bool) {
        let mut state = self.lock();
        let mut looks = 0;
        while !is_done(&state) {
            assert!(!state.is_broken, "a thread that hashes has panicked");
            let Some((mut one, mut other)) = state.take(by) else {
                state.idle += 1;
                if looks < LOOKS {
                    looks += 1;
                    drop(state);
                    std::thread::yield_now();
                    state = self.lock();
                } else {
                    state.asleep += 1;
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.asleep -= 1;
                }
                state.idle -= 1;
                continue;
            };
            looks = 0;
            drop(state);
            let stepped = catch_unwind(AssertUnwindSafe(|| step(&mut one, other.as_mut())));
            state = self.lock();
            match stepped {
                Ok((result, other_result)) => {
                    if let Some(other) = other {
                        state.give_back(other, other_result);
                    }
                    state.give_back(one, result);
                }
                Err(panic) => {
                    state.is_broken = true;
                    self.wake(state);
                    resume_unwind(panic)
                }
            }
            if state.asleep > 0 {
                self.changed.notify_all();
            }
        }
    }

    /// Wakes those that sleep, for something has changed.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let sleepers = state.asleep;
        drop(state);
        if sleepers > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes what comes next of one stream, or of two.
fn step(one: &mut Task, other: Option<&mut Task>) -> (io::Result<()>, io::Result<()>) {
    let alone = |next: io::Result<(&mut Hasher, &[u8])>| next.map(|(hasher, bytes)| hasher.update(bytes));
    let Some(other) = other else { return (alone(one.next()), Ok(())) };
    match (one.next(), other.next()) {
        (Ok(one), Ok(other)) => {
            update_both(one, other);
            (Ok(()), Ok(()))
        }
        (one, other) => (alone(one), alone(other)),
    }
}

#[cfg(test)]
mod tests;
