//! How a template is laid out, so that what comes into it looks like what is there: indentation, quotes, line ends.

use crate::document::{Content, Document, NodeId, Style};
use crate::edit::Change;

/// What comes into a template.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// A text that can stand in YAML as it is.
    Plain(String),
    /// A text that YAML could take for something else.
    Quoted(String),
    /// What is to stand there as it is.
    Code(String),
    /// Pairs.
    Map(Vec<(String, Tree)>),
}

/// The habits of one template.
pub(super) struct Layout<'d, 't> {
    document: &'d Document<'t>,
    root: NodeId,
    line_end: &'static str,
    pub(super) quote: char,
    /// Blanks for each level.
    step: usize,
    /// Between a key in brackets and its value, and between two pairs on one line.
    colon: &'static str,
    comma: &'static str,
}

/// Whether everything is in quotes, or as little as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    All(char),
    Few,
}

impl<'d, 't> Layout<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, root: NodeId) -> Self {
        let text = document.text();
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let quote = if text.matches('"').count() > text.matches('\'').count() { '"' } else { '\'' };
        let mut layout = Self { document, root, line_end, quote, step: 2, colon: ": ", comma: ", " };
        let sections = document.pairs(root).iter().map(|(_, section)| *section);
        let mut sections: Vec<NodeId> = sections.filter(|section| !layout.is_flow(*section)).collect();
        sections.sort_by_key(|section| document.values(root, "Resources").first() != Some(section));
        let first = sections.into_iter().find_map(|section| document.pairs(section).first());
        if let Some((name, _)) = first {
            layout.step = document.position(*name).column.saturating_sub(1).clamp(1, 8);
        }
        let first = document.pairs(root).first().filter(|_| layout.is_flow(root));
        if let Some((key, value)) = first
            && text.get(document.node(*key).range().end..document.node(*value).range().start) == Some(":")
        {
            (layout.colon, layout.comma) = (":", ",");
        }
        layout
    }

    /// Whether a collection is written with brackets.
    fn is_flow(&self, node: NodeId) -> bool {
        let start = self.document.node(node).range().start;
        self.document.text()[start..].starts_with(['{', '['])
    }

    /// Puts pairs into a section of the template, which is made where it is missing.
    pub(super) fn insert(&self, section: &str, pairs: Vec<(String, Tree)>) -> Option<Vec<Change>> {
        let document = self.document;
        let own = document.pairs(self.root).iter();
        let existing = own.clone().find(|(key, _)| document.scalar(*key) == Some(section));
        if let Some(&(key, existing)) = existing {
            return match document.pairs(existing).first() {
                Some((first, _)) if !matches!(document.node(existing).content, Content::Alias(_)) => {
                    let each = pairs.iter().map(|(name, tree)| self.before(existing, *first, name, tree));
                    each.collect()
                }
                _ => Some(vec![self.fill(key, existing, pairs)?]),
            };
        }
        let keys = || own.clone().map(|(key, _)| *key);
        let named = |name: &str| keys().find(|key| document.scalar(*key) == Some(name));
        let before =
            named("Resources").or_else(|| named("Globals")).or_else(|| named("Outputs")).or(keys().next())?;
        Some(vec![self.before(self.root, before, section, &Tree::Map(pairs))?])
    }

    /// Puts a pair into a mapping that is written out.
    pub(super) fn put(&self, mapping: NodeId, name: &str, tree: Tree) -> Option<Change> {
        match self.document.pairs(mapping).first() {
            Some((first, _)) if self.is_flow(mapping) => self.before(mapping, *first, name, &tree),
            Some((first, _)) => {
                // In a list the first key stands behind a dash, and the others below it.
                let at = self.document.node(*first).range().start;
                let start = self.document.text()[..at].rfind('\n').map_or(0, |end| end + 1);
                let written = &self.document.text()[start..at];
                let lead = " ".repeat(written.len());
                let mut lines = String::new();
                self.block(name, &tree, &lead, self.quotes(*first), &mut lines);
                let new = format!("{}{lead}", &lines[lead.len()..]);
                let is_blank = written.bytes().all(|byte| byte == b' ' || byte == b'-');
                is_blank.then(|| Change::Insert { mapping, at, new, key: name.to_owned() })
            }
            None => {
                let quotes = if self.is_json() { Quotes::All('"') } else { Quotes::Few };
                let new = self.flow(&Tree::Map(vec![(name.to_owned(), tree)]), None, quotes);
                Some(Change::Replace { node: mapping, range: self.document.node(mapping).range(), new })
            }
        }
    }

    /// A pair before the key of another, and before the comment on it.
    fn before(&self, mapping: NodeId, key: NodeId, name: &str, tree: &Tree) -> Option<Change> {
        let at = self.document.node(key).range().start;
        let lead = self.lead(at);
        let quotes = self.quotes(key);
        let new = if self.is_flow(mapping) {
            let pair = format!("{}{}{}", quotes.key(name), self.colon, self.flow(tree, lead, quotes));
            match lead {
                Some(lead) => format!("{pair},{}{lead}", self.line_end),
                None => format!("{pair}{}", self.comma),
            }
        } else {
            let lead = lead?;
            let mut lines = String::new();
            self.block(name, tree, lead, quotes, &mut lines);
            // The blanks before the key stay before our first line; our last line gets them for the key.
            format!("{}{lead}", &lines[lead.len()..])
        };
        let comment = lead.and_then(|lead| Some((self.comment(at, lead)?, lead)));
        let (at, new) = match comment {
            Some((comment, lead)) => (comment, format!("{lead}{}", &new[..new.len() - lead.len()])),
            None => (at, new),
        };
        Some(Change::Insert { mapping, at, new, key: name.to_owned() })
    }

    /// Where the lines of a comment begin that adjoin a key from above. Further to the right it is on something else, and
    /// at the top of the file it is on the file.
    fn comment(&self, key: usize, lead: &str) -> Option<usize> {
        let text = self.document.text();
        let key_line = text[..key].rfind('\n')? + 1;
        let mut start = key_line;
        loop {
            let above = text[..start].strip_suffix('\n')?;
            let line = above.rfind('\n').map_or(0, |end| end + 1);
            let written = above[line..].trim_start_matches('\u{feff}');
            let comment = written.trim_start_matches([' ', '\t']);
            if !comment.starts_with('#') || written.len() - comment.len() > lead.len() {
                return (start < key_line).then_some(start);
            }
            start = line;
        }
    }

    /// Pairs where there is nothing yet: `{}`, `null`, or not even that.
    fn fill(&self, key: NodeId, node: NodeId, pairs: Vec<(String, Tree)>) -> Option<Change> {
        let text = self.document.text();
        let range = self.document.node(node).range();
        let (key_range, quotes) = (self.document.node(key).range(), self.quotes(key));
        let is_null = match &self.document.node(node).content {
            Content::Scalar { value, style: Style::Plain } => {
                matches!(value.as_ref(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        };
        let is_empty_map =
            matches!(self.document.node(node).content, Content::Mapping(_)) && self.is_flow(node);
        if self.document.tag(node).is_some() || !(is_null || is_empty_map) {
            return None;
        }
        let lead = self.lead(key_range.start);
        if !range.is_empty() {
            let lead = lead.filter(|_| self.is_flow(self.root));
            let new = self.flow(&Tree::Map(pairs), lead, quotes);
            return Some(Change::Replace { node, range, new });
        }
        let line = text[key_range.end..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let rest = line.trim_start().strip_prefix(':')?;
        let is_over = rest.trim().is_empty() || rest.starts_with(' ') && rest.trim_start().starts_with('#');
        if self.is_flow(self.root) || !is_over {
            return None;
        }
        let mut lines = String::new();
        let deeper = format!("{}{}", lead?, " ".repeat(self.step));
        for (name, tree) in &pairs {
            self.block(name, tree, &deeper, quotes, &mut lines);
        }
        let at = key_range.end + line.len();
        let new = format!("{}{}", self.line_end, lines.trim_end_matches(['\r', '\n']));
        Some(Change::Replace { node, range: at..at, new })
    }

    /// The blanks before a byte, if there is nothing else before it in its line.
    fn lead(&self, at: usize) -> Option<&'t str> {
        let text = self.document.text();
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let lead = text[start..at].trim_start_matches('\u{feff}');
        lead.chars().all(|letter| letter == ' ' || letter == '\t').then_some(lead)
    }

    /// How somebody has quoted a key.
    fn quotes(&self, key: NodeId) -> Quotes {
        match self.document.node(key).content {
            Content::Scalar { style: Style::DoubleQuoted, .. } => Quotes::All('"'),
            Content::Scalar { style: Style::SingleQuoted, .. } => Quotes::All('\''),
            _ => Quotes::Few,
        }
    }

    fn block(&self, name: &str, tree: &Tree, lead: &str, quotes: Quotes, lines: &mut String) {
        lines.push_str(lead);
        lines.push_str(&quotes.key(name));
        match tree {
            Tree::Map(pairs) => {
                lines.extend([":", self.line_end]);
                let lead = format!("{lead}{}", " ".repeat(self.step));
                for (name, tree) in pairs {
                    self.block(name, tree, &lead, quotes, lines);
                }
            }
            scalar => lines.extend([": ", &self.scalar(scalar, quotes), self.line_end]),
        }
    }

    /// On many lines where the file is, with the blanks of its own line for each level.
    fn flow(&self, tree: &Tree, indent: Option<&str>, quotes: Quotes) -> String {
        let Tree::Map(pairs) = tree else { return self.scalar(tree, quotes) };
        let deeper = indent.map(|lead| {
            let unit = if lead.contains('\t') { "\t".to_owned() } else { " ".repeat(self.unit()) };
            format!("{lead}{unit}")
        });
        let pair = |(name, tree): &(String, Tree)| {
            format!(
                "{}{}{}",
                quotes.key(name),
                self.colon(quotes),
                self.flow(tree, deeper.as_deref(), quotes)
            )
        };
        let each: Vec<String> = pairs.iter().map(pair).collect();
        match (indent, &deeper) {
            (Some(lead), Some(deeper)) => {
                let line = format!("{}{deeper}", self.line_end);
                format!("{{{line}{}{}{lead}}}", each.join(&format!(",{line}")), self.line_end)
            }
            _ => format!("{{{}}}", each.join(self.comma)),
        }
    }

    /// A colon behind a key without quotes needs a blank.
    fn colon(&self, quotes: Quotes) -> &'static str {
        if quotes == Quotes::Few { ": " } else { self.colon }
    }

    fn scalar(&self, tree: &Tree, quotes: Quotes) -> String {
        match (tree, quotes) {
            (Tree::Plain(text) | Tree::Quoted(text), Quotes::All(quote)) => format!("{quote}{text}{quote}"),
            (Tree::Quoted(text), Quotes::Few) => format!("{0}{text}{0}", self.quote),
            (Tree::Plain(text), Quotes::Few) => text.clone(),
            (Tree::Code(code), _) => code.clone(),
            (Tree::Map(_), _) => self.flow(tree, None, quotes),
        }
    }

    /// The blanks before the keys of the root, which is one level.
    fn unit(&self) -> usize {
        let first = self.document.pairs(self.root).first();
        let column = first.map_or(3, |(key, _)| self.document.position(*key).column);
        (column - 1).clamp(1, 8)
    }

    /// A call of a function with a name, or with what else it is given, as JSON writes it.
    pub(super) fn call(&self, name: &str, argument: &str) -> String {
        format!("{{\"{name}\"{}{argument}}}", self.colon)
    }

    /// A list, as JSON writes it.
    fn list(&self, items: &[&str]) -> String {
        format!("[{}]", items.join(self.comma))
    }

    /// The version of the stack's region in a mapping.
    pub(super) fn row(&self, mapping: &str) -> String {
        if self.is_json() {
            let region = self.call("Ref", "\"AWS::Region\"");
            let row = self.list(&[&format!("\"{mapping}\""), &region, "\"Version\""]);
            self.call("Fn::FindInMap", &row)
        } else {
            let quote = self.quote;
            format!("!FindInMap [{mapping}, !Ref {quote}AWS::Region{quote}, Version]")
        }
    }

    /// What `Fn::Sub` is given: a text with one variable.
    pub(super) fn text_with(&self, text: &str, variable: &str, value: &str) -> String {
        if self.is_json() {
            self.list(&[&format!("\"{text}\""), &self.call(variable, value)])
        } else {
            let quote = self.quote;
            format!("[{quote}{text}{quote}, {{{variable}: {value}}}]")
        }
    }

    /// Whether the template is JSON, or written as if it were.
    pub(super) fn is_json(&self) -> bool {
        let first = self.document.pairs(self.root).first();
        let has_tags = || self.document.nodes().any(|(id, _)| self.document.tag(id).is_some());
        self.is_flow(self.root)
            && first.is_some_and(|(key, _)| self.quotes(*key) == Quotes::All('"'))
            && (self.document.is_json() || !has_tags())
    }
}

impl Quotes {
    fn key(self, name: &str) -> String {
        match self {
            Self::All(quote) => format!("{quote}{name}{quote}"),
            Self::Few => name.to_owned(),
        }
    }
}
