//! What can still be read of a text that is no ledger any more: a merge that was left unfinished, a file that was cut
//! off or edited by hand. Every entry that is whole counts, on whichever side of a conflict it stands.

use serde_json::Deserializer;

use super::{Entry, FileEntry, Ledger};

impl Ledger {
    /// The entries that are whole. Of two about the same place the newer version counts that neither says is withdrawn,
    /// with the withdrawals of both.
    pub fn salvage(text: &str) -> Self {
        let mut ledger = Self::default();
        for side in sides(text) {
            for entry in whole_entries(&side) {
                let entry = match ledger.get(&entry.place()) {
                    Some(known) => newer(known.clone(), entry),
                    None => entry,
                };
                ledger.insert(entry);
            }
        }
        ledger
    }
}

fn newer(one: Entry, other: Entry) -> Entry {
    let mut withdrawn = other.withdrawn.clone();
    withdrawn.extend(one.withdrawn.clone());
    let rank = |entry: &Entry| (!withdrawn.contains_key(&entry.version()), entry.version(), entry.verified);
    let mut entry = if rank(&other) > rank(&one) { other } else { one };
    withdrawn.remove(&entry.version());
    entry.withdrawn = withdrawn;
    entry
}

/// Both sides of every conflict, each as a text of its own.
fn sides(text: &str) -> [String; 2] {
    /// Where a line stands: before the markers, or on a side of them; `Base` is on neither.
    enum Side {
        Both,
        Ours,
        Base,
        Theirs,
    }
    let mut side = Side::Both;
    let (mut ours, mut theirs) = (String::new(), String::new());
    for line in text.split_inclusive('\n') {
        match &line.get(..7) {
            Some("<<<<<<<") => side = Side::Ours,
            Some("|||||||") => side = Side::Base,
            Some("=======") => side = Side::Theirs,
            Some(">>>>>>>") => side = Side::Both,
            _ => {
                if matches!(side, Side::Both | Side::Ours) {
                    ours.push_str(line);
                }
                if matches!(side, Side::Both | Side::Theirs) {
                    theirs.push_str(line);
                }
            }
        }
    }
    [ours, theirs]
}

fn whole_entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find('{').map(|at| from + at) {
        let mut stream = Deserializer::from_str(&text[start..]).into_iter::<FileEntry>();
        let entry = stream.next().and_then(Result::ok);
        from = start + if entry.is_some() { stream.byte_offset() } else { 1 };
        entries.extend(entry.and_then(|entry| entry.check(entries.len() + 1, text).ok()));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(region: &str, version: u64) -> Entry {
        Entry::new(format!("arn:aws:lambda:{region}:123456789012:layer:sosw:{version}").parse().unwrap())
    }

    fn salvaged(text: &str) -> Vec<String> {
        let ledger = Ledger::salvage(text);
        let shown = ledger.entries().map(|entry| {
            let withdrawn = entry.withdrawn.keys().map(|version| format!(" -{version}")).collect::<String>();
            format!("{} {}{withdrawn}", entry.layer_version_arn.region, entry.version())
        });
        shown.collect()
    }

    #[test]
    fn both_sides_of_a_conflict_within_an_entry_are_read() {
        let text =
            |version| [entry("eu-west-1", version), entry("us-east-1", 3)].into_iter().collect::<Ledger>();
        let (ours, theirs) = (text(7).to_text(), text(8).to_text());
        let mut conflict = String::new();
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            if ours == theirs {
                conflict += &format!("{ours}\n");
            } else {
                conflict += &format!("<<<<<<< HEAD\n{ours}\n||||||| base\nx\n=======\n{theirs}\n>>>>>>> b\n");
            }
        }
        assert!(Ledger::parse(&conflict).is_err());
        assert_eq!(salvaged(&conflict), ["eu-west-1 8", "us-east-1 3"]);
    }

    #[test]
    fn what_one_side_has_withdrawn_does_not_come_back() {
        let withdrawn = Entry { withdrawn: [(8, "it breaks".to_owned())].into(), ..entry("eu-west-1", 7) };
        for sides in [[withdrawn.clone(), entry("eu-west-1", 8)], [entry("eu-west-1", 8), withdrawn]] {
            let text = sides.map(|entry| [entry].into_iter().collect::<Ledger>().to_text()).join("=======\n");
            assert_eq!(salvaged(&format!("<<<<<<< a\n{text}>>>>>>> b\n")), ["eu-west-1 7 -8"]);
        }
    }

    #[test]
    fn of_a_file_that_was_cut_off_the_whole_entries_are_left() {
        let ledger = [entry("eu-west-1", 7), entry("us-east-1", 3)].into_iter().collect::<Ledger>();
        let text = ledger.to_text();
        for end in 0..=text.len() {
            let found = salvaged(&text[..end]);
            assert!(
                found.len() <= 2 && found.iter().zip(["eu-west-1 7", "us-east-1 3"]).all(|(a, b)| a == b)
            );
        }
        assert_eq!(salvaged(&text[..text.len() - 20]).len(), 1);
        assert_eq!(salvaged(&text.replace("\"version\": 7", "\"version\": 9")), ["us-east-1 3"]);
        assert_eq!(salvaged("not even {JSON} {{{"), [""; 0]);
    }
}
