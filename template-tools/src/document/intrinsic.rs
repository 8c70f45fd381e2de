//! Functions of CloudFormation in their two forms: `!Sub text` and `{"Fn::Sub": text}`.

use std::borrow::Cow;

use super::{Content, Document, NodeId};

/// A call of a function of CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intrinsic<'d> {
    /// Its long name: `Fn::Sub`, `Ref`.
    pub name: Cow<'d, str>,
    /// What it is given. For the short form this is the tagged node itself.
    pub argument: NodeId,
}

impl Document<'_> {
    /// The function that a node calls, if it calls one.
    pub fn intrinsic(&self, id: NodeId) -> Option<Intrinsic<'_>> {
        let id = self.resolve(id);
        let node = self.node(id);
        if let Some(short) = self.tag(id).and_then(|tag| tag.strip_prefix('!'))
            && !short.is_empty()
            && !short.starts_with(['!', '<'])
        {
            let name = match short {
                "Ref" | "Condition" => Cow::Borrowed(short),
                _ => Cow::Owned(format!("Fn::{short}")),
            };
            return Some(Intrinsic { name, argument: id });
        }
        let Content::Mapping(_) = node.content else { return None };
        let [(key, argument)] = *self.pairs(id) else { return None };
        let name = self.scalar(key)?;
        (name == "Ref" || name.starts_with("Fn::"))
            .then(|| Intrinsic { name: Cow::Borrowed(name), argument: self.resolve(argument) })
    }
}
