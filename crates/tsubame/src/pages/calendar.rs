//! 配信カレンダー: a month as a table of weeks, readable without colour, and the same as a list below it.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use decide::calendar::Sends;
use maud::{Markup, html};
use query::{Answer, Kind, Value};

use super::{
    Lang, Locale,
    broadcasts::{channel_word, href, stage_word},
    table, words,
};
use crate::{
    broadcasts::calendar::{Month, OfChannel, Priced},
    jobs::back_test::column,
};

/// With the scenarios' titles in the reader's language, by id.
pub fn draw(locale: &Locale, month: &Month, titles: &BTreeMap<String, String>) -> Markup {
    let lang = locale.lang;
    let link = |first: Option<NaiveDate>| first.map(|first| format!("/calendar?month={}", first.format("%Y-%m")));
    let (before, after) = (month.first.checked_sub_months(Months::new(1)), month.first.checked_add_months(Months::new(1)));
    html! {
        p class="intro" { (words::CALENDAR_INTRO.get(lang)) }
        p class="filters" {
            @if let Some(href) = link(before) { a class="button" rel="prev" href=(href) { (words::CALENDAR_BEFORE.get(lang)) } }
            @if let Some(href) = link(after) { a class="button" rel="next" href=(href) { (words::CALENDAR_AFTER.get(lang)) } }
            a class="button" href="/broadcasts/new" { (words::BROADCAST_NEW.get(lang)) }
        }
        div class="cards" {
            section class="card card-wide" aria-labelledby="month" {
                h2 id="month" { (locale.month(month.first)) }
                (grid(locale, month, titles))
                p class="note" { (words::CALENDAR_NOTE.get(lang)) }
            }
            section class="card card-wide" aria-labelledby="channels" {
                h2 id="channels" { (words::CALENDAR_CHANNELS.get(lang)) }
                (channels(locale, &month.channels))
            }
            section class="card card-wide" aria-labelledby="list" {
                div class="card-head" {
                    h2 id="list" { (words::CALENDAR_LIST.get(lang)) }
                    a class="csv" href={ "/calendar.csv?month=" (month.first.format("%Y-%m")) } download { "↓ CSV" }
                }
                @if let Ok(table) = table::draw(locale, &listed(lang, month, titles), None, None) { (table) }
            }
        }
    }
}

fn grid(locale: &Locale, month: &Month, titles: &BTreeMap<String, String>) -> Markup {
    let monday = month.first - TimeDelta::days(month.first.weekday().num_days_from_monday().into());
    let weeks = (0..6)
        .map(|week| monday + TimeDelta::weeks(week))
        .take_while(|start| *start <= month.first || start.month() == month.first.month());
    html! {
        div class="table-scroll" tabindex="0" {
            table class="calendar" {
                thead { tr { @for day in 0..7 { th scope="col" { (weekday(locale.lang, monday + TimeDelta::days(day))) } } } }
                tbody {
                    @for start in weeks {
                        tr {
                            @for day in (0..7).map(|day| start + TimeDelta::days(day)) {
                                @if day.month() == month.first.month() {
                                    td aria-current=[(day == month.today).then_some("date")] {
                                        time datetime=(day) { (day.day()) }
                                        ul { @for priced in month.lines.iter().filter(|priced| priced.line.day == day) { li { (cell(locale, priced, titles)) } } }
                                    }
                                } @else {
                                    td {}
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn weekday(lang: Lang, day: NaiveDate) -> String {
    match lang {
        Lang::Ja => ["月", "火", "水", "木", "金", "土", "日"][day.weekday().num_days_from_monday() as usize].into(),
        Lang::En => day.format("%a").to_string(),
    }
}

fn cell(locale: &Locale, priced: &Priced, titles: &BTreeMap<String, String>) -> Markup {
    let lang = locale.lang;
    let (name, line) = (&priced.line.scenario, &priced.line);
    let title = titles.get(name).unwrap_or(name);
    html! {
        @if priced.stage.is_some() { a href=(href(name)) { (title) } } @else { (title) }
        @if let Some(stage) = priced.stage { " [" (stage_word(stage).get(lang)) "]" }
        @if !line.sent.is_empty() { br; (words::CALENDAR_SENT.get(lang)) " " (sends(locale, &line.sent)) }
        @if !line.expected.is_empty() {
            br;
            @if line.is_estimate { (words::CALENDAR_ESTIMATE.get(lang)) } @else { (words::CALENDAR_EXPECTED.get(lang)) }
            " "
            (sends(locale, &line.expected))
        }
        br;
        (locale.money(priced.cost))
    }
}

fn sends(locale: &Locale, sends: &Sends) -> String {
    let one =
        |(channel, sends): (&model::Channel, &u64)| format!("{} {}", channel_word(locale.lang, *channel), locale.count(*sends));
    sends.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn channels(locale: &Locale, channels: &[OfChannel]) -> Markup {
    let lang = locale.lang;
    html! {
        div class="table-scroll" tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { (words::CALENDAR_CHANNEL.get(lang)) }
                        th scope="col" class="number" { (words::CALENDAR_SENT.get(lang)) }
                        th scope="col" class="number" { (words::CALENDAR_EXPECTED.get(lang)) }
                        th scope="col" class="number" { (words::CALENDAR_INCLUDED.get(lang)) }
                        th scope="col" class="number" { (words::CALENDAR_LEFT.get(lang)) }
                        th scope="col" class="number" { (words::CALENDAR_FEE.get(lang)) }
                        th scope="col" class="number" { (words::BROADCAST_COST.get(lang)) }
                    }
                }
                tbody {
                    @for of in channels {
                        tr {
                            th scope="row" { (channel_word(lang, of.channel)) }
                            td class="number" { (locale.count(of.sent)) }
                            td class="number" { (locale.count(of.expected)) }
                            td class="number" { @if let Some(most) = limit(of) { (locale.count(most)) } }
                            td class="number" {
                                @if let Some(most) = limit(of) {
                                    (words::CALENDAR_LEFT_OF.fill(lang, &[
                                        &locale.count(most.saturating_sub(of.sent)), &locale.count(most.saturating_sub(of.sent + of.expected)),
                                    ]))
                                    @if of.quota.is_some_and(|quota| of.sent + of.expected > quota) {
                                        br; strong { (words::CALENDAR_OVER.get(lang)) }
                                    }
                                }
                            }
                            td class="number" { (locale.money(of.fee)) }
                            td class="number" { (locale.money(of.cost)) }
                        }
                    }
                }
            }
        }
    }
}

/// What the provider takes at most, else what its plan includes.
fn limit(of: &OfChannel) -> Option<u64> {
    of.quota.or(of.included)
}

/// A row per day, scenario and channel.
pub fn listed(lang: Lang, month: &Month, titles: &BTreeMap<String, String>) -> Answer {
    let columns = vec![
        column("day", Kind::Date, "日付", "Day"),
        column("name", Kind::Text, "名前", "Name"),
        column("stage", Kind::Text, "状態", "State"),
        column("channel", Kind::Text, "チャネル", "Channel"),
        column("sent", Kind::Int, "配信済み", "Sent"),
        column("expected", Kind::Int, "予定", "Expected"),
        column("basis", Kind::Text, "予定の根拠", "Expected from"),
        column("cost_of_day", Kind::Money, "配信費(その日の合計)", "Cost (of all channels that day)"),
    ];
    let mut rows = Vec::new();
    for priced in &month.lines {
        let line = &priced.line;
        let stage = priced.stage.map_or(words::STAGE_RUNNING, stage_word);
        let basis = match (line.expected.is_empty(), line.is_estimate) {
            (true, _) => String::new(),
            (false, true) => words::CALENDAR_BY_MEAN.get(lang).into(),
            (false, false) => words::CALENDAR_BY_COUNT.get(lang).into(),
        };
        let channels: std::collections::BTreeSet<_> = line.sent.keys().chain(line.expected.keys()).collect();
        for (place, channel) in channels.into_iter().enumerate() {
            let count =
                |sends: &Sends| Value::Int(sends.get(channel).map_or(0, |sends| i64::try_from(*sends).unwrap_or(i64::MAX)));
            rows.push(vec![
                Value::Date(line.day),
                Value::Text(titles.get(&line.scenario).unwrap_or(&line.scenario).clone()),
                Value::Text(stage.get(lang).into()),
                Value::Text(channel_word(lang, *channel).into()),
                count(&line.sent),
                count(&line.expected),
                Value::Text(basis.clone()),
                // Once per scenario and day, so that a sum over the rows is right.
                if place == 0 { Value::Money(priced.cost) } else { Value::Null },
            ]);
        }
    }
    Answer { columns, rows }
}

#[cfg(test)]
mod tests {
    use decide::calendar::Line;
    use model::{Channel, Money};

    use super::*;
    use crate::{broadcasts::Stage, pages::chart::tests::locale};

    fn month() -> Month {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 7, day).expect("a day");
        let yen = |yen| Money::whole(yen).expect("an amount");
        let line = |on: u32, scenario: &str, sent: &[(Channel, u64)], expected: &[(Channel, u64)], is_estimate| Line {
            day: day(on),
            scenario: scenario.into(),
            sent: sent.iter().copied().collect(),
            expected: expected.iter().copied().collect(),
            is_estimate,
        };
        let priced = |line, stage, cost| Priced { line, stage, is_counted: stage != Some(Stage::Draft), cost: yen(cost) };
        let (email, channel) = (Channel::Email, Channel::Line);
        Month {
            first: day(1),
            today: day(2),
            lines: vec![
                priced(line(1, "daily", &[(channel, 1_000)], &[], false), None, 0),
                priced(line(10, "sale", &[], &[(channel, 30_000), (email, 10)], false), Some(Stage::Reserved), 3_003),
                priced(line(31, "daily", &[], &[(channel, 12)], true), None, 36),
            ],
            channels: vec![OfChannel {
                channel,
                sent: 1_000,
                expected: 30_012,
                included: Some(30_000),
                quota: Some(31_000),
                fee: yen(15_000),
                cost: yen(18_036),
            }],
        }
    }

    #[test]
    fn a_month_is_a_table_that_says_all_in_words() {
        let titles = [("sale".to_string(), "<script>".to_string()), ("daily".to_string(), "日次".to_string())].into();
        let check = |lang, parts: &[&str]| {
            let page = draw(&locale(lang), &month(), &titles).into_string();
            parts.iter().for_each(|part| assert!(page.contains(part), "{part}: {page}"));
            assert!(!page.contains("<script>"), "{page}");
            // July 2026 begins on a Wednesday and takes five weeks.
            let grid = page.split("class=\"calendar\"").nth(1).and_then(|rest| rest.split("</table>").next()).expect("a grid");
            assert_eq!((grid.matches("<tr>").count(), grid.matches("<time").count()), (6, 31));
            assert!(grid.contains("<td></td><td></td><td><time datetime=\"2026-07-01\">"), "{grid}");
            assert!(grid.contains("aria-current=\"date\"><time datetime=\"2026-07-02\">"), "{grid}");
        };
        let ja = ["[予約済み]", "LINE 30,000", "¥3,003", "見込み", "month=2026-06", "month=2026-08", "上限を超えます", "¥18,036"];
        check(Lang::Ja, &ja);
        check(Lang::En, &["[Reserved]", "LINE 30,000", "Estimate", "/calendar.csv?month=2026-07", "/broadcasts/sale"]);
    }

    #[test]
    fn the_list_has_a_row_per_channel_and_adds_up() {
        let listed = listed(Lang::En, &month(), &BTreeMap::new());
        let shown: Vec<String> =
            listed.rows.iter().map(|row| row.iter().map(Value::plain).collect::<Vec<_>>().join(",")).collect();
        let expect = [
            "2026-07-01,daily,Running,LINE,1000,0,,0",
            "2026-07-10,sale,Reserved,e-mail,0,10,Counted now,3003",
            "2026-07-10,sale,Reserved,LINE,0,30000,Counted now,",
            "2026-07-31,daily,Running,LINE,0,12,Mean of days like it,36",
        ];
        assert_eq!(shown, expect);
    }
}
