//! A layer's contents as a table to read.

use std::fmt::Write as _;

use super::{Inspection, Package, Share, percent};
use crate::layer::audit::sizes;
use crate::ui::{counted, megabytes};

const COLUMNS: usize = 8;
const HEADS: [&str; COLUMNS] =
    ["package", "version", "licence", "code", "files", "zipped", "unzipped", "share"];

impl Inspection {
    /// A table of at most 100 columns.
    pub fn table(&self) -> String {
        let mut rows = vec![HEADS.map(str::to_owned)];
        rows.extend(self.packages.iter().map(row));
        rows.extend(self.other.iter().map(|other| {
            let share = percent(other.unzipped_size, self.unzipped_size);
            cells(["(no package)", "", "", ""], other, share)
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &rows {
            let cell = |column: usize| {
                let (text, width) = (&row[column], widths[column]);
                if column < 4 { format!("{text:<width$}") } else { format!("{text:>width$}") }
            };
            let cells: Vec<String> = (0..COLUMNS).map(cell).collect();
            let _ = writeln!(text, "{}", cells.join("  "));
        }
        let _ = write!(
            text,
            "\n{} in {}\n{} zipped ({} can be sent directly)\n{} unzipped (limit {})\nsha256 {}\nCodeSha256 {}",
            counted(self.files, "file"),
            counted(self.packages.len(), "package"),
            megabytes(self.size),
            megabytes(sizes::DIRECT_LIMIT),
            megabytes(self.unzipped_size),
            megabytes(sizes::UNZIPPED_LIMIT),
            self.sha256,
            self.code_sha256,
        );
        text
    }
}

fn row(package: &Package) -> [String; COLUMNS] {
    let licence = package.license.as_deref().unwrap_or("?");
    let kind = if package.native { "native" } else { "pure" };
    cells([&package.name, &package.version, licence, kind], &package.share, package.percent)
}

fn cells(words: [&str; 4], share: &Share, percent: f64) -> [String; COLUMNS] {
    let [name, version, licence, kind] = words;
    [
        shortened(name, 24),
        shortened(version, 12),
        shortened(licence, 18),
        kind.to_owned(),
        share.files.to_string(),
        megabytes(share.zipped_size),
        megabytes(share.unzipped_size),
        format!("{percent:.1}%"),
    ]
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
