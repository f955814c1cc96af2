//! Credits orders to messages by hand, for a moment of one's choice; the night does the same by itself.

use clap::Args;

use super::ShopFolder;
use crate::{fault::Fault, jobs::attribute::attribute, workspace::Access};

/// Credit orders to messages, under every model, up to a moment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame attribute\n  tsubame attribute --until 2026-06-30 && tsubame query channel_credits -p model=linear"
)]
pub struct Attribute {
    /// A time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Attribute {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        let until = super::instant_or_now(&workspace, self.until.as_deref())?;
        super::refuse_future(&workspace, until)?;
        let report = attribute(&workspace, until).await?;
        crate::jobs::flush::flush(&workspace).await?;
        workspace.state.close().await;
        println!("touches: {} new, credits: {} booked", report.touches, report.credits);
        Ok(())
    }
}
