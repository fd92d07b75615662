//! [`ColumnBuilder`]: one attribute of a section, gathered row by row.

use super::{Fault, reading::Reading, typing, vectors::Vectors};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use isobath_storage::model::{AttributeName, AttributeType, Column, Value};
use std::collections::BTreeMap;

/// One attribute of a section, gathered row by row.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    pub(super) name: AttributeName,
    /// The type, where it is known before the values.
    ty: Option<AttributeType>,
    cells: Cells,
    /// Rows that name the attribute, in order; only of patches, others need no mask.
    set: Vec<usize>,
    /// Single dimensions by row.
    dims: Vec<(usize, BTreeMap<u32, f32>)>,
}

#[derive(Debug)]
enum Cells {
    Values(Vec<Value>),
    Vectors(Vectors),
}

/// A finished column, and what is not in it.
#[derive(Debug)]
pub(super) struct Gathered {
    /// `None` where there is no value whose type could be told.
    pub(super) column: Option<Column>,
    /// The rows that the column sets, where not all.
    pub(super) set: Option<BooleanBuffer>,
    /// Single dimensions by row.
    pub(super) dims: Vec<(usize, BTreeMap<u32, f32>)>,
}

impl ColumnBuilder {
    pub(super) fn new(name: AttributeName, reading: &Reading<'_>) -> Self {
        let ty = reading.types.of(name.as_str());
        let cells = if reading.types.is_vector(name.as_str()) {
            let shape = match ty {
                Some(AttributeType::Vector { dim, element }) => Some((dim, element)),
                _ => None,
            };
            Cells::Vectors(Vectors::new(shape))
        } else {
            Cells::Values(vec![])
        };
        Self {
            name,
            ty,
            cells,
            set: vec![],
            dims: vec![],
        }
    }

    /// Whether it holds vectors.
    pub(super) fn is_vector(&self) -> bool {
        matches!(self.cells, Cells::Vectors(_))
    }

    /// Whether it holds sparse vectors.
    pub(super) fn is_sparse(&self) -> bool {
        self.ty == Some(AttributeType::Sparse)
    }

    /// What a reader expects, in words.
    pub(super) fn expecting(&self) -> &'static str {
        if self.is_vector() {
            "a vector: an array of numbers or base64"
        } else if self.is_sparse() {
            "a sparse vector: an object of dimensions with weights"
        } else {
            "a value"
        }
    }

    /// The number of rows up to the last one that was set.
    pub(super) fn len(&self) -> usize {
        match &self.cells {
            Cells::Values(values) => values.len(),
            Cells::Vectors(vectors) => vectors.len(),
        }
    }

    /// Brings the column to the end of row `row` − 1, which must not have been passed.
    fn reach(&mut self, row: usize, reading: &Reading<'_>) -> Result<(), Fault> {
        let Some(missing) = row.checked_sub(self.len()) else {
            return Err(Fault::invalid("given twice"));
        };
        if reading.patch {
            reading.budget.take(size_of::<usize>())?;
        }
        self.pad(missing, reading)
    }

    fn pad(&mut self, rows: usize, reading: &Reading<'_>) -> Result<(), Fault> {
        match &mut self.cells {
            Cells::Values(values) => {
                reading
                    .budget
                    .take(rows.saturating_mul(size_of::<Value>()))?;
                values.resize(values.len() + rows, Value::Null);
            }
            Cells::Vectors(vectors) => vectors.push_nulls(rows, reading.budget)?,
        }
        Ok(())
    }

    /// Sets the value of `row`; not of a vector, unless it is null.
    pub(super) fn push(
        &mut self,
        row: usize,
        value: Value,
        reading: &Reading<'_>,
    ) -> Result<(), Fault> {
        self.reach(row, reading)?;
        match &mut self.cells {
            Cells::Values(values) => {
                reading.budget.take(size_of::<Value>())?;
                values.push(value);
            }
            Cells::Vectors(_) if reading.patch => return Err(whole_vector()),
            Cells::Vectors(vectors) if value.is_null() => vectors.push_nulls(1, reading.budget)?,
            Cells::Vectors(_) => {
                let found = typing::describe(&value);
                return Err(Fault::invalid(format!("expected a vector, got {found}")));
            }
        }
        self.mark(row, reading);
        Ok(())
    }

    /// Sets the text of `row`, which is base64 where the column holds vectors.
    pub(super) fn push_text(
        &mut self,
        row: usize,
        text: &str,
        reading: &Reading<'_>,
    ) -> Result<(), Fault> {
        let Cells::Vectors(_) = self.cells else {
            reading.budget.take(text.len())?;
            return self.push(row, Value::String(text.into()), reading);
        };
        self.reach(row, reading)?;
        match &mut self.cells {
            Cells::Vectors(vectors) if !reading.patch => vectors.push_base64(text, reading.budget),
            _ => Err(whole_vector()),
        }
    }

    /// Sets the vector of `row`, whose values `next` gives one by one.
    pub(super) fn push_vector<E>(
        &mut self,
        row: usize,
        next: impl FnMut() -> Result<Option<f32>, E>,
        reading: &Reading<'_>,
    ) -> Result<Result<(), Fault>, E> {
        if let Err(fault) = self.reach(row, reading) {
            return Ok(Err(fault));
        }
        match &mut self.cells {
            Cells::Vectors(vectors) if !reading.patch => vectors.push_values(next, reading.budget),
            _ => Ok(Err(whole_vector())),
        }
    }

    /// Sets single dimensions of the vector of `row`.
    pub(super) fn push_dims(
        &mut self,
        row: usize,
        dims: BTreeMap<u32, f32>,
        reading: &Reading<'_>,
    ) -> Result<(), Fault> {
        match self.ty {
            Some(AttributeType::Vector { dim, .. }) => {
                if let Some(beyond) = dims.keys().find(|at| **at >= dim) {
                    let text = format!("dimension {beyond} of a vector of {dim} dimensions");
                    return Err(Fault::invalid(text).under("$dims"));
                }
            }
            Some(ty) => {
                let text = format!("`$dims` needs a vector, the attribute is {ty}");
                return Err(Fault::invalid(text));
            }
            None => {}
        }
        reading.budget.take(dims.len().saturating_mul(16))?;
        self.reach(row, reading)?;
        self.pad(1, reading)?;
        self.dims.push((row, dims));
        Ok(())
    }

    fn mark(&mut self, row: usize, reading: &Reading<'_>) {
        if reading.patch {
            self.set.push(row);
        }
    }

    /// The column, with nulls up to `rows` rows; an error comes with its row.
    pub(super) fn finish(
        mut self,
        rows: usize,
        reading: &Reading<'_>,
    ) -> Result<Gathered, (Option<usize>, Fault)> {
        let missing = rows.saturating_sub(self.len());
        self.pad(missing, reading).map_err(|fault| (None, fault))?;
        let mut set = None;
        if reading.patch && self.set.len() < rows {
            let mut mask = BooleanBufferBuilder::new(rows);
            mask.append_n(rows, false);
            self.set.iter().for_each(|row| mask.set_bit(*row, true));
            set = Some(mask.finish());
        }
        let name = self.name;
        let column = match self.cells {
            Cells::Vectors(_) if reading.patch => None,
            Cells::Vectors(vectors) => {
                let finished = vectors.finish();
                finished.map(|(ty, array)| Column { name, ty, array })
            }
            Cells::Values(_) if self.set.is_empty() && reading.patch => None,
            Cells::Values(values) => {
                let filterable = reading.types.is_filterable(name.as_str());
                let column = typing::column(name, self.ty, filterable, values);
                column.map_err(|(row, fault)| (Some(row), fault))?
            }
        };
        Ok(Gathered {
            column,
            set,
            dims: self.dims,
        })
    }
}

fn whole_vector() -> Fault {
    Fault::invalid("a vector cannot be patched whole: upsert the row, or give `$dims`")
}
