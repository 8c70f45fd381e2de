//! Never twice: every fault that a PublishLayerVersion can meet, against a region and a clock of our own.

use std::time::Duration;

use super::*;
use crate::publish::fake::{FakeRegion, Fault, wanted};

fn brought(region: &FakeRegion, zip: &[u8]) -> Result<Outcome, RegionFailure> {
    run(region, async |around| bring(region, around, &wanted(zip), &Terms::default(), None).await)
}

fn run<T>(region: &FakeRegion, work: impl AsyncFnOnce(&Surroundings<'_, FakeRegion, FakeRegion>) -> T) -> T {
    let clocks = Clocks::real();
    let around = Surroundings { clock: region, journal: region, clocks: &clocks, told: &|_| () };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work(&around))
}

fn publishes(region: &FakeRegion) -> usize {
    region.calls().iter().filter(|call| **call == "publish").count()
}

#[test]
fn a_new_layer_is_published_and_read_back() {
    let region = FakeRegion::default();
    let outcome = brought(&region, b"a").unwrap();
    assert_eq!((outcome.was, outcome.version.arn.version), (Was::Published, 1));
    assert!(outcome.is_verified());
    assert_eq!(region.calls(), ["list", "publish", "get"]);
}

#[test]
fn the_steady_state_is_one_list_and_one_get() {
    let region = FakeRegion::default().holding(&[b"b", b"a"]);
    let outcome = brought(&region, b"a").unwrap();
    assert_eq!((outcome.was, outcome.version.arn.version), (Was::Unchanged, 2));
    assert_eq!(region.calls(), ["list", "get"]);
}

#[test]
fn older_content_is_published_again_if_something_else_is_newest() {
    let region = FakeRegion::default().holding(&[b"a", b"b"]);
    let outcome = brought(&region, b"a").unwrap();
    assert_eq!((outcome.was, outcome.version.arn.version), (Was::Published, 3));
}

#[test]
fn after_a_lost_answer_there_is_one_version() {
    for there in [&[][..], &[&b"b"[..]], &[&b"a"[..], b"b"]] {
        let region = FakeRegion::with_faults(&[Fault::AnswerLost]).holding(there);
        let outcome = brought(&region, b"a").unwrap();
        assert_eq!(outcome.was, Was::PublishedUnheard);
        assert!(outcome.is_verified() && outcome.twins.is_empty());
        assert_eq!(outcome.version.arn.version as usize, there.len() + 1);
        assert_eq!(region.settle().len(), there.len() + 1);
        assert_eq!(publishes(&region), 1);
    }
}

#[test]
fn what_arrives_late_is_waited_for() {
    for seconds in [1, 5, 10, 15, 19] {
        let region = FakeRegion::with_faults(&[Fault::Late(Duration::from_secs(seconds))]);
        let outcome = brought(&region, b"a").unwrap();
        assert_eq!(outcome.was, Was::PublishedUnheard);
        assert_eq!(region.settle().len(), 1, "{seconds} s late");
    }
}

#[test]
fn what_was_lost_is_published_again_once_and_not_before_20_seconds() {
    let region = FakeRegion::with_faults(&[Fault::Lost]);
    let outcome = brought(&region, b"a").unwrap();
    assert_eq!(outcome.was, Was::Published);
    assert!(region.time() >= Duration::from_secs(20));
    assert_eq!(publishes(&region), 2);
    assert_eq!(region.settle().len(), 1);

    let region = FakeRegion::with_faults(&[Fault::Lost, Fault::Lost]);
    assert!(matches!(brought(&region, b"a"), Err(RegionFailure::Unheard { .. })));
    assert_eq!(publishes(&region), 2);
}

#[test]
fn nothing_is_published_again_while_nobody_can_look() {
    let region = FakeRegion::with_faults(&[Fault::AnswerLost]).failing_looks(1000);
    assert!(matches!(brought(&region, b"a"), Err(RegionFailure::Unheard { .. })));
    assert_eq!(publishes(&region), 1);
    // The next run finds it.
    let region = FakeRegion::with_faults(&[Fault::AnswerLost]).failing_looks(3);
    assert_eq!(brought(&region, b"a").unwrap().was, Was::PublishedUnheard);
    assert_eq!(region.versions().len(), 1);
}

#[test]
fn a_throttled_publish_is_tried_again_after_one_look() {
    let region = FakeRegion::with_faults(&[Fault::Refused(Kind::Throttled); 5]);
    assert_eq!(brought(&region, b"a").unwrap().was, Was::Published);
    assert_eq!(region.versions().len(), 1);
    assert_eq!(region.calls()[..4], ["list", "publish", "list", "publish"]);
    let region = FakeRegion::with_faults(&[Fault::Refused(Kind::Throttled); 6]);
    assert!(matches!(brought(&region, b"a"), Err(RegionFailure::Refused { .. })));
}

#[test]
fn what_a_killed_run_has_sent_is_waited_for() {
    for seconds in [1, 10, 19] {
        let region = FakeRegion::default().left_over(b"a", Duration::from_secs(seconds));
        let outcome = brought(&region, b"a").unwrap();
        assert_eq!(outcome.was, Was::PublishedUnheard);
        assert_eq!(region.settle().len(), 1, "{seconds} s late");
        assert_eq!(publishes(&region), 0);
        assert!(!region.is_in_flight());
    }
    // If it never arrives, it is published after the same time.
    let region = FakeRegion::default().left_over(b"a", Duration::from_secs(1_000_000));
    assert_eq!(brought(&region, b"a").unwrap().was, Was::Published);
    assert!(region.time() >= Duration::from_secs(20));
    assert_eq!(publishes(&region), 1);
}

#[test]
fn a_line_stays_in_the_journal_as_long_as_nobody_knows() {
    let region = FakeRegion::with_faults(&[Fault::Lost, Fault::Lost]);
    brought(&region, b"a").unwrap_err();
    assert!(region.is_in_flight());
    brought(&region, b"a").unwrap();
    assert!(!region.is_in_flight());
    let region = FakeRegion::with_faults(&[Fault::Refused(Kind::Denied)]);
    brought(&region, b"a").unwrap_err();
    assert!(!region.is_in_flight());
}

#[test]
fn a_refused_value_is_left_out_once_and_is_no_difference_later() {
    let no_architectures = Fault::Invalid("CompatibleArchitectures is not supported in this region");
    let region = FakeRegion::with_faults(&[no_architectures]);
    let outcome = brought(&region, b"a").unwrap();
    assert!(outcome.is_verified());
    assert_eq!(outcome.version.compatible_architectures, [""; 0]);
    assert_eq!(region.calls(), ["list", "publish", "publish", "get"]);
    let outcome = brought(&region, b"a").unwrap();
    assert_eq!((outcome.was, outcome.differences), (Was::Unchanged, Vec::new()));

    // Even where the first answer was lost.
    let region = FakeRegion::with_faults(&[no_architectures, Fault::AnswerLost]);
    assert!(brought(&region, b"a").unwrap().is_verified());
    assert_eq!(region.settle().len(), 1);
    let region = FakeRegion::with_faults(&[Fault::Lost, no_architectures]);
    assert!(brought(&region, b"a").is_err() || region.settle().len() == 1);
    let region = FakeRegion::with_faults(&[no_architectures, no_architectures]);
    assert!(matches!(brought(&region, b"a"), Err(RegionFailure::Refused { .. })));
}

#[test]
fn a_refusal_is_final() {
    let region = FakeRegion::with_faults(&[Fault::Refused(Kind::StorageExceeded)]);
    assert!(matches!(brought(&region, b"a"), Err(RegionFailure::Refused { .. })));
    assert_eq!(region.calls(), ["list", "publish"]);
}

#[test]
fn a_refusal_after_silence_is_looked_behind() {
    // The first request arrives after the second one was refused.
    let late = Fault::Late(Duration::from_millis(20_500));
    let region = FakeRegion::with_faults(&[late, Fault::Refused(Kind::Throttled)]);
    assert_eq!(brought(&region, b"a").unwrap().was, Was::PublishedUnheard);
    assert_eq!(region.settle().len(), 1);
}

#[test]
fn every_pair_of_faults_ends_with_one_version_or_is_told() {
    let within = [0, 3, 12, 19].map(|seconds| Fault::Late(Duration::from_secs(seconds)));
    let refused = [Kind::Throttled, Kind::Denied].map(Fault::Refused);
    let faults =
        [Fault::Lost, Fault::AnswerLost].into_iter().chain(within).chain(refused).collect::<Vec<_>>();
    for &first in &faults {
        for &second in &faults {
            let region = FakeRegion::with_faults(&[first, second]);
            let result = brought(&region, b"a");
            let versions = region.settle().len();
            assert!(versions <= 1, "{first:?}, {second:?}: {versions} versions");
            assert_eq!(result.is_ok(), versions == 1, "{first:?}, {second:?}: {result:?}");
            // And the next run, whatever came of this one.
            if !matches!(result, Err(RegionFailure::Refused { .. })) {
                brought(&region, b"a").unwrap();
                assert_eq!(region.settle().len(), 1, "{first:?}, {second:?}, then a second run");
            }
        }
    }
}

#[test]
fn nothing_is_published_under_another_number_than_the_one_agreed_on() {
    let agreed = |region: &FakeRegion, number| {
        run(region, async |around| {
            bring(region, around, &wanted(b"a"), &Terms::default(), Some(number)).await
        })
    };
    let region = FakeRegion::default().holding(&[b"b"]);
    for number in [1, 3] {
        let failure = agreed(&region, number).unwrap_err();
        assert!(matches!(failure, RegionFailure::OtherNumber { found: 2, .. }), "{failure}");
    }
    assert_eq!(publishes(&region), 0);
    assert_eq!(agreed(&region, 2).unwrap().version.arn.version, 2);
    // It is there: which number was agreed on does not matter any more.
    assert_eq!(agreed(&region, 7).unwrap().was, Was::Unchanged);
}

#[test]
fn a_version_is_filled_up_once_whatever_happens() {
    let filled = |region: &FakeRegion, number| {
        run(region, async |around| fill(region, around, &wanted(b"old"), number).await)
    };
    for fault in [Fault::AnswerLost, Fault::Lost, Fault::Late(Duration::from_secs(12))] {
        let region = FakeRegion::with_faults(&[fault]).holding(&[b"x"]);
        assert_eq!(filled(&region, 2).unwrap().unwrap().version.arn.version, 2);
        assert_eq!(filled(&region, 2).unwrap(), None);
        assert_eq!(region.settle().len(), 2, "{fault:?}");
        // The same content under the next number, as where two versions are alike.
        assert_eq!(filled(&region, 3).unwrap().unwrap().version.arn.version, 3);
        assert_eq!(region.settle().len(), 3, "{fault:?}");
    }
    let region = FakeRegion::default();
    assert!(matches!(filled(&region, 2), Err(RegionFailure::OtherNumber { found: 1, .. })));
    assert_eq!(publishes(&region), 0);
}

#[test]
fn what_was_withdrawn_costs_one_more_look_and_is_never_published_again() {
    let region = FakeRegion::default().holding(&[b"a", b"b"]);
    let terms = Terms { withdrawn: [(2, "it breaks".to_owned())].into(), ..Terms::default() };
    let run =
        |zip: &[u8]| run(&region, async |around| bring(&region, around, &wanted(zip), &terms, None).await);
    assert_eq!(run(b"a").unwrap().was, Was::Unchanged);
    assert_eq!(region.calls(), ["list", "get"]);
    let refused = run(b"b").unwrap_err();
    assert_eq!(refused.to_string(), "this content was withdrawn as version 2: it breaks");
    assert_eq!(region.calls()[2..], ["list", "get", "get"]);
    assert_eq!(run(b"c").unwrap().version.arn.version, 3);
}
