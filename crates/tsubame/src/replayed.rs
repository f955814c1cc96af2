//! A replay as people meet it, on the command line and on its page: what was counted as tables, and what must be said beside the numbers.

use std::collections::BTreeMap;

use model::{Channel, Text};
use query::{Answer, Column, Kind, Value};

use crate::jobs::{back_test::column, replay::Report};
use decide::replay::{Bought, Count};

/// What must be known to read the numbers, the most important first.
pub fn notes(report: &Report) -> Vec<Text> {
    let mut notes = vec![Text::new(
        "この数字は「配信していたら何通になったか」と「配信なしで何が起きたか」であり、効果（リフト）ではありません。効果は保留群との比較でのみ分かります。",
        "These numbers say what would have been sent and what happened without it. They say no lift: only a holdout can tell one.",
    )];
    if let Some(day) = report.no_data_before {
        notes.push(Text::new(
            &format!("{day} より前は、入口となる記録がありません。ゼロではなくデータなしです。"),
            &format!("Before {day} nothing of what lets people in was recorded: no data, not zero."),
        ));
    }
    for (from, to) in &report.contaminated {
        notes.push(Text::new(
            &format!("{from} から {to} は、このシナリオが実際に配信していた期間です（contaminated）。「配信なし」の数字としては読めません。"),
            &format!("From {from} to {to} the scenario really sent (contaminated): what people did then is not what they do without it."),
        ));
    }
    let assumed = &report.assumed;
    notes.push(Text::new(
        &format!(
            "判明日時が推定の事実: {} / {} 件。推定の日時から知られている同意による配信: {} / {} 通。",
            assumed.facts_assumed, assumed.facts, assumed.sends_assumed, assumed.sends
        ),
        &format!(
            "Facts whose time of being known is assumed: {} of {}. Messages by a consent known since an assumed time: {} of {}.",
            assumed.facts_assumed, assumed.facts, assumed.sends_assumed, assumed.sends
        ),
    ));
    notes
}

/// Everything that was counted, each table with its title.
pub fn tables(report: &Report, lang: &str) -> Vec<(Text, Answer)> {
    vec![
        (Text::new("合計", "Totals"), totals(report, lang)),
        (Text::new("チャネル別", "By channel"), channels(report)),
        (Text::new("配信しなくても購入した人", "Who bought anyway"), bought(report, lang)),
        (Text::new("離脱の理由", "Why people left"), reasons(&report.summary.exits, lang)),
        (Text::new("配信されない理由", "Why messages would not leave"), reasons(&report.summary.stops, lang)),
        (Text::new("後にずらした理由", "Why messages would leave later"), reasons(&report.summary.deferrals, lang)),
        (Text::new("月の配信枠と料金", "Monthly plan and cost"), months(report)),
        (Text::new("日別", "Day by day"), days(report)),
    ]
}

/// One row per day and channel.
pub fn days(report: &Report) -> Answer {
    let row = |day: &decide::replay::Day| {
        vec![Value::Date(day.day), Value::Text(day.channel.name().into()), count(day.sends), count(day.ghosts)]
    };
    Answer {
        columns: vec![
            column("day", Kind::Date, "日", "Day"),
            column("channel", Kind::Text, "チャネル", "Channel"),
            column("sends", Kind::Int, "配信予定", "Would send"),
            column("ghosts", Kind::Int, "保留（ゴースト）", "Held out (ghosts)"),
        ],
        rows: report.summary.days.iter().map(row).collect(),
    }
}

/// Each message that would have left, and each ghost.
pub fn sends(report: &Report) -> Answer {
    let entered: BTreeMap<&str, &model::EntryStep> =
        report.entries.iter().map(|entry| (entry.entry_id.as_str(), entry)).collect();
    let row = |send: &decide::replay::WouldSend| {
        let entry = entered.get(send.entry_id.as_str());
        vec![
            Value::Instant(send.at),
            Value::Text(send.customer.to_string()),
            Value::Text(send.channel.name().into()),
            Value::Text(send.step.clone()),
            Value::Bool(send.ghost),
            entry.map_or(Value::Null, |entry| Value::Instant(entry.entered_at)),
            entry.map_or(Value::Null, |entry| Value::Text(entry.entry_key.clone())),
            Value::Text(send.entry_id.clone()),
            Value::Text(send.send_id.clone()),
        ]
    };
    Answer {
        columns: vec![
            column("at", Kind::Instant, "日時", "At"),
            column("customer_id", Kind::Text, "会員ID", "Customer"),
            column("channel", Kind::Text, "チャネル", "Channel"),
            column("step", Kind::Text, "ステップ", "Step"),
            column("ghost", Kind::Bool, "保留（ゴースト）", "Held out (ghost)"),
            column("entered_at", Kind::Instant, "エントリー日時", "Entered at"),
            column("entry_key", Kind::Text, "エントリーキー", "Entry key"),
            column("entry_id", Kind::Text, "エントリーID", "Entry"),
            column("send_id", Kind::Text, "配信ID", "Send"),
        ],
        rows: report.would_sends.iter().map(row).collect(),
    }
}

/// Each entry, and where it stood when the time was over.
pub fn entries(report: &Report) -> Answer {
    let row = |entry: &model::EntryStep| {
        vec![
            Value::Text(entry.entry_id.clone()),
            Value::Text(entry.customer_id.to_string()),
            Value::Text(entry.entry_key.clone()),
            Value::Instant(entry.entered_at),
            Value::Text(entry.status.name().into()),
            Value::Text(entry.step.clone()),
            Value::Instant(entry.due_at),
            Value::Bool(entry.held_out),
            entry.reason.clone().map_or(Value::Null, Value::Text),
        ]
    };
    Answer {
        columns: vec![
            column("entry_id", Kind::Text, "エントリーID", "Entry"),
            column("customer_id", Kind::Text, "会員ID", "Customer"),
            column("entry_key", Kind::Text, "エントリーキー", "Entry key"),
            column("entered_at", Kind::Instant, "エントリー日時", "Entered at"),
            column("status", Kind::Text, "状態", "Status"),
            column("step", Kind::Text, "ステップ", "Step"),
            column("due_at", Kind::Instant, "予定日時", "Due at"),
            column("held_out", Kind::Bool, "保留群", "Held out"),
            column("reason", Kind::Text, "理由", "Reason"),
        ],
        rows: report.entries.iter().map(row).collect(),
    }
}

fn totals(report: &Report, lang: &str) -> Answer {
    let summary = &report.summary;
    let sends = summary.channels.iter().map(|channel| channel.sends).sum();
    let ghosts = summary.channels.iter().map(|channel| channel.ghosts).sum();
    let lines = [
        ("エントリー", "Entries", summary.entries),
        ("うち保留群", "Of them held out", summary.held_out),
        ("配信予定", "Would send", sends),
        ("保留（ゴースト）", "Ghosts", ghosts),
        ("途中で離脱", "Left early", summary.exits.iter().map(|exit| exit.count).sum()),
        ("最後まで完了", "Went to the end", summary.finished),
        ("期間の終わりに進行中", "Still under way at the end", summary.under_way),
    ];
    let row = |(ja, en, number): (&str, &str, u64)| vec![Value::Text(Text::new(ja, en).get(lang).into()), count(number)];
    Answer {
        columns: vec![column("what", Kind::Text, "項目", "What"), column("count", Kind::Int, "件数", "Count")],
        rows: lines.into_iter().map(row).collect(),
    }
}

fn channels(report: &Report) -> Answer {
    let row = |of: &decide::replay::OfChannel| {
        vec![Value::Text(of.channel.name().into()), count(of.sends), count(of.ghosts), Value::Money(of.cost)]
    };
    Answer {
        columns: vec![
            column("channel", Kind::Text, "チャネル", "Channel"),
            column("sends", Kind::Int, "配信予定", "Would send"),
            column("ghosts", Kind::Int, "保留（ゴースト）", "Held out (ghosts)"),
            column("cost", Kind::Money, "料金", "Cost"),
        ],
        rows: report.summary.channels.iter().map(row).collect(),
    }
}

fn bought(report: &Report, lang: &str) -> Answer {
    let row = |ja: &str, en: &str, bought: &Bought| {
        vec![Value::Text(Text::new(ja, en).get(lang).into()), count(bought.passes), count(bought.bought), count(bought.unknown)]
    };
    let summary = &report.summary;
    Answer {
        columns: vec![
            column("who", Kind::Text, "対象", "Who"),
            column("passes", Kind::Int, "人数（エントリー）", "Entries"),
            column("bought", Kind::Int, "目標期間内に購入", "Reached the goal in its time"),
            column("unknown", Kind::Int, "まだ分からない", "Not known yet"),
        ],
        rows: vec![
            row(
                "配信予定だった人（最初の配信から）",
                "Would have been sent to (from the first message)",
                &summary.bought_if_sent,
            ),
            row("配信前に離脱した人（エントリーから）", "Left before a message (from entering)", &summary.bought_if_exited),
        ],
    }
}

fn months(report: &Report) -> Answer {
    let row = |month: &decide::replay::Month| {
        vec![
            Value::Date(month.month),
            Value::Text(month.channel.name().into()),
            count(month.sends),
            count(month.others),
            count(month.included),
            Value::Money(month.cost),
        ]
    };
    Answer {
        columns: vec![
            column("month", Kind::Date, "月", "Month"),
            column("channel", Kind::Text, "チャネル", "Channel"),
            column("sends", Kind::Int, "配信予定", "Would send"),
            column("others", Kind::Int, "他の実配信", "Really sent by others"),
            column("included", Kind::Int, "無料枠", "Included in the plan"),
            column("cost", Kind::Money, "追加料金", "Added cost"),
        ],
        rows: report.summary.months.iter().map(row).collect(),
    }
}

fn reasons(counts: &[Count], lang: &str) -> Answer {
    let columns: Vec<Column> = vec![
        column("reason", Kind::Text, "理由", "Reason"),
        column("channel", Kind::Text, "チャネル", "Channel"),
        column("count", Kind::Int, "件数", "Count"),
    ];
    let row = |counted: &Count| {
        let channel = counted.channel.map(Channel::name).map_or(Value::Null, |name| Value::Text(name.into()));
        vec![Value::Text(reason(&counted.reason).get(lang).into()), channel, count(counted.count)]
    };
    Answer { columns, rows: counts.iter().map(row).collect() }
}

fn count(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The words of a reason; one that has none stands as it is.
fn reason(name: &str) -> Text {
    let (ja, en) = match name {
        "no_address" => ("連絡先がない", "No address on this channel"),
        "relay_address" => ("モールの転送用アドレス", "The address is a mall's"),
        "no_consent" => ("配信の同意がない", "No consent"),
        "suppressed" => ("配信停止中（不達・苦情など）", "Suppressed (bounce, complaint, by hand)"),
        "line_blocked" => ("LINEがブロックされている", "LINE is blocked"),
        "quota" => ("月の配信枠を使い切った", "The month's quota is used up"),
        "cap" => ("配信頻度の上限", "Frequency cap"),
        "quiet" => ("配信停止時間帯", "Quiet hours"),
        "expired" => ("有効期限切れ", "Too late to be of use"),
        "exited" => ("離脱条件に該当", "Left the scenario"),
        "excluded" => ("除外セグメント", "In an excluded segment"),
        "goal" => ("目標を達成（購入など）", "Reached the goal (bought, …)"),
        "rule" => ("離脱条件に該当", "Met an exit rule"),
        "left_audience" => ("対象から外れた", "Left the audience"),
        "consent" => ("同意を取り消した", "Took the consent back"),
        "erased" => ("個人情報を削除した", "Erased"),
        "version_stopped" => ("シナリオの版が終了", "The version was stopped"),
        "global_holdout" => ("全体の保留群", "In the shop's holdout"),
        other => (other, other),
    };
    Text::new(ja, en)
}

#[cfg(test)]
pub mod tests {
    use chrono::NaiveDate;
    use decide::replay::{Day, OfChannel, Summary};
    use model::{Money, Stop};

    use super::*;
    use crate::jobs::replay::Assumed;

    pub fn report() -> Report {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 6, day).expect("a day");
        let exit = Count { reason: "goal".into(), channel: None, count: 2 };
        Report {
            scenario: "cart-recovery".into(),
            version: "v".into(),
            from: day(1),
            to: day(11),
            summary: Summary {
                entries: 4,
                days: vec![Day { day: day(4), channel: Channel::Line, sends: 1, ghosts: 1 }],
                channels: vec![OfChannel { channel: Channel::Line, sends: 1, ghosts: 1, cost: Money::ZERO }],
                exits: vec![exit],
                bought_if_sent: Bought { passes: 2, bought: 1, unknown: 0 },
                ..Summary::default()
            },
            contaminated: vec![(day(6), day(7))],
            no_data_before: Some(day(3)),
            assumed: Assumed { facts: 9, facts_assumed: 4, sends: 1, sends_assumed: 1 },
            ticks: 240,
            would_sends: Vec::new(),
            entries: Vec::new(),
        }
    }

    #[test]
    fn what_must_be_said_is_said_in_both_languages() {
        let check = |part: usize, ja: &str, en: &str| {
            let note = &notes(&report())[part];
            assert!(note.ja.contains(ja) && note.en.contains(en), "{note:?}");
        };
        check(0, "効果（リフト）ではありません", "They say no lift");
        check(1, "2026-06-03 より前は", "no data, not zero");
        check(2, "contaminated", "From 2026-06-06 to 2026-06-07");
        check(3, "4 / 9 件", "4 of 9");
        assert_eq!(notes(&report()).len(), 4);
    }

    #[test]
    fn every_stop_has_words() {
        let until = model::Instant::default();
        let stops = [
            Stop::NoAddress,
            Stop::RelayAddress,
            Stop::NoConsent,
            Stop::Suppressed { why: "x".into() },
            Stop::LineBlocked,
            Stop::Quota { month_max: 1 },
            Stop::Cap { sent: 1, max: 1 },
            Stop::Quiet { until },
            Stop::Expired,
            Stop::Exited { why: "x".into() },
        ];
        for stop in stops {
            let words = reason(stop.name());
            assert_ne!((words.ja.as_str(), words.en.as_str()), (stop.name(), stop.name()));
        }
    }

    #[test]
    fn tables_have_a_cell_for_each_column() {
        for lang in ["ja", "en"] {
            for (title, table) in tables(&report(), lang) {
                assert!(!title.get(lang).is_empty());
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{title:?}");
            }
        }
    }
}
