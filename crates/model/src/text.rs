//! A text in the two languages of the product. Titles and labels are given in both where they are defined.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// NFKC: full-width letters, digits and signs as narrow ones. ASCII is that already, and most text is ASCII.
pub fn narrow(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() { Cow::Borrowed(raw) } else { Cow::Owned(raw.nfkc().collect()) }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub ja: String,
    pub en: String,
}

impl Text {
    pub fn new(ja: &str, en: &str) -> Self {
        Text { ja: ja.into(), en: en.into() }
    }

    /// The text in `lang` ("ja" or "en"); an empty one falls back to the other language.
    pub fn get(&self, lang: &str) -> &str {
        let (first, second) = if lang == "en" { (&self.en, &self.ja) } else { (&self.ja, &self.en) };
        if first.is_empty() { second } else { first }
    }
}
