//! A desk: one pinned view of the lake at one moment, on which questions are asked.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    catalog::{MemorySchemaProvider, TableProvider},
    common::{TableReference, ToDFSchema},
    execution::{
        SessionStateBuilder, disk_manager::DiskManagerBuilder, memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{EmptyRelation, Expr, LogicalPlan, col},
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use lake::ReadView;
use model::{ShopZone, time::Instant};

use crate::{
    Library, Limits, ParamKind, ParamValue, Params, Query, QueryError, functions, params::Tokens, run::planning_error,
    segment::bind_some,
};

/// Which of the past's two readings a question is asked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// What was known then: both times are up to the moment. Decisions and replays use it.
    #[default]
    AsKnown,
    /// What happened up to then, with all that arrived later. Analysis uses it.
    AsHappened,
}

/// When a question is asked, and where days begin.
#[derive(Debug, Clone, Copy, PartialEq)]
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
        Desk { library, view, moment, limits: Limits::default(), open: false, relations: Vec::new() }
    }

    /// The same desk on which `name` is also a relation: the answer of a query with these parameters.
    pub fn with_relation(mut self, name: &str, query: &Query, params: Params) -> Desk {
        self.relations.push((name.into(), query.clone(), params));
        self
    }

    /// The same desk for plans that outlive its moment: what they were given at that moment is left open.
    pub(crate) fn left_open(self) -> Desk {
        Desk { open: true, ..self }
    }

    /// The rows of a history that there were at an instant, as this desk reads the past.
    pub(crate) fn past(&self, at: Expr) -> Expr {
        let happened = col("occurred_at").lt_eq(at.clone());
        match self.moment.mode {
            Mode::AsKnown => happened.and(col("known_at").lt_eq(at)),
            Mode::AsHappened => happened,
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

    /// A session that knows the relations `sql` names, and no others.
    pub(crate) async fn session(&self, tokens: &Tokens, file: &str) -> Result<SessionContext, QueryError> {
        let mut config = SessionConfig::new().with_target_partitions(self.limits.partitions).with_information_schema(false);
        config.options_mut().execution.time_zone = Some("UTC".into());
        config.options_mut().sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        config.options_mut().execution.parquet.schema_force_view_types = false;
        config.options_mut().execution.collect_statistics = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(self.limits.memory_bytes)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_max_temp_directory_size(self.limits.spill_bytes))
            .build_arc()
            .map_err(|source| planning_error(file, source))?;
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        let session = SessionContext::new_with_state(state);
        for function in functions::all(self.moment.zone) {
            session.register_udf(function);
        }
        if let Some(catalog) = session.catalog("datafusion") {
            catalog
                .register_schema(SEGMENT_SCHEMA, Arc::new(MemorySchemaProvider::new()))
                .map_err(|source| planning_error(file, source))?;
        }
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
            if let Some(table) = word.strip_suffix("_history").and_then(|name| self.view.table(name)) {
                if table.is_empty() {
                    // Said to the planner, so that joins with it vanish: a shop that never merged anybody pays nothing for `survivors`.
                    let schema = table.schema().to_dfschema_ref().map_err(|source| planning_error(file, source))?;
                    let nothing = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema });
                    let nothing = DataFrame::new(session.state(), nothing).into_view();
                    session.register_table(word, nothing).map_err(|source| planning_error(file, source))?;
                    continue;
                }
                let (url, store) = table.store();
                session.register_object_store(&url, store);
                let at = ParamValue::Instant(self.moment.as_of);
                let at = if self.open { at.placeholder("as_of") } else { at.literal() };
                let history = session
                    .read_table(table)
                    .and_then(|rows| rows.filter(self.past(at)))
                    .map_err(|source| planning_error(file, source))?;
                session.register_table(word, history.into_view()).map_err(|source| planning_error(file, source))?;
            } else if let Some((_, query, params)) = self.relations.iter().find(|(name, ..)| name == word) {
                self.register_query(session, word.into(), query, params, known).await?;
            } else if let Some(query) = self.library.view(word) {
                self.register_query(session, word.into(), query, &Params::new(), known).await?;
            }
        }
        Ok(())
    }

    async fn register_query(
        &self,
        session: &SessionContext,
        name: TableReference,
        query: &Query,
        params: &Params,
        known: &mut Known,
    ) -> Result<(), QueryError> {
        let tokens = Tokens::read(&query.sql)
            .map_err(|source| QueryError::Syntax { file: query.file.clone(), message: source.to_string() })?;
        Box::pin(self.register(session, &tokens, known, &query.file)).await?;
        let plan = self.plan(session, query, &tokens).await?;
        let values = self.values(query, params)?;
        let plan = self.bound(plan, &values).map_err(|source| planning_error(&query.file, source))?;
        let frame = session.execute_logical_plan(plan).await.map_err(|source| planning_error(&query.file, source))?;
        session.register_table(name, frame.into_view()).map_err(|source| planning_error(&query.file, source))?;
        Ok(())
    }

    /// The plan of a query before any value is bound.
    pub(crate) async fn plan(&self, session: &SessionContext, query: &Query, tokens: &Tokens) -> Result<LogicalPlan, QueryError> {
        let given = self.given();
        let kind = |name: &str| -> Option<ParamKind> {
            let declared = query.header.params.iter().find(|param| param.name == name).map(|param| param.kind);
            declared.or_else(|| given.get(name).map(ParamValue::kind))
        };
        for name in tokens.placeholders() {
            if kind(name).is_none() {
                return Err(QueryError::UndeclaredParam { file: query.file.clone(), name: name.into() });
            }
        }
        let plan = session
            .state()
            .create_logical_plan(&tokens.typed(kind))
            .await
            .map_err(|source| planning_error(&query.file, source))?;
        crate::run::read_only(&plan).map_err(|source| planning_error(&query.file, source))?;
        Ok(plan)
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

pub(crate) fn bind(plan: LogicalPlan, values: &Params) -> datafusion::common::Result<LogicalPlan> {
    let scalars: Vec<(String, datafusion::common::ScalarValue)> =
        values.iter().map(|(name, value)| (name.clone(), value.scalar())).collect();
    plan.with_param_values(scalars)
}

impl Desk {
    /// The answer of a query with a boolean column `c0`, `c1`, … per condition: SQL expressions over its columns, as scenario files have
    /// them. They are parsed as expressions, so none can become anything else.
    pub async fn ask_with_conditions(
        &self,
        name: &str,
        params: &Params,
        conditions: &[&str],
    ) -> Result<crate::Answer, QueryError> {
        let query = self.query(name)?;
        let tokens = Tokens::read(&query.sql)
            .map_err(|source| QueryError::Syntax { file: query.file.clone(), message: source.to_string() })?;
        let session = self.session(&tokens, &query.file).await?;
        let plan = bind(self.plan(&session, query, &tokens).await?, &self.values(query, params)?)
            .map_err(|source| planning_error(&query.file, source))?;
        let mut frame = session.execute_logical_plan(plan).await.map_err(|source| planning_error(&query.file, source))?;
        for (index, condition) in conditions.iter().enumerate() {
            let wrong = |source| planning_error(&format!("condition `{condition}`"), source);
            let expression = session.parse_sql_expr(condition, frame.schema()).map_err(wrong)?;
            frame = frame.with_column(&format!("c{index}"), expression.is_true()).map_err(wrong)?;
        }
        self.collect(&query.file, None, frame).await
    }

    /// Plans a condition over a query's columns without running it.
    pub async fn check_condition(&self, name: &str, condition: &str) -> Result<(), QueryError> {
        let desk = Desk { view: ReadView::empty(), ..self.clone() };
        let query = desk.query(name)?;
        let tokens = Tokens::read(&query.sql)
            .map_err(|source| QueryError::Syntax { file: query.file.clone(), message: source.to_string() })?;
        let session = desk.session(&tokens, &query.file).await?;
        let plan = desk.plan(&session, query, &tokens).await?;
        let wrong = |source| planning_error(&format!("condition `{condition}`"), source);
        let frame = datafusion::dataframe::DataFrame::new(session.state(), plan);
        let expression = session.parse_sql_expr(condition, frame.schema()).map_err(wrong)?;
        frame.with_column("c0", expression.is_true()).map(|_| ()).map_err(wrong)
    }
}
