//! What the ledger should say about a place, by what is there. Pure.

use template_tools::ledger::Entry;

use super::look::Seen;
use crate::layer_version::LayerVersion;
use crate::publish::plan::{self, Wanted};
use crate::versions::mark;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Look,
    /// Every row becomes what AWS has of ours.
    Repair,
    /// Versions that something else has published become rows.
    Import,
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It stays.
    Same,
    /// It becomes this one.
    Row(Box<Entry>),
    /// It goes: there is no such layer.
    Removed,
}

/// The row that a place should have.
pub fn mended(
    seen: &Seen,
    known: Option<&Entry>,
    wanted: Option<&Wanted>,
    target: Option<&str>,
    mode: Mode,
) -> Mended {
    let version = match mode {
        Mode::Look => None,
        Mode::Repair => {
            let ours = seen.newest_of_ours(known, wanted);
            if ours.is_none() && known.is_some_and(|entry| !seen.versions.contains_key(&entry.version())) {
                return Mended::Removed;
            }
            ours
        }
        Mode::Import => seen.newest(known).filter(|newest| {
            !plan::is_marked(&newest.description)
                && known.is_none_or(|entry| entry.version() < newest.arn.version)
        }),
    };
    let Some(version) = version else { return Mended::Same };
    let same = known.filter(|entry| entry.layer_version_arn == version.arn);
    let mut row = Entry {
        verified: is_verified(version, same, wanted),
        target: same.and_then(|entry| entry.target.clone()).or_else(|| target.map(str::to_owned)),
        content: same.and_then(|entry| entry.content.clone()),
        withdrawn: known.map(|entry| entry.withdrawn.clone()).unwrap_or_default(),
        ..version.entry()
    };
    row.withdrawn.remove(&version.arn.version);
    if known == Some(&row) { Mended::Same } else { Mended::Row(Box::new(row)) }
}

/// Verified is what was verified, what is built here, and what bears the mark of its own content.
fn is_verified(version: &LayerVersion, same: Option<&Entry>, wanted: Option<&Wanted>) -> bool {
    let was_verified =
        same.is_some_and(|entry| entry.verified && entry.code_sha256.as_ref() == Some(&version.code_sha256));
    let is_built =
        wanted.is_some_and(|wanted| wanted.is_in(version) && wanted.differences(version).is_empty());
    was_verified || is_built || mark::proves(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer_version::Listed;
    use crate::publish::fake;

    fn seen(versions: &[LayerVersion]) -> Seen {
        let listed = |version: &LayerVersion| Listed {
            version: version.arn.version,
            description: version.description.clone(),
            ..Listed::default()
        };
        Seen {
            listed: versions.iter().map(listed).collect(),
            versions: versions.iter().map(|version| (version.arn.version, version.clone())).collect(),
            ..Seen::default()
        }
    }

    fn by_hand(version: LayerVersion) -> LayerVersion {
        LayerVersion { description: "sosw".to_owned(), ..version }
    }

    /// `version verified`, or what happens instead.
    fn shown(mended: &Mended) -> String {
        match mended {
            Mended::Same => "same".to_owned(),
            Mended::Removed => "removed".to_owned(),
            Mended::Row(entry) => format!("{} {}", entry.version(), entry.verified),
        }
    }

    #[test]
    fn repair_goes_to_the_newest_of_ours_that_is_not_withdrawn() {
        let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let there = seen(&[by_hand(fake::version(&b, 9)), fake::version(&b, 8), fake::version(&a, 7)]);
        let repair = |known: Option<&Entry>| shown(&mended(&there, known, None, None, Mode::Repair));
        assert_eq!(repair(None), "8 true");
        let old = fake::version(&a, 7).entry();
        assert_eq!(repair(Some(&old)), "8 true");
        let withdrawn = Entry { withdrawn: [(8, "it breaks".to_owned())].into(), ..old.clone() };
        assert_eq!(repair(Some(&withdrawn)), "7 true");
        let right = Entry { verified: true, ..withdrawn };
        assert_eq!(repair(Some(&right)), "same");
        // What is built counts as ours, whoever has published it.
        assert_eq!(shown(&mended(&there, None, Some(&b), None, Mode::Repair)), "9 true");
    }

    #[test]
    fn what_is_gone_leaves_the_ledger_and_what_is_foreign_does_not_enter_it() {
        let a = fake::wanted(b"a");
        let known = fake::version(&a, 7).entry();
        assert_eq!(shown(&mended(&seen(&[]), Some(&known), None, None, Mode::Repair)), "removed");
        let foreign = seen(&[by_hand(fake::version(&a, 3))]);
        assert_eq!(shown(&mended(&foreign, None, None, None, Mode::Repair)), "same");
    }

    #[test]
    fn import_adopts_what_bears_no_mark_and_believes_the_built_zip_only() {
        let (a, b) = (fake::wanted(b"a"), fake::wanted(b"b"));
        let there = seen(&[by_hand(fake::version(&a, 9)), fake::version(&b, 8)]);
        let import = |known: Option<&Entry>, wanted: Option<&Wanted>| {
            shown(&mended(&there, known, wanted, None, Mode::Import))
        };
        assert_eq!(import(None, None), "9 false");
        assert_eq!(import(None, Some(&b)), "9 false");
        assert_eq!(import(None, Some(&a)), "9 true");
        assert_eq!(import(Some(&fake::version(&b, 8).entry()), None), "9 false");
        assert_eq!(import(Some(&fake::version(&a, 9).entry()), None), "same");
        let ours = seen(&[fake::version(&a, 9)]);
        assert_eq!(shown(&mended(&ours, None, Some(&a), None, Mode::Import)), "same");
    }
}
