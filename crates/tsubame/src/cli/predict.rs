//! Fits the model of repeat buying by hand; the night does the same by itself every four weeks.

use clap::Args;

use super::ShopFolder;
use crate::{fault::Fault, jobs::predict::predict, workspace::Access};

/// Fit the model behind predicted lifetime value and P(alive)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame predict && tsubame query ltv_model\n  tsubame predict --until 2026-06-30 && tsubame query predicted_ltv -p months=6"
)]
pub struct Predict {
    /// A time, or a date, which means its end
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    shop: ShopFolder,
}

impl Predict {
    pub async fn run(self) -> Result<(), Fault> {
        let workspace = self.shop.open(Access::Write).await?;
        let until = super::instant_or_now(&workspace, self.until.as_deref())?;
        super::refuse_future(&workspace, until)?;
        let model = predict(&workspace, until).await?;
        crate::jobs::flush::flush(&workspace).await?;
        workspace.state.close().await;
        println!("{} on {}: {} customers, {} of them repeaters", model.kind, model.fitted_on, model.customers, model.repeaters);
        let problems = [("buying", &model.problem), ("values", &model.value_problem), ("holdout", &model.holdout_problem)];
        for (what, problem) in problems {
            if let Some(problem) = problem {
                println!("  {what}: not computable: {problem}");
            }
        }
        if let (Some(expected), actual) = (model.holdout_expected, model.holdout_actual) {
            println!("  last {} days, held out: {expected:.1} purchase days expected, {actual} came", model.holdout_days);
        }
        Ok(())
    }
}
