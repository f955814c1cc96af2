//! Advertising cost by day and medium.

use super::{Column, Kind::*, Table};

pub struct AdSpend;

impl Table for AdSpend {
    fn name(&self) -> &'static str {
        "ad_spend"
    }

    fn title(&self) -> (&'static str, &'static str) {
        ("広告費", "Ad spend")
    }

    fn columns(&self) -> &'static [Column] {
        &[
            Column { name: "spend_id", kind: Text, ja: "ID", en: "Row" },
            Column { name: "revision_id", kind: Text, ja: "版", en: "Revision" },
            Column { name: "source", kind: Text, ja: "取込元", en: "Source" },
            Column { name: "spent_on", kind: Date, ja: "日付", en: "Day" },
            Column { name: "medium", kind: Text, ja: "媒体", en: "Medium" },
            Column { name: "campaign", kind: Text, ja: "キャンペーン", en: "Campaign" },
            Column { name: "cost", kind: Money, ja: "費用", en: "Cost" },
            Column { name: "impressions", kind: Int, ja: "表示回数", en: "Impressions" },
            Column { name: "clicks", kind: Int, ja: "クリック数", en: "Clicks" },
        ]
    }

    fn sort(&self) -> &'static [&'static str] {
        &["spent_on"]
    }

    fn statistics(&self) -> &'static [&'static str] {
        &["spent_on"]
    }
}
