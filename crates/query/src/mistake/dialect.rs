//! Functions of other databases, by the name an analyst brings along, and how the same is said here.

/// What to write instead of a function that is not here.
pub(crate) fn instead(name: &str) -> Option<&'static str> {
    let (_, remedy) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
    Some(remedy)
}

const FUNCTIONS: &[(&str, &str)] = &[
    ("format_date", "write to_char(date, '%Y-%m')"),
    ("strftime", "write to_char(date, '%Y-%m')"),
    ("isnull", "write x IS NULL, or coalesce(x, y)"),
    ("zn", "write coalesce(x, 0)"),
    ("if", "write CASE WHEN condition THEN x ELSE y END"),
    ("iif", "write CASE WHEN condition THEN x ELSE y END"),
    ("date_add", "write add_days(date, 30), add_months(date, 1) or add_seconds(instant, 3600)"),
    ("date_sub", "write add_days(date, -30), add_months(date, -1) or add_seconds(instant, -3600)"),
    ("dateadd", "write add_days(date, 30), add_months(date, 1) or add_seconds(instant, 3600)"),
    ("adddate", "write add_days(date, 30)"),
    ("datediff", "write days_between(from, to), which is to minus from"),
    ("date_diff", "write days_between(from, to), which is to minus from"),
    ("timestampdiff", "write seconds_between(from, to), days_between(from, to) or months_between(from, to)"),
    ("timestamp_diff", "write seconds_between(from, to), days_between(from, to) or months_between(from, to)"),
    ("months_diff", "write months_between(from, to)"),
    ("last_day", "write month_end(date)"),
    ("eomonth", "write month_end(date)"),
    ("weekday", "write shop_weekday(date): 1 is Monday, 7 is Sunday"),
    ("dayofweek", "write shop_weekday(date): 1 is Monday, 7 is Sunday"),
    ("year", "write date_part('year', date)"),
    ("month", "write date_part('month', date), or month_start(date) for the month itself"),
    ("day", "write date_part('day', date)"),
    ("hour", "write shop_hour(instant)"),
    ("to_days", "write days_between(from, to)"),
    ("curdate", "write $today, the shop day of the moment asked"),
    ("getdate", "write $as_of, the moment asked, or $today, its shop day"),
    ("sysdate", "write $as_of, the moment asked, or $today, its shop day"),
    ("unix_timestamp", "write date_part('epoch', instant)"),
    ("convert_tz", "instants are in UTC; shop_day(instant) and shop_time(instant) are in the shop's zone"),
    ("timezone", "instants are in UTC; shop_day(instant) and shop_time(instant) are in the shop's zone"),
    ("group_concat", "write string_agg(x, ',')"),
    ("listagg", "write string_agg(x, ',')"),
    ("len", "write length(text)"),
    ("charindex", "write strpos(text, part)"),
    ("locate", "write strpos(text, part)"),
    ("countif", "write count(*) FILTER (WHERE condition)"),
    ("count_if", "write count(*) FILTER (WHERE condition)"),
    ("sumif", "write sum(x) FILTER (WHERE condition)"),
    ("sum_if", "write sum(x) FILTER (WHERE condition)"),
    ("safe_divide", "write x / nullif(y, 0)"),
    ("safe_cast", "write TRY_CAST(x AS type)"),
    ("div0", "write x / nullif(y, 0)"),
    ("approx_count_distinct", "write count(DISTINCT x), or approx_distinct(x)"),
    ("uniq", "write count(DISTINCT x)"),
    ("percentile", "write percentile_cont(0.9) WITHIN GROUP (ORDER BY x)"),
    ("quantile", "write percentile_cont(0.9) WITHIN GROUP (ORDER BY x)"),
    ("stdev", "write stddev(x)"),
    ("any", "write first_value(x), min(x) or max(x)"),
    ("argmax", "write last_value(x ORDER BY y)"),
    ("max_by", "write last_value(x ORDER BY y)"),
    ("min_by", "write first_value(x ORDER BY y)"),
    ("json_extract", "the text is JSON: use the columns of the table; `tsubame dictionary` lists them"),
    ("regexp_contains", "write regexp_like(text, pattern)"),
    ("regexp", "write regexp_like(text, pattern)"),
    (
        "newid",
        "there is no chance in a question: the same question gives the same answer. Order by a column, or by md5(customer_id)",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_told_once_and_is_not_here() {
        let names: BTreeSet<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), FUNCTIONS.len());
        let state = datafusion::prelude::SessionContext::new().state();
        let known = |name: &str| {
            state.scalar_functions().contains_key(name)
                || state.aggregate_functions().contains_key(name)
                || state.window_functions().contains_key(name)
        };
        let there: Vec<&&str> = names.iter().filter(|name| known(name)).collect();
        assert!(there.is_empty(), "the engine has {there:?}");
        for (name, remedy) in FUNCTIONS {
            assert!(crate::functions::find(name).is_none(), "{name} is here");
            assert!(!remedy.contains(&format!("write {name}(")), "{name}");
        }
    }
}
