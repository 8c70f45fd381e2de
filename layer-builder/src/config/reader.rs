//! From the text of `layers.toml` to its tables, key by key.

mod license;
mod runtimes;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep508_rs::PackageName;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{AuditTable, LayerTable, Mistake, Split, WheelPreference, inputs_sha256, nearest};
use crate::indexes::address::has_credentials;
use crate::lock::pylock;
use crate::provided::Provided;
use crate::requirement::{NO_CREDENTIALS, Wanted};
use crate::spec::made_by;
use crate::target::{PythonVersion, Runtimes, UNZIPPED_LIMIT};

type Value<'a> = Spanned<DeValue<'a>>;
type Wrong = Box<Mistake>;

/// The keys of a layer's table that this crate reads.
const KEYS: &[&str] = &[
    "allow",
    "architectures",
    "branch-of",
    "companions",
    "description",
    "exclude-runtime-provided",
    "growth",
    "include",
    "layer-name",
    "license",
    "lock",
    "max-unzipped-size",
    "python",
    "requirements",
    "split",
    "wheels",
];

/// Those of them that are tables.
const OWN_TABLES: &[&str] = &["allow", "branch-of", "include"];

/// Tables inside a layer's table that belong to another crate.
const FOREIGN_TABLES: &[&str] = &["publish"];

/// Tables at the top of the file: ours, and those of other crates.
const TOP: &[&str] = &["layers", "runtimes", "stacks"];

pub(super) fn layers(path: &Path, text: &str) -> Result<BTreeMap<String, LayerTable>, Wrong> {
    let file = File { path, text };
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        file.mistake(span, format!("this is not TOML: {}", error.message()), "")
    })?;
    for (key, _) in document.get_ref() {
        if !TOP.contains(&key.get_ref().as_ref()) {
            return Err(file.unknown(key.span(), "table", key.get_ref(), "at the top of the file", TOP));
        }
    }
    let (runtimes, provided) = file.runtimes(document.get_ref())?;
    let Some(layers) = document.get_ref().get("layers") else {
        return Err(file.mistake(
            0..0,
            "there are no layers in this file".into(),
            "expected a table `[layers.<name>]`",
        ));
    };
    let layers = file.table(layers, "layers")?;
    if layers.is_empty() {
        return Err(file.mistake(
            0..0,
            "there are no layers in this file".into(),
            "expected a table `[layers.<name>]`",
        ));
    }
    let read = layers.iter().map(|(name, table)| {
        let span = name.span();
        let name = name.get_ref().as_ref();
        if !is_layer_name(name) {
            let what = format!("`{name}` cannot be the name of a layer");
            return Err(file.mistake(span, what, "expected 1 to 140 of a–z, A–Z, 0–9, `-` and `_`"));
        }
        Ok((name.to_owned(), file.layer(name, span, table, &runtimes, &provided)?))
    });
    let read = read.collect::<Result<BTreeMap<_, _>, _>>()?;
    for (name, _) in layers {
        if let Some((layer, what)) =
            read.values().find_map(|layer| Some((layer, made_by(layer, name.get_ref())?)))
        {
            let what = format!("`{}` is the name of {what} of the layer `{}`", name.get_ref(), layer.name);
            return Err(file.mistake(
                name.span(),
                what,
                "expected another name: both would have the same files",
            ));
        }
    }
    Ok(read)
}

/// What Lambda accepts as LayerName:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>.
fn is_layer_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=140).contains(&name.len()) && name.bytes().all(allowed)
}

#[derive(Clone, Copy)]
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn mistake(self, span: Range<usize>, what: String, expected: &str) -> Wrong {
        Box::new(Mistake::new(self.path, self.text, span, what, expected))
    }

    fn unknown(self, span: Range<usize>, kind: &str, key: &str, place: &str, known: &[&str]) -> Wrong {
        let mut mistake =
            self.mistake(span, format!("unknown {kind} `{key}` {place}"), &format!("no such {kind}"));
        mistake.hint = Some(match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of `{}`", known.join("`, `")),
        });
        mistake
    }

    fn layer(
        self,
        name: &str,
        span: Range<usize>,
        value: &Value<'_>,
        runtimes: &Runtimes,
        provided: &Provided,
    ) -> Result<LayerTable, Wrong> {
        let place = format!("layers.{name}");
        let table = self.table(value, &place)?;
        let place = format!("in `[{place}]`");
        for (key, value) in table {
            let known = key.get_ref().as_ref();
            if value.get_ref().is_table() && !OWN_TABLES.contains(&known) {
                if !FOREIGN_TABLES.contains(&known) {
                    return Err(self.unknown(key.span(), "table", known, &place, FOREIGN_TABLES));
                }
            } else if !KEYS.contains(&known) {
                return Err(self.unknown(key.span(), "key", known, &place, KEYS));
            }
        }
        let missing = |key: &str| {
            self.mistake(
                span.clone(),
                format!("the key `{key}` is missing {place}"),
                &format!("expected `{key} = […]`"),
            )
        };
        let requirements = table.get("requirements").ok_or_else(|| missing("requirements"))?;
        let pythons = table.get("python").ok_or_else(|| missing("python"))?;
        let architectures = table.get("architectures").ok_or_else(|| missing("architectures"))?;
        let mut layer = LayerTable {
            name: name.to_owned(),
            description: self.optional_text(table, "description")?,
            requirements: self.list(requirements, "a requirement", |value| self.wanted(value))?,
            companions: Vec::new(),
            branch_of: BTreeMap::new(),
            pythons: self.list(pythons, "a Python version", |value| self.python(value, runtimes))?,
            architectures: self.list(architectures, "an architecture", |value| {
                self.parsed(value, "`x86_64` or `arm64`", |text| text.parse().ok())
            })?,
            runtimes: runtimes.clone(),
            provided: provided.clone(),
            split: Split::default(),
            exclude_runtime_provided: false,
            lock: None,
            include: BTreeMap::new(),
            wheels: WheelPreference::default(),
            license: self.license(table)?,
            layer_name: None,
            audit: self.audit(table)?,
            inputs_sha256: inputs_sha256(self.text, name),
        };
        layer.pythons.sort_unstable();
        layer.pythons.dedup();
        layer.architectures.sort_unstable();
        layer.architectures.dedup();
        if let Some(companions) = table.get("companions") {
            layer.companions = self.any_list(companions, |value| self.wanted(value))?;
        }
        if let Some(value) = table.get("wheels") {
            layer.wheels = self.parsed(value, "`pure` or `native`", |text| match text {
                "pure" => Some(WheelPreference::Pure),
                "native" => Some(WheelPreference::Native),
                _ => None,
            })?;
        }
        if let Some(value) = table.get("split") {
            let parse = |text: &str| (text == "architecture").then_some(Split::Architecture);
            layer.split = self.parsed(value, "`architecture`", parse)?;
        }
        if let Some(value) = table.get("exclude-runtime-provided") {
            layer.exclude_runtime_provided = value.get_ref().as_bool().ok_or_else(|| {
                let what = format!("this is {}", described(value.get_ref()));
                self.mistake(value.span(), what, "expected true or false")
            })?;
        }
        if let Some(value) = table.get("lock") {
            let expected = "the path of a lock of PEP 751: `pylock.toml` or `pylock.<name>.toml`";
            let parse = |text: &str| Some(PathBuf::from(text)).filter(|path| pylock::is_named_so(path));
            layer.lock = Some(self.parsed(value, expected, parse)?);
        }
        if let Some(value) = table.get("include") {
            layer.include = self.include(value)?;
        }
        if let Some(value) = table.get("layer-name") {
            let expected = "1 to 140 of a–z, A–Z, 0–9, `-`, `_` and `{architecture}`";
            let is_name = |text: &str| is_layer_name(&text.replace("{architecture}", "x86_64"));
            let parse = |text: &str| is_name(text).then(|| text.to_owned());
            layer.layer_name = Some(self.parsed(value, expected, parse)?);
        }
        if let Some(value) = table.get("branch-of") {
            layer.branch_of = self.branch_of(value, &layer)?;
        }
        Ok(layer)
    }

    fn audit(self, table: &DeTable<'_>) -> Result<AuditTable, Wrong> {
        let mut audit = AuditTable::default();
        if let Some(value) = table.get("allow") {
            for (key, value) in self.table(value, "allow")? {
                let reason = self.text_of(value, "the reason why this is allowed")?;
                if reason.trim().is_empty() {
                    let what = format!("`{}` is allowed without a reason", key.get_ref());
                    return Err(self.mistake(value.span(), what, "expected the reason, in quotes"));
                }
                audit.allow.insert(key.get_ref().clone().into_owned(), reason.to_owned());
            }
        }
        let number = |key: &str, unit: &str| {
            let read = |value: &Value<'_>| {
                let number = value.get_ref().as_integer();
                let number =
                    number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
                number.ok_or_else(|| {
                    let what = format!("`{key}` is {}", described(value.get_ref()));
                    self.mistake(value.span(), what, &format!("expected a whole number of {unit}"))
                })
            };
            table.get(key).map(read).transpose()
        };
        audit.max_unzipped_size = number("max-unzipped-size", "bytes")?;
        if let (Some(size), Some(value)) = (audit.max_unzipped_size, table.get("max-unzipped-size"))
            && size > UNZIPPED_LIMIT
        {
            let expected = format!("expected {UNZIPPED_LIMIT} at most, which is what Lambda allows");
            return Err(self.mistake(value.span(), format!("{size} bytes are too many"), &expected));
        }
        audit.growth = number("growth", "percent")?;
        Ok(audit)
    }

    fn branch_of(
        self,
        value: &Value<'_>,
        layer: &LayerTable,
    ) -> Result<BTreeMap<PackageName, String>, Wrong> {
        let table = self.table(value, "branch-of")?;
        let read = table.iter().map(|(key, value)| {
            let package = PackageName::from_str(key.get_ref()).ok();
            let asked_for = package.filter(|name| {
                let mut wanted = layer.requirements.iter().chain(&layer.companions);
                wanted.any(|wanted| wanted.name() == Some(name))
            });
            let Some(package) = asked_for else {
                let what = format!("`{}` is not among the layer's requirements", key.get_ref());
                return Err(self.mistake(key.span(), what, "expected one of `requirements` or `companions`"));
            };
            let repository = self.parsed(value, "the address of a git repository", |text| {
                (text.contains("://") || text.starts_with('/')).then(|| text.to_owned())
            })?;
            if has_credentials(&repository) {
                let what = format!("`{}` has an address with credentials", key.get_ref());
                return Err(self.mistake(value.span(), what, NO_CREDENTIALS));
            }
            Ok((package, repository))
        });
        read.collect()
    }

    /// `include = { "etc/ca.pem" = "certs/ca.pem", "python/" = "src/" }`
    fn include(self, value: &Value<'_>) -> Result<BTreeMap<String, PathBuf>, Wrong> {
        let read = self.table(value, "include")?.iter().map(|(key, value)| {
            let place = key.get_ref().as_ref();
            if !crate::zip_reader::is_safe(place) {
                let what = format!("`{place}` cannot be a place in a layer");
                return Err(self.mistake(
                    key.span(),
                    what,
                    "expected a path below `/opt`, like `etc/ca.pem`",
                ));
            }
            let source = self.text_of(value, "a file or a folder")?;
            Ok((place.to_owned(), PathBuf::from(source)))
        });
        read.collect()
    }

    fn wanted(self, value: &Value<'_>) -> Result<Wanted, Wrong> {
        let text = self.text_of(value, "a requirement like `requests>=2.32`")?;
        Wanted::parse(text).map_err(|why| {
            let what = format!("`{text}` is no requirement: {why}");
            self.mistake(value.span(), what, "expected a requirement like `requests>=2.32` (PEP 508)")
        })
    }

    fn python(self, value: &Value<'_>, runtimes: &Runtimes) -> Result<PythonVersion, Wrong> {
        let known: Vec<String> = runtimes.pythons().map(|version| format!("`{version}`")).collect();
        let parse = |text: &str| text.parse().ok().filter(|python| runtimes.get(*python).is_some());
        self.parsed(value, &format!("one of {}", known.join(", ")), parse)
    }

    fn table<'a, 'b>(self, value: &'b Value<'a>, name: &str) -> Result<&'b DeTable<'a>, Wrong> {
        value.get_ref().as_table().ok_or_else(|| {
            let what = format!("`{name}` is {}", described(value.get_ref()));
            self.mistake(value.span(), what, "expected a table")
        })
    }

    fn optional_text(self, table: &DeTable<'_>, key: &str) -> Result<Option<String>, Wrong> {
        table.get(key).map(|value| self.text_of(value, "text in quotes").map(str::to_owned)).transpose()
    }

    fn text_of<'b>(self, value: &'b Value<'_>, expected: &str) -> Result<&'b str, Wrong> {
        value.get_ref().as_str().ok_or_else(|| {
            let what = format!("this is {}", described(value.get_ref()));
            self.mistake(value.span(), what, &format!("expected {expected}, in quotes"))
        })
    }

    fn parsed<T>(
        self,
        value: &Value<'_>,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Wrong> {
        let text = self.text_of(value, expected)?;
        parse(text).ok_or_else(|| {
            self.mistake(value.span(), format!("`{text}` is not known here"), &format!("expected {expected}"))
        })
    }

    /// A list of at least one.
    fn list<T>(
        self,
        value: &Value<'_>,
        what: &str,
        read: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let items = self.any_list(value, read)?;
        if items.is_empty() {
            return Err(self.mistake(
                value.span(),
                "this list is empty".into(),
                &format!("expected {what} at least"),
            ));
        }
        Ok(items)
    }

    fn any_list<T>(
        self,
        value: &Value<'_>,
        read: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let Some(items) = value.get_ref().as_array() else {
            let what = format!("this is {}", described(value.get_ref()));
            return Err(self.mistake(value.span(), what, "expected a list: `[…]`"));
        };
        items.iter().map(read).collect()
    }
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
