//! Two texts as a unified diff, which `patch` and `git apply` take.

use std::fmt::{self, Write};
use std::path::Path;

use imara_diff::{Algorithm, Diff, InternedInput, Interner, Token, UnifiedDiffConfig, UnifiedDiffPrinter};

/// What turns `before` into `after`, for the file at `path`.
pub fn unified(path: &Path, before: &str, after: &str) -> String {
    let path = path.strip_prefix("/").unwrap_or(path).display();
    let lines = InternedInput::new(before, after);
    let diff = Diff::compute(Algorithm::Histogram, &lines);
    let printer = Lines(&lines.interner);
    let hunks = diff.unified_diff(&printer, UnifiedDiffConfig::default(), &lines);
    format!("--- a/{path}\n+++ b/{path}\n{hunks}")
}

/// Lines with their ends; the last of a file may have none.
struct Lines<'a>(&'a Interner<&'a str>);

impl Lines<'_> {
    fn line(&self, mut f: impl Write, sign: char, line: Token) -> fmt::Result {
        let line = self.0[line];
        write!(f, "{sign}{line}")?;
        if line.ends_with('\n') { Ok(()) } else { f.write_str("\n\\ No newline at end of file\n") }
    }
}

impl UnifiedDiffPrinter for Lines<'_> {
    fn display_header(
        &self,
        mut f: impl Write,
        start_before: u32,
        start_after: u32,
        len_before: u32,
        len_after: u32,
    ) -> fmt::Result {
        // Lines are counted from 1, except where there are none.
        let range = |start: u32, len: u32| match len {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            _ => format!("{},{len}", start + 1),
        };
        writeln!(f, "@@ -{} +{} @@", range(start_before, len_before), range(start_after, len_after))
    }

    fn display_context_token(&self, f: impl Write, token: Token) -> fmt::Result {
        self.line(f, ' ', token)
    }

    fn display_hunk(&self, mut f: impl Write, before: &[Token], after: &[Token]) -> fmt::Result {
        before.iter().try_for_each(|line| self.line(&mut f, '-', *line))?;
        after.iter().try_for_each(|line| self.line(&mut f, '+', *line))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn hunks_have_three_lines_around_them() {
        let text: String = (1..30).map(|number| format!("{number}\n")).collect();
        let other =
            text.replace("\n2\n", "\ntwo\n").replace("\n20\n", "\n20\nmore\n").replace("\n22\n", "\n");
        expect![[r#"
            --- a/folder/template.yaml
            +++ b/folder/template.yaml
            @@ -1,5 +1,5 @@
             1
            -2
            +two
             3
             4
             5
            @@ -18,8 +18,8 @@
             18
             19
             20
            +more
             21
            -22
             23
             24
             25
        "#]]
        .assert_eq(&unified(Path::new("/folder/template.yaml"), &text, &other));
    }

    #[test]
    fn a_file_may_end_without_a_line_end_and_be_empty() {
        expect![[r#"
            --- a/t
            +++ b/t
            @@ -1,2 +1,2 @@
             a
            -b
            \ No newline at end of file
            +c
            \ No newline at end of file
        "#]]
        .assert_eq(&unified(Path::new("t"), "a\nb", "a\nc"));
        expect![[r#"
            --- a/t
            +++ b/t
            @@ -0,0 +1 @@
            +a
        "#]]
        .assert_eq(&unified(Path::new("t"), "", "a\n"));
    }
}
