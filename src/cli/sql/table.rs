//! Rows as a table for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Map, Value, value::RawValue};

/// The longest value that is shown in full, in characters.
const LONG: usize = 120;

/// Rows under the names of their columns, and how many they are.
pub(super) fn shown(columns: &[(String, String)], rows: &[Box<RawValue>]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(name, _)| name));
    for row in rows {
        let values: Map<String, Value> = serde_json::from_str(row.get()).unwrap_or_default();
        table.add_row(columns.iter().map(|(name, _)| text(values.get(name))));
    }
    for (at, (_, ty)) in columns.iter().enumerate() {
        let is_number = matches!(
            ty.as_str(),
            "bigint" | "integer" | "smallint" | "real" | "double precision" | "numeric"
        );
        if let Some(column) = table.column_mut(at)
            && is_number
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let count = match rows.len() {
        1 => "1 row".to_owned(),
        count => format!("{count} rows"),
    };
    if columns.is_empty() {
        count
    } else {
        format!("{table}\n{count}")
    }
}

fn text(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_show_rows() {
        let columns = [
            ("id".to_owned(), "bigint".to_owned()),
            ("t".to_owned(), "text".to_owned()),
        ];
        let rows = [r#"{"id":1,"t":"a"}"#, r#"{"id":20,"t":null}"#];
        let rows = rows.map(|row| RawValue::from_string(row.to_owned()).unwrap());
        let shown = shown(&columns, &rows);
        assert!(
            shown.contains("  1   a") && shown.contains(" 20 "),
            "{shown}"
        );
        assert!(shown.ends_with("2 rows"), "{shown}");
    }
}
