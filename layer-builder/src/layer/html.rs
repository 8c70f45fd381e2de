//! A layer as one page: sizes as a map, the audit's findings, every package. It needs nothing but a browser.
//!
//! Everything that could be read as markup is escaped here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::audit::{Finding, Severity, sizes, summary};
use super::inspect::{Inspection, percent};
use super::manifest::Manifest;
use crate::ui::{counted, megabytes};

const PAGE: &str = include_str!("html/page.html");
/// Of each package so many folders are shown; the smaller ones are one field.
const MOST_PARTS: usize = 60;
/// A file of so many bytes has a field of its own.
const LARGE: u64 = 500_000;
/// Folders are shown so deep, and where one is a tenth of its layer, what lies in it, down to the last.
const DEPTHS: std::ops::RangeInclusive<usize> = 2..=4;

/// The page about a zip. `manifest` is the one that was written with it, if there is one.
pub fn page(
    name: &str,
    inspection: &Inspection,
    manifest: Option<&Manifest>,
    findings: &[Finding],
) -> String {
    let subtitle = format!(
        "{} in {}, {} zipped, {} unzipped",
        counted(inspection.files, "file"),
        counted(inspection.packages.len(), "package"),
        megabytes(inspection.size),
        megabytes(inspection.unzipped_size)
    );
    // What is put in is not looked at again, so that no name can stand for another place.
    let mut page = String::with_capacity(PAGE.len() + 50_000);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (place, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        match place {
            "name" => page.push_str(&escaped(name)),
            "subtitle" => page.push_str(&escaped(&subtitle)),
            "meters" => page.push_str(&meters(inspection)),
            "facts" => page.push_str(&facts(inspection, manifest)),
            "summary" => page.push_str(&escaped(&summary(findings))),
            "findings" => page.push_str(&list(findings)),
            "rows" => page.push_str(&rows(inspection)),
            "data" => page.push_str(&data(inspection)),
            _ => {}
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The same with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let part = |(index, part): (usize, &String)| {
        if index % 2 == 1 { format!("<code>{part}</code>") } else { part.clone() }
    };
    parts.iter().enumerate().map(part).collect()
}

fn meters(inspection: &Inspection) -> String {
    // Only one of the two limits stops a layer.
    let meter = |label: &str, size: u64, limit: u64, over: &str, note: &str| {
        let part = percent(size, limit);
        let level = if part > 100.0 {
            over
        } else if part > 90.0 {
            "near"
        } else {
            "fine"
        };
        format!(
            "<div class=\"meter {level}\"><p><span>{label}</span><b>{}</b> of {} <i>{part:.0} %</i></p>\
             <div class=\"bar\"><div style=\"width:{:.1}%\"></div></div><small>{note}</small></div>",
            megabytes(size),
            megabytes(limit),
            part.min(100.0)
        )
    };
    let shared = "shared by a function and all its layers";
    meter("Unzipped", inspection.unzipped_size, sizes::UNZIPPED_LIMIT, "over", shared)
        + &meter("Zipped", inspection.size, sizes::DIRECT_LIMIT, "near", "what is larger goes through S3")
}

fn facts(inspection: &Inspection, manifest: Option<&Manifest>) -> String {
    let mut facts = Vec::new();
    if let Some(manifest) = manifest {
        facts.push(("Runtimes", manifest.compatible_runtimes.join(", ")));
        facts.push(("Architectures", manifest.compatible_architectures.join(", ")));
        facts.push(("Licence", manifest.license.clone().unwrap_or_default()));
    }
    facts.push(("CodeSha256", inspection.code_sha256.clone()));
    facts.retain(|(_, value)| !value.is_empty());
    facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value))).collect()
}

fn list(findings: &[Finding]) -> String {
    let item = |finding: &Finding| {
        let level = match (&finding.allowed, finding.severity) {
            (Some(_), _) => "allowed",
            (None, Severity::Error) => "error",
            (None, Severity::Warning) => "warning",
            (None, Severity::Note) => "note",
        };
        let file = finding.file.as_ref().map(|file| format!("<code>{}</code> ", escaped(file)));
        let mut item = format!(
            "<li class=\"{level}\"><p><span class=\"badge\">{level}</span> <b>{}</b></p><p>{}{}</p>",
            escaped(&finding.id),
            file.unwrap_or_default(),
            with_code(&finding.reason)
        );
        match &finding.allowed {
            Some(reason) => _ = write!(item, "<p class=\"fix\">Allowed: {}</p>", escaped(reason)),
            None if finding.fix.is_empty() => {}
            None => _ = write!(item, "<p class=\"fix\">Fix: {}</p>", with_code(&finding.fix)),
        }
        item + "</li>\n"
    };
    findings.iter().map(item).collect()
}

fn rows(inspection: &Inspection) -> String {
    let mut rows = String::new();
    for package in &inspection.packages {
        let kind = if package.native { "native" } else { "pure" };
        let licence = escaped(package.license.as_deref().unwrap_or("?"));
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{} <span>{}</span><small>{}</small></th><td>{}</td><td><span class=\"kind {kind}\">{kind}</span></td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{:.1} %</td></tr>",
            escaped(&package.name),
            escaped(&package.version),
            licence,
            licence,
            package.share.files,
            megabytes(package.share.zipped_size),
            megabytes(package.share.unzipped_size),
            package.percent
        );
    }
    rows
}

/// The map: packages, each with its folders, as JSON that no script element ends in.
fn data(inspection: &Inspection) -> String {
    let mut parts: BTreeMap<Option<usize>, BTreeMap<String, u64>> = BTreeMap::new();
    let mut fields: Vec<String> = vec![String::new(); inspection.contents.len()];
    for depth in DEPTHS {
        for (content, field) in inspection.contents.iter().zip(&mut fields) {
            let known = parts.get(&content.package).and_then(|parts| parts.get(field));
            if known.is_none_or(|size| size * 10 > inspection.unzipped_size) {
                *field = part_of(&content.path, content.size >= LARGE, depth);
            }
        }
        parts.clear();
        for (content, field) in inspection.contents.iter().zip(&fields) {
            *parts.entry(content.package).or_default().entry(field.clone()).or_default() += content.size;
        }
    }
    let node = |(package, parts): (Option<usize>, BTreeMap<String, u64>)| {
        let mut parts: Vec<(String, u64)> = parts.into_iter().filter(|(_, size)| *size > 0).collect();
        parts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        if parts.len() > MOST_PARTS {
            let rest = parts.split_off(MOST_PARTS - 1);
            let size = rest.iter().map(|(_, size)| size).sum();
            parts.push((format!("{} more", rest.len()), size));
        }
        let size: u64 = parts.iter().map(|(_, size)| size).sum();
        let (name, version, kind) = match package.map(|index| &inspection.packages[index]) {
            Some(package) => (
                package.name.as_str(),
                package.version.as_str(),
                if package.native { "native" } else { "pure" },
            ),
            None => ("other files", "", "other"),
        };
        json!({ "name": name, "version": version, "kind": kind, "size": size, "parts": parts })
    };
    let nodes: Vec<_> = parts.into_iter().map(node).collect();
    json!(nodes).to_string().replace('<', "\\u003c")
}

/// `botocore/data` for `python/botocore/data/s3/x.json`: so many folders deep, without the site. A large file is a part
/// of its own.
fn part_of(path: &str, is_large: bool, depth: usize) -> String {
    let rest = path.strip_prefix("python/").unwrap_or(path);
    let rest = match rest.strip_prefix("lib/python3.").and_then(|rest| rest.split_once("/site-packages/")) {
        Some((_, rest)) => rest,
        None => rest,
    };
    let folders = rest.matches('/').count();
    if is_large || folders == 0 {
        return rest.to_owned();
    }
    rest.split('/').take(depth.min(folders)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_folders_of_some_depth() {
        let deep = "python/lib/python3.12/site-packages/a/b/c/x.so";
        assert_eq!(part_of("python/six.py", false, 2), "six.py");
        assert_eq!(part_of("python/a/x.py", false, 2), "a");
        assert_eq!(part_of(deep, false, 2), "a/b");
        assert_eq!(part_of(deep, false, 4), "a/b/c");
        assert_eq!(part_of(deep, true, 2), "a/b/c/x.so");
        assert_eq!(part_of("extensions/tool", false, 2), "extensions");
    }

    #[test]
    fn what_lies_in_a_large_folder_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let file = |name: &str, size: usize| ::tests::wheels::file(name, "x".repeat(size));
        let files = [
            file("python/a/data/one/x", 50_000),
            file("python/a/data/two/x", 40_000),
            file("python/a/small/one/x", 500),
            file("python/a/small/two/x", 500),
        ];
        std::fs::write(&path, ::tests::wheels::zip(&files)).unwrap();
        let data = data(&super::super::inspect::inspect(&path).unwrap());
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        let expected = json!([["a/data/one", 50_000], ["a/data/two", 40_000], ["a/small", 1_000]]);
        assert_eq!(data[0]["parts"], expected);
        assert_eq!(data[0]["size"], 91_000);
    }
}
