//! The session of an analyst's question: the relations it names, masked, in a catalogue of their own, and the functions of this door. The
//! library's views are planned beside it, in a session that the question never sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use datafusion::{
    catalog::{
        CatalogProvider, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider, SchemaProvider,
    },
    common::{DataFusionError, ScalarValue, TableReference, tree_node::TreeNodeRecursion},
    dataframe::DataFrame,
    datasource::source_as_provider,
    execution::{SessionState, SessionStateBuilder},
    functions::datetime::expr_fn::date_trunc,
    logical_expr::{Expr, LogicalPlan, cast, ident, lit},
    prelude::SessionContext,
};

use lake::FactTable;

use super::{SqlError, catalogue, functions};
use crate::{Desk, desk::SEGMENT_SCHEMA, header::Mask, share, statement::Tokens};

impl Desk {
    /// The tables whose rows a question may need: those it names, by itself or through the views it names.
    pub fn tables_of(&self, sql: &str) -> Result<BTreeSet<String>, SqlError> {
        let (mut tables, mut seen, mut texts) = (BTreeSet::new(), BTreeSet::new(), vec![sql]);
        while let Some(text) = texts.pop() {
            for word in read(text)?.names() {
                if let Some(table) = word.strip_suffix("_history").filter(|table| self.view.table(table).is_some()) {
                    tables.insert(table.to_string());
                } else if !seen.contains(&word) {
                    let named = self.library.queries.values().filter(|query| query.name.rsplit('/').next() == Some(&word));
                    texts.extend(named.map(|query| query.sql.as_str()));
                    seen.insert(word);
                }
            }
        }
        Ok(tables)
    }

    /// The personal columns of the relations that a question names, by itself or through segments, as `relation.column`.
    pub fn personal_of(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        let (mut columns, mut seen, mut texts) = (BTreeSet::new(), BTreeSet::new(), vec![sql]);
        while let Some(text) = texts.pop() {
            let tokens = read(text)?;
            for name in tokens.names() {
                columns.extend(self.library.personal(&name).iter().map(|(column, _)| format!("{name}.{column}")));
            }
            for segment in tokens.segments() {
                texts.extend(self.library.segment(&segment).map(|query| query.sql.as_str()).filter(|_| seen.insert(segment)));
            }
        }
        Ok(columns.into_iter().collect())
    }

    /// A session that knows the relations `sql` names, as this question may see them.
    pub(super) async fn own_session(&self, sql: &str, personal: bool) -> Result<SessionState, SqlError> {
        let tokens = read(sql)?;
        let trusted = self.session(&tokens, "SQL").await?;
        let failed = |error: DataFusionError| SqlError::internal(error.strip_backtrace());
        let relations = MemorySchemaProvider::new();
        let mut names: Vec<String> = tokens.words().collect();
        names.sort();
        names.dedup();
        for name in &names {
            let table = || TableReference::bare(name.as_str());
            if !trusted.table_exist(table()).map_err(failed)? {
                continue;
            }
            let masks = if personal { Vec::new() } else { self.library.personal(name) };
            let provider = match masks.is_empty() {
                true => trusted.table_provider(table()).await.map_err(failed)?,
                false => masked(trusted.table(table()).await.map_err(failed)?, &masks).map_err(failed)?.into_view(),
            };
            relations.register_table(name.clone(), provider).map_err(failed)?;
        }
        let segments = MemorySchemaProvider::new();
        for name in tokens.segments() {
            let reference = TableReference::partial(SEGMENT_SCHEMA, name.clone());
            if trusted.table_exist(reference.clone()).map_err(failed)? {
                let segment = trusted.table(reference).await.map_err(failed)?;
                let masks = if personal { Vec::new() } else { self.masks_of(&trusted, &segment).map_err(failed)? };
                segments.register_table(name, masked(segment.clone(), &masks).map_err(failed)?.into_view()).map_err(failed)?;
            }
        }
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(SEGMENT_SCHEMA, Arc::new(segments)).map_err(failed)?;
        catalog.register_schema("public", Arc::new(relations)).map_err(failed)?;
        if names.iter().any(|name| name == "information_schema") {
            let schema = MemorySchemaProvider::new();
            for (name, batch) in catalogue::information_schema(&self.library.relations()) {
                let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(failed)?;
                schema.register_table(name.into(), Arc::new(table)).map_err(failed)?;
            }
            catalog.register_schema("information_schema", Arc::new(schema)).map_err(failed)?;
        }
        Ok(session_of(&trusted, catalog))
    }

    /// What is masked of a segment, which anybody may have written: where it reads personal columns, all but who is in it.
    fn masks_of<'a>(&self, trusted: &SessionContext, segment: &'a DataFrame) -> Result<Vec<(&'a str, Mask)>, DataFusionError> {
        // A relation that is worked out once does not show what it reads.
        let alone = SessionContext::new_with_state(trusted.state());
        alone.remove_optimizer_rule(share::RULE);
        let mut reads_personal = false;
        alone.state().optimize(segment.logical_plan())?.apply_with_subqueries(|part| {
            if let LogicalPlan::TableScan(scan) = part
                && let Some(table) = source_as_provider(&scan.source)?.downcast_ref::<FactTable>()
            {
                let personal = self.library.personal(table.name);
                let reads = |name: &str| personal.iter().any(|(column, _)| *column == name);
                reads_personal |= scan.projected_schema.fields().iter().any(|field| reads(field.name()));
                reads_personal |= scan.filters.iter().flat_map(Expr::column_refs).any(|column| reads(&column.name));
            }
            Ok(if reads_personal { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        let columns = segment.schema().fields().iter().map(|field| field.name().as_str());
        Ok(columns.filter(|name| reads_personal && *name != "customer_id").map(|name| (name, Mask::Hidden)).collect())
    }
}

fn read(sql: &str) -> Result<Tokens, SqlError> {
    Tokens::read("SQL", sql).map_err(SqlError::from)
}

/// As the trusted session plans and runs, with other relations and functions.
fn session_of(trusted: &SessionContext, relations: MemoryCatalogProvider) -> SessionState {
    let state = trusted.state();
    let scalar = functions::offered(state.scalar_functions().values());
    let tables = functions::bounded_tables(state.table_functions());
    let mut config = state.config().clone();
    // Errors name their place in the text.
    config.options_mut().sql_parser.collect_spans = true;
    let catalogs = MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(
        &catalogs,
        config.options().catalog.default_catalog.clone(),
        Arc::new(relations),
    );
    SessionStateBuilder::new_from_existing(state)
        .with_config(config.with_create_default_catalog_and_schema(false))
        .with_catalog_list(Arc::new(catalogs))
        .with_scalar_functions(scalar)
        .with_table_functions(tables)
        .with_table_factories(Default::default())
        .with_file_formats(Vec::new())
        .build()
}

/// The relation with its personal columns masked.
fn masked(relation: DataFrame, masks: &[(&str, Mask)]) -> Result<DataFrame, DataFusionError> {
    let masks: BTreeMap<&str, Mask> = masks.iter().copied().collect();
    let fields = relation.schema().fields().clone();
    let columns = fields.iter().map(|field| {
        let name = field.name().as_str();
        Ok(match masks.get(name) {
            None => ident(name),
            Some(Mask::Year) => cast(date_trunc(lit("year"), ident(name)), field.data_type().clone()).alias(name),
            Some(Mask::Hidden) => lit(ScalarValue::try_from(field.data_type())?).alias(name),
        })
    });
    relation.select(columns.collect::<Result<Vec<_>, DataFusionError>>()?)
}
