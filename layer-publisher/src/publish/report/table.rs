//! Where something has failed: all regions side by side, which have it and which do not, and why.

use std::fmt::Write as _;

use super::super::row::{Row, Status};
use super::Report;

/// No line is longer, in characters.
const WIDTH: usize = 80;

impl Report<'_> {
    /// A table, if something has failed, and something else has not.
    pub(super) fn summary(&self) {
        let rows = self.rows.iter().map(|(.., row)| row).collect::<Vec<_>>();
        let failed = rows.iter().filter(|row| row.error.is_some()).count();
        if failed > 0 && failed < rows.len() {
            self.ui.lines(&table(&rows, self.names_layers));
        }
    }
}

fn table(rows: &[&Row], names_layers: bool) -> String {
    let width = |text: fn(&Row) -> &str, title: &str| {
        rows.iter().map(|row| text(row).chars().count()).chain([title.len()]).max().unwrap_or_default()
    };
    let layer = width(|row| &row.layer_name, "layer");
    let region = width(|row| &row.region, "region");
    let mut text = String::new();
    let mut line = |layer_name: &str, name: &str, version: &str, state: &str| {
        let mut line = String::new();
        if names_layers {
            let _ = write!(line, "{layer_name:<layer$}  ");
        }
        let _ = write!(line, "{name:<region$}  {version:>7}  {state}");
        let _ = writeln!(text, "{}", cut(&line));
    };
    line("layer", "region", "version", "state");
    for row in rows {
        let version = row.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        line(&row.layer_name, &row.region, &version, &state(row));
    }
    text
}

fn state(row: &Row) -> String {
    let state = match row.status {
        Status::Failed => "failed",
        Status::Withdrawn => "withdrawn",
        Status::RegionNotEnabled => return "not enabled".to_owned(),
        Status::Published if row.verified => "published, verified",
        Status::Published => "published",
        Status::Unchanged if row.verified => "unchanged, verified",
        Status::Unchanged => "unchanged",
        Status::MadeCurrent => "current again",
        Status::WouldPublish => "to publish",
        Status::WouldMakeCurrent => "to make current",
    };
    let why = row.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{state}{why}")
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.trim_end().to_owned();
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_region_has_a_line_of_at_most_80_columns() {
        let row = |region: &str, status, error: Option<&str>| Row {
            layer_name: "sosw".to_owned(),
            region: region.to_owned(),
            status,
            version: error.is_none().then_some(8),
            verified: error.is_none(),
            error: error.map(str::to_owned),
            ..Row::default()
        };
        let silence = "no answer in time (ListLayerVersions), and that took very long and was of no use";
        let rows = [
            row("us-east-1", Status::Published, None),
            row("sa-east-1", Status::Failed, Some(silence)),
            row("me-south-1", Status::RegionNotEnabled, Some("not enabled for account 123456789012")),
        ];
        let rows = rows.iter().collect::<Vec<_>>();
        expect![[r#"
            region      version  state
            us-east-1         8  published, verified
            sa-east-1         -  failed: no answer in time (ListLayerVersions), and that to…
            me-south-1        -  not enabled
        "#]]
        .assert_eq(&table(&rows, false));
        assert!(table(&rows, true).starts_with("layer  region  "));
        assert!(table(&rows, true).lines().all(|line| line.chars().count() <= WIDTH));
    }
}
