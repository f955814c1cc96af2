//! Journal rows (NDJSON) to Arrow.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray},
    compute::{SortColumn, lexsort_to_indices, take_record_batch},
    error::ArrowError,
    json::ReaderBuilder,
};

use crate::{LakeError, tables, tables::Table, view::TailSegment};

/// The rows of a segment as a batch in the table's schema.
pub fn decode(segment: &TailSegment) -> Result<RecordBatch, LakeError> {
    let table = tables::find(&segment.table).ok_or_else(|| LakeError::UnknownTable(segment.table.clone()))?;
    decode_rows(table, segment).map_err(|source| LakeError::Decode {
        table: segment.table.clone(),
        first: segment.first_position,
        source,
    })
}

fn decode_rows(table: &dyn Table, segment: &TailSegment) -> Result<RecordBatch, ArrowError> {
    let rows = tables::row_schema(table);
    let mut decoder =
        ReaderBuilder::new(rows.clone()).with_batch_size(segment.rows + 1).with_strict_mode(true).build_decoder()?;
    let used = decoder.decode(&segment.payload)?;
    if used != segment.payload.len() {
        return Err(ArrowError::JsonError(format!("{} bytes are not rows", segment.payload.len() - used)));
    }
    let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(rows));
    if batch.num_rows() != segment.rows {
        return Err(ArrowError::JsonError(format!("{} rows where {} were written", batch.num_rows(), segment.rows)));
    }
    let count = batch.num_rows();
    let ingested = TimestampMicrosecondArray::from(vec![segment.ingested_at.timestamp_micros(); count]).with_timezone("UTC");
    let positions = Int64Array::from_iter_values((0..count as i64).map(|offset| segment.first_position + offset));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(ingested) as ArrayRef);
    columns.push(Arc::new(positions) as ArrayRef);
    RecordBatch::try_new(tables::schema(table), columns)
}

/// Rows in the table's own order.
pub fn sorted(table: &dyn Table, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<SortColumn> = table
        .sort()
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: None })
        .collect();
    let order = lexsort_to_indices(&columns, None)?;
    take_record_batch(&batch, &order)
}
