//! The licence that a layer is published with: text that Lambda takes up to a length.

use toml::de::DeTable;

use super::{File, Wrong};
use crate::layer::licence::LONGEST;

impl File<'_> {
    /// `license = …`, as long as Lambda takes it:
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>.
    pub(super) fn license(self, table: &DeTable<'_>) -> Result<Option<String>, Wrong> {
        let text = self.optional_text(table, "license")?;
        let count = text.as_deref().map_or(0, |text| text.chars().count());
        match table.get("license") {
            Some(value) if count > LONGEST => {
                let what = format!("`license` has {count} characters, and Lambda takes {LONGEST}");
                Err(self.mistake(
                    value.span(),
                    what,
                    "expected an SPDX expression, or the address of the text",
                ))
            }
            _ => Ok(text),
        }
    }
}
