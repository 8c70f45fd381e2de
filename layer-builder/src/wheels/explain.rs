//! Why a package's wheel was taken, and why not the others: for `--explain`.

use std::fmt::Write as _;

use pep508_rs::PackageName;

use super::select::{Origin, Selected};
use super::tags::WheelName;
use crate::lock::Lock;
use crate::lock::files::FileIndex;
use crate::target::Target;

/// What there is to say about `name`; `None` if the lock does not hold it.
pub fn explain(
    name: &PackageName,
    lock: &Lock,
    index: &FileIndex,
    selected: &[Selected],
    targets: &[Target],
) -> Option<String> {
    let locked: Vec<_> = lock.packages.iter().filter(|package| package.name == *name).collect();
    if locked.is_empty() {
        return None;
    }
    let choices = selected.iter().find(|package| package.name == *name).map(|package| &package.choices);
    let mut text = String::new();
    for &target in targets {
        let Some(chosen) = choices.and_then(|choices| choices.get(&target)) else {
            let _ = writeln!(text, "{target}: not needed");
            continue;
        };
        let _ = writeln!(text, "{target}: {}", chosen.label());
        let Some(files) = chosen.version.as_ref().and_then(|version| index.of(name, version)) else {
            let _ = writeln!(text, "  taken    {}", chosen.origin.file_name());
            continue;
        };
        let taken = chosen.origin.file_name();
        let mut refused = Vec::new();
        for file in &files.wheels {
            let line = match WheelName::parse(&file.file_name) {
                Err(_) => "is no name of a wheel".to_owned(),
                Ok(wheel) => match wheel.refusal(target) {
                    None if file.file_name == taken => continue,
                    None => format!("serves too, but `{taken}` is preferred"),
                    Some(why) => why.to_string(),
                },
            };
            refused.push(format!("  refused  {}: {line}", file.file_name));
        }
        let _ = writeln!(text, "  taken    {taken}");
        refused.sort();
        for line in refused {
            let _ = writeln!(text, "{line}");
        }
        if let (Some(sdist), Origin::Wheel(_)) = (&files.sdist, &chosen.origin) {
            let _ = writeln!(text, "  refused  {}: a wheel needs no building", sdist.file_name);
        }
    }
    Some(text.trim_end().to_owned())
}
