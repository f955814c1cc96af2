//! Every chart kind against the answer it was drawn from: each row with a value is one mark with the plain values of the CSV.

use std::collections::BTreeMap;

use model::{Currency, Money, ShopZone, Text};
use query::{Column, Kind, Value};

use super::*;
use crate::pages::{
    csv::csv,
    panel::{self, Content, Panel},
    words::Lang,
};

pub fn locale(lang: Lang) -> Locale {
    Locale::new(lang, ShopZone::tokyo(), Currency::jpy())
}

pub fn answer(columns: &[(&str, Kind)], rows: &[&[Value]]) -> Answer {
    let columns = columns
        .iter()
        .map(|(name, kind)| Column {
            name: name.to_string(),
            kind: *kind,
            label: Text::new(&format!("{name}の列"), &format!("The {name}")),
        })
        .collect();
    Answer { columns, rows: rows.iter().map(|row| row.to_vec()).collect() }
}

const KINDS: [Chart; 6] = [Chart::Kpi, Chart::Line, Chart::Bar, Chart::Heatmap, Chart::Funnel, Chart::Interval];

/// The roles a chart of that kind is given in these tests.
fn spec<'a>(chart: Chart, locale: &'a Locale, title: &'a str) -> ChartSpec<'a> {
    let base = ChartSpec { value: Some("v"), hatch_when: Some("young"), ..ChartSpec::new("p1", chart, title, locale) };
    match chart {
        Chart::Heatmap => ChartSpec { x: Some("x"), y: Some("g"), ..base },
        Chart::Interval => ChartSpec { y: Some("x"), series: Some("g"), low: Some("low"), high: Some("high"), ..base },
        Chart::Table => ChartSpec { value: None, hatch_when: None, ..base },
        Chart::Funnel => ChartSpec { x: Some("x"), ..base },
        _ => ChartSpec { x: Some("x"), series: Some("g"), ..base },
    }
}

fn number(kind: Kind, number: f64) -> Value {
    match kind {
        Kind::Money => Value::Money(Money::from_f64(number).unwrap()),
        Kind::Int => Value::Int(number as i64),
        _ => Value::Float(number),
    }
}

/// `count` rows: texts or dates along x, two groups (one for a funnel), every 7th value null, every 5th not yet mature.
fn rows(chart: Chart, x: Kind, kind: Kind, count: usize) -> Answer {
    let groups = if chart == Chart::Funnel { 1 } else { 2 };
    let rows: Vec<Vec<Value>> = (0..count)
        .map(|index| {
            let place = index / groups;
            let along = match x {
                Kind::Date => Value::Date(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(place as u64)),
                Kind::Int => Value::Int(place as i64),
                _ => Value::Text(format!("とても長い商品カテゴリ {place}")),
            };
            let value = 20_000_001.25 + index as f64 * 997.5 * if index % 3 == 0 { 1.0 } else { -2.0 };
            let value = if kind == Kind::Rate { (index as f64 * 0.37).fract() } else { value };
            let is_null = index % 7 == 6;
            let cell = |shift: f64| if is_null { Value::Null } else { number(kind, value + shift) };
            vec![
                along,
                Value::Text(if index % groups == 0 { "A".into() } else { "B".into() }),
                cell(0.0),
                cell(-0.05),
                cell(0.05),
                Value::Bool(index % 5 == 4),
            ]
        })
        .collect();
    let rows: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
    answer(&[("x", x), ("g", Kind::Text), ("v", kind), ("low", kind), ("high", kind), ("young", Kind::Bool)], &rows)
}

/// The `data-*` attributes of every mark, by name.
fn marks(html: &str) -> Vec<BTreeMap<String, String>> {
    let tags = html.split('<').filter_map(|tag| tag.split_once('>').map(|(tag, _)| tag));
    tags.filter(|tag| tag.contains("class=\"mark") || tag.contains("class=\"kpi mark"))
        .map(|tag| {
            tag.split(" data-")
                .skip(1)
                .filter_map(|part| part.split_once("=\""))
                .map(|(name, rest)| (name.to_string(), rest.split('"').next().unwrap_or_default().replace("&amp;", "&")))
                .collect()
        })
        .collect()
}

/// The CSV as the marks should say it: the columns of the chart's roles, rows without a value left out.
fn expected(spec: &ChartSpec, answer: &Answer) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(csv(answer)).unwrap();
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let cells = |line: &str| line.split(',').map(|cell| cell.trim_matches('"').to_string()).collect::<Vec<_>>();
    let header = cells(lines.next().unwrap());
    let roles =
        [("x", spec.x), ("y", spec.y), ("series", spec.series), ("value", spec.value), ("low", spec.low), ("high", spec.high)];
    lines
        .map(cells)
        .filter(|line| !line[header.iter().position(|name| name == "v").unwrap()].is_empty())
        .map(|line| {
            let at = |name: &str| line[header.iter().position(|column| column == name).unwrap()].clone();
            let mut mark: BTreeMap<String, String> =
                roles.iter().filter_map(|(role, column)| column.map(|column| (role.to_string(), at(column)))).collect();
            if spec.hatch_when.is_some_and(|column| at(column) == "true") {
                mark.insert("hatched".into(), "true".into());
            }
            mark
        })
        .collect()
}

#[test]
fn marks_equal_the_csv() {
    let check = |chart: Chart, x: Kind, kind: Kind, count: usize, wide: bool| {
        for lang in [Lang::Ja, Lang::En] {
            let (locale, answer) = (locale(lang), rows(chart, x, kind, count));
            let spec = ChartSpec { wide, ..spec(chart, &locale, "題") };
            let mut spec = spec;
            if chart == Chart::Kpi {
                // A tile says its series in words; the small line of a dated one has none.
                spec.series = None;
            }
            let answer = if chart == Chart::Kpi { rows(Chart::Funnel, x, kind, count) } else { answer };
            let html = draw(&spec, &answer).unwrap().into_string();
            let mut wanted = expected(&spec, &answer);
            let mut got = marks(&html);
            if chart == Chart::Kpi && !matches!(x, Kind::Date) {
                wanted.iter_mut().for_each(|mark| drop(mark.remove("hatched")));
            }
            wanted.sort();
            got.sort();
            assert_eq!(got, wanted, "{chart:?} over {x:?} of {kind:?}, {count} rows, {lang:?}");
            assert!(
                !html.contains("NaN") && !html.contains("inf") && !html.contains("style="),
                "{chart:?} {x:?} {kind:?} {count}"
            );
            if !html.contains("class=\"kpi mark") {
                assert!(html.contains("role=\"img\" aria-label=\"題"), "{chart:?}");
                assert_eq!(got.len(), html.matches("<title>").count(), "{chart:?}");
            }
        }
    };
    for chart in KINDS {
        for x in [Kind::Text, Kind::Date, Kind::Int] {
            for kind in [Kind::Money, Kind::Rate, Kind::Int, Kind::Float] {
                check(chart, x, kind, 1, false);
                check(chart, x, kind, 24, true);
            }
        }
        check(chart, Kind::Text, Kind::Money, 500, false);
        check(chart, Kind::Date, Kind::Money, 500, true);
    }
}

#[test]
fn every_heatmap_cell_has_its_number_and_null_cells_are_absent() {
    let locale = locale(Lang::Ja);
    let answer = rows(Chart::Heatmap, Kind::Int, Kind::Rate, 14);
    let html = draw(&spec(Chart::Heatmap, &locale, "F2"), &answer).unwrap().into_string();
    assert_eq!(html.matches("class=\"mark cell").count(), 12);
    for row in answer.rows.iter().filter(|row| row[2] != Value::Null) {
        assert!(html.contains(&format!(">{}</text>", locale.short(Kind::Rate, row[2].number().unwrap()))), "{row:?}");
    }
}

#[test]
fn immature_marks_are_hatched_and_said_in_words() {
    let check = |chart: Chart, lang: Lang, words: &str| {
        let locale = locale(lang);
        let html = draw(&spec(chart, &locale, "題"), &rows(chart, Kind::Int, Kind::Rate, 24)).unwrap().into_string();
        assert!(html.contains(&format!("{words}</li>")), "{chart:?}: {html}");
        assert!(html.contains("\n観察期間が足りない</title>") == (lang == Lang::Ja), "{chart:?}");
        assert_eq!(
            html.contains("fill=\"url(#p1-hatch)\""),
            chart != Chart::Line || html.contains("legend-hatch\"><rect"),
            "{chart:?}"
        );
        if chart == Chart::Line {
            assert!(html.contains(" hollow\"") && html.contains("class=\"line dashed"));
        }
    };
    for chart in [Chart::Line, Chart::Bar, Chart::Heatmap, Chart::Funnel, Chart::Interval] {
        check(chart, Lang::Ja, "観察期間が足りない");
        check(chart, Lang::En, "not yet mature");
    }
}

#[test]
fn nothing_of_the_data_becomes_markup() {
    const EVIL: &str = "\"><script>alert('x')</script>&{0}";
    for chart in Chart::ALL {
        for lang in [Lang::Ja, Lang::En] {
            let locale = locale(lang);
            let mut answer = rows(chart, Kind::Text, Kind::Rate, 4);
            for (index, column) in answer.columns.iter_mut().enumerate() {
                column.label = Text::new(&format!("{EVIL}{index}"), &format!("{EVIL}{index}"));
            }
            for (index, row) in answer.rows.iter_mut().enumerate() {
                row[0] = Value::Text(format!("{EVIL}{index}"));
                row[1] = Value::Text(EVIL.into());
            }
            let spec = spec(chart, &locale, EVIL);
            let check = |content: Content| {
                let panel = Panel {
                    spec: spec.clone(),
                    description: Some(EVIL),
                    link: Some("/d/customer?customer={x}"),
                    csv_href: Some("/d/\"><script>/0.csv"),
                    sql: Some(EVIL),
                    content,
                };
                let html = panel::draw(&panel).into_string();
                assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{chart:?}: {html}");
            };
            check(Content::Answer(&answer));
            check(Content::Failed(panel::PanelError { message: EVIL.into(), remedy: Some(EVIL.into()) }));
            check(Content::Answer(&Answer { columns: answer.columns.clone(), rows: vec![] }));
            check(Content::Answer(&Answer::default()));
        }
    }
}

#[test]
fn an_empty_answer_says_what_to_do() {
    for chart in Chart::ALL {
        for (lang, words) in [(Lang::Ja, "まだデータがありません"), (Lang::En, "No data yet")] {
            let locale = locale(lang);
            let html = draw(&spec(chart, &locale, "題"), &rows(chart, Kind::Text, Kind::Rate, 0)).unwrap().into_string();
            assert!(html.contains(words) && html.contains("href=\"/import\""), "{chart:?}");
            let own = ChartSpec { when_empty: Some("燕を待つ"), ..spec(chart, &locale, "題") };
            let html = draw(&own, &rows(chart, Kind::Text, Kind::Rate, 0)).unwrap().into_string();
            assert!(html.contains(words) && html.contains("燕を待つ") && !html.contains("href=\"/import\""), "{chart:?}");
        }
    }
}

#[test]
fn all_null_and_infinite_values_draw_no_mark() {
    for chart in KINDS {
        let locale = locale(Lang::Ja);
        let mut answer = rows(chart, Kind::Date, Kind::Float, 4);
        answer.rows.iter_mut().for_each(|row| row[2] = Value::Null);
        answer.rows[0][2] = Value::Float(f64::NAN);
        answer.rows[1][2] = Value::Float(f64::INFINITY);
        let html = draw(&ChartSpec { series: None, ..spec(chart, &locale, "題") }, &answer).unwrap().into_string();
        assert!(marks(&html).is_empty() && !html.contains("inf") && !html.contains("NaN"), "{chart:?}: {html}");
    }
}

#[test]
fn a_kpi_row_has_a_tile_per_number() {
    let locale = locale(Lang::En);
    let answer = answer(
        &[("note", Kind::Text), ("net", Kind::Money), ("rate", Kind::Rate), ("n", Kind::Int)],
        &[&[Value::Text("x".into()), Value::Money(Money::whole(1_234_567).unwrap()), Value::Float(0.215), Value::Null]],
    );
    let html = draw(&ChartSpec::new("p0", Chart::Kpi, "t", &locale), &answer).unwrap().into_string();
    let marks: Vec<(String, String)> = marks(&html).into_iter().map(|mark| (mark["x"].clone(), mark["value"].clone())).collect();
    assert_eq!(marks, [("net".into(), "1234567".into()), ("rate".into(), "0.215".into())]);
    assert!(html.contains("¥1,234,567") && html.contains("21.5%") && html.contains(">–<"), "{html}");
}

#[test]
fn what_a_panel_got_wrong_is_said_with_a_remedy() {
    let locale = locale(Lang::Ja);
    let check = |spec: ChartSpec, answer: &Answer, expect: &str| {
        let error = draw(&spec, answer).map(|markup| markup.into_string()).unwrap_err();
        assert_eq!(error.to_string(), expect);
        assert!(error.remedy().is_some());
    };
    let answer = rows(Chart::Bar, Kind::Text, Kind::Rate, 4);
    let bar = spec(Chart::Bar, &locale, "題");
    check(
        ChartSpec { x: Some("z"), ..bar.clone() },
        &answer,
        "`x = \"z\"` names no column of the answer, which has x, g, v, low, high, young",
    );
    check(ChartSpec { value: None, ..bar.clone() }, &answer, "a bar chart needs `value`, and the panel does not give it");
    check(
        ChartSpec { value: Some("g"), ..bar.clone() },
        &answer,
        "`value = \"g\"` is a column of kind text, which cannot be drawn as a number",
    );
    check(
        ChartSpec { series: None, ..bar.clone() },
        &answer,
        "two rows of the answer stand for the same mark: とても長い商品カテゴリ 0",
    );
    check(
        ChartSpec { low: None, ..spec(Chart::Interval, &locale, "題") },
        &answer,
        "a interval chart needs `low`, and the panel does not give it",
    );
}

#[test]
fn the_names_of_chart_kinds_are_those_of_dashboard_files() {
    for chart in Chart::ALL {
        assert_eq!(Chart::parse(chart.name()), Some(chart));
    }
    assert_eq!(Chart::parse("pie"), None);
}

#[test]
fn labels_never_run_into_each_other() {
    let check = |chart: Chart, x: Kind, kind: Kind, count: usize, wide: bool| {
        let locale = locale(Lang::Ja);
        let answer = rows(chart, x, kind, count);
        let html = draw(&ChartSpec { wide, ..spec(chart, &locale, "題") }, &answer).unwrap().into_string();
        // Line by line: the spans of the centred texts that share a height.
        let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for part in html
            .split("<text")
            .skip(1)
            .filter(|part| part.contains("text-anchor=\"middle\"") && !part.contains("class=\"value\""))
        {
            let at = |name: &str| {
                part.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
            };
            let label = part.split('>').nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
            let (x, half) = (at("x").parse::<f64>().unwrap(), axis::text_width(label) / 2.0);
            lines.entry(at("y").into()).or_default().push((x - half, x + half));
        }
        assert!(!lines.is_empty() || chart == Chart::Bar, "{chart:?}");
        for spans in lines.values_mut() {
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            for pair in spans.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "{chart:?} over {x:?}, {count} rows: {pair:?}");
            }
        }
    };
    for chart in [Chart::Line, Chart::Bar, Chart::Heatmap, Chart::Interval] {
        for x in [Kind::Text, Kind::Date, Kind::Int] {
            for count in [1, 2, 24, 90, 500] {
                check(chart, x, Kind::Money, count, false);
                check(chart, x, Kind::Rate, count, true);
            }
        }
    }
}

#[test]
fn a_role_left_empty_in_the_file_is_not_given() {
    let locale = locale(Lang::Ja);
    let answer = rows(Chart::Funnel, Kind::Text, Kind::Rate, 4);
    let funnel = spec(Chart::Funnel, &locale, "題");
    let drawn = |spec: &ChartSpec| draw(spec, &answer).map(|markup| markup.into_string());
    assert_eq!(drawn(&ChartSpec { y: Some(""), series: Some(""), ..funnel.clone() }), drawn(&funnel));
    assert_eq!(drawn(&ChartSpec { x: Some(""), ..funnel }), Err(ChartError::Missing { chart: "funnel", role: "x" }));
}
