//! Tables of at most 80 columns: what is too long goes on in the next line, and nothing is cut off. Pure.

/// As wide as a terminal is for certain.
pub const WIDTH: usize = 80;
/// Between two columns.
const GAP: usize = 2;

/// The lines of a table. The first row is its head; columns are as wide as they need to be, the last one as wide as
/// there is room, and is broken at spaces.
pub fn lines(rows: &[Vec<String>], indent: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let Some(last) = columns.checked_sub(1) else { return Vec::new() };
    // A column that is wider than this gets a line of its own where it is.
    let most = WIDTH / 2 - indent;
    let widths = (0..last).map(|column| {
        let of_cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        of_cells.filter(|width| *width <= most).max().unwrap_or_default()
    });
    let widths = widths.collect::<Vec<_>>();
    let start = indent + widths.iter().map(|width| width + GAP).sum::<usize>();
    let room = WIDTH.saturating_sub(start).max(16);
    let mut lines = Vec::new();
    for row in rows {
        let (mut line, mut at) = (" ".repeat(indent), indent);
        for (column, width) in widths.iter().enumerate() {
            let cell = row.get(column).map(String::as_str).unwrap_or_default();
            line.push_str(cell);
            at += width + GAP;
            if line.chars().count() + GAP > at && cell.chars().count() > *width {
                lines.push(line);
                line = String::new();
            }
            let missing = at.saturating_sub(line.chars().count());
            line.push_str(&" ".repeat(missing));
        }
        let cell = row.get(last).map(String::as_str).unwrap_or_default();
        for (index, part) in wrapped(cell, room).into_iter().enumerate() {
            if index > 0 {
                line = " ".repeat(start);
            }
            line.push_str(&part);
            lines.push(std::mem::take(&mut line));
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Broken at spaces, and within a word only if it is longer than a line. At least one line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let line = lines.last_mut().map(|line| (line.chars().count(), line));
            let Some((used, line)) = line else { break };
            let length = word.chars().count();
            if used == 0 && length > width {
                let cut = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..cut]);
                word = &word[cut..];
                lines.push(String::new());
            } else if used == 0 || used + 1 + length <= width {
                if used > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            } else {
                lines.push(String::new());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let table = rows(&[
            &["FUNCTION", "VERSION", "ALIASES"],
            &["orders", "$LATEST", ""],
            &["b", "3", "live, old"],
        ]);
        let expected =
            ["  FUNCTION  VERSION  ALIASES", "  orders    $LATEST", "  b         3        live, old"];
        assert_eq!(lines(&table, 2), expected);
        assert_eq!(lines(&[], 2), [""; 0]);
    }

    #[test]
    fn no_line_is_wider_than_80_columns_and_nothing_is_lost() {
        let long = "f".repeat(64);
        let many = (0..40).map(|number| format!("alias-{number}")).collect::<Vec<_>>().join(", ");
        let endless = "x".repeat(128);
        let table =
            rows(&[&["FUNCTION", "VERSION", "ALIASES"], &[&long, "12", &many], &["short", "1", &endless]]);
        let lines = lines(&table, 2);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let all = lines.iter().map(|line| squeezed(line)).collect::<String>();
        for part in [&long, &squeezed(&many), &endless] {
            assert!(all.contains(part.as_str()), "{lines:#?}");
        }
    }
}
