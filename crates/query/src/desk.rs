//! A desk: one pinned view of the lake at one moment, on which questions are asked.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    catalog::TableProvider,
    common::ToDFSchema,
    execution::{
        SessionStateBuilder, disk_manager::DiskManagerBuilder, memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{EmptyRelation, LogicalPlan, col, lit},
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use lake::ReadView;
use model::{ShopZone, time::Instant};

use crate::{
    Library, Limits, ParamKind, ParamValue, Params, Query, QueryError, buying, functions, params::Tokens, run::planning_error,
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
    /// Relations that a question may use beside the views: name, query, parameters.
    relations: Vec<(String, Query, Params)>,
}

impl Desk {
    pub fn new(library: Arc<Library>, view: ReadView, moment: Moment) -> Desk {
        Desk { library, view, moment, limits: Limits::default(), relations: Vec::new() }
    }

    /// The same desk on which `name` is also a relation: the answer of a query with these parameters.
    pub fn with_relation(mut self, name: &str, query: &Query, params: Params) -> Desk {
        self.relations.push((name.into(), query.clone(), params));
        self
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
        for function in functions::all(self.moment.zone).into_iter().chain(buying::all()) {
            session.register_udf(function);
        }
        let mut seen = BTreeSet::new();
        self.register(&session, tokens, &mut seen, file).await?;
        Ok(session)
    }

    /// Registers what the tokens name: histories, views and relations, and what those name in turn.
    async fn register(
        &self,
        session: &SessionContext,
        tokens: &Tokens,
        seen: &mut BTreeSet<String>,
        file: &str,
    ) -> Result<(), QueryError> {
        for word in tokens.words() {
            if !seen.insert(word.clone()) {
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
                let at = ParamValue::Instant(self.moment.as_of).scalar();
                let happened = col("occurred_at").lt_eq(lit(at.clone()));
                let filter = match self.moment.mode {
                    Mode::AsKnown => happened.and(col("known_at").lt_eq(lit(at))),
                    Mode::AsHappened => happened,
                };
                let history = session
                    .read_table(table)
                    .and_then(|rows| rows.filter(filter))
                    .map_err(|source| planning_error(file, source))?;
                session.register_table(word, history.into_view()).map_err(|source| planning_error(file, source))?;
            } else if let Some((_, query, params)) = self.relations.iter().find(|(name, ..)| name == word) {
                self.register_query(session, word, query, params, seen).await?;
            } else if let Some(query) = self.library.view(word) {
                self.register_query(session, word, query, &Params::new(), seen).await?;
            }
        }
        Ok(())
    }

    async fn register_query(
        &self,
        session: &SessionContext,
        name: &str,
        query: &Query,
        params: &Params,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), QueryError> {
        let tokens = Tokens::read(&query.sql)
            .map_err(|source| QueryError::Syntax { file: query.file.clone(), message: source.to_string() })?;
        Box::pin(self.register(session, &tokens, seen, &query.file)).await?;
        let plan = self.plan(session, query, &tokens).await?;
        let values = self.values(query, params)?;
        let plan = bind(plan, &values).map_err(|source| planning_error(&query.file, source))?;
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
