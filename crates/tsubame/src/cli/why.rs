//! What became of one customer, and why not more, in a terminal.

use std::io::Write;

use clap::Args;

use super::{Language, ShopFolder};
use crate::{fault::Fault, jobs::why, workspace::Access};

/// Say what a customer was sent, what they were not and why, and what comes next
///
/// Of all scenarios, or of one: then also why they are not in it, down to the clause of the segment that keeps them out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame why C000123\n  tsubame why C000123 cart-recovery --lang en\n  tsubame why C000123 f2-followup --as-of 2026-06-30"
)]
pub struct Why {
    /// The customer's id; an address is looked up by its pseudonym and not printed
    customer: String,
    scenario: Option<String>,
    /// As it was known at this moment: a time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// The shop's own without it
    #[arg(long, value_enum)]
    lang: Option<Language>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Why {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Read).await?;
        let as_of = self.as_of.as_deref().map(|text| super::instant(&workspace, text)).transpose()?;
        let lang = self.lang.map_or(workspace.shop().language.as_str(), |lang| lang.name());
        let paragraphs = why::why(&workspace, &self.customer, self.scenario.as_deref(), as_of).await?;
        let mut out = String::new();
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            out.push_str(paragraph.heading.get(lang));
            out.push('\n');
            for line in &paragraph.lines {
                out.push_str(&format!("  {}\n", line.get(lang)));
            }
        }
        // A reader that has seen enough (`| head`) is no failure.
        let _ = std::io::stdout().write_all(out.as_bytes());
        Ok(())
    }
}
