//! Templates as trees of texts, lists, pairs and calls, and the ways to write them: JSON and YAML, with brackets and
//! without, functions by tag and by key.

/// A part of a template.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Text(String),
    Number(u64),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
    /// A function: `Ref`, `Fn::Join`.
    Call(&'static str, Box<Tree>),
}

/// How a template is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dialect {
    Json,
    JsonLines,
    Flow(Calls, char),
    Block(Calls, char),
}

/// How a function is called in YAML.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Calls {
    Tag,
    Key,
}

pub(crate) const DIALECTS: [Dialect; 7] = [
    Dialect::Json,
    Dialect::JsonLines,
    Dialect::Flow(Calls::Tag, '\''),
    Dialect::Flow(Calls::Key, '"'),
    Dialect::Block(Calls::Tag, '"'),
    Dialect::Block(Calls::Key, '\''),
    Dialect::Block(Calls::Tag, '\''),
];

pub(crate) fn text(text: impl Into<String>) -> Tree {
    Tree::Text(text.into())
}

pub(crate) fn call(name: &'static str, argument: Tree) -> Tree {
    Tree::Call(name, Box::new(argument))
}

pub(crate) fn list(items: impl IntoIterator<Item = Tree>) -> Tree {
    Tree::List(items.into_iter().collect())
}

pub(crate) fn map<'n>(pairs: impl IntoIterator<Item = (&'n str, Tree)>) -> Tree {
    Tree::Map(pairs.into_iter().map(|(name, tree)| (name.to_owned(), tree)).collect())
}

/// `Ref` with a name.
pub(crate) fn reference(name: &str) -> Tree {
    call("Ref", text(name))
}

impl Tree {
    /// The whole text of a template.
    pub(crate) fn written(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Json => format!("{}\n", self.json(None, 0)),
            Dialect::JsonLines => format!("{}\n", self.json(Some("\t"), 0)),
            Dialect::Flow(calls, quote) => format!("{} # x:7\n", self.flow(calls, quote)),
            Dialect::Block(calls, quote) => self.block(calls, quote, 0).trim_start().to_owned(),
        }
    }

    fn json(&self, unit: Option<&str>, depth: usize) -> String {
        let line = |depth: usize| unit.map_or_else(String::new, |unit| format!("\n{}", unit.repeat(depth)));
        let within = |open: char, parts: Vec<String>, close: char| {
            if parts.is_empty() {
                return format!("{open}{close}");
            }
            let inner = line(depth + 1);
            format!("{open}{inner}{}{}{close}", parts.join(&format!(",{inner}")), line(depth))
        };
        match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => number.to_string(),
            Self::List(items) => {
                within('[', items.iter().map(|item| item.json(unit, depth + 1)).collect(), ']')
            }
            Self::Map(pairs) => {
                let pair =
                    |(name, tree): &(String, Self)| format!("\"{name}\": {}", tree.json(unit, depth + 1));
                within('{', pairs.iter().map(pair).collect(), '}')
            }
            Self::Call(name, argument) => {
                within('{', vec![format!("\"{name}\" : {}", argument.json(unit, depth + 1))], '}')
            }
        }
    }

    fn flow(&self, calls: Calls, quote: char) -> String {
        match self {
            Self::Text(text) => format!("{quote}{text}{quote}"),
            Self::Number(number) => number.to_string(),
            Self::List(items) => {
                format!(
                    "[{}]",
                    items.iter().map(|item| item.flow(calls, quote)).collect::<Vec<_>>().join(", ")
                )
            }
            Self::Map(pairs) => {
                let pair = |(name, tree): &(String, Self)| {
                    format!("{quote}{name}{quote}: {}", tree.flow(calls, quote))
                };
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Self::Call(name, argument) => match calls {
                Calls::Tag => format!("{} {}", tag(name), argument.flow(calls, quote)),
                Calls::Key => format!("{{{name}: {}}}", argument.flow(calls, quote)),
            },
        }
    }

    /// What stands behind a key's colon or an item's dash, to the end of its last line.
    fn block(&self, calls: Calls, quote: char, depth: usize) -> String {
        let lead = "  ".repeat(depth);
        match self {
            Self::Text(text) => format!(" {quote}{text}{quote} # 'x: 7\n"),
            Self::Number(number) => format!(" {number}\n"),
            Self::List(items) if items.is_empty() => " []\n".to_owned(),
            Self::Map(pairs) if pairs.is_empty() => " {}\n".to_owned(),
            Self::List(items) => {
                let item = |item: &Self| format!("{lead}-{}", item.block(calls, quote, depth + 1));
                format!("\n{}", items.iter().map(item).collect::<Vec<_>>().concat())
            }
            Self::Map(pairs) => {
                let pair = |(name, tree): &(String, Self)| {
                    format!("{lead}{quote}{name}{quote}:{}", tree.block(calls, quote, depth + 1))
                };
                format!("\n{}", pairs.iter().map(pair).collect::<Vec<_>>().concat())
            }
            Self::Call(name, argument) => match calls {
                Calls::Tag => format!(" {}{}", tag(name), argument.block(calls, quote, depth)),
                Calls::Key => format!("\n{lead}{name}:{}", argument.block(calls, quote, depth + 1)),
            },
        }
    }
}

/// `!Join` for `Fn::Join`.
fn tag(name: &str) -> String {
    format!("!{}", name.strip_prefix("Fn::").unwrap_or(name))
}
