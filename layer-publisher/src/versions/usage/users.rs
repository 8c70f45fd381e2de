//! From a list of functions to who uses which version of a layer. Pure.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::{AccountId, LayerVersionArn};

use crate::function::{Alias, FunctionVersion};

/// A version of a function that uses a version of a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The account of the function.
    pub account: AccountId,
    /// The function.
    pub function: String,
    /// `$LATEST`, or a number.
    pub version: FunctionNumber,
    /// Its Runtime; nothing for one that is an image.
    pub runtime: Option<String>,
    /// The aliases that lead to this version.
    pub aliases: BTreeSet<String>,
}

/// The version of a function. Sorted: numbers as numbers, behind `$LATEST`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionNumber {
    /// `$LATEST`
    Latest,
    /// Published, and fixed ever since.
    Published(u64),
    /// Something that Lambda does not have yet.
    Other(String),
}

impl FunctionNumber {
    /// As Lambda writes it.
    pub fn of(text: &str) -> Self {
        match text.parse() {
            _ if text == crate::function::LATEST => Self::Latest,
            Ok(number) => Self::Published(number),
            Err(_) => Self::Other(text.to_owned()),
        }
    }
}

impl std::fmt::Display for FunctionNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latest => f.pad(crate::function::LATEST),
            Self::Published(number) => f.pad(&number.to_string()),
            Self::Other(text) => f.pad(text),
        }
    }
}

/// Who uses which version.
pub type Users = BTreeMap<LayerVersionArn, BTreeSet<User>>;

/// Who of one account uses versions of layers that `is_meant` knows. Aliases are not known yet.
pub fn users(
    account: &AccountId,
    functions: &[FunctionVersion],
    is_meant: impl Fn(&LayerVersionArn) -> bool,
) -> Users {
    let mut users = Users::new();
    for function in functions {
        for layer in function.layers.iter().filter(|layer| is_meant(layer)) {
            users.entry(layer.clone()).or_default().insert(User {
                account: account.clone(),
                function: function.name.clone(),
                version: FunctionNumber::of(&function.version),
                runtime: function.runtime.clone(),
                aliases: BTreeSet::new(),
            });
        }
    }
    users
}

/// Writes the aliases of functions down where they lead to a version that uses the layer.
pub fn with_aliases(users: Users, aliases: &BTreeMap<String, Vec<Alias>>) -> Users {
    let with = |user: User| {
        let of_function = aliases.get(&user.function).into_iter().flatten();
        let lead_here = of_function
            .filter(|alias| alias.versions.iter().any(|version| FunctionNumber::of(version) == user.version));
        User { aliases: lead_here.map(|alias| alias.name.clone()).collect(), ..user }
    };
    users.into_iter().map(|(layer, users)| (layer, users.into_iter().map(with).collect())).collect()
}

/// Those whose runtime is one of these; all if there are none.
pub fn with_runtimes(users: Users, runtimes: &[String]) -> Users {
    let is_meant = |user: &User| {
        runtimes.is_empty() || user.runtime.as_ref().is_some_and(|runtime| runtimes.contains(runtime))
    };
    let users = users
        .into_iter()
        .map(|(layer, users)| (layer, users.into_iter().filter(is_meant).collect::<BTreeSet<_>>()));
    users.filter(|(_, users)| !users.is_empty()).collect()
}

/// `1-4, 7`: numbers in a row are put together.
pub fn ranges(numbers: &BTreeSet<u64>) -> String {
    let mut ranges = Vec::<(u64, u64)>::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, version: &str, runtime: &str, layers: &[&str]) -> FunctionVersion {
        let layers =
            layers.iter().map(|layer| format!("arn:aws:lambda:eu-west-1:123456789012:layer:{layer}"));
        FunctionVersion {
            name: name.to_owned(),
            version: version.to_owned(),
            runtime: Some(runtime.to_owned()).filter(|runtime| !runtime.is_empty()),
            layers: layers.map(|arn| arn.parse().unwrap()).collect(),
        }
    }

    fn found() -> Users {
        let functions = [
            function("orders", "10", "python3.12", &["other:3", "sosw:6"]),
            function("orders", "9", "python3.10", &["sosw:6"]),
            function("orders", "$LATEST", "python3.12", &["sosw:7"]),
            function("billing", "$LATEST", "python3.12", &["sosw-extra:7"]),
            function("image", "$LATEST", "", &[]),
        ];
        users(&"210987654321".parse().unwrap(), &functions, |layer| layer.layer.as_str() == "sosw")
    }

    fn shown(users: &Users) -> Vec<String> {
        let line = |layer: &LayerVersionArn, user: &User| {
            let aliases = user.aliases.iter().map(String::as_str).collect::<Vec<_>>().join("+");
            format!("{}: {} {} {aliases}", layer.version, user.function, user.version).trim().to_owned()
        };
        users.iter().flat_map(|(layer, users)| users.iter().map(move |user| line(layer, user))).collect()
    }

    #[test]
    fn functions_stand_under_the_version_that_they_use() {
        assert_eq!(shown(&found()), ["6: orders 9", "6: orders 10", "7: orders $LATEST"]);
    }

    #[test]
    fn aliases_stand_at_every_version_that_they_lead_to() {
        let alias = |name: &str, versions: &[&str]| Alias {
            name: name.to_owned(),
            versions: versions.iter().map(|&version| version.to_owned()).collect(),
        };
        let of_orders = vec![alias("live", &["9", "10"]), alias("next", &["$LATEST"]), alias("old", &["3"])];
        let aliases = BTreeMap::from([
            ("orders".to_owned(), of_orders),
            ("billing".to_owned(), vec![alias("live", &["9"])]),
        ]);
        let users = with_aliases(found(), &aliases);
        assert_eq!(shown(&users), ["6: orders 9 live", "6: orders 10 live", "7: orders $LATEST next"]);
    }

    #[test]
    fn runtimes_leave_out_the_others() {
        assert_eq!(shown(&with_runtimes(found(), &["python3.10".to_owned()])), ["6: orders 9"]);
        assert_eq!(with_runtimes(found(), &[]), found());
        assert_eq!(shown(&with_runtimes(found(), &["python3.9".to_owned()])), [""; 0]);
    }

    #[test]
    fn numbers_in_a_row_are_put_together() {
        let shown = |numbers: &[u64]| ranges(&numbers.iter().copied().collect());
        assert_eq!(shown(&[1, 2, 3, 4, 6, 8, 9]), "1-4, 6, 8, 9");
        assert_eq!(shown(&[]), "");
    }
}
