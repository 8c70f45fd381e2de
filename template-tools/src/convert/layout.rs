//! How a template is laid out, so that what comes into it looks like what is there: indentation, quotes, line ends.

use crate::document::{Content, Document, NodeId};
use crate::edit::Change;

/// What comes into a template.
pub(super) enum Tree {
    /// A number or a name, which needs no quotes in YAML.
    Plain(String),
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
}

impl<'d, 't> Layout<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, root: NodeId) -> Self {
        let text = document.text();
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let quote = if text.matches('"').count() > text.matches('\'').count() { '"' } else { '\'' };
        let resources = document.values(root, "Resources");
        let column = |node: NodeId| document.position(node).column;
        let first = resources.first().and_then(|resources| document.pairs(*resources).first());
        let step = first.map_or(2, |(name, _)| column(*name).saturating_sub(1)).clamp(1, 8);
        Self { document, root, line_end, quote, step }
    }

    /// Whether a collection is written with brackets.
    fn is_flow(&self, node: NodeId) -> bool {
        let start = self.document.node(node).range().start;
        self.document.text()[start..].starts_with(['{', '['])
    }

    /// Puts `name: tree` into a section of the template, which is made where it is missing.
    pub(super) fn insert(&self, section: &str, name: &str, tree: Tree) -> Option<Change> {
        let document = self.document;
        if let Some(&existing) = document.values(self.root, section).first() {
            let first = document.pairs(existing).first()?.0;
            return self.before(existing, first, name, &tree);
        }
        let before = document.pairs(self.root).iter().map(|(key, _)| *key);
        let before = before.into_iter().find(|key| document.scalar(*key) == Some("Resources"))?;
        self.before(self.root, before, section, &Tree::Map(vec![(name.to_owned(), tree)]))
    }

    /// A pair before the key of another.
    fn before(&self, mapping: NodeId, key: NodeId, name: &str, tree: &Tree) -> Option<Change> {
        let text = self.document.text();
        let at = self.document.node(key).range().start;
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let lead = text[line_start..at].trim_start_matches('\u{feff}');
        let is_alone = lead.chars().all(|letter| letter == ' ' || letter == '\t');
        let new = if self.is_flow(mapping) {
            let indent = is_alone.then_some(lead);
            let pair = format!("\"{name}\": {}", self.json(tree, indent));
            match indent {
                Some(lead) => format!("{pair},{}{lead}", self.line_end),
                None => format!("{pair}, "),
            }
        } else {
            is_alone.then_some(())?;
            let mut lines = String::new();
            self.yaml(name, tree, lead, &mut lines);
            // The blanks before the key stay before our first line; our last line gets them for the key.
            format!("{}{lead}", &lines[lead.len()..])
        };
        Some(Change::Insert { mapping, at, new, key: name.to_owned() })
    }

    fn yaml(&self, name: &str, tree: &Tree, lead: &str, lines: &mut String) {
        lines.push_str(lead);
        lines.push_str(name);
        match tree {
            Tree::Plain(text) => lines.extend([": ", text, self.line_end]),
            Tree::Map(pairs) => {
                lines.extend([":", self.line_end]);
                let lead = format!("{lead}{}", " ".repeat(self.step));
                for (name, tree) in pairs {
                    self.yaml(name, tree, &lead, lines);
                }
            }
        }
    }

    /// On many lines where the file is, with the blanks of its own line for each level.
    fn json(&self, tree: &Tree, indent: Option<&str>) -> String {
        match tree {
            Tree::Plain(text) => format!("\"{text}\""),
            Tree::Map(pairs) => {
                let deeper = indent.map(|lead| {
                    let unit = if lead.contains('\t') { "\t".to_owned() } else { " ".repeat(self.unit()) };
                    format!("{lead}{unit}")
                });
                let each = pairs
                    .iter()
                    .map(|(name, tree)| format!("\"{name}\": {}", self.json(tree, deeper.as_deref())));
                let each: Vec<String> = each.collect();
                match (indent, deeper) {
                    (Some(lead), Some(deeper)) => {
                        let line = format!("{}{deeper}", self.line_end);
                        format!("{{{line}{}{}{lead}}}", each.join(&format!(",{line}")), self.line_end)
                    }
                    _ => format!("{{{}}}", each.join(", ")),
                }
            }
        }
    }

    /// The blanks before the keys of the root, which is one level.
    fn unit(&self) -> usize {
        let first = self.document.pairs(self.root).first();
        let column = first.map_or(3, |(key, _)| self.document.position(*key).column);
        (column - 1).clamp(1, 8)
    }

    /// The bytes of a node with its tag, where nothing but blanks is between the two.
    pub(super) fn with_tag(&self, node: NodeId) -> Option<std::ops::Range<usize>> {
        let range = self.document.node(node).range();
        let Some(tag) = self.document.tag(node) else { return Some(range) };
        let before = self.document.text()[..range.start].trim_end_matches([' ', '\t']);
        let start = before.strip_suffix(tag)?.len();
        // An anchor before the tag would go to what takes its place, which is right; one behind it cannot be.
        Some(start..range.end)
    }

    /// Whether a scalar or a bracketed collection: whatever else ends where another line begins.
    pub(super) fn can_be_replaced(&self, node: NodeId) -> bool {
        match &self.document.node(node).content {
            Content::Scalar { style, .. } => {
                *style != crate::document::Style::Block && self.is_one_line(node)
            }
            Content::Sequence(_) | Content::Mapping(_) => self.is_flow(node),
            Content::Alias(_) => false,
        }
    }

    fn is_one_line(&self, node: NodeId) -> bool {
        !self.document.text()[self.document.node(node).range()].contains('\n')
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_flow(self.root)
    }
}
