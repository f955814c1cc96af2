//! Shows what Tsubame does without anybody's data: a made-up shop whose truths are known.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use crate::{
    demo::{self, live},
    fault::Fault,
};

/// Make a lively demo shop, live a month in it, report, and show its pages
///
/// The shop's past and its customers' answers come from a seed; the planted truths are printed beside what was measured. Nothing is sent
/// anywhere: messages go to files in the shop's folder. A demo that was interrupted goes on where it was.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tsubame demo\n  tsubame demo --no-serve --customers 2000 --dir /tmp/small-shop\n  tsubame demo --seed 7 --json-report report.json --no-serve"
)]
pub struct Demo {
    /// Where the shop is made
    #[arg(long, default_value = "demo-shop")]
    dir: PathBuf,
    /// How many customers it has
    #[arg(long, default_value_t = demo::CUSTOMERS_DEFAULT, value_parser = clap::value_parser!(u32).range(50..=2_000_000))]
    customers: u32,
    /// What its chance is made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after the report
    #[arg(long)]
    no_serve: bool,
    /// Where its pages are served
    #[arg(long, default_value = "127.0.0.1:8710")]
    listen: SocketAddr,
    /// Leave out the real baskets of The Complete Journey
    #[arg(long)]
    without_journey: bool,
    /// How many months it lives, of which June 2026 is the last; of more than one no report is made
    #[arg(long, hide = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=12))]
    months: u32,
    /// 0: nobody reacts to a message, as if none had come; no report is made of it
    #[arg(long, hide = true, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    effect: u8,
    /// A scenario that is switched off; no report is made of it
    #[arg(long, hide = true, value_name = "SCENARIO")]
    off: Vec<String>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json_report: Option<PathBuf>,
}

impl Demo {
    pub async fn run(self) -> Result<(), Fault> {
        // Of a shop that lacks what the report looks for, there is none: it is made to be compared with another one.
        let is_whole = self.months == 1 && self.effect == 1 && self.off.is_empty();
        let options = live::Options {
            customers: self.customers,
            seed: self.seed,
            months: self.months,
            ignored: self.effect == 0,
            off: self.off.clone(),
        };
        let workspace = live::live(&self.dir, options).await?;
        if !is_whole {
            println!("lived without a report");
            workspace.state.close().await;
            return Ok(());
        }
        let report = demo::report::report(&workspace, self.customers).await?;
        println!("{report}");
        if !self.without_journey {
            println!("{}", demo::journey::journey(&self.dir).await?);
        }
        if let Some(path) = &self.json_report {
            let text = serde_json::to_string_pretty(&report).expect("a report is plain JSON");
            std::fs::write(path, text + "\n")
                .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))?;
        }
        if self.no_serve {
            workspace.state.close().await;
            return Ok(());
        }
        // The first start printed the password, and nothing can print it again.
        if workspace.state.accounts().list().await?.iter().any(|account| account.name == "admin") {
            println!("a new password for admin: tsubame account password admin --shop {}", self.dir.display());
        }
        super::serve::serve(workspace, self.listen, None).await
    }
}
