//! How large a value and a row may be.

use super::Fault;
use arrow_array::{Array, ArrayRef, ListArray, StringArray};
use isobath_storage::model::{AttributeConfig, Rows, Schema, Value};

/// The largest value in bytes.
const MAX_VALUE: usize = 8 << 20;
/// The largest value in bytes of an attribute that filters may name; of an array, each element.
const MAX_FILTERABLE: usize = 4 << 10;
/// The largest row in bytes.
const MAX_ROW: usize = 64 << 20;

/// Refuses a value that is too large.
pub(super) fn check_value(value: &Value, filterable: bool) -> Result<(), Fault> {
    let items = match value {
        Value::Array(items) => &**items,
        value => std::slice::from_ref(value),
    };
    let bytes = items.iter().map(bytes).fold(0, usize::saturating_add);
    if bytes > MAX_VALUE {
        let text = format!("{bytes} bytes; a value has at most {MAX_VALUE}");
        return Err(Fault::invalid(text));
    }
    let largest = items.iter().map(self::bytes).max().unwrap_or(0);
    if filterable && largest > MAX_FILTERABLE {
        let text = format!(
            "{largest} bytes; a value of a filterable attribute has at most {MAX_FILTERABLE}: \
             declare the attribute with `filterable: false`"
        );
        return Err(Fault::invalid(text));
    }
    Ok(())
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::String(text) => text.len(),
        Value::Uuid(_) => 16,
        _ => 8,
    }
}

/// Refuses texts of a column that are too large.
pub(super) fn check_texts(array: &ArrayRef, filterable: bool) -> Result<(), Fault> {
    let lists = array.as_any().downcast_ref::<ListArray>();
    if let Some(lists) = lists {
        let row = (0..lists.len()).find(|row| lists.value(*row).len() > MAX_VALUE / 8);
        if let Some(row) = row {
            let text = format!("the array is too large; a value has at most {MAX_VALUE} bytes");
            return Err(Fault::invalid(text).at(row));
        }
    }
    let texts = lists.map_or(array, |lists| lists.values());
    let Some(texts) = texts.as_any().downcast_ref::<StringArray>() else {
        return Ok(());
    };
    let most = if filterable {
        MAX_FILTERABLE
    } else {
        MAX_VALUE
    };
    let large = (0..texts.len()).find(|at| texts.is_valid(*at) && texts.value(*at).len() > most);
    large.map_or(Ok(()), |at| {
        check_value(&Value::String(texts.value(at).into()), filterable)
    })
}

/// Refuses a row that is too large; the error comes with its index.
pub(super) fn check_rows(rows: &Rows) -> Result<(), (usize, Fault)> {
    // All of them together are seldom as large as one may be.
    if rows.memory() <= MAX_ROW {
        return Ok(());
    }
    for row in 0..rows.len() {
        let columns = rows.columns().iter();
        let bytes: usize = columns.map(|column| cell_bytes(&column.array, row)).sum();
        if bytes > MAX_ROW {
            let text = format!("{bytes} bytes; a row has at most {MAX_ROW}");
            return Err((row, Fault::invalid(text)));
        }
    }
    Ok(())
}

/// Refuses rows that did not come by the HTTP API and hold what it refuses; `schema` is that of their
/// namespace.
pub(crate) fn check_written(rows: &Rows, schema: Option<&Schema>) -> Result<(), String> {
    for column in rows.columns() {
        let name = column.name.as_str();
        let config = schema.and_then(|schema| schema.get(name));
        let filterable = config.is_none_or(AttributeConfig::is_filterable);
        let checked = check_texts(&column.array, filterable);
        checked.map_err(|fault| format!("column {name:?}: {fault}"))?;
    }
    check_rows(rows).map_err(|(row, fault)| format!("row {row}: {fault}"))
}

/// Bytes of the value in `row`, as they lie in memory.
fn cell_bytes(array: &ArrayRef, row: usize) -> usize {
    let any = array.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        return texts.value(row).len();
    }
    if let Some(lists) = any.downcast_ref::<ListArray>() {
        let items = lists.value(row);
        return (0..items.len()).map(|at| cell_bytes(&items, at)).sum();
    }
    let size = array.slice(row, 1).to_data().get_slice_memory_size();
    size.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::model::{Column, IdColumn};

    fn text(bytes: usize) -> Value {
        Value::String("x".repeat(bytes).into())
    }

    fn check(value: &Value, filterable: bool) -> Result<(), String> {
        check_value(value, filterable).map_err(|fault| fault.to_string())
    }

    #[test]
    fn should_refuse_values_that_are_too_large() {
        assert_eq!(check(&text(MAX_FILTERABLE), true), Ok(()));
        let fault = check(&text(MAX_FILTERABLE + 1), true).unwrap_err();
        assert!(
            fault.starts_with("4097 bytes; a value of a filterable attribute"),
            "{fault}"
        );
        assert_eq!(check(&text(MAX_VALUE), false), Ok(()));
        assert_eq!(
            check(&text(MAX_VALUE + 1), false),
            Err("8388609 bytes; a value has at most 8388608".into())
        );
        let array = |each, count| Value::Array(vec![text(each); count].into());
        assert_eq!(check(&array(MAX_FILTERABLE, 1000), true), Ok(()));
        assert!(check(&array(MAX_FILTERABLE, 2100), true).is_err());
        assert!(check(&array(MAX_FILTERABLE + 1, 1), true).is_err());
        assert_eq!(
            check(&Value::Array(vec![Value::Int(1); 1000].into()), true),
            Ok(())
        );
    }

    #[test]
    fn should_refuse_rows_that_are_too_large() {
        let column = |at: usize, sizes: [usize; 2]| {
            let values = sizes.map(text);
            let ty = "string".parse().unwrap();
            Column::from_values(format!("a{at}").parse().unwrap(), ty, &values).unwrap()
        };
        let rows = |second: usize| {
            let columns = (0..9).map(|at| column(at, [10, second])).collect();
            Rows::new(IdColumn::U64(vec![1, 2].into()), columns).unwrap()
        };
        assert_eq!(check_rows(&rows(7 << 20)), Ok(()));
        let (row, fault) = check_rows(&rows(MAX_VALUE)).unwrap_err();
        assert_eq!(
            (row, fault.to_string()),
            (1, "75497472 bytes; a row has at most 67108864".into())
        );
    }
}
