//! Functions of the catalogue that give rows: a series as short as clients ask for, and the words of SQL.

use std::{collections::BTreeSet, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider},
    common::{Result, ScalarValue, exec_datafusion_err, not_impl_err},
    logical_expr::Expr,
    prelude::SessionContext,
    sql::sqlparser::keywords::{ALL_KEYWORDS, Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS},
};

/// A client numbers the schemas of its search path, or the columns of a key.
const SERIES_MAX: i64 = 1_000;

pub(super) fn register(session: &SessionContext) -> Result<()> {
    let series = session.state().table_functions().get("generate_series").map(|function| function.function().clone());
    let series = series.ok_or_else(|| exec_datafusion_err!("the engine has no generate_series"))?;
    session.register_udtf("generate_series", Arc::new(Series(series)));
    session.register_udtf("pg_get_keywords", Arc::new(Keywords(keywords()?)));
    Ok(())
}

#[derive(Debug)]
struct Series(Arc<dyn TableFunctionImpl>);

impl TableFunctionImpl for Series {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let mut numbers = args.exprs().iter().map(number);
        let (Some(Some(first)), Some(Some(last)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
            return not_impl_err!("generate_series takes two numbers about the catalogue: write both, as numbers");
        };
        if last.saturating_sub(first) >= SERIES_MAX {
            return not_impl_err!("generate_series gives up to {SERIES_MAX} rows about the catalogue: ask for fewer");
        }
        self.0.call_with_args(args)
    }
}

fn number(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(Some(number)) => Some(number),
        _ => None,
    }
}

#[derive(Debug)]
struct Keywords(Arc<MemTable>);

impl TableFunctionImpl for Keywords {
    fn call_with_args(&self, _: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        Ok(self.0.clone())
    }
}

fn keywords() -> Result<Arc<MemTable>> {
    let reserved = RESERVED_FOR_COLUMN_ALIAS.iter().chain(RESERVED_FOR_TABLE_ALIAS);
    let reserved: BTreeSet<String> = reserved.map(|word: &Keyword| format!("{word:?}")).collect();
    let category = |word: &&str| if reserved.contains(*word) { ("R", "reserved") } else { ("U", "unreserved") };
    let columns: [(&str, Vec<String>); 3] = [
        ("word", ALL_KEYWORDS.iter().map(|word| word.to_lowercase()).collect()),
        ("catcode", ALL_KEYWORDS.iter().map(|word| category(word).0.into()).collect()),
        ("catdesc", ALL_KEYWORDS.iter().map(|word| category(word).1.into()).collect()),
    ];
    let schema = Arc::new(Schema::new(columns.each_ref().map(|(name, _)| Field::new(*name, DataType::Utf8, false)).to_vec()));
    let columns = columns.into_iter().map(|(_, words)| Arc::new(StringArray::from(words)) as ArrayRef).collect();
    Ok(Arc::new(MemTable::try_new(schema.clone(), vec![vec![RecordBatch::try_new(schema, columns)?]])?))
}
