//! Why something in the place of a layer is not brought to a version.

use crate::pattern::NoPattern;

/// How a dynamic reference begins.
const RESOLVE: &str = "{{resolve:";

/// Why something in the place of a layer is not understood, or is none of our business.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A function of CloudFormation that is not followed.
    #[error("`{0}` is not followed")]
    Intrinsic(String),
    /// A layer that the template itself makes.
    #[error("it is the resource `{0}` of this template, which CloudFormation follows by itself")]
    Resource(String),
    /// An attribute of something else.
    #[error("it is `{0}`, an attribute of another resource")]
    Attribute(String),
    /// An export of another stack.
    #[error("it is imported from another stack")]
    Import,
    /// A parameter that has to be set from outside.
    #[error("parameter `{0}` has no default: its value is set where the stack is deployed")]
    NoDefault(String),
    /// A parameter that CloudFormation reads from SSM.
    #[error("parameter `{parameter}` is read from SSM at every change set: set the SSM parameter `{name}`")]
    Ssm {
        /// The parameter of the template.
        parameter: String,
        /// The parameter in SSM.
        name: String,
    },
    /// A dynamic reference.
    #[error(
        "`{0}` is read from SSM: set that parameter, and mind that CloudFormation does not notice when it changes"
    )]
    Resolve(String),
    /// A name that nothing in the template has.
    #[error("`{0}` is no parameter and no resource of this template")]
    UnknownName(String),
    /// A mapping that is not there.
    #[error("there is no such row in `Mappings`: `{0}`")]
    NoRow(String),
    /// A text that is not what a layer looks like.
    #[error(transparent)]
    Text(#[from] NoPattern),
    /// A variable of the text is not known.
    #[error("the {what} is not known: {reason}")]
    Variable {
        /// The part of the ARN.
        what: &'static str,
        /// Why the variable is not known.
        reason: Box<Reason>,
    },
    /// The default of a parameter is not what it has there.
    #[error("parameter `{0}` does not have its default there, and its other values are not known")]
    NotDefault(String),
    /// It never comes to anything.
    #[error("it comes to nothing: its conditions contradict each other")]
    Contradiction,
    /// The version does not stand in one piece.
    #[error("the version is put together from several pieces")]
    Pieces,
    /// `Layers` is no list.
    #[error("`Layers` is no list")]
    NoList,
    /// A list or a mapping where a layer should be.
    #[error("this is no layer")]
    NoLayer,
    /// More than can be followed.
    #[error("there are too many ways to put it together")]
    TooMany,
}

impl Reason {
    /// The first dynamic reference of a text, whatever stands around it. Its end may be put together, too: `/${Stage}}}`.
    pub(super) fn resolve_in(text: &str) -> Option<Self> {
        let rest = &text[text.find(RESOLVE)?..];
        let mut open = 0_usize;
        let end = rest.bytes().position(|byte| {
            match byte {
                b'{' => open += 1,
                b'}' => open -= 1,
                _ => {}
            }
            open == 0
        });
        Some(Self::Resolve(end.map_or(rest, |end| &rest[..=end]).trim().to_owned()))
    }

    /// Whether nobody needs to do anything about it: CloudFormation does.
    pub fn is_expected(&self) -> bool {
        matches!(self, Self::Resource(_))
    }
}
