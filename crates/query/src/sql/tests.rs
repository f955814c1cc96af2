//! Analysts' own SQL, asked in this process: what is answered, what is refused and where.

use futures::TryStreamExt;
use lake::ReadView;
use model::ShopZone;

use super::*;
use crate::{Library, Mode, Moment, ParamKind, ParamValue};

fn desk() -> Desk {
    let at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let (library, problems) = Library::load(None);
    assert_eq!(problems, []);
    Desk::new(Arc::new(library), ReadView::empty(), Moment { as_of: at, mode: Mode::AsKnown, zone: ShopZone::tokyo() })
}

/// What the worker answers; whatever is refused by its words alone is refused by the worker too, in the same words.
fn ask(own: OwnSql) -> Result<String, SqlError> {
    let looked_over = look_over(&own.sql);
    let answer = move || -> Result<String, SqlError> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let answer = desk().ask_own(&own).await?;
            let batches: Vec<RecordBatch> = answer.batches.try_collect().await?;
            let mut out = Vec::new();
            for batch in &batches {
                let mut text = arrow::csv::WriterBuilder::new().with_header(false).build(&mut out);
                text.write(batch).map_err(|error| SqlError::internal(error.to_string()))?;
            }
            Ok(String::from_utf8(out).unwrap().trim_end().replace('\n', " | "))
        })
    };
    // As deep as the worker's.
    let answered = std::thread::Builder::new().stack_size(512 << 20).spawn(answer).unwrap().join().unwrap();
    if let Err(refused) = looked_over {
        let also = answered.as_ref().expect_err("what its words forbid is answered by nobody");
        assert_eq!((refused.kind, &refused.message), (also.kind, &also.message));
    }
    answered
}

fn own(sql: &str) -> OwnSql {
    OwnSql { sql: sql.into(), params: Vec::new(), personal: false }
}

#[test]
fn questions_are_answered() {
    let check = |sql: &str, params: Vec<Bound>, expect: &str| {
        let found = ask(OwnSql { params, ..own(sql) }).unwrap_or_else(|error| format!("{error:?}"));
        assert_eq!(found, expect, "{sql}");
    };
    check("SELECT 1 + 1", Vec::new(), "2");
    check("VALUES (1, 'a'), (2, 'b')", Vec::new(), "1,a | 2,b");
    check("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT sum(i) FROM n", Vec::new(), "10");
    check("SELECT count(*) FROM orders WHERE net > 100", Vec::new(), "0");
    check("SELECT count(*) FROM public.customers_history", Vec::new(), "0");
    check("SELECT lpad('7', 3, '0'), repeat('ab', 2), cardinality(range(1, 4))", Vec::new(), "007,abab,3");
    check("SELECT sum(value) FROM generate_series(1, 10)", Vec::new(), "55");
    // A window that grows asks after each row.
    check("SELECT coalesce(second_min(value) OVER (ORDER BY value), 0) FROM generate_series(1, 4)", Vec::new(), "0 | 2 | 2 | 2");
    check("SELECT shop_day($as_of), $today", Vec::new(), "2026-11-18,2026-11-18");
    check(
        "SELECT $1 + 1, $2",
        vec![Bound::new("1", ParamValue::Int(2)), Bound::new("2", ParamValue::Text("x'y".into()))],
        "3,x'y",
    );
    check("SELECT $a IS NULL", vec![Bound { name: "a".into(), kind: ParamKind::Date, value: None }], "true");
    check(
        "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'order%' ORDER BY 1",
        Vec::new(),
        "order_lines | orders",
    );
    check(
        "SELECT data_type FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'net'",
        Vec::new(),
        "\"DECIMAL(18, 4)\"",
    );
    assert!(ask(own("SHOW TABLES")).unwrap().contains("customers,Customers,"));
    assert!(ask(own("DESCRIBE customers")).unwrap().contains("birthday,DATE,誕生日,Birthday,true"));
    assert!(ask(own("EXPLAIN SELECT count(*) FROM orders")).unwrap().contains("logical_plan"));
}

#[test]
fn what_cannot_be_answered_is_said_with_its_place() {
    let check = |sql: &str, kind: SqlErrorKind, at: Option<(u64, u64)>, words: &str| {
        let error = ask(own(sql)).expect_err(sql);
        let found = error.at.map(|at| (at.line, at.column));
        assert_eq!((error.kind, found), (kind, at), "{sql}: {error:?}");
        assert!(error.message.en.contains(words), "{sql}: {error:?}");
    };
    check("SELECT\n  1 +", SqlErrorKind::Syntax, Some((2, 5)), "ends in the middle");
    check("SELEC 1", SqlErrorKind::Syntax, Some((1, 1)), "`SELEC` begins no question");
    check("SELECT　1", SqlErrorKind::Syntax, Some((1, 7)), "");
    check("SELECT 1 FROM\norder_items", SqlErrorKind::UnknownTable, Some((2, 1)), "order_items");
    check("SELECT $today, ordr_id FROM orders", SqlErrorKind::UnknownColumn, Some((1, 16)), "ordr_id");
    check("SELECT rfm_skore(1)", SqlErrorKind::UnknownFunction, Some((1, 8)), "rfm_skore");
    check("SELECT $days", SqlErrorKind::Parameter, Some((1, 8)), "`$days` has no value");
    check("SELECT CAST('x' AS INT)", SqlErrorKind::Data, None, "");
    check("", SqlErrorKind::Syntax, None, "no statement");
    check("SELECT 1; SELECT 2", SqlErrorKind::Refused, None, "2 statements");
}

#[test]
fn the_gates() {
    let refused = [
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY orders FROM '/etc/passwd'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/x.csv'",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "DROP TABLE orders",
        "INSERT INTO orders VALUES (1)",
        "UPDATE orders SET net = 0",
        "DELETE FROM orders",
        "TRUNCATE orders",
        "SET datafusion.runtime.memory_limit = '100G'",
        "RESET datafusion.runtime.memory_limit",
        "SHOW ALL",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "VACUUM",
        "CALL f()",
        "GRANT ALL ON orders TO me",
        "SELECT 1 INTO t",
        "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
    ];
    let by_words = refused.iter().filter(|sql| look_over(sql).is_err()).count();
    assert_eq!(by_words, 19, "all but those that open as a question");
    for sql in refused {
        let error = ask(own(sql)).expect_err(sql);
        assert!(matches!(error.kind, SqlErrorKind::Refused | SqlErrorKind::Invalid | SqlErrorKind::Syntax), "{sql}: {error:?}");
    }
    let unknown = [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM \"https://example.com/x.parquet\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM information_schema.df_settings",
        "SELECT * FROM datafusion.system.tables",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT input_file_name() FROM orders",
    ];
    for sql in unknown {
        let error = ask(own(sql)).expect_err(sql);
        let is_unknown = matches!(
            error.kind,
            SqlErrorKind::UnknownTable | SqlErrorKind::UnknownFunction | SqlErrorKind::Invalid | SqlErrorKind::Syntax
        );
        assert!(is_unknown, "{sql}: {error:?}");
    }
    let too_large = [
        "SELECT repeat('x', 2000000000)",
        "SELECT lpad('x', 2000000000, 'y')",
        "SELECT rpad('x', 2000000000, 'y')",
        "SELECT array_length(generate_series(1, 300000000))",
        "SELECT array_repeat(repeat('x', 1000000), 1000000)",
        "SELECT range(TIMESTAMP '2000-01-01', TIMESTAMP '2026-01-01', INTERVAL '1' SECOND)",
        "SELECT count(*) FROM generate_series(1, 1000000000000)",
        "SELECT replace(repeat('a', 1000000), 'a', repeat('b', 1000000))",
        "SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b",
        "SELECT count(*) FROM generate_series(1, 1000000) AS a JOIN generate_series(1, 1000000) AS b ON a.value < b.value",
        "WITH n AS (SELECT value % 100000 AS k, count(*) AS times FROM generate_series(1, 5000000) GROUP BY 1)
         SELECT count(*) FROM n AS a JOIN n AS b ON a.times < b.times",
    ];
    for sql in too_large {
        let error = ask(own(sql)).expect_err(sql);
        assert_eq!(error.kind, SqlErrorKind::TooComplex, "{sql}: {error:?}");
    }
    // As large as the tokens let through, and within the stack.
    let deep = format!("SELECT 1{}", "+1".repeat(1_000));
    assert_eq!(ask(own(&deep)).unwrap(), "1001");
    let deep = format!("SELECT {}1{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(ask(own(&deep)).unwrap(), "1");
    let chain: Vec<String> = (1..150).map(|index| format!("a{index} AS (SELECT x + 1 AS x FROM a{})", index - 1)).collect();
    assert_eq!(ask(own(&format!("WITH a0 AS (SELECT 0 AS x), {} SELECT x FROM a149", chain.join(", ")))).unwrap(), "149");
}

#[test]
fn every_relation_passes_the_gates() {
    for relation in desk().library.relations() {
        let sql = format!("SELECT count(*) FROM {}", relation.name);
        assert!(ask(own(&sql)).is_ok(), "{sql}: {:?}", ask(own(&sql)));
    }
}

#[test]
fn a_question_is_described_before_it_is_asked() {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(64 << 20).build().unwrap();
    let check = |sql: &str, columns: &str, params: &str| {
        let sql_text = sql.to_string();
        let described =
            runtime.block_on(runtime.spawn(async move { desk().describe_own(&sql_text, &[]).await })).unwrap().unwrap();
        let shown = |name: &str, kind: &Option<DataType>| match kind {
            Some(kind) => format!("{name} {kind}"),
            None => format!("{name} ?"),
        };
        let found: Vec<String> =
            described.schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        assert_eq!(found.join(", "), columns, "{sql}");
        let found: Vec<String> = described.params.iter().map(|(name, kind)| shown(name, kind)).collect();
        assert_eq!(found.join(", "), params, "{sql}");
    };
    check(
        "SELECT order_id, net FROM orders WHERE net > $1 AND status = $2",
        "order_id Utf8, net Decimal128(18, 4)",
        "1 Decimal128(18, 4), 2 Utf8",
    );
    check("SELECT 1 AS one", "one Int64", "");
    check("SELECT birthday FROM customers WHERE $today > birthday", "birthday Date32", "");
}
