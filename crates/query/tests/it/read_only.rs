//! An SQL text asks; it never changes anything, reads files or sets options.

use model::Remedy;
use query::{Mode, QueryError};

use crate::{desk, noon, order, placed, shown, view};

#[tokio::test]
async fn everything_but_a_question_is_refused() {
    let (folder, view) = view(&[placed(&order("c", "2026-01-05", 1000)), placed(&order("d", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let out = folder.path().join("out.csv");
    let target = out.display();
    let texts = [
        "CREATE TABLE x AS SELECT 1".to_string(),
        "CREATE VIEW x AS SELECT 1".into(),
        format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{target}'"),
        "CREATE SCHEMA x".into(),
        "CREATE FUNCTION f(DOUBLE) RETURNS DOUBLE RETURN 1".into(),
        "DROP TABLE orders".into(),
        "DROP VIEW orders_history".into(),
        "ALTER TABLE orders RENAME TO gone".into(),
        "INSERT INTO orders_history SELECT * FROM orders_history".into(),
        "UPDATE orders_history SET net = 0".into(),
        "DELETE FROM orders_history".into(),
        "TRUNCATE TABLE orders_history".into(),
        format!("COPY orders TO '{target}' STORED AS CSV"),
        format!("COPY (SELECT * FROM orders) TO '{target}' STORED AS CSV"),
        format!("EXPLAIN COPY orders TO '{target}' STORED AS CSV"),
        format!("EXPLAIN ANALYZE COPY (SELECT * FROM orders) TO '{target}' STORED AS CSV"),
        "EXPLAIN ANALYZE INSERT INTO orders_history SELECT * FROM orders_history".into(),
        "SET datafusion.execution.batch_size = 1".into(),
        "RESET datafusion.execution.batch_size".into(),
        "BEGIN".into(),
        "COMMIT".into(),
        "PREPARE p AS SELECT 1".into(),
        "EXECUTE p".into(),
        "SELECT 1; DROP TABLE orders".into(),
        "SHOW ALL".into(),
        format!("SELECT * FROM '{target}'"),
        "SELECT * FROM information_schema.tables".into(),
    ];
    for text in texts {
        let error = desk.ask_sql(&text).await.expect_err(&text);
        assert!(
            matches!(error, QueryError::Plan { .. } | QueryError::Syntax { .. }),
            "{text}: refused while planning, not {error:?}"
        );
        assert!(!out.exists(), "{text}: nothing was written");
    }
    assert_eq!(shown(&desk.ask_sql("SELECT count(*) FROM orders").await.expect("an answer")), ["2"], "questions go on");
    assert_eq!(
        shown(&desk.ask_sql("WITH o AS (SELECT * FROM orders) SELECT max($today) FROM o").await.expect("an answer")),
        ["2026-02-01"]
    );
}

#[tokio::test]
async fn an_unknown_relation_or_parameter_is_named() {
    let (_folder, view) = view(&[placed(&order("c", "2026-01-05", 1000))]).await;
    let desk = desk(&view, noon("2026-02-01"), Mode::AsKnown);
    let error = desk.ask_sql("SELECT * FROM ordres").await.expect_err("no such relation");
    assert!(
        error.to_string() == "SQL:1: there is no table `ordres`" && error.remedy().as_deref() == Some("did you mean orders?"),
        "{error}"
    );
    let error = desk.ask_sql("SELECT * FROM orders WHERE net > $least").await.expect_err("no such parameter");
    assert!(error.to_string().contains("$least"), "{error}");
    let mistake = error.mistake().expect("a place in the text");
    assert_eq!(mistake.excerpt, "1 | SELECT * FROM orders WHERE net > $least\n  |                                  ^^^^^^");
}
