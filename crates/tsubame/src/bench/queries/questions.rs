//! The questions, each as we put it and as DuckDB (or ClickHouse) is asked: one text where both have the same best way of saying it.

/// What a ratio to DuckDB must be, and is aimed to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    pub must: f64,
    pub aim: f64,
}

#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub name: &'static str,
    pub ours: &'static str,
    pub theirs: &'static str,
    pub bar: Bar,
}

/// One text for both.
macro_rules! both {
    ($name:literal, $must:literal, $aim:literal) => {
        Asked {
            name: $name,
            ours: include_str!(concat!("sql/", $name, ".sql")),
            theirs: include_str!(concat!("sql/", $name, ".sql")),
            bar: Bar { must: $must, aim: $aim },
        }
    };
}

/// A text for each.
macro_rules! each {
    ($name:literal, $must:literal, $aim:literal) => {
        Asked {
            name: $name,
            ours: include_str!(concat!("sql/", $name, ".sql")),
            theirs: include_str!(concat!("sql/", $name, ".duckdb.sql")),
            bar: Bar { must: $must, aim: $aim },
        }
    };
}

/// A report of the product on kept tables, beside DuckDB on orders.
macro_rules! report {
    ($name:literal, $params:literal) => {
        Asked {
            name: $name,
            ours: concat!("report reports/", $name, $params),
            theirs: include_str!(concat!("sql/", $name, ".duckdb.sql")),
            bar: Bar { must: 0.3, aim: 0.1 },
        }
    };
}

/// From all that is recorded.
pub const RAW: [Asked; 20] = [
    both!("q01_rfm", 2.0, 1.3),
    both!("q02_ltv_cohort", 2.0, 1.3),
    each!("q03_f2_rate", 1.3, 0.8),
    each!("q04_time_to_second", 1.3, 0.8),
    both!("q05_decile", 2.0, 1.3),
    each!("q06_last_touch", 1.3, 0.8),
    each!("q07_linear_touch", 1.3, 0.8),
    each!("q08_decay_touch", 1.3, 0.8),
    both!("q09_session_funnel", 2.0, 1.3),
    each!("q10_window_funnel", 2.0, 1.3),
    both!("q11_cart_abandoners", 1.3, 1.0),
    both!("q12_dormant_top", 1.3, 1.0),
    both!("q13_ab_readout", 2.0, 1.3),
    both!("q14_copurchase", 1.3, 1.0),
    both!("q15_category_rank", 1.3, 1.0),
    both!("q16_daily_active", 2.0, 1.3),
    both!("q17_timeline", 0.4, 0.1),
    both!("q18_dedup", 2.0, 1.3),
    both!("q19_scenario_report", 2.0, 1.3),
    both!("q20_f2_candidates", 1.3, 1.0),
];

/// What screens read.
pub const KEPT: [Asked; 5] = [
    report!("rfm_grid", " method=percent_rank"),
    report!("ltv_by_cohort", ""),
    report!("f2_by_cohort", ""),
    report!("second_purchase_survival", ""),
    report!("decile", ""),
];

/// What a shop's own tables are asked, beside DuckDB on raw Parquet.
pub const LAKE: [Asked; 1] = [Asked {
    name: "timeline",
    ours: concat!("lake ", include_str!("sql/timeline.sql")),
    theirs: include_str!("sql/q17_timeline.sql"),
    bar: Bar { must: 0.4, aim: 0.1 },
}];

/// What ClickHouse has a function of its own for.
pub const CLICKHOUSE: [Asked; 1] = [Asked {
    name: "q10_window_funnel",
    ours: include_str!("sql/q10_window_funnel.sql"),
    theirs: include_str!("sql/q10_window_funnel.clickhouse.sql"),
    bar: Bar { must: 1.5, aim: 1.0 },
}];

impl Asked {
    /// The tables it names.
    pub fn tables(&self) -> impl Iterator<Item = &'static str> {
        let words: Vec<&str> = self.theirs.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        super::map::TABLES.into_iter().filter(move |table| words.contains(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_its_tables() {
        let check = |name: &str, expect: &[&str]| {
            let asked = RAW.iter().chain(&KEPT).find(|asked| asked.name == name).expect("a question");
            assert_eq!(asked.tables().collect::<Vec<_>>(), expect, "{name}");
        };
        check("q01_rfm", &["orders"]);
        check("q14_copurchase", &["orders", "order_items"]);
        check("q17_timeline", &["orders", "events", "sends"]);
        check("decile", &["orders"]);
    }
}
