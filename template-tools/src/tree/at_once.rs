//! The same work for many, some at once, and what came of it in their order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError, mpsc};

/// How many threads make files and put them in their places. That is waiting for a disk, for the most part, so it takes more
/// of them than there are processors.
const AT_ONCE: usize = 8;
/// How many may be done, or under way, before the first of them is told.
const AHEAD: usize = 64;

/// Does the same for all of them, some at once, and hands on the results in their order, each as soon as those before it
/// are there. Whoever takes a result slowly holds up the work: nearly all that is done has been told.
pub fn at_once<T: Send, R: Send>(all: Vec<T>, work: impl Fn(T) -> R + Sync, mut then: impl FnMut(R)) {
    let (count, threads) = (all.len(), AT_ONCE.min(all.len() / 2));
    if threads < 2 {
        all.into_iter().map(work).for_each(then);
        return;
    }
    let (give, given) = mpsc::channel();
    let given = Mutex::new(given);
    let take = || given.lock().unwrap_or_else(PoisonError::into_inner).recv();
    std::thread::scope(|scope| {
        // The threads end when this is gone, at the end or in a panic.
        let give = give;
        let (done, results) = mpsc::channel();
        for _ in 0..threads {
            let (done, take, work) = (done.clone(), &take, &work);
            scope.spawn(move || {
                while let Ok((at, one)) = take() {
                    // Nobody is there any more only after a panic.
                    let _ = done.send((at, catch_unwind(AssertUnwindSafe(|| work(one)))));
                }
            });
        }
        drop(done);
        let mut waiting = all.into_iter().enumerate();
        let mut more = |count: usize| waiting.by_ref().take(count).for_each(|one| drop(give.send(one)));
        more(AHEAD);
        let mut early = BTreeMap::new();
        for next in 0..count {
            while !early.contains_key(&next) {
                let (at, result) = results.recv().expect("a thread sends whatever comes of its work");
                early.insert(at, result.unwrap_or_else(|panic| resume_unwind(panic)));
            }
            early.remove(&next).into_iter().for_each(&mut then);
            more(1);
        }
    });
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
