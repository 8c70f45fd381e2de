//! Functions as Lambda tells of them, in our own types.

use std::collections::BTreeSet;

use template_tools::arn::LayerVersionArn;

/// The version of a function that follows its code and configuration; every other one is fixed.
pub const LATEST: &str = "$LATEST";

/// One version of a function, as ListFunctions tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVersion {
    /// The function's name.
    pub name: String,
    /// `$LATEST`, or a number.
    pub version: String,
    /// Its Runtime; nothing for one that is an image.
    pub runtime: Option<String>,
    /// The LayerVersions that it uses.
    pub layers: Vec<LayerVersionArn>,
}

/// An alias of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// The versions that it leads to: more than one while traffic is shifted.
    pub versions: BTreeSet<String>,
}
