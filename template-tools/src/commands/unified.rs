//! Two texts as a unified diff, which `patch` and `git apply` take.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use imara_diff::{Algorithm, Diff, Hunk, InternedInput};

/// So many lines are shown around a change.
const AROUND: u32 = 3;

/// What turns `before` into `after`, for the file at `path`.
pub(super) fn unified(path: &Path, before: &str, after: &str) -> String {
    let path = path.strip_prefix("/").unwrap_or(path).display();
    let lines = InternedInput::new(before, after);
    let changes: Vec<Hunk> = Diff::compute(Algorithm::Histogram, &lines).hunks().collect();
    let mut text = format!("--- a/{path}\n+++ b/{path}\n");
    let line = |sign: char, line: &str| {
        let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
        format!("{sign}{line}{end}")
    };
    // Changes go together if nothing between them would be left out.
    for together in changes.chunk_by(|one, next| next.before.start - one.before.end <= 2 * AROUND) {
        let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
        let ahead = first.before.start.min(AROUND);
        let behind = (lines.before.len() as u32 - last.before.end).min(AROUND);
        let old = first.before.start - ahead..last.before.end + behind;
        let new = first.after.start - ahead..last.after.end + behind;
        let _ = writeln!(text, "@@ -{} +{} @@", range(&old), range(&new));
        let mut at = old.start;
        let mut put = |sign: char, tokens: &[imara_diff::Token], range: Range<u32>| {
            let tokens = &tokens[range.start as usize..range.end as usize];
            text.extend(tokens.iter().map(|token| line(sign, lines.interner[*token])));
        };
        for change in together {
            put(' ', &lines.before, at..change.before.start);
            put('-', &lines.before, change.before.clone());
            put('+', &lines.after, change.after.clone());
            at = change.before.end;
        }
        put(' ', &lines.before, at..old.end);
    }
    text
}

/// Lines are counted from 1, except where there are none.
fn range(lines: &Range<u32>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
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
    fn near_the_start_and_near_each_other() {
        let text: String = (1..12).map(|number| format!("{number}\n")).collect();
        let other = text.replace("\n5\n", "\nfive\n").replace("\n9\n", "\nnine\n");
        expect![[r#"
            --- a/t
            +++ b/t
            @@ -2,10 +2,10 @@
             2
             3
             4
            -5
            +five
             6
             7
             8
            -9
            +nine
             10
             11
        "#]]
        .assert_eq(&unified(Path::new("t"), &text, &other));
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
