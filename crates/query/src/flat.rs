//! Answers whose columns have members: a table, a page and a CSV file have a column per member, `f2.survival`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions},
    compute::{is_null, nullif},
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
    error::ArrowError,
};

/// The same rows with a column per member, however deep.
pub fn flat(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let is_plain = |schema: &SchemaRef| schema.fields().iter().all(|field| !matches!(field.data_type(), DataType::Struct(_)));
    if is_plain(schema) {
        return Ok((schema.clone(), batches.to_vec()));
    }
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in schema.fields() {
        spread(field.name(), field, &mut fields);
    }
    let schema = Arc::new(Schema::new(fields));
    let batches = batches.iter().map(|batch| {
        let mut columns = Vec::new();
        batch.columns().iter().try_for_each(|column| members(column, &mut columns))?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
    });
    Ok((schema.clone(), batches.collect::<Result<_, _>>()?))
}

fn spread(name: &str, field: &FieldRef, into: &mut Vec<FieldRef>) {
    match field.data_type() {
        DataType::Struct(members) => members.iter().for_each(|member| spread(&format!("{name}.{}", member.name()), member, into)),
        data_type => into.push(Arc::new(Field::new(name, data_type.clone(), true))),
    }
}

/// The columns of the members, null where the whole is.
fn members(column: &ArrayRef, into: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
    let DataType::Struct(_) = column.data_type() else {
        into.push(column.clone());
        return Ok(());
    };
    let absent = is_null(column)?;
    column.as_struct().columns().iter().try_for_each(|member| members(&nullif(member, &absent)?, into))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array, StructArray};

    use super::*;

    #[test]
    fn members_become_columns() {
        let fields = vec![Field::new("n", DataType::Int64, true), Field::new("k", DataType::Int64, true)].into();
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(Int64Array::from(vec![None, Some(3)]))];
        let whole = StructArray::new(fields, columns, Some(vec![true, false].into()));
        let schema =
            Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true), Field::new("s", whole.data_type().clone(), true)]));
        let plain: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let batch = RecordBatch::try_new(schema.clone(), vec![plain, Arc::new(whole)]).expect("a batch");
        let (schema, batches) = flat(&schema, &[batch]).expect("flat");
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["x", "s.n", "s.k"]);
        let column =
            |index: usize| batches[0].column(index).as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>();
        assert_eq!([column(0), column(1), column(2)], [vec![Some(7), Some(8)], vec![Some(1), None], vec![None, None]]);
    }
}
