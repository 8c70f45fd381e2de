//! What a YAML or JSON file is, where that can be told from what it holds.

use crate::document::{Document, NodeId};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A template of CloudFormation or SAM.
    Template,
    /// Of the Serverless Framework.
    ServerlessFramework,
    /// A workflow or an action of GitHub.
    Workflow,
    /// Something else.
    Other,
}

impl Kind {
    /// Why such a file is left as it is.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Template => "it is a template",
            Self::ServerlessFramework => {
                "the file belongs to the Serverless Framework; `--include` would change it"
            }
            Self::Workflow => "the file is a workflow; `--include` would change it",
            Self::Other => "the file is no template; `--include` would change it",
        }
    }
}

/// What a file is. One document that is a template makes it one.
pub fn kind(document: &Document<'_>) -> Kind {
    let kinds = || document.roots().iter().map(|root| kind_of(document, *root));
    [Kind::Template, Kind::ServerlessFramework, Kind::Workflow]
        .into_iter()
        .find(|wanted| kinds().any(|kind| kind == *wanted))
        .unwrap_or(Kind::Other)
}

fn kind_of(document: &Document<'_>, root: NodeId) -> Kind {
    let has = |key: &str| !document.values(root, key).is_empty();
    let resources = document.values(root, "Resources");
    let mut resources = resources.iter().flat_map(|resources| document.pairs(*resources));
    let is_resource = |(name, resource): &(NodeId, NodeId)| {
        let types = document.values(*resource, "Type");
        document.scalar(*name).is_some_and(|name| name.starts_with("Fn::"))
            || types.iter().any(|kind| document.scalar(*kind).is_some_and(|kind| kind.contains("::")))
    };
    let has_globals = || {
        let globals = document.values(root, "Globals");
        globals.iter().any(|globals| !document.values(*globals, "Function").is_empty())
    };
    if has("AWSTemplateFormatVersion") || resources.any(is_resource) || has_globals() {
        Kind::Template
    } else if has("service") && (has("provider") || has("functions")) || has("functions") && has("provider") {
        Kind::ServerlessFramework
    } else if has("jobs") && (has("on") || has("true")) || has("runs") && has("name") {
        Kind::Workflow
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[track_caller]
    fn check(text: &str, expected: Kind) {
        assert_eq!(kind(&parse(text).unwrap()), expected);
    }

    #[test]
    fn templates_are_told_from_what_only_looks_like_them() {
        check("AWSTemplateFormatVersion: 2010-09-09\n", Kind::Template);
        check("Resources: {F: {Type: AWS::Lambda::Function}}\n", Kind::Template);
        check("Resources: {'Fn::ForEach::F': []}\n", Kind::Template);
        check("Globals: {Function: {}}\n", Kind::Template);
        check("a: b\n---\nResources: {F: {Type: Custom::Thing}}\n", Kind::Template);
        check("Resources: [a]\n", Kind::Other);
        check("Resources: {F: {Type: function}}\n", Kind::Other);
        check("service: x\nprovider: {name: aws}\n", Kind::ServerlessFramework);
        check("on: push\njobs: {}\n", Kind::Workflow);
        check("[1, 2]\n", Kind::Other);
        check("", Kind::Other);
    }
}
