//! What was to be reached, and whether it was.

use std::fmt::Write as _;

/// Figures against their bounds.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    lines: Vec<(String, String, bool)>,
}

impl Verdicts {
    /// A figure that may be so large.
    pub(super) fn at_most(&mut self, what: &str, found: f64, bound: f64, unit: &str) {
        self.add(what, found, bound, unit, "at most", found <= bound);
    }

    /// A figure that has to be so large.
    pub(super) fn at_least(&mut self, what: &str, found: f64, bound: f64, unit: &str) {
        self.add(what, found, bound, unit, "at least", found >= bound);
    }

    fn add(&mut self, what: &str, found: f64, bound: f64, unit: &str, how: &str, is_held: bool) {
        // Large figures need no fractions.
        let digits = if bound >= 20.0 { 0 } else { 2 };
        let line = format!("{found:>8.digits$}  {how:<8} {bound:>6.digits$} {unit:<9}");
        self.lines.push((what.to_owned(), line, is_held));
    }

    /// Whether nothing was missed.
    pub(super) fn all_held(&self) -> bool {
        self.lines.iter().all(|(.., is_held)| *is_held)
    }

    /// A table, in the order in which they came.
    pub(super) fn table(&self) -> String {
        let width = self.lines.iter().map(|(what, ..)| what.chars().count()).max().unwrap_or(0);
        let mut text = String::from("What was to be reached\n\n");
        for (what, line, is_held) in &self.lines {
            let _ = writeln!(text, "{what:<width$}  {line}  {}", if *is_held { "yes" } else { "NO" });
        }
        text
    }
}
