//! What there is to ask, as PostgreSQL's catalogue tells it: `\d` of psql, the tree of a BI tool, a library that reads columns before it asks.
//!
//! Such questions are the one kind of SQL from outside that is answered in the server's own process, because they come by the dozen and must
//! be quick. So the session here holds no data at all (relations have columns and no rows), functions whose answers can grow without bound are
//! taken away, and a statement is measured before it is parsed.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::{
    common::{Result, ScalarValue, tree_node::TreeNodeRecursion},
    datasource::empty::EmptyTable,
    execution::{
        SessionStateBuilder,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::GreedyMemoryPool,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{
        ColumnarValue, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
    prelude::{SessionConfig, SessionContext},
    sql::{
        parser::Statement,
        sqlparser::{
            ast,
            dialect::PostgreSqlDialect,
            keywords::Keyword,
            tokenizer::{Token, Tokenizer},
        },
    },
};
use datafusion_postgres::datafusion_pg_catalog::{
    pg_catalog::context::EmptyContextProvider, setup_pg_catalog, sql::PostgresCompatibilityParser,
};
use datafusion_postgres::pgwire::api::Type;
use futures::StreamExt;
use tokio::sync::Semaphore;

use super::{
    Answering, Described, absent,
    bound::PARAMS_MAX,
    failure::{Failure, code},
    set_functions,
    settings::Settings,
};
use crate::{
    Kind, ParamKind,
    run::read_only,
    sql::{Bound, Relation, fed_little, few_pairs},
    statement::{placeholder, type_placeholders},
};

/// The one database there is, whatever name a client asks for.
pub const DATABASE: &str = "tsubame";

const MEMORY_BYTES: usize = 128 << 20;
const TIME_MAX: Duration = Duration::from_secs(10);
const ROWS_MAX: usize = 100_000;
const AT_ONCE: usize = 2;
/// Rows that are worked on together; a text that grows does so in as many.
const BATCH_ROWS: usize = 1024;

/// Pairs that a join without a key may look at, in the time of one question.
const PAIRS_MAX: f64 = 1e7;

/// What a statement may have. The longest of the clients' own are a fifth of this.
const WORDS_MAX: usize = 4_000;
const DEPTH_MAX: usize = 48;
const OPERATORS_MAX: usize = 300;
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Of one that at most one function makes longer: JDBC has a list of the words of SQL.
const TEXT_ALONE_BYTES_MAX: usize = 16 << 10;
/// Each makes something larger of what it is given, so a few of them are many.
const GROWTHS_MAX: usize = 8;
/// What each of them is given at once.
const GROWING_MB_MAX: u32 = 1;
const GROWTHS: [&str; 36] = [
    "concat",
    "concat_ws",
    "replace",
    "regexp_replace",
    "overlay",
    "translate",
    "encode",
    "quote_ident",
    "quote_literal",
    "quote_nullable",
    "format",
    "string_agg",
    "string_to_array",
    "string_to_list",
    "array_to_string",
    "list_to_string",
    "array_join",
    "list_join",
    "make_array",
    "make_list",
    "array_cat",
    "array_concat",
    "list_cat",
    "list_concat",
    "array_append",
    "list_append",
    "array_push_back",
    "list_push_back",
    "array_prepend",
    "list_prepend",
    "array_insert",
    "array_replace_all",
    "struct",
    "row",
    "named_struct",
    "map",
];
/// Their answer is as large as a number says.
const TAKEN_AWAY: [&str; 9] =
    ["repeat", "lpad", "rpad", "range", "array_repeat", "list_repeat", "array_resize", "list_resize", "generate_series"];

pub(super) struct Catalogue {
    session: SessionContext,
    parser: PostgresCompatibilityParser,
    asking: Semaphore,
    time_max: Duration,
}

/// A question about the catalogue, planned for one guest.
#[derive(Clone)]
pub(super) struct Planned {
    session: SessionContext,
    plan: LogicalPlan,
    sql: Arc<str>,
    pub described: Described,
}

impl Catalogue {
    pub fn open(relations: &[Relation]) -> Result<Catalogue> {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(DATABASE, "public")
            .with_information_schema(true)
            .with_target_partitions(1)
            .with_batch_size(BATCH_ROWS);
        let options = config.options_mut();
        options.execution.time_zone = Some("UTC".into());
        options.execution.enable_recursive_ctes = false;
        options.sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
        options.sql_parser.map_string_types_to_utf8view = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(MEMORY_BYTES)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        let session = SessionContext::new_with_state(state);
        for relation in relations {
            session.register_table(relation.name.as_str(), Arc::new(EmptyTable::new(columns(relation))))?;
        }
        setup_pg_catalog(&session, DATABASE, EmptyContextProvider).map_err(|error| *error)?;
        for name in TAKEN_AWAY {
            session.deregister_udf(name);
            if name != "generate_series" {
                session.deregister_udtf(name);
            }
        }
        set_functions::register(&session)?;
        for (name, value) in constants() {
            session.register_udf(constant(name, value));
        }
        session.register_udf(to_regtype());
        let functions = session.state().scalar_functions().clone();
        for (name, function) in functions.iter().filter(|(name, _)| GROWTHS.contains(&name.as_str())) {
            if function.name() == name {
                session.register_udf(fed_little(function, GROWING_MB_MAX));
            }
        }
        Ok(Catalogue { session, parser: PostgresCompatibilityParser::new(), asking: Semaphore::new(AT_ONCE), time_max: TIME_MAX })
    }

    /// `declared` are the kinds of parameters as far as the client says them.
    pub async fn plan(&self, sql: &str, declared: &[Option<ParamKind>], settings: &Settings) -> Result<Planned, Failure> {
        let planned = self.plan_cast(sql, &[], settings).await?;
        let params = &planned.described.params;
        if params.iter().all(Option::is_some) {
            return Ok(planned);
        }
        // What follows from nothing is as the client says, or a text.
        let said = |index: usize| declared.get(index).copied().flatten().unwrap_or(ParamKind::Text);
        let kinds: Vec<Option<ParamKind>> =
            params.iter().enumerate().map(|(index, known)| known.is_none().then(|| said(index))).collect();
        self.plan_cast(sql, &kinds, settings).await
    }

    /// Plans with each parameter cast to its kind, where it has one: `$1` is the first.
    async fn plan_cast(&self, sql: &str, kinds: &[Option<ParamKind>], settings: &Settings) -> Result<Planned, Failure> {
        measure(sql)?;
        let user = settings.get("session_authorization")?;
        let session = SessionContext::new_with_state(self.session.state());
        session.register_udf(constant("session_user", user.into()));
        session.register_udf(constant("current_role", user.into()));
        session.register_udf(setting(settings.clone()));
        let wrong = |error: &dyn std::fmt::Display| Failure::of_message(sql, &format!("SQL error: {error}"));
        let mut statements = self.parser.parse(sql).map_err(|error| wrong(&error))?;
        let mut statement = match statements.pop() {
            Some(statement @ (ast::Statement::Query(_) | ast::Statement::Explain { .. })) if statements.is_empty() => statement,
            _ => return Err(Failure::new(code::NOT_SUPPORTED, "the catalogue answers one SELECT at a time")),
        };
        // Before anything is left out: a client sends the parameters it wrote.
        let count = parameters(&statement);
        absent::leave_out(&mut statement);
        type_placeholders(&mut statement, |name| kinds.get(name.parse::<usize>().ok()?.checked_sub(1)?).copied().flatten());
        let planned = session.state().statement_to_plan(Statement::Statement(Box::new(statement))).await;
        let plan = planned.and_then(|plan| read_only(&plan).map(|()| plan)).map_err(|error| Failure::of(sql, &error))?;
        if names_data(&plan) {
            return Err(Failure::new(code::NOT_SUPPORTED, "one statement asks the shop's data and the catalogue")
                .hint("ask twice: the catalogue has columns and no rows"));
        }
        let mut described = described(sql, &plan)?;
        let params = &mut described.params;
        params.resize(count.max(params.len()), None);
        Ok(Planned { session, plan, sql: sql.into(), described })
    }

    pub async fn ask(&self, planned: &Planned, params: &[Bound]) -> Result<Answering, Failure> {
        let failed = |error| Failure::of(&planned.sql, &error);
        let mut values = Vec::new();
        for (bound, wanted) in params.iter().zip(&planned.described.params) {
            let value = bound.value.as_ref().map_or(ScalarValue::Null, |value| value.scalar());
            let value = match wanted {
                Some(wanted) => value.cast_to(wanted).map_err(failed)?,
                None => value,
            };
            values.push((bound.name.clone(), value));
        }
        let _asking = self.asking.acquire().await.map_err(|error| Failure::new(code::INTERNAL, error.to_string()))?;
        let plan = planned.plan.clone().with_param_values(values).map_err(failed)?;
        // A join that looks at every pair gives the clock no chance to stop it.
        let optimized = planned.session.state().optimize(&plan).map_err(failed)?;
        few_pairs(&optimized, PAIRS_MAX).map_err(|error| Failure::too_complex(&error))?;
        let answer = async {
            let frame = planned.session.execute_logical_plan(plan).await.map_err(failed)?;
            let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
            let mut stream = frame.execute_stream().await.map_err(failed)?;
            let (mut batches, mut rows) = (Vec::new(), 0);
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(failed)?;
                rows += batch.num_rows();
                if rows > ROWS_MAX {
                    return Err(
                        Failure::new(code::TOO_LARGE, format!("the catalogue answers up to {ROWS_MAX} rows")).hint("add a WHERE")
                    );
                }
                batches.push(batch);
            }
            Ok(Answering { schema, batches: futures::stream::iter(batches.into_iter().map(Ok)).boxed() })
        };
        tokio::time::timeout(self.time_max, answer).await.unwrap_or_else(|_| {
            let message = format!("a question about the catalogue took longer than {:?}", self.time_max);
            Err(Failure::new(code::CANCELED, message).hint("narrow it with a WHERE"))
        })
    }
}

/// Refuses what could take the server's memory or stack, before anything is built from it.
fn measure(sql: &str) -> Result<(), Failure> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).with_unescape(false).tokenize();
    let tokens = tokens.map_err(|error| Failure::of_message(sql, &format!("SQL error: TokenizerError({error})")))?;
    let (mut words, mut depth, mut operators, mut growths, mut longest) = (0, 0usize, 0, 0, 0);
    let mut before = &Token::EOF;
    let too = |what: &str| {
        Err(Failure::new(code::TOO_COMPLEX, format!("a question about the catalogue has {what}")).hint("ask for less at once"))
    };
    let mut tokens = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::LParen => {
                depth += 1;
                growths +=
                    usize::from(matches!(before, Token::Word(word) if GROWTHS.contains(&word.value.to_lowercase().as_str())));
            }
            Token::LBracket => {
                depth += 1;
                // `text[]` is a type.
                growths += usize::from(!is_value(before) && tokens.peek() != Some(&&Token::RBracket));
            }
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            Token::StringConcat => growths += 1,
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::NationalStringLiteral(text) => {
                longest = longest.max(text.len());
            }
            Token::DollarQuotedString(text) => longest = longest.max(text.value.len()),
            Token::Word(word) => {
                let name = word.value.to_lowercase();
                if name == "recursive" {
                    return Err(Failure::new(code::NOT_SUPPORTED, "WITH RECURSIVE is refused about the catalogue"));
                }
                operators +=
                    usize::from(["and", "or", "not", "case", "union", "join", "in", "between", "like"].contains(&name.as_str()));
            }
            Token::Comma | Token::Period | Token::Number(..) | Token::SemiColon => {}
            _ => operators += 1,
        }
        before = token;
        words += 1;
        if depth > DEPTH_MAX {
            return too(&format!("no more than {DEPTH_MAX} parentheses inside each other"));
        }
    }
    let text_max = if growths > 1 { TEXT_BYTES_MAX } else { TEXT_ALONE_BYTES_MAX };
    match () {
        () if longest > text_max => too(&format!("no text of more than {text_max} bytes")),
        () if words > WORDS_MAX => too(&format!("no more than {WORDS_MAX} words")),
        () if operators > OPERATORS_MAX => too(&format!("no more than {OPERATORS_MAX} operators")),
        () if growths > GROWTHS_MAX => too(&format!("no more than {GROWTHS_MAX} functions and lists that make something larger")),
        () => Ok(()),
    }
}

/// Whether a bracket after it asks for an element, and begins no array.
fn is_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword == Keyword::NoKeyword,
        token => matches!(token, Token::RParen | Token::RBracket),
    }
}

/// Whether a relation of the shop's is read. Here it has no rows, and an answer from it would be false.
fn names_data(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let _ = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let is_function = scan.table_name.table().ends_with("()");
            found |= !is_function && !matches!(scan.table_name.schema(), Some("pg_catalog" | "information_schema"));
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// The highest number of a parameter in a statement.
fn parameters(statement: &ast::Statement) -> usize {
    let mut count = 0;
    let _ = ast::visit_expressions(statement, |expr| {
        let number = placeholder(expr).and_then(|name| name.parse::<usize>().ok()).filter(|number| *number <= PARAMS_MAX);
        count = count.max(number.unwrap_or(0));
        ControlFlow::<()>::Continue(())
    });
    count
}

fn described(sql: &str, plan: &LogicalPlan) -> Result<Described, Failure> {
    let types = plan.get_parameter_types().map_err(|error| Failure::of(sql, &error))?;
    let param = |(name, data_type): (String, Option<DataType>)| {
        Arc::new(Field::new(name.trim_start_matches('$'), data_type.unwrap_or(DataType::Null), true))
    };
    Described::numbered(Arc::new(plan.schema().as_arrow().clone()), &types.into_iter().map(param).collect::<Vec<_>>())
}

/// A relation's columns, as its file declares them.
fn columns(relation: &Relation) -> SchemaRef {
    let data_type = |kind: Kind| match kind {
        Kind::Text => DataType::Utf8,
        Kind::Int => DataType::Int64,
        Kind::Float | Kind::Rate => DataType::Float64,
        Kind::Money => DataType::Decimal128(18, 4),
        Kind::Date => DataType::Date32,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Bool => DataType::Boolean,
    };
    Arc::new(Schema::new(
        relation.columns.iter().map(|column| Field::new(&column.name, data_type(column.kind), true)).collect::<Vec<_>>(),
    ))
}

/// Functions that say the same whatever they are asked, because there is one answer here: no comments, no sequences, no indexes.
fn constants() -> Vec<(&'static str, ScalarValue)> {
    let nothing = || ScalarValue::Utf8(None);
    let version = concat!("PostgreSQL 16.6 (Tsubame ", env!("CARGO_PKG_VERSION"), ")");
    let mut constants: Vec<(&str, ScalarValue)> = vec![
        ("version", version.into()),
        ("current_catalog", DATABASE.into()),
        ("pg_get_userbyid", "tsubame".into()),
        ("pg_is_in_recovery", false.into()),
        ("pg_is_other_temp_schema", false.into()),
        ("pg_my_temp_schema", 0i32.into()),
        ("pg_client_encoding", "UTF8".into()),
        ("pg_relation_size", 0i64.into()),
        ("pg_table_size", 0i64.into()),
        ("pg_total_relation_size", 0i64.into()),
        ("pg_size_pretty", "0 bytes".into()),
        ("pg_backend_pid", 0i32.into()),
    ];
    for name in [
        "pg_type_is_visible",
        "pg_function_is_visible",
        "pg_opclass_is_visible",
        "pg_operator_is_visible",
        "has_column_privilege",
        "has_sequence_privilege",
        "has_function_privilege",
        "pg_has_role",
    ] {
        constants.push((name, true.into()));
    }
    for name in [
        "obj_description",
        "col_description",
        "shobj_description",
        "pg_get_serial_sequence",
        "pg_get_viewdef",
        "pg_get_indexdef",
        "pg_get_ruledef",
        "pg_get_triggerdef",
        "pg_get_functiondef",
        "pg_get_function_arguments",
        "pg_get_function_identity_arguments",
        "pg_get_function_result",
        "pg_tablespace_location",
        "pg_get_partition_constraintdef",
        "pg_get_statisticsobjdef",
    ] {
        constants.push((name, nothing()));
    }
    constants
}

type Body = Arc<dyn Fn(&[ColumnarValue]) -> Result<ColumnarValue> + Send + Sync>;

/// A function that takes anything.
struct Answer {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Body,
}

fn answer(
    name: &'static str,
    returns: DataType,
    body: impl Fn(&[ColumnarValue]) -> Result<ColumnarValue> + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable);
    ScalarUDF::from(Answer { name, signature, returns, body: Arc::new(body) })
}

fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    answer(name, value.data_type(), move |_| Ok(ColumnarValue::Scalar(value.clone())))
}

/// `current_setting('name')` and `current_setting('name', missing_ok)`.
fn setting(settings: Settings) -> ScalarUDF {
    answer("current_setting", DataType::Utf8, move |args| {
        let name = match args.first() {
            Some(ColumnarValue::Scalar(name)) => name.try_as_str().flatten().unwrap_or_default().to_string(),
            _ => return datafusion::common::exec_err!("current_setting takes the name of a setting"),
        };
        match settings.get(&name) {
            Ok(value) => Ok(ColumnarValue::Scalar(value.into())),
            Err(_) if args.len() > 1 => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
            Err(failure) => datafusion::common::exec_err!("{}", failure.message),
        }
    })
}

/// The number of a type by its name; null where there is none, as of extensions that clients look for.
fn to_regtype() -> ScalarUDF {
    answer("to_regtype", DataType::Int32, |args| {
        let number = |name: &str| (16..5_000).find(|number| Type::from_oid(*number).is_some_and(|found| found.name() == name));
        Ok(ColumnarValue::Scalar(ScalarValue::Int32(match args.first() {
            Some(ColumnarValue::Scalar(name)) => name.try_as_str().flatten().and_then(number).map(|number| number as i32),
            _ => None,
        })))
    })
}

impl ScalarUDFImpl for Answer {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.body)(&args.args)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for Answer {}

impl std::hash::Hash for Answer {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use model::Text;

    use super::*;
    use crate::sql::RelationColumn;

    fn catalogue() -> Catalogue {
        let columns = [("order_id", Kind::Text), ("net", Kind::Money), ("ordered_at", Kind::Instant)];
        let columns =
            columns.map(|(name, kind)| RelationColumn { name: name.into(), kind, label: Text::new(name, name), personal: None });
        let orders =
            Relation { name: "orders".into(), title: String::new(), description: String::new(), columns: columns.into() };
        Catalogue::open(&[orders]).unwrap()
    }

    /// The answer's first column as texts.
    async fn texts(catalogue: &Catalogue, sql: &str) -> Result<Vec<String>, Failure> {
        let planned = catalogue.plan(sql, &[], &Settings::begin("taro", &Default::default())).await?;
        let mut answering = catalogue.ask(&planned, &[]).await?;
        let mut texts = Vec::new();
        while let Some(batch) = answering.batches.next().await {
            let column = arrow::compute::cast(batch?.column(0), &DataType::Utf8).unwrap();
            texts.extend(column.as_string::<i32>().iter().map(|text| text.unwrap_or("NULL").to_string()));
        }
        Ok(texts)
    }

    #[tokio::test]
    async fn the_catalogue_tells_what_there_is() {
        let catalogue = catalogue();
        let check = async |sql: &str, expect: &[&str]| {
            let found = texts(&catalogue, sql).await.unwrap_or_else(|failure| panic!("{sql}: {failure:?}"));
            assert_eq!(found, expect, "{sql}");
        };
        check("SELECT 1", &["1"]).await;
        check("SELECT pg_catalog.version()", &[concat!("PostgreSQL 16.6 (Tsubame ", env!("CARGO_PKG_VERSION"), ")")]).await;
        check("SELECT current_database()", &["tsubame"]).await;
        check("SELECT current_schema()", &["public"]).await;
        check("SELECT current_user", &["taro"]).await;
        check("SELECT session_user", &["taro"]).await;
        check("SELECT current_setting('timezone')", &["UTC"]).await;
        check("SELECT current_setting('odd', true)", &["NULL"]).await;
        check(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public'",
            &["orders"],
        )
        .await;
        check(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position",
            &["order_id", "net", "ordered_at"],
        )
        .await;
        check(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'orders'::regclass ORDER BY attnum",
            &["text", "numeric", "timestamp with time zone"],
        )
        .await;
        check(
            "SELECT (current_schemas(false))[s.r] FROM generate_series(1, array_upper(current_schemas(false), 1)) AS s(r)",
            &["public"],
        )
        .await;
        check("SELECT catcode FROM pg_get_keywords() WHERE word IN ('select', 'public') ORDER BY word", &["U", "R"]).await;
        // JDBC's list of what other standards reserve is one text of more than four kilobytes.
        let reserved = ["a_reserved_word"; 300].join(",");
        check(
            &format!("SELECT left(string_agg(word, ','), 2) FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{{{reserved}}}'::text[])"),
            &["ab"],
        )
        .await;
    }

    #[tokio::test]
    async fn it_has_no_rows_to_tell_of_and_no_way_to_grow() {
        let catalogue = catalogue();
        let check = async |sql: &str, code: &str, message: &str| {
            let failure = texts(&catalogue, sql).await.expect_err(sql);
            assert_eq!(failure.code, code, "{sql}: {failure:?}");
            assert!(failure.message.contains(message), "{sql}: {failure:?}");
        };
        check("SELECT version(), count(*) FROM orders", code::NOT_SUPPORTED, "the shop's data and the catalogue").await;
        check(
            "SELECT relname FROM pg_class WHERE relname IN (SELECT order_id FROM public.orders)",
            code::NOT_SUPPORTED,
            "the shop's data",
        )
        .await;
        check("SELECT repeat(relname, 1000000000) FROM pg_class", code::UNDEFINED_FUNCTION, "repeat").await;
        check("SELECT pg_backend_pid() FROM generate_series(1, 1000000000000)", code::NOT_SUPPORTED, "1000 rows").await;
        check("SELECT pg_backend_pid() FROM generate_series(1, 9, 0)", code::NOT_SUPPORTED, "two numbers").await;
        check("SELECT generate_series(1, 1000000000000), version()", code::UNDEFINED_FUNCTION, "generate_series").await;
        check("WITH RECURSIVE a AS (SELECT 1) SELECT version() FROM a", code::NOT_SUPPORTED, "RECURSIVE").await;
        check("SELECT * FROM pg_catalog.nothing", code::UNDEFINED_TABLE, "not found").await;
        check("DROP TABLE pg_class", code::NOT_SUPPORTED, "one SELECT").await;
        check("CREATE TABLE a AS SELECT version()", code::NOT_SUPPORTED, "one SELECT").await;
        let grown = format!("SELECT {} FROM pg_class", vec!["relname"; 20].join(" || "));
        check(&grown, code::TOO_COMPLEX, "functions and lists that make something larger").await;
        let doubled = (0..9).fold("'12345678'".to_string(), |text, _| format!("encode({text}, 'hex')"));
        check(&format!("SELECT version(), {doubled}"), code::TOO_COMPLEX, "functions and lists that make something larger").await;
        let lists = ["[1]"; 9].join(", ");
        check(&format!("SELECT version(), {lists}"), code::TOO_COMPLEX, "functions and lists that make something larger").await;
        let copies = ["x"; 400].join(", ");
        let spread = format!(
            "WITH a AS (SELECT concat({}) AS x), b AS (SELECT concat({copies}) AS x FROM a), c AS (SELECT concat({copies}) AS x FROM b)
             SELECT version(), length(x) FROM c",
            ["'a text'"; 100].join(", ")
        );
        check(&spread, code::TOO_COMPLEX, "`concat` would make too much at once (1 MB at most)").await;
        check(&format!("SELECT version(){}", " + 1".repeat(400)), code::TOO_COMPLEX, "operators").await;
        check(&format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)), code::TOO_COMPLEX, "parentheses").await;
        check(&format!("SELECT version() = '{}'", "x".repeat(20_000)), code::TOO_COMPLEX, "no text of more").await;
        check(&format!("SELECT version() || '{}' || ''", "x".repeat(5_000)), code::TOO_COMPLEX, "no text of more").await;
        let many = "SELECT count(*) FROM pg_proc a CROSS JOIN pg_proc b CROSS JOIN pg_proc c WHERE a.oid + b.oid + c.oid < 0";
        check(many, code::TOO_COMPLEX, "pairs").await;
    }
}
