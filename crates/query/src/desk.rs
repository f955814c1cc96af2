//! A desk: one pinned view of the lake at one moment, on which questions are asked.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    catalog::{MemTable, MemorySchemaProvider, TableProvider},
    common::{TableReference, ToDFSchema, config::ConfigNonZeroUsize},
    error::DataFusionError,
    execution::{
        SessionStateBuilder,
        disk_manager::DiskManagerBuilder,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    logical_expr::{EmptyRelation, Expr, LogicalPlan, col, lit},
    optimizer::{Optimizer, OptimizerRule},
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    prelude::{DataFrame, SessionConfig, SessionContext},
    sql::sqlparser::ast::Statement,
};
use lake::ReadView;
use model::{ShopZone, time::Instant};
use serde::{Deserialize, Serialize};

use crate::{
    Library, Limits, Mistake, ParamKind, ParamValue, Params, Query, QueryError,
    aside::Aside,
    first_rows::FirstRows,
    functions,
    functions::as_of,
    in_turn::LargeSumsInTurn,
    kept::{Found, Group, Since},
    memory::QuestionMemory,
    mistake::{nearest, planning},
    run::planning_error,
    segment::bind_some,
    settings::suited,
    share,
    statement::{Tokens, type_placeholders},
    survivors::{self, OneCustomer},
};

/// Which of the past's two readings a question is asked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What was known then: both times are up to the moment. Decisions and replays use it.
    #[default]
    AsKnown,
    /// What happened up to then, with all that arrived later. Analysis uses it.
    AsHappened,
}

/// When a question is asked, and where days begin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub as_of: Instant,
    pub mode: Mode,
    pub zone: ShopZone,
}

#[derive(Clone)]
pub struct Desk {
    pub library: Arc<Library>,
    pub view: ReadView,
    pub moment: Moment,
    pub limits: Limits,
    /// `$as_of` and `$today` stay parameters of the plan, for many nights to put in theirs.
    open: bool,
    /// Relations that a question may use beside the views: name, query, parameters.
    relations: Vec<(String, Query, Params)>,
    /// Answers that a question may use as relations.
    tables: Vec<(String, Arc<MemTable>)>,
    /// The kept tables at a moment, once they were asked for.
    pub(crate) kept: Arc<Mutex<Found>>,
    /// Who is somebody's earlier self at a moment, once a question needed it.
    pub(crate) survivors: survivors::Found,
    /// Set where only news are asked for.
    since: Option<Since>,
    /// Rows past this position are as if they had never come.
    until: Option<i64>,
}

/// Where segments are relations: `SELECT customer_id FROM segment.dormant_top_ltv`.
pub(crate) const SEGMENT_SCHEMA: &str = "segment";

/// What a session knows already, and the segments whose text is being read, outermost first.
#[derive(Default)]
struct Known {
    seen: BTreeSet<String>,
    open: Vec<String>,
}

impl Desk {
    pub fn new(library: Arc<Library>, view: ReadView, moment: Moment) -> Desk {
        Desk {
            library,
            view,
            moment,
            limits: Limits::default(),
            open: false,
            relations: Vec::new(),
            tables: Vec::new(),
            kept: Arc::default(),
            survivors: survivors::Found::default(),
            since: None,
            until: None,
        }
    }

    /// The same desk on which `name` is also a relation: the answer of a query with these parameters.
    pub fn with_relation(mut self, name: &str, query: &Query, params: Params) -> Desk {
        self.relations.push((name.into(), query.clone(), params));
        self
    }

    /// Takes an answer given by [`Desk::with_table`] back, so that another may stand in its place.
    pub fn forget_table(&mut self, name: &str) {
        self.tables.retain(|(known, _)| known != name);
    }

    /// The same desk on which `name` is also a relation: this answer of [`Desk::batches`], asked once however many questions use it.
    pub fn with_table(mut self, name: &str, (schema, batches): (SchemaRef, Vec<RecordBatch>)) -> Result<Desk, QueryError> {
        let table = MemTable::try_new(schema, vec![batches]).map_err(|source| planning_error(name, source))?;
        self.tables.push((name.into(), Arc::new(table)));
        Ok(self)
    }

    /// The same desk at another moment.
    pub(crate) fn at(&self, moment: Moment) -> Desk {
        Desk { moment, ..self.clone() }
    }

    /// The same desk on news alone.
    pub(crate) fn since(self, since: Since) -> Desk {
        Desk { since: Some(since), ..self.without_kept() }
    }

    /// The same desk without whatever came in past a position: asked again with it, a question has the same answer for ever, for rows are
    /// never changed and positions rise.
    pub fn until(self, position: i64) -> Desk {
        Desk { until: Some(position), ..self.without_kept() }
    }

    /// The last position of all that this desk can see.
    pub fn position(&self) -> i64 {
        let last = self.view.tables().map(|(_, table)| table.last_position()).max().unwrap_or(0);
        self.until.map_or(last, |until| until.min(last))
    }

    /// The same desk for plans that outlive its moment: what they were given at that moment is left open.
    pub(crate) fn left_open(self) -> Desk {
        Desk { open: true, ..self }
    }

    /// The rows of a history that there were at an instant, as this desk reads the past.
    pub(crate) fn past(&self, at: Expr) -> Expr {
        let happened = col("occurred_at").lt_eq(at.clone());
        let read = match self.moment.mode {
            Mode::AsKnown => happened.and(col("known_at").lt_eq(at)),
            Mode::AsHappened => happened,
        };
        match self.until {
            Some(position) => read.and(col("position").lt_eq(lit(position))),
            None => read,
        }
    }

    /// Puts the values of a query's parameters into its plan.
    pub(crate) fn bound(&self, plan: LogicalPlan, values: &Params) -> datafusion::common::Result<LogicalPlan> {
        if !self.open {
            return bind(plan, values);
        }
        let given = self.given();
        let own = values.iter().filter(|(name, _)| !given.contains_key(*name)).map(|(name, value)| (name.clone(), value.clone()));
        bind_some(plan, &own.collect())
    }

    pub(crate) fn given(&self) -> Params {
        let today = self.moment.zone.day(self.moment.as_of);
        [("as_of".into(), ParamValue::Instant(self.moment.as_of)), ("today".into(), ParamValue::Date(today))].into()
    }

    /// What functions know of the shop.
    fn shop(&self) -> functions::Shop {
        functions::Shop { zone: self.moment.zone, experiments: self.library.experiments.clone() }
    }

    /// A session that knows the relations `sql` names, and no others.
    pub(crate) async fn session(&self, tokens: &Tokens, file: &str) -> Result<SessionContext, QueryError> {
        let session = new_session(self.limits, &self.shop(), file)?;
        if self.open {
            // What is worked out once would be that of one night.
            session.remove_optimizer_rule(share::RULE);
        }
        self.register(&session, tokens, &mut Known::default(), file).await?;
        Ok(session)
    }

    /// The same within the limits of another session.
    pub(crate) async fn session_with(
        &self,
        runtime: Arc<RuntimeEnv>,
        tokens: &Tokens,
        file: &str,
    ) -> Result<SessionContext, QueryError> {
        let session = session_within(runtime, self.limits.partitions, &self.shop());
        self.register(&session, tokens, &mut Known::default(), file).await?;
        Ok(session)
    }

    /// Registers what the tokens name: histories, views, relations and segments, and what those name in turn.
    async fn register(&self, session: &SessionContext, tokens: &Tokens, known: &mut Known, file: &str) -> Result<(), QueryError> {
        for name in tokens.segments() {
            let Some(query) = self.library.segment(&name) else { continue };
            let reference = TableReference::partial(SEGMENT_SCHEMA, name);
            let shown = reference.to_string();
            if let Some(first) = known.open.iter().position(|open| *open == shown) {
                let path = known.open[first..].iter().chain([&shown]).map(String::as_str).collect::<Vec<_>>().join(" → ");
                return Err(QueryError::Cycle { file: file.into(), path });
            }
            if !known.seen.insert(shown.clone()) {
                continue;
            }
            if let Some(param) = query.header.params.iter().find(|param| param.default.is_none()) {
                let (segment, param) = (shown, param.name.clone());
                return Err(QueryError::SegmentParam { file: file.into(), segment, param });
            }
            known.open.push(shown);
            self.register_query(session, reference, query, &Params::new(), known).await?;
            known.open.pop();
        }
        for word in tokens.words() {
            if !known.seen.insert(word.clone()) {
                continue;
            }
            let word = word.as_str();
            let history = word.strip_suffix("_history").unwrap_or_default();
            if let Some(table) = self.view.table(history) {
                if table.is_empty() {
                    register_nothing(session, word, table.schema()).map_err(|source| planning_error(file, source))?;
                    continue;
                }
                let (url, store) = table.store();
                session.register_object_store(&url, store);
                let at = ParamValue::Instant(self.moment.as_of);
                let at = if self.open { at.placeholder("as_of") } else { at.literal() };
                let filter = match &self.since {
                    Some(Since { positions, moment }) => {
                        let position = positions.get(history).copied().unwrap_or(0);
                        let moment = ParamValue::Instant(*moment).scalar();
                        let late = col("occurred_at").gt(lit(moment.clone())).or(col("known_at").gt(lit(moment)));
                        Some(self.past(at).and(col("position").gt(lit(position)).or(late)))
                    }
                    // Where no row is of later, as of now mostly none is, nothing is asked of each: that would be two columns more to read.
                    None => (self.open || self.until.is_some() || table.may_have_after(i64::MAX, self.moment.as_of))
                        .then(|| self.past(at)),
                };
                let rows = session.read_table(table).and_then(|rows| match filter {
                    Some(filter) => rows.filter(filter),
                    None => Ok(rows),
                });
                let rows = rows.map_err(|source| planning_error(file, source))?;
                session.register_table(word, rows.into_view()).map_err(|source| planning_error(file, source))?;
            } else if let Some((_, table)) = self.tables.iter().find(|(name, _)| name == word) {
                session.register_table(word, table.clone()).map_err(|source| planning_error(file, source))?;
            } else if let Some((_, query, params)) = self.relations.iter().find(|(name, ..)| name == word) {
                self.register_query(session, word.into(), query, params, known).await?;
            } else if word == survivors::VIEW
                && !self.open
                && self.since.is_none()
                && let Some(rows) = Box::pin(self.survivors()).await?
            {
                let registered = match rows.is_empty() {
                    true => register_nothing(session, word, rows.schema()),
                    false => session.register_table(word, rows).map(drop),
                };
                registered.map_err(|source| planning_error(file, source))?;
            } else if !self.open
                && let Some(kept) = self.kept_relation(session, word, file).await?
            {
                session.register_table(word, kept).map_err(|source| planning_error(file, source))?;
            } else if let Some(query) = self.library.view(word) {
                self.register_query(session, word.into(), query, &Params::new(), known).await?;
            }
        }
        Ok(())
    }

    /// The kept table of this name at this moment, if there is one.
    async fn kept_relation(
        &self,
        session: &SessionContext,
        name: &str,
        file: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let Some(group) = Group::of(name).filter(|_| self.library.built_in_view(name).is_some()) else { return Ok(None) };
        let Some(current) = Box::pin(self.kept(group)).await? else { return Ok(None) };
        current.relation(session, name).map_err(|source| planning_error(file, source))
    }

    async fn register_query(
        &self,
        session: &SessionContext,
        name: TableReference,
        query: &Query,
        params: &Params,
        known: &mut Known,
    ) -> Result<(), QueryError> {
        let tokens = Tokens::read(&query.file, &query.sql)?;
        let values = self.values(query, params)?;
        Box::pin(self.register(session, &tokens, known, &query.file)).await?;
        let plan = Box::pin(self.plan(session, query, &tokens, &values)).await?;
        let plan = self.bound(plan, &values).map_err(|source| planning_error(&query.file, source))?;
        let frame = session.execute_logical_plan(plan).await.map_err(|source| planning_error(&query.file, source))?;
        session.register_table(name, frame.into_view()).map_err(|source| planning_error(&query.file, source))?;
        Ok(())
    }

    /// The plan of a query before its values are bound; only the moments of `as_of` are values already.
    pub(crate) async fn plan(
        &self,
        session: &SessionContext,
        query: &Query,
        tokens: &Tokens,
        values: &Params,
    ) -> Result<LogicalPlan, QueryError> {
        let given = self.given();
        let kind = |name: &str| -> Option<ParamKind> {
            let declared = query.header.params.iter().find(|param| param.name == name).map(|param| param.kind);
            declared.or_else(|| given.get(name).map(ParamValue::kind))
        };
        for (name, place) in tokens.placed_placeholders() {
            if kind(name).is_none() {
                if let Some(mistake) = crate::mistake::reading::foreign_parameter(name, place) {
                    return Err(tokens.mistake(mistake));
                }
                let known = query.header.params.iter().map(|param| param.name.as_str()).chain(given.keys().map(String::as_str));
                let remedy = match nearest(name, known) {
                    Some(near) => format!("did you mean ${near}? Otherwise add `-- param {name} <type>` to the header"),
                    None => format!("add `-- param {name} <type>` to the header"),
                };
                let message = format!("the SQL uses `${name}`, the header does not declare it");
                return Err(tokens.mistake(Mistake::new(place, message, remedy)));
            }
        }
        let mut statement = tokens.statement()?;
        as_of::resolve(self, session, tokens, &mut statement, values).await?;
        type_placeholders(&mut statement, kind);
        let typed = datafusion::sql::parser::Statement::Statement(Box::new(statement.clone()));
        let plan = session.state().statement_to_plan(typed).await;
        let plan = plan.map_err(|source| self.planning_error(session, tokens, Some(&statement), &source))?;
        if let Some(mistake) = planning::window_in_condition(tokens, &plan) {
            return Err(QueryError::Plan { file: tokens.file.clone(), mistake: Box::new(mistake.within(&tokens.sql)) });
        }
        crate::run::read_only(&plan).map_err(|_| tokens.mistake(crate::mistake::reading::not_a_question(tokens.start())))?;
        Ok(plan)
    }

    /// What the planner says about a text, said to whoever wrote it.
    pub(crate) fn planning_error(
        &self,
        session: &SessionContext,
        tokens: &Tokens,
        statement: Option<&Statement>,
        source: &DataFusionError,
    ) -> QueryError {
        let relations = self.relation_names();
        let state = session.state();
        let mut functions: Vec<String> =
            state.scalar_functions().keys().chain(state.aggregate_functions().keys()).cloned().collect();
        functions.extend(state.window_functions().keys().cloned());
        functions.sort();
        let scene = planning::Scene { tokens, statement, relations: &relations, functions: &functions };
        let mistake = planning::mistake(&scene, source);
        QueryError::Plan { file: tokens.file.clone(), mistake: Box::new(mistake.within(&tokens.sql)) }
    }

    /// Everything that may stand in FROM.
    pub(crate) fn relation_names(&self) -> Vec<String> {
        let views = self.library.views().map(|(name, _)| name.to_string());
        let histories = self.view.tables().map(|(name, _)| format!("{name}_history"));
        let segments = self.library.segments().map(|(name, _)| format!("{SEGMENT_SCHEMA}.{name}"));
        views.chain(histories).chain(segments).chain(self.relations.iter().map(|(name, ..)| name.clone())).collect()
    }

    /// Values for every parameter of a query: given, or its default.
    pub(crate) fn values(&self, query: &Query, params: &Params) -> Result<Params, QueryError> {
        let mut values = self.given();
        for param in &query.header.params {
            let value = match params.get(&param.name) {
                Some(value) if value.kind() == param.kind => value.clone(),
                Some(value) => {
                    return Err(QueryError::ParamType {
                        query: query.name.clone(),
                        name: param.name.clone(),
                        expected: param.kind.name(),
                        found: value.kind().name(),
                    });
                }
                None => param.default.clone().ok_or_else(|| QueryError::MissingParam {
                    query: query.name.clone(),
                    name: param.name.clone(),
                    kind: param.kind.name(),
                })?,
            };
            values.insert(param.name.clone(), value);
        }
        match params.keys().find(|name| !values.contains_key(*name)) {
            Some(unknown) => Err(QueryError::UnknownParam {
                query: query.name.clone(),
                name: unknown.clone(),
                known: query.header.params.iter().map(|param| param.name.as_str()).collect::<Vec<_>>().join(", "),
            }),
            None => Ok(values),
        }
    }
}

/// A session that knows our functions and no relation.
pub(crate) fn new_session(limits: Limits, shop: &functions::Shop, file: &str) -> Result<SessionContext, QueryError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(QuestionMemory::new(limits.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(Arc::new(Aside::new(limits.spill_bytes))))
        .build_arc()
        .map_err(|source| planning_error(file, source))?;
    Ok(session_within(runtime, limits.partitions, shop))
}

/// A side of a join up to this large is kept whole, and not dealt out by key to as many tables as there are threads: its keys then narrow what
/// is read of the other side. The engine's own limits are a 64th and an eighth of these.
const JOINED_WHOLE_BYTES: usize = 64 << 20;
const JOINED_WHOLE_ROWS: usize = 1 << 20;

fn session_within(runtime: Arc<RuntimeEnv>, partitions: usize, shop: &functions::Shop) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(partitions).with_information_schema(false);
    config.options_mut().execution.time_zone = Some("UTC".into());
    config.options_mut().sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config.options_mut().execution.parquet.schema_force_view_types = false;
    config.options_mut().execution.collect_statistics = false;
    config.options_mut().optimizer.hash_join_single_partition_threshold = JOINED_WHOLE_BYTES;
    config.options_mut().optimizer.hash_join_single_partition_threshold_rows = JOINED_WHOLE_ROWS;
    // Where rows are looked for, what a reader keeps of a column it asks and gives is every row of it.
    config.options_mut().execution.parquet.max_predicate_cache_size = Some(0);
    // A file for each batch that is put aside: two that are open at a time can wait for each other for ever (DataFusion issue 24883).
    config.options_mut().execution.max_spill_file_size_bytes = ConfigNonZeroUsize::try_new(1).expect("one is not zero");
    // Places in the text come with the planner's errors.
    config.options_mut().sql_parser.collect_spans = true;
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    let state = state.with_optimizer_rules(rules()).with_physical_optimizer_rules(physical_rules());
    let session = SessionContext::new_with_state(state.build());
    functions::register(&session, shop);
    if let Some(catalog) = session.catalog("datafusion") {
        catalog
            .register_schema(SEGMENT_SCHEMA, Arc::new(MemorySchemaProvider::new()))
            .expect("a catalogue in memory takes a schema");
    }
    session
}

/// The optimizer's rules and ours: one compares what the question says before anything is moved, one takes up conditions where they were moved to.
fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let moved = rules.iter().position(|rule| rule.name() == "push_down_filter").expect("the engine moves conditions down");
    rules.insert(moved + 1, Arc::new(OneCustomer));
    rules.insert(0, Arc::new(share::Share));
    rules
}

/// The same of plans that are about to run: ours are before the limits that a sort learns as it runs are handed to what it reads.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let handed = rules.iter().position(|rule| rule.name() == "PushdownSort").expect("the engine hands orders down");
    rules.insert(handed + 1, Arc::new(FirstRows));
    rules.insert(handed + 1, Arc::new(LargeSumsInTurn));
    rules
}

pub(crate) fn bind(plan: LogicalPlan, values: &Params) -> datafusion::common::Result<LogicalPlan> {
    let scalars: Vec<(String, datafusion::common::ScalarValue)> =
        values.iter().map(|(name, value)| (name.clone(), value.scalar())).collect();
    plan.with_param_values(scalars)
}

impl Desk {
    /// The answer of a query, of whose columns those of `columns` that it has, with a boolean column `c0`, `c1`, … per condition: SQL
    /// expressions over any of its columns, as scenario files have them. They are parsed as expressions, so none can become anything else.
    pub async fn ask_with_conditions(
        &self,
        name: &str,
        params: &Params,
        conditions: &[&str],
        columns: &[&str],
    ) -> Result<crate::Answer, QueryError> {
        let begun = std::time::Instant::now();
        let query = self.query(name)?;
        let values = self.values(query, params)?;
        let tokens = Tokens::read(&query.file, &query.sql)?;
        let session = self.session(&tokens, &query.file).await?;
        let plan = bind(self.plan(&session, query, &tokens, &values).await?, &values)
            .map_err(|source| planning_error(&query.file, source))?;
        let mut frame = suited(&session, plan).await.map_err(|source| planning_error(&query.file, source))?;
        let has = |column: &&str| frame.schema().has_column_with_unqualified_name(column);
        let mut wanted: Vec<String> = columns.iter().copied().filter(has).map(String::from).collect();
        for (index, condition) in conditions.iter().enumerate() {
            let wrong = |source: DataFusionError| self.condition_error(&session, condition, &source);
            let expression = session.parse_sql_expr(condition, frame.schema()).map_err(wrong)?;
            let column = format!("c{index}");
            frame = frame.with_column(&column, expression.is_true()).map_err(wrong)?;
            wanted.push(column);
        }
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let frame = frame.select_columns(&wanted).map_err(|source| planning_error(&query.file, source))?;
        tracing::debug!(query = query.file, ms = begun.elapsed().as_millis() as u64, "planned");
        self.collect(&query.file, None, frame).await
    }

    /// Plans a condition over a query's columns without running it.
    pub async fn check_condition(&self, name: &str, condition: &str) -> Result<(), QueryError> {
        let desk = Desk { view: ReadView::empty(), ..self.clone() };
        let query = desk.query(name)?;
        let tokens = Tokens::read(&query.file, &query.sql)?;
        let session = desk.session(&tokens, &query.file).await?;
        let plan = desk.plan(&session, query, &tokens, &desk.samples(query)).await?;
        let wrong = |source: DataFusionError| desk.condition_error(&session, condition, &source);
        let frame = datafusion::dataframe::DataFrame::new(session.state(), plan);
        let expression = session.parse_sql_expr(condition, frame.schema()).map_err(wrong)?;
        frame.with_column("c0", expression.is_true()).map(|_| ()).map_err(wrong)
    }

    fn condition_error(&self, session: &SessionContext, condition: &str, source: &DataFusionError) -> QueryError {
        let file = format!("condition `{condition}`");
        match Tokens::read(&file, condition) {
            Ok(tokens) => self.planning_error(session, &tokens, None, source),
            Err(error) => error,
        }
    }

    /// Values for planning without asking: the defaults, and for parameters without one a value of their type.
    pub(crate) fn samples(&self, query: &Query) -> Params {
        let mut values = self.given();
        for param in &query.header.params {
            values.insert(param.name.clone(), param.default.clone().unwrap_or_else(|| param.kind.sample(&self.moment)));
        }
        values
    }
}

/// A relation without rows. The planner is told, so that joins with it vanish: a shop that never merged anybody pays nothing for `survivors`.
fn register_nothing(session: &SessionContext, name: &str, schema: SchemaRef) -> datafusion::common::Result<()> {
    let nothing = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: schema.to_dfschema_ref()? });
    session.register_table(name, DataFrame::new(session.state(), nothing).into_view()).map(drop)
}
