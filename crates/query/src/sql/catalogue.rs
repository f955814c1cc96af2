//! What there is to ask: the relations of the library with their words, as pages, `SHOW TABLES`, `DESCRIBE` and `information_schema` show
//! them.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray},
    datatypes::{Field, Schema, SchemaRef},
};
use model::Text;

use super::{SqlError, SqlErrorKind};
use crate::{Kind, Library, header::Mask};

/// A relation that analysts may name.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    pub name: String,
    pub title: String,
    pub description: String,
    pub columns: Vec<RelationColumn>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RelationColumn {
    pub name: String,
    pub kind: Kind,
    pub label: Text,
    /// How it is masked for those to whom it was not granted.
    pub personal: Option<Mask>,
}

impl Library {
    /// Every relation of the SQL environment, by name.
    pub fn relations(&self) -> Vec<Relation> {
        let views = self.views().map(|(name, query)| Relation {
            name: name.into(),
            title: query.header.title.clone(),
            description: query.header.description.clone(),
            columns: query
                .header
                .columns
                .iter()
                .map(|column| RelationColumn {
                    name: column.name.clone(),
                    kind: column.kind,
                    label: column.label.clone(),
                    personal: column.personal,
                })
                .collect(),
        });
        views.collect()
    }

    /// The personal columns of a relation or of its history, each with its mask.
    pub fn personal(&self, relation: &str) -> Vec<(&str, Mask)> {
        let view = self.view(relation.strip_suffix("_history").unwrap_or(relation));
        let columns = view.into_iter().flat_map(|query| &query.header.columns);
        columns.filter_map(|column| Some((column.name.as_str(), column.personal?))).collect()
    }
}

/// The type that SQL calls it by.
pub fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "VARCHAR",
        Kind::Int => "BIGINT",
        Kind::Float | Kind::Rate => "DOUBLE",
        Kind::Money => "DECIMAL(18, 4)",
        Kind::Date => "DATE",
        Kind::Instant => "TIMESTAMP WITH TIME ZONE",
        Kind::Bool => "BOOLEAN",
    }
}

pub(crate) fn show_tables(relations: &[Relation]) -> RecordBatch {
    let of = |value: fn(&Relation) -> &str| texts(relations.iter().map(value));
    batch(vec![
        ("table_name", of(|relation| &relation.name)),
        ("title", of(|relation| &relation.title)),
        ("description", of(|relation| &relation.description)),
    ])
}

pub(crate) fn describe(relations: &[Relation], name: &str) -> Result<RecordBatch, SqlError> {
    let Some(relation) = relations.iter().find(|relation| relation.name == name) else {
        return Err(SqlError::new(
            SqlErrorKind::UnknownTable,
            format!("テーブル `{name}` はありません"),
            format!("there is no table `{name}`"),
        )
        .with_remedy("`SHOW TABLES` で使えるテーブルが分かります", "`SHOW TABLES` lists what there is"));
    };
    let columns = &relation.columns;
    let of = |value: fn(&RelationColumn) -> &str| texts(columns.iter().map(value));
    Ok(batch(vec![
        ("column_name", of(|column| &column.name)),
        ("data_type", of(|column| sql_type(column.kind))),
        ("ja", of(|column| &column.label.ja)),
        ("en", of(|column| &column.label.en)),
        ("personal", Arc::new(columns.iter().map(|column| Some(column.personal.is_some())).collect::<BooleanArray>())),
    ]))
}

/// `information_schema.tables` and `information_schema.columns`, as far as they tell of these relations.
pub(crate) fn information_schema(relations: &[Relation]) -> [(&'static str, RecordBatch); 2] {
    let constant = |count: usize, text: &'static str| texts(std::iter::repeat_n(text, count));
    let tables = batch(vec![
        ("table_catalog", constant(relations.len(), "tsubame")),
        ("table_schema", constant(relations.len(), "public")),
        ("table_name", texts(relations.iter().map(|relation| relation.name.as_str()))),
        ("table_type", constant(relations.len(), "VIEW")),
    ]);
    let columns: Vec<(&str, usize, &RelationColumn)> = relations
        .iter()
        .flat_map(|relation| relation.columns.iter().enumerate().map(|(at, column)| (relation.name.as_str(), at + 1, column)))
        .collect();
    let columns = batch(vec![
        ("table_catalog", constant(columns.len(), "tsubame")),
        ("table_schema", constant(columns.len(), "public")),
        ("table_name", texts(columns.iter().map(|(table, ..)| *table))),
        ("column_name", texts(columns.iter().map(|(.., column)| column.name.as_str()))),
        ("ordinal_position", Arc::new(columns.iter().map(|(_, at, _)| *at as i64).collect::<Int64Array>())),
        ("is_nullable", constant(columns.len(), "YES")),
        ("data_type", texts(columns.iter().map(|(.., column)| sql_type(column.kind)))),
    ]);
    [("tables", tables), ("columns", columns)]
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), false);
    let schema: SchemaRef = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(schema, arrays).expect("columns of one length, typed by themselves")
}
