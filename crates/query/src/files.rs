//! Questions to Parquet files that belong to no shop, by the same engine, functions and limits as those to a shop.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::DataFusionError,
    prelude::{ParquetReadOptions, SessionContext},
};
use futures::TryStreamExt;
use model::ShopZone;

use crate::{
    Answer, Limits, ParamKind, ParamValue, Params, QueryError,
    desk::{bind, new_session},
    functions::Shop,
    run::{answer, planning_error, read_only},
    settings::suited_to_files,
    statement::{Tokens, type_placeholders},
};

/// A relation made of files.
#[derive(Debug, Clone, PartialEq)]
pub struct FileTable {
    pub files: Vec<PathBuf>,
    /// Its columns as SQL expressions over the files'; empty: as they are.
    pub columns: BTreeMap<String, String>,
}

pub struct FileDesk {
    session: SessionContext,
}

impl FileDesk {
    pub async fn open(tables: &BTreeMap<String, FileTable>, limits: Limits) -> Result<FileDesk, QueryError> {
        let session = new_session(limits, &Shop { zone: ShopZone::tokyo(), experiments: Arc::default() }, "files")?;
        // Texts of files are compared and handed on without being copied; the shop's own tables are read by functions that want them whole.
        session.state_ref().write().config_mut().options_mut().execution.parquet.schema_force_view_types = true;
        // Which side of a join is the smaller is in the files' footers alone.
        session.state_ref().write().config_mut().options_mut().execution.collect_statistics = true;
        for (name, table) in tables {
            let files: Vec<String> = table.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            let wrong = |source| planning_error(name, source);
            let rows = session.read_parquet(files, ParquetReadOptions::default()).await.map_err(wrong)?;
            let rows = match table.columns.is_empty() {
                true => rows,
                false => {
                    let columns = table
                        .columns
                        .iter()
                        .map(|(column, sql)| Ok(session.parse_sql_expr(sql, rows.schema()).map_err(wrong)?.alias(column)));
                    let columns = columns.collect::<Result<Vec<_>, QueryError>>()?;
                    rows.select(columns).map_err(wrong)?
                }
            };
            session.register_table(name.as_str(), rows.into_view()).map_err(wrong)?;
        }
        Ok(FileDesk { session })
    }

    /// Runs an SQL text whose parameters are these.
    pub async fn run(&self, name: &str, sql: &str, params: &Params) -> Result<FileRows, QueryError> {
        let tokens = Tokens::read(name, sql)?;
        let kind = |param: &str| -> Option<ParamKind> { params.get(param).map(ParamValue::kind) };
        let wrong = |source| planning_error(name, source);
        let mut statement = tokens.statement()?;
        type_placeholders(&mut statement, kind);
        let typed = datafusion::sql::parser::Statement::Statement(Box::new(statement));
        let plan = self.session.state().statement_to_plan(typed).await.map_err(wrong)?;
        read_only(&plan).map_err(wrong)?;
        let frame = suited_to_files(&self.session, bind(plan, params).map_err(wrong)?).await.map_err(wrong)?;
        let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
        let failed = |source: DataFusionError| QueryError::run(name, &source.strip_backtrace());
        let batches = frame.execute_stream().await.map_err(failed)?.try_collect().await.map_err(failed)?;
        Ok(FileRows { name: name.into(), schema, batches })
    }
}

/// What a question to files gave.
pub struct FileRows {
    name: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl FileRows {
    /// The answer in parts, for one that is long.
    pub fn answers(&self) -> impl Iterator<Item = Result<Answer, QueryError>> {
        self.batches.chunks(1).map(|batch| answer(&self.name, None, &self.schema, batch))
    }

    pub fn answer(&self) -> Result<Answer, QueryError> {
        answer(&self.name, None, &self.schema, &self.batches)
    }
}
