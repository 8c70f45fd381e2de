//! The wheel tags that a target accepts, best first (PEP 425, 600), and the tags in a wheel's file name.

use std::fmt;

use thiserror::Error;

use crate::target::{Architecture, Target};

/// A wheel's file name, taken apart: `name-version(-build)?-python-abi-platform.whl`
/// (<https://packaging.python.org/specifications/binary-distribution-format/>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The distribution, as the file name spells it.
    pub distribution: String,
    /// The version, as the file name spells it.
    pub version: String,
    /// The build number: among wheels of equal tags the greatest is taken.
    pub build: Option<u64>,
    pythons: Vec<String>,
    abis: Vec<String>,
    platforms: Vec<String>,
}

/// A file name that is none of a wheel.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not the name of a wheel")]
pub struct NotAWheelName(String);

impl WheelName {
    /// Takes `file_name` apart.
    pub fn parse(file_name: &str) -> Result<Self, NotAWheelName> {
        let wrong = || NotAWheelName(file_name.to_owned());
        let stem = file_name.strip_suffix(".whl").ok_or_else(wrong)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (build, tags) = match parts.as_slice() {
            [_, _, tags @ ..] if tags.len() == 3 => (None, tags),
            [_, _, build, tags @ ..] if tags.len() == 3 => {
                let digits: String = build.chars().take_while(char::is_ascii_digit).collect();
                (Some(digits.parse().map_err(|_| wrong())?), tags)
            }
            _ => return Err(wrong()),
        };
        let expand = |part: &str| part.split('.').map(str::to_ascii_lowercase).collect();
        Ok(Self {
            distribution: parts[0].to_owned(),
            version: parts[1].to_owned(),
            build,
            pythons: expand(tags[0]),
            abis: expand(tags[1]),
            platforms: expand(tags[2]),
        })
    }

    /// Whether the wheel runs everywhere: no compiled code for one system.
    pub fn is_pure(&self) -> bool {
        self.abis.iter().any(|abi| abi == "none") && self.platforms.iter().any(|platform| platform == "any")
    }

    /// Whether the wheel is for every Python 3 on every system.
    pub fn serves_everything(&self) -> bool {
        self.tags().any(|tag| tag == ("py3", "none", "any"))
    }

    /// All tags that the name stands for.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.pythons.iter().flat_map(move |python| {
            self.abis.iter().flat_map(move |abi| {
                self.platforms.iter().map(move |platform| (python.as_str(), abi.as_str(), platform.as_str()))
            })
        })
    }
}

/// What a target accepts.
#[derive(Clone, Debug)]
pub struct AcceptedTags {
    /// Compiled code, the best first; each kind may come with each of `platforms`.
    compiled: Vec<Kind>,
    /// The best first.
    platforms: Vec<String>,
    /// What runs on any platform, the best first; worse than all that is compiled.
    pure: Vec<Kind>,
}

/// A tag without its platform.
#[derive(Clone, Debug)]
struct Kind {
    python: String,
    /// `None` is the interpreter's own.
    abi: Option<&'static str>,
}

impl Kind {
    fn is(&self, python: &str, abi: &str) -> bool {
        self.python == python && self.abi.unwrap_or(&self.python) == abi
    }
}

impl AcceptedTags {
    /// The tags of `target`, from the most special to the most general: its own interpreter, the stable ABI of
    /// older versions, then code of any version; in each, platforms from the newest glibc to the oldest. The order is
    /// that of pip.
    pub fn of(target: Target) -> Self {
        let minor = target.python.minor();
        let own = format!("cp3{minor}");
        let kind = |python: String, abi| Kind { python, abi };
        let older = (2..minor).rev().map(|older| kind(format!("cp3{older}"), Some("abi3")));
        let generic = [format!("py3{minor}"), "py3".to_owned()].into_iter();
        let generic = generic.chain((0..minor).rev().map(|older| format!("py3{older}")));
        let generic: Vec<Kind> = generic.map(|python| kind(python, Some("none"))).collect();
        let mut compiled: Vec<Kind> =
            [None, Some("abi3"), Some("none")].map(|abi| kind(own.clone(), abi)).into();
        compiled.extend(older);
        compiled.extend(generic.iter().cloned());
        let mut pure = vec![kind(own, Some("none"))];
        pure.extend(generic);
        Self { compiled, platforms: platforms(target), pure }
    }

    /// The rank of the best tag of `wheel`, if any of them is accepted; the smallest is the best.
    pub fn rank(&self, wheel: &WheelName) -> Option<usize> {
        wheel.tags().filter_map(|(python, abi, platform)| self.rank_of(python, abi, platform)).min()
    }

    fn rank_of(&self, python: &str, abi: &str, platform: &str) -> Option<usize> {
        let among = |kinds: &[Kind]| kinds.iter().position(|kind| kind.is(python, abi));
        if platform == "any" {
            return Some(self.compiled.len() * self.platforms.len() + among(&self.pure)?);
        }
        let platform = self.platforms.iter().position(|accepted| accepted == platform)?;
        Some(among(&self.compiled)? * self.platforms.len() + platform)
    }
}

/// Why a wheel is not for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// For another interpreter, or another version of it.
    Python(String),
    /// For another system.
    System(String),
    /// For another instruction set.
    Machine(String),
    /// For a glibc that is newer than the runtime's.
    Glibc {
        /// What the wheel needs: minor version of glibc 2.
        needs: u8,
        /// What the runtime has.
        has: u8,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(tag) => write!(f, "is for {tag}"),
            Self::System(tag) => write!(f, "is for {tag}, not for Linux with glibc"),
            Self::Machine(tag) => write!(f, "is for {tag}, another instruction set"),
            Self::Glibc { needs, has } => write!(f, "needs glibc 2.{needs}, and the runtime has 2.{has}"),
        }
    }
}

impl WheelName {
    /// Why the wheel is not for `target`; `None` if it is.
    pub fn refusal(&self, target: Target) -> Option<Refusal> {
        if AcceptedTags::of(target).rank(self).is_some() {
            return None;
        }
        let platform = self.platforms.join(".");
        let machine = target.architecture.machine();
        let linux: Vec<&String> = self
            .platforms
            .iter()
            .filter(|platform| platform.starts_with("manylinux") || platform.starts_with("linux_"))
            .collect();
        if linux.is_empty() && !self.platforms.iter().any(|platform| platform == "any") {
            return Some(Refusal::System(platform));
        }
        if !linux.is_empty() && !linux.iter().any(|platform| platform.ends_with(&format!("_{machine}"))) {
            return Some(Refusal::Machine(platform));
        }
        let needs = linux.iter().filter_map(|platform| {
            let rest = platform.strip_prefix("manylinux_2_")?;
            rest[..rest.find('_')?].parse::<u8>().ok()
        });
        let anywhere = WheelName { platforms: vec![format!("linux_{machine}")], ..self.clone() };
        match needs.min() {
            Some(needs)
                if needs > target.glibc_minor && AcceptedTags::of(target).rank(&anywhere).is_some() =>
            {
                Some(Refusal::Glibc { needs, has: target.glibc_minor })
            }
            _ => Some(Refusal::Python(format!("{}-{}", self.pythons.join("."), self.abis.join(".")))),
        }
    }
}

/// manylinux from the runtime's glibc down to the oldest, with the names that PEP 600 replaced; musllinux never.
fn platforms(target: Target) -> Vec<String> {
    let machine = target.architecture.machine();
    // CentOS 5 had glibc 2.5; aarch64 came with manylinux2014.
    let oldest = match target.architecture {
        Architecture::X86_64 => 5,
        Architecture::Arm64 => 17,
    };
    let mut platforms = Vec::new();
    for minor in (oldest..=target.glibc_minor).rev() {
        platforms.push(format!("manylinux_2_{minor}_{machine}"));
        let legacy = match minor {
            17 => Some("manylinux2014"),
            12 => Some("manylinux2010"),
            5 => Some("manylinux1"),
            _ => None,
        };
        platforms.extend(legacy.map(|legacy| format!("{legacy}_{machine}")));
    }
    platforms.push(format!("linux_{machine}"));
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(python: &str, architecture: Architecture) -> AcceptedTags {
        let python = python.parse().unwrap();
        let glibc_minor = crate::target::Runtimes::default().get(python).unwrap().glibc_minor;
        AcceptedTags::of(Target { python, architecture, glibc_minor })
    }

    fn accepts(python: &str, architecture: Architecture, tag: &str) -> bool {
        let name = WheelName::parse(&format!("pkg-1.0-{tag}.whl")).unwrap();
        tags(python, architecture).rank(&name).is_some()
    }

    #[test]
    fn a_wheels_name_is_taken_apart() {
        let name = WheelName::parse("python_dateutil-2.9.0.post0-py2.py3-none-any.whl").unwrap();
        assert_eq!((name.distribution.as_str(), name.version.as_str()), ("python_dateutil", "2.9.0.post0"));
        assert!(name.is_pure());
        assert_eq!(name.tags().collect::<Vec<_>>(), [("py2", "none", "any"), ("py3", "none", "any")]);
        let name = WheelName::parse("pkg-1.0-2a-cp312-cp312-manylinux_2_17_x86_64.whl").unwrap();
        assert_eq!(name.build, Some(2));
        assert!(!name.is_pure());
        for wrong in
            ["pkg-1.0.tar.gz", "pkg.whl", "pkg-1.0-py3-none.whl", "a-1-x-py3-none-any.whl", "", "-.whl"]
        {
            assert_eq!(WheelName::parse(wrong), Err(NotAWheelName(wrong.to_owned())));
        }
    }

    #[test]
    fn the_glibc_of_the_runtime_is_the_ceiling() {
        use Architecture::{Arm64, X86_64};
        assert!(accepts("3.12", X86_64, "cp312-cp312-manylinux_2_34_x86_64"));
        assert!(!accepts("3.12", X86_64, "cp312-cp312-manylinux_2_35_x86_64"));
        assert!(accepts("3.11", X86_64, "cp311-cp311-manylinux_2_26_x86_64"));
        assert!(!accepts("3.11", X86_64, "cp311-cp311-manylinux_2_27_x86_64"));
        assert!(accepts("3.13", X86_64, "cp313-cp313-manylinux1_x86_64"));
        assert!(accepts("3.13", Arm64, "cp313-cp313-manylinux2014_aarch64"));
        assert!(!accepts("3.13", Arm64, "cp313-cp313-manylinux2010_aarch64"));
        assert!(!accepts("3.13", Arm64, "cp313-cp313-manylinux2014_x86_64"));
        assert!(accepts("3.13", X86_64, "cp313-cp313-manylinux_2_28_x86_64.musllinux_1_2_x86_64"));
        for never in ["musllinux_1_2_x86_64", "win_amd64", "macosx_11_0_universal2"] {
            assert!(!accepts("3.13", X86_64, &format!("cp313-cp313-{never}")), "{never}");
        }
    }

    #[test]
    fn abis_fit_the_interpreter() {
        use Architecture::X86_64;
        assert!(accepts("3.13", X86_64, "cp39-abi3-manylinux2014_x86_64"));
        assert!(!accepts("3.12", X86_64, "cp313-abi3-manylinux2014_x86_64"));
        assert!(!accepts("3.12", X86_64, "cp313-cp313-manylinux2014_x86_64"));
        assert!(!accepts("3.14", X86_64, "cp314-cp314t-manylinux2014_x86_64"));
        assert!(!accepts("3.12", X86_64, "py2-none-any"));
        assert!(!accepts("3.12", X86_64, "pp310-pypy310_pp73-manylinux2014_x86_64"));
        assert!(accepts("3.12", X86_64, "py3-none-manylinux2014_x86_64"));
    }

    #[test]
    fn a_refusal_says_what_does_not_fit() {
        let target =
            Target { python: "3.11".parse().unwrap(), architecture: Architecture::X86_64, glibc_minor: 26 };
        let refusal = |tag: &str| {
            let name = WheelName::parse(&format!("pkg-1.0-{tag}.whl")).unwrap();
            name.refusal(target).map(|refusal| refusal.to_string()).unwrap_or_default()
        };
        assert_eq!(refusal("cp311-cp311-manylinux2014_x86_64"), "");
        assert_eq!(
            refusal("cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64"),
            "needs glibc 2.27, and the runtime has 2.26"
        );
        assert_eq!(refusal("cp312-cp312-manylinux_2_28_x86_64"), "is for cp312-cp312");
        assert_eq!(refusal("cp311-cp311-win_amd64"), "is for win_amd64, not for Linux with glibc");
        assert_eq!(
            refusal("cp311-cp311-musllinux_1_2_x86_64"),
            "is for musllinux_1_2_x86_64, not for Linux with glibc"
        );
        assert_eq!(
            refusal("cp311-cp311-macosx_11_0_universal2"),
            "is for macosx_11_0_universal2, not for Linux with glibc"
        );
        assert_eq!(
            refusal("cp311-cp311-manylinux2014_aarch64"),
            "is for manylinux2014_aarch64, another instruction set"
        );
        assert_eq!(refusal("py2-none-any"), "is for py2-none");
    }

    #[test]
    fn the_most_special_tag_is_the_best() {
        let tags = tags("3.13", Architecture::X86_64);
        let best_first = [
            "cp313-cp313-manylinux_2_28_x86_64",
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp313-cp313-manylinux2014_x86_64",
            "cp313-abi3-manylinux_2_28_x86_64",
            "cp313-none-manylinux_2_28_x86_64",
            "cp39-abi3-manylinux_2_28_x86_64",
            "py3-none-manylinux_2_28_x86_64",
            "cp313-none-any",
            "py313-none-any",
            "py3-none-any",
            "py30-none-any",
        ];
        let ranks =
            best_first.map(|tag| tags.rank(&WheelName::parse(&format!("pkg-1.0-{tag}.whl")).unwrap()));
        assert!(ranks.iter().all(Option::is_some));
        assert!(ranks.is_sorted());
    }
}
