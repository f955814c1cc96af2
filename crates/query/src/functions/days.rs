//! The shop's days: where an instant falls, where weeks, months and business years begin, and arithmetic that plans the same everywhere.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Date32Array, Int64Array, TimestampMicrosecondArray},
    datatypes::{Date32Type, Int64Type, TimestampMicrosecondType},
};
use chrono::{DateTime, Datelike, Months, NaiveDate, Timelike};
use datafusion::common::Result;
use model::{ShopZone, japanese};

use super::{
    Arg, Function, Gives,
    Kind::Scalar,
    Make, STRICT,
    Type::{Date, Instant, Int, Text},
    Words, arg, example, optional,
    scalar::{Cell, Row, of_columns, one},
    words,
};

const DAY: Arg = arg("day", Date, "日付（ショップの日）", "a shop day");
const AT: Arg = arg("at", Instant, "時点", "a moment");
const STARTS: Arg =
    optional("first_month", Int, "4", "年度が始まる月（1〜12）", "the month in which the business year begins, 1 to 12");
const YEAR_NULLS: Words =
    words("引数が空値、または月が1〜12でなければ空値。", "Null if an argument is null or the month is not 1 to 12.");

const ZONE: &str = "the shop's time zone (`timezone` in tsubame.toml)";
const CALENDAR: &str = "the calendar";
const YEAR: &str = "the business year of Japanese companies: from April, named after the year it begins in";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "shop_day",
        kind: Scalar,
        takes: &[AT],
        gives: Gives::One(Date),
        says: words("時点が属するショップの日。", "The shop day an instant falls on."),
        nulls: STRICT,
        source: ZONE,
        examples: &[
            example("shop_day('2026-06-01T14:59:59Z')", "2026-06-01"),
            example("shop_day('2026-06-01T15:00:00Z')", "2026-06-02"),
        ],
        make: Make::Scalar(|function, shop| {
            let zone = shop.zone;
            of_columns(function, move |args, _| shop_day(zone, args))
        }),
    },
    Function {
        name: "shop_midnight",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Instant),
        says: words("ショップの日が始まる時点。", "The instant at which a shop day starts; it ends where the next one starts."),
        nulls: STRICT,
        source: ZONE,
        examples: &[example("shop_midnight('2026-06-01')", "2026-05-31T15:00:00.000000Z")],
        make: Make::Scalar(|function, shop| {
            let zone = shop.zone;
            of_columns(function, move |args, _| shop_midnight(zone, args))
        }),
    },
    Function {
        name: "shop_hour",
        kind: Scalar,
        takes: &[AT],
        gives: Gives::One(Int),
        says: words("時点のショップでの時（0〜23）。", "The hour of the shop's clock, 0 to 23."),
        nulls: STRICT,
        source: ZONE,
        examples: &[example("shop_hour('2026-06-01T15:30:00Z')", "0")],
        make: Make::Scalar(|function, shop| {
            let zone = shop.zone;
            one(function, move |row| Some(Cell::Int(zone.local(row.instant(0)?).hour().into())))
        }),
    },
    Function {
        name: "shop_time",
        kind: Scalar,
        takes: &[AT],
        gives: Gives::One(Text),
        says: words("時点をショップの時計で書いた文字列。", "An instant as the shop's clock shows it, as text."),
        nulls: STRICT,
        source: ZONE,
        examples: &[example("shop_time('2026-06-01T15:30:00Z')", "2026-06-02 00:30:00")],
        make: Make::Scalar(|function, shop| {
            let zone = shop.zone;
            one(function, move |row| Some(Cell::Text(zone.local(row.instant(0)?).format("%Y-%m-%d %H:%M:%S").to_string())))
        }),
    },
    Function {
        name: "shop_weekday",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Int),
        says: words("曜日（1=月曜〜7=日曜）。", "The day of the week, 1 (Monday) to 7 (Sunday)."),
        nulls: STRICT,
        source: "ISO 8601",
        examples: &[example("shop_weekday('2026-06-07')", "7")],
        make: Make::Scalar(|function, _| {
            one(function, |row| Some(Cell::Int(row.date(0)?.weekday().number_from_monday().into())))
        }),
    },
    Function {
        name: "week_start",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Date),
        says: words("その日を含む週の月曜日。", "The Monday of a day's week."),
        nulls: STRICT,
        source: "ISO 8601",
        examples: &[example("week_start('2026-06-07')", "2026-06-01")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let day = row.date(0)?;
                day.checked_sub_days(chrono::Days::new(day.weekday().num_days_from_monday().into())).map(Cell::Date)
            })
        }),
    },
    Function {
        name: "month_start",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Date),
        says: words("その日を含む月の1日。", "The first day of a day's month."),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("month_start('2026-02-17')", "2026-02-01")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| month_start(args))),
    },
    Function {
        name: "month_end",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Date),
        says: words("その日を含む月の末日。", "The last day of a day's month."),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("month_end('2028-02-17')", "2028-02-29")],
        make: Make::Scalar(|function, _| {
            one(function, |row| row.date(0)?.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt().map(Cell::Date))
        }),
    },
    Function {
        name: "fiscal_year",
        kind: Scalar,
        takes: &[DAY, STARTS],
        gives: Gives::One(Int),
        says: words("年度。始まった年で呼ぶ。", "The business year, named after the year it begins in."),
        nulls: YEAR_NULLS,
        source: YEAR,
        examples: &[example("fiscal_year('2026-03-31')", "2025"), example("fiscal_year('2026-03-31', 3)", "2026")],
        make: Make::Scalar(|function, _| one(function, |row| Some(Cell::Int(fiscal(row)?.year().into())))),
    },
    Function {
        name: "fiscal_year_start",
        kind: Scalar,
        takes: &[DAY, STARTS],
        gives: Gives::One(Date),
        says: words("その日を含む年度の初日。", "The first day of a day's business year."),
        nulls: YEAR_NULLS,
        source: YEAR,
        examples: &[example("fiscal_year_start('2026-03-31')", "2025-04-01")],
        make: Make::Scalar(|function, _| one(function, |row| fiscal(row).map(Cell::Date))),
    },
    Function {
        name: "fiscal_quarter",
        kind: Scalar,
        takes: &[DAY, STARTS],
        gives: Gives::One(Int),
        says: words("年度の四半期（1〜4）。", "The quarter of the business year, 1 to 4."),
        nulls: YEAR_NULLS,
        source: YEAR,
        examples: &[example("fiscal_quarter('2026-03-31')", "4"), example("fiscal_quarter('2026-04-01')", "1")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let (day, first) = (row.date(0)?, fiscal(row)?);
                let months =
                    (i64::from(day.year()) - i64::from(first.year())) * 12 + i64::from(day.month()) - i64::from(first.month());
                Some(Cell::Int(months / 3 + 1))
            })
        }),
    },
    Function {
        name: "era_date",
        kind: Scalar,
        takes: &[DAY],
        gives: Gives::One(Text),
        says: words("和暦の日付。", "A date by Japanese era."),
        nulls: words(
            "空値、または明治6年（1873年）より前の日付は空値。",
            "Null for null, and before 1873, when the calendar was another one.",
        ),
        source: "the days on which the eras began",
        examples: &[example("era_date('2019-05-01')", "令和元年5月1日")],
        make: Make::Scalar(|function, _| one(function, |row| japanese::era_date(row.date(0)?).map(Cell::Text))),
    },
    Function {
        name: "age_on",
        kind: Scalar,
        takes: &[arg("birthday", Date, "誕生日", "the day of birth"), DAY],
        gives: Gives::One(Int),
        says: words(
            "その日の満年齢。2月29日生まれは平年では3月1日に年を取る。",
            "Full years of age on a day; who was born on 29 February is a year older on 1 March of other years.",
        ),
        nulls: words(
            "引数が空値、または日が誕生日より前なら空値。",
            "Null if an argument is null or the day is before the birth.",
        ),
        source: CALENDAR,
        examples: &[example("age_on('1990-06-02', '2026-06-01')", "35"), example("age_on('1990-06-01', '2026-06-01')", "36")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let (born, day) = (row.date(0)?, row.date(1)?);
                let had = (day.month(), day.day()) >= (born.month(), born.day());
                let years = i64::from(day.year()) - i64::from(born.year()) - i64::from(!had);
                (day >= born).then_some(Cell::Int(years))
            })
        }),
    },
    Function {
        name: "days_between",
        kind: Scalar,
        takes: &[arg("a", Date, "始まりの日", "the first day"), arg("b", Date, "終わりの日", "the last day")],
        gives: Gives::One(Int),
        says: words("aからbまでの日数。bが前なら負。", "Days from a to b; negative if b comes first."),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("days_between('2026-06-01', '2026-07-01')", "30")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| days_between(args))),
    },
    Function {
        name: "months_between",
        kind: Scalar,
        takes: &[arg("a", Date, "始まりの日", "the first day"), arg("b", Date, "終わりの日", "the last day")],
        gives: Gives::One(Int),
        says: words(
            "aの月からbの月までの月数。日は見ない。",
            "Calendar months from the month of a to the month of b, whatever the day.",
        ),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("months_between('2026-01-31', '2026-03-01')", "2")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| months_between(args))),
    },
    Function {
        name: "add_days",
        kind: Scalar,
        takes: &[DAY, arg("days", Int, "日数（負は前）", "days; negative goes back")],
        gives: Gives::One(Date),
        says: words("何日か後の日付。", "The date so many days later."),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("add_days('2026-03-01', -1)", "2026-02-28")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| add_days(args))),
    },
    Function {
        name: "add_months",
        kind: Scalar,
        takes: &[DAY, arg("months", Int, "月数（負は前）", "months; negative goes back")],
        gives: Gives::One(Date),
        says: words(
            "何か月か後の同じ日。なければその月の末日。",
            "The same day so many months later, or the last of that month where it has no such day.",
        ),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("add_months('2026-01-31', 1)", "2026-02-28"), example("add_months('2026-03-31', -1)", "2026-02-28")],
        make: Make::Scalar(|function, _| {
            one(function, |row| {
                let (day, months) = (row.date(0)?, row.int(1)?);
                let count = Months::new(months.unsigned_abs().try_into().ok()?);
                let moved = if months < 0 { day.checked_sub_months(count) } else { day.checked_add_months(count) };
                moved.map(Cell::Date)
            })
        }),
    },
    Function {
        name: "add_seconds",
        kind: Scalar,
        takes: &[AT, arg("seconds", Int, "秒数（負は前）", "seconds; negative goes back")],
        gives: Gives::One(Instant),
        says: words("何秒か後の時点。", "The instant so many seconds later."),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("add_seconds('2026-06-01T00:00:00Z', 3600)", "2026-06-01T01:00:00.000000Z")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| add_seconds(args))),
    },
    Function {
        name: "seconds_between",
        kind: Scalar,
        takes: &[arg("a", Instant, "始まりの時点", "the first instant"), arg("b", Instant, "終わりの時点", "the last instant")],
        gives: Gives::One(Int),
        says: words(
            "aからbまでの秒数（切り捨て）。bが前なら負。",
            "Whole seconds from a to b, rounded down; negative if b comes first.",
        ),
        nulls: STRICT,
        source: CALENDAR,
        examples: &[example("seconds_between('2026-06-01T00:00:00Z', '2026-06-01T00:01:30.9Z')", "90")],
        make: Make::Scalar(|function, _| of_columns(function, |args, _| seconds_between(args))),
    },
];

/// The first day of the business year that a row's day is in.
fn fiscal(row: &Row) -> Option<NaiveDate> {
    let day = row.date(0)?;
    let first: u32 = if row.given() > 1 { row.int(1)?.try_into().ok()? } else { 4 };
    let year = if day.month() >= first { day.year() } else { day.year() - 1 };
    NaiveDate::from_ymd_opt(year, first, 1)
}

fn shop_day(zone: ShopZone, args: &[ArrayRef]) -> Result<ArrayRef> {
    let at = args[0].as_primitive::<TimestampMicrosecondType>();
    // Neighbouring rows mostly share a day, and a zone look-up costs a hundred times a comparison.
    let mut known: Option<(i64, i64, i32)> = None;
    let days: Date32Array = at
        .iter()
        .map(|at| {
            let at = at?;
            if let Some((from, until, day)) = known
                && (from..until).contains(&at)
            {
                return Some(day);
            }
            let day = zone.day(DateTime::from_timestamp_micros(at)?);
            let (from, until) = (zone.start_of(day).timestamp_micros(), zone.start_of(day.succ_opt()?).timestamp_micros());
            let number = day.to_epoch_days();
            known = Some((from, until, number));
            Some(number)
        })
        .collect();
    Ok(Arc::new(days))
}

fn shop_midnight(zone: ShopZone, args: &[ArrayRef]) -> Result<ArrayRef> {
    let days = args[0].as_primitive::<Date32Type>();
    let starts: TimestampMicrosecondArray =
        days.iter().map(|day| Some(zone.start_of(NaiveDate::from_epoch_days(day?)?).timestamp_micros())).collect();
    Ok(Arc::new(starts.with_timezone("UTC")))
}

fn days_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>());
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some(i64::from(b?) - i64::from(a?))).collect::<Int64Array>()))
}

fn month_start(args: &[ArrayRef]) -> Result<ArrayRef> {
    let days = args[0].as_primitive::<Date32Type>();
    let first = |day: Option<i32>| Some(NaiveDate::from_epoch_days(day?)?.with_day(1)?.to_epoch_days());
    Ok(Arc::new(days.iter().map(first).collect::<Date32Array>()))
}

fn months_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>());
    let month =
        |day: Option<i32>| NaiveDate::from_epoch_days(day?).map(|day| i64::from(day.year()) * 12 + i64::from(day.month0()));
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some(month(b)? - month(a)?)).collect::<Int64Array>()))
}

fn add_days(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (day, count) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Int64Type>());
    let sum = |(day, count): (Option<i32>, Option<i64>)| i32::try_from(i64::from(day?).checked_add(count?)?).ok();
    Ok(Arc::new(day.iter().zip(count).map(sum).collect::<Date32Array>()))
}

fn add_seconds(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (at, count) = (args[0].as_primitive::<TimestampMicrosecondType>(), args[1].as_primitive::<Int64Type>());
    let sum = |(at, count): (Option<i64>, Option<i64>)| at?.checked_add(count?.checked_mul(1_000_000)?);
    Ok(Arc::new(at.iter().zip(count).map(sum).collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
}

fn seconds_between(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (a, b) = (args[0].as_primitive::<TimestampMicrosecondType>(), args[1].as_primitive::<TimestampMicrosecondType>());
    Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some((b? - a?).div_euclid(1_000_000))).collect::<Int64Array>()))
}
