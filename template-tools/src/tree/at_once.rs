//! The same work for many, some at once, and what came of it in their order.

use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::vec::IntoIter;

/// How many threads make files and put them in their places. That is waiting for a disk, for the most part, so it takes more
/// of them than there are processors.
const AT_ONCE: usize = 8;
/// How many may be done, or under way, before the first of them is told.
const AHEAD: usize = 64;

/// Does the same for all of them, some at once, and hands on the results in their order, each as soon as those before it
/// are there. Whoever takes a result slowly holds up the work: nearly all that is done has been told.
pub fn at_once<T: Send, R: Send>(all: Vec<T>, work: impl Fn(T) -> R + Sync, mut then: impl FnMut(R)) {
    let threads = AT_ONCE.min(all.len() / 2);
    if threads < 2 {
        all.into_iter().map(work).for_each(then);
        return;
    }
    let queue = Queue::new(all);
    std::thread::scope(|scope| {
        let (done, results) = mpsc::channel();
        for _ in 0..threads {
            let (done, work, queue) = (done.clone(), &work, &queue);
            scope.spawn(move || {
                let _end = EndsAtPanic(queue);
                while let Some((at, one)) = queue.take() {
                    if done.send((at, work(one))).is_err() {
                        break;
                    }
                }
            });
        }
        // The last of the threads to end closes the channel; the scope passes a panic on.
        drop(done);
        let _end = EndsAtPanic(&queue);
        let mut early = BTreeMap::new();
        let mut told = 0;
        for (at, result) in results {
            early.insert(at, result);
            while let Some(result) = early.remove(&told) {
                told += 1;
                then(result);
                queue.told(told);
            }
        }
    });
}

/// What is still to be done. It is handed out as far ahead of what was told as it may be.
struct Queue<T> {
    state: Mutex<State<T>>,
    moved: Condvar,
}

struct State<T> {
    next: Enumerate<IntoIter<T>>,
    taken: usize,
    told: usize,
    has_ended: bool,
}

impl<T> Queue<T> {
    fn new(all: Vec<T>) -> Self {
        let next = all.into_iter().enumerate();
        Self { state: Mutex::new(State { next, taken: 0, told: 0, has_ended: false }), moved: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one, once enough was told; nothing when there is none, or somebody has panicked.
    fn take(&self) -> Option<(usize, T)> {
        let is_ahead = |state: &mut State<T>| state.taken >= state.told + AHEAD && !state.has_ended;
        let waited = self.moved.wait_while(self.state(), is_ahead);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.has_ended {
            return None;
        }
        state.taken += 1;
        state.next.next()
    }

    fn told(&self, told: usize) {
        let mut state = self.state();
        let someone_waits = state.taken >= state.told + AHEAD;
        state.told = told;
        drop(state);
        if someone_waits {
            self.moved.notify_all();
        }
    }
}

/// What a thread that panics owes to those that wait: what it had taken will never be told.
struct EndsAtPanic<'q, T>(&'q Queue<T>);

impl<T> Drop for EndsAtPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().has_ended = true;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order() {
        for count in [0, 1, 7, 8, 9, 16, 17, 100, 1001] {
            let mut doubled = Vec::new();
            at_once((0..count).collect(), |number: usize| 2 * number, |result| doubled.push(result));
            assert_eq!(doubled, (0..count).map(|number| 2 * number).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_passed_on() {
        let work = |number: usize| assert!(number != 5, "our own bug");
        // The others wait for the one that will never be told.
        let panicked = std::panic::catch_unwind(|| at_once((0..1000).collect(), work, drop));
        assert!(panicked.is_err());
        let then = |number: usize| assert!(number != 5, "our own bug");
        let panicked = std::panic::catch_unwind(|| at_once((0..1000).collect(), |number| number, then));
        assert!(panicked.is_err());
    }

    #[test]
    fn work_waits_for_what_is_told() {
        let (begun, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let most = AtomicUsize::new(0);
        let work = |_: usize| {
            let begun = begun.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(begun.saturating_sub(told.load(Ordering::SeqCst)), Ordering::SeqCst);
        };
        // The first is taken only when the work has come as far as it may without that.
        at_once((0..1000).collect(), work, |()| {
            if told.load(Ordering::SeqCst) == 0 {
                while begun.load(Ordering::SeqCst) < AHEAD {
                    std::thread::yield_now();
                }
                (0..10_000).for_each(|_| std::thread::yield_now());
            }
            told.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(begun.into_inner(), 1000);
        assert!(most.into_inner() <= AHEAD, "the work ran ahead");
    }
}
