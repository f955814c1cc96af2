//! Other people's Parquet files as rows of text, so that imports treat them as they treat CSV.

use std::{fs::File, path::Path};

use arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    #[error("could not open `{path}`")]
    Open { path: String, source: std::io::Error },
    #[error("`{path}` is not a readable Parquet file")]
    Parquet { path: String, source: parquet::errors::ParquetError },
    #[error("could not read rows {row}.. of `{path}`")]
    Rows { path: String, row: u64, source: arrow::error::ArrowError },
}

/// A Parquet file, a batch of rows at a time.
pub struct ParquetRows {
    path: String,
    reader: ParquetRecordBatchReader,
    pub header: Vec<String>,
    /// Rows in the whole file.
    pub rows: u64,
    read: u64,
}

impl ParquetRows {
    pub fn open(path: &Path) -> Result<Self, ForeignError> {
        let shown = path.display().to_string();
        let file = File::open(path).map_err(|source| ForeignError::Open { path: shown.clone(), source })?;
        let parquet = |source| ForeignError::Parquet { path: shown.clone(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet)?.with_batch_size(8192);
        let header = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows = builder.metadata().file_metadata().num_rows().max(0) as u64;
        let reader = builder.build().map_err(parquet)?;
        Ok(ParquetRows { path: shown, reader, header, rows, read: 0 })
    }

    /// The next rows; `None` at the end. Times without a zone are written as `2017-01-01 11:53:26`, with one as RFC 3339.
    pub fn next_rows(&mut self) -> Option<Result<Vec<Vec<Option<String>>>, ForeignError>> {
        let batch = self.reader.next()?;
        let row = self.read;
        let rows = batch.and_then(|batch| {
            self.read += batch.num_rows() as u64;
            text_rows(&batch)
        });
        Some(rows.map_err(|source| ForeignError::Rows { path: self.path.clone(), row, source }))
    }
}

fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, arrow::error::ArrowError> {
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map(|formatter| (column, formatter)))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|(column, formatter)| match column.is_null(row) {
                    true => Ok(None),
                    false => formatter.value(row).try_to_string().map(Some),
                })
                .collect()
        })
        .collect()
}
