//! `[runtimes]`: what the file says of Lambda's runtimes, beyond what this crate knows.

use std::collections::BTreeMap;

use pep508_rs::pep440_rs::Version;
use toml::de::DeTable;

use super::{File, Value, Wrong};
use crate::provided::{self, Provided};
use crate::target::{PythonVersion, Runtime, Runtimes};

impl File<'_> {
    /// `[runtimes."python3.15"]`: what the table of this crate does not know yet, or knows otherwise.
    pub(super) fn runtimes(self, document: &DeTable<'_>) -> Result<(Runtimes, Provided), Wrong> {
        let (mut runtimes, mut provided) = (Runtimes::default(), Provided::default());
        let Some(value) = document.get("runtimes") else { return Ok((runtimes, provided)) };
        for (key, value) in self.table(value, "runtimes")? {
            let python: PythonVersion = key.get_ref().parse().map_err(|()| {
                let what = format!("`{}` is no runtime", key.get_ref());
                self.mistake(key.span(), what, "expected a name like `python3.15`")
            })?;
            let table = self.table(value, "runtimes")?;
            let known = runtimes.get(python);
            let mut glibc_minor = known.map(|runtime| runtime.glibc_minor);
            let mut end = known.and_then(|runtime| runtime.end);
            for (key, value) in table {
                match key.get_ref().as_ref() {
                    "glibc" => {
                        let parse = |text: &str| text.strip_prefix("2.")?.parse().ok();
                        glibc_minor = Some(self.parsed(value, "a version of glibc like `2.34`", parse)?);
                    }
                    "end" => {
                        let parse = |text: &str| text.parse().ok();
                        end = Some(self.parsed(value, "a day like `2027-06-30`", parse)?);
                    }
                    "provides" => provided.state(python, self.provides(value)?),
                    other => {
                        let known = &["end", "glibc", "provides"];
                        return Err(self.unknown(key.span(), "key", other, "in `[runtimes]`", known));
                    }
                }
            }
            let glibc_minor = glibc_minor.ok_or_else(|| {
                let what = format!("the key `glibc` is missing for `{}`", key.get_ref());
                self.mistake(key.span(), what, "expected `glibc = \"2.34\"`, or what its system has")
            })?;
            runtimes.set(python, Runtime { glibc_minor, end });
        }
        Ok((runtimes, provided))
    }

    /// `provides = { boto3 = "1.36.3" }`
    fn provides(self, value: &Value<'_>) -> Result<BTreeMap<String, Version>, Wrong> {
        let read = self.table(value, "provides")?.iter().map(|(key, value)| {
            let name = key.get_ref().as_ref();
            if !provided::NAMES.contains(&name) {
                return Err(self.unknown(key.span(), "package", name, "in `provides`", &provided::NAMES));
            }
            let version = self.parsed(value, "a version like `1.36.3`", |text| text.parse().ok())?;
            Ok((name.to_owned(), version))
        });
        read.collect()
    }
}
