//! Sends of another tool: history that can earn credit.

use crate::{codes, import, members};

#[test]
fn campaigns_of_the_complete_journey() {
    let text = connect::mapping::built_in()["complete-journey-campaigns"];
    let csv = "campaign_id,household_id,campaign_type,start_date\n1,93,Type B,2017-03-03\n1,105,Type B,2017-03-03\n1,93,Type B,2017-03-03\n8,93,Type A,2017-05-08\n9,93,Type D,2017-05-08\n";
    let imported = import(text, csv);
    assert_eq!(codes(&imported), [(6, "not_in_map")]);
    let sends = members(&imported, "sends", &["scenario", "customer_id", "channel", "state", "due_at", "purpose"]);
    assert_eq!(
        sends,
        [
            "campaign-1 93 line accepted 2017-03-03T05:00:00.000000Z marketing",
            "campaign-1 105 line accepted 2017-03-03T05:00:00.000000Z marketing",
            "campaign-8 93 email accepted 2017-05-08T04:00:00.000000Z marketing",
        ]
    );
    assert_eq!(imported.counts.duplicates, 1);
    let ids = members(&imported, "sends", &["send_id"]);
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
}
