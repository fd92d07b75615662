//! [`Vectors`]: the vectors of one column, gathered row by row into one buffer.

use super::{Budget, Fault};
use arrow_array::{ArrayRef, FixedSizeListArray, Float16Array, Float32Array};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use arrow_schema::{DataType, Field};
use base64::{Engine, engine::general_purpose::STANDARD};
use half::f16;
use isobath_storage::model::{AttributeType, VectorElement};
use std::sync::Arc;

/// The vectors of one column. A row without one takes as many zeros as a vector has dimensions.
#[derive(Debug)]
pub(crate) struct Vectors {
    /// Unknown until the first vector where no type says it.
    dim: Option<usize>,
    values: Buffer,
    present: BooleanBufferBuilder,
    /// Takes the vector that is being read.
    scratch: Vec<f32>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Buffer {
    Full(Vec<f32>),
    Half(Vec<f16>),
}

impl Vectors {
    /// No vectors yet, of the given dimension and element, or of that of the first vector.
    pub(crate) fn new(ty: Option<(u32, VectorElement)>) -> Self {
        let half = matches!(ty, Some((_, VectorElement::F16)));
        Self {
            dim: ty.map(|(dim, _)| dim as usize),
            values: if half {
                Buffer::Half(vec![])
            } else {
                Buffer::Full(vec![])
            },
            present: BooleanBufferBuilder::new(0),
            scratch: vec![],
            bytes: vec![],
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    /// Appends `rows` rows without a vector.
    pub(crate) fn push_nulls(&mut self, rows: usize, budget: &Budget) -> Result<(), Fault> {
        self.reserve(rows, budget)?;
        self.present.append_n(rows, false);
        self.fill();
        Ok(())
    }

    /// Accounts for `rows` rows more.
    fn reserve(&self, rows: usize, budget: &Budget) -> Result<(), Fault> {
        let dim = self.dim.unwrap_or(0);
        let bytes = rows.saturating_mul(dim.saturating_mul(self.element().width()));
        budget.take(bytes.saturating_add(rows))
    }

    /// Brings the values up to the number of rows, as soon as the dimension is known.
    fn fill(&mut self) {
        let length = self.present.len() * self.dim.unwrap_or(0);
        match &mut self.values {
            Buffer::Full(values) => values.resize(length, 0.0),
            Buffer::Half(values) => values.resize(length, f16::ZERO),
        }
    }

    /// Appends the vector that `text` holds: base64 of little-endian 32-bit floats.
    pub(crate) fn push_base64(&mut self, text: &str, budget: &Budget) -> Result<(), Fault> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let decoded = STANDARD.decode_vec(text, &mut bytes);
        decoded.map_err(|e| Fault::invalid(format!("not base64: {e}")))?;
        let (floats, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            let text = format!("{} bytes are no whole number of 32-bit floats", bytes.len());
            return Err(Fault::invalid(text));
        }
        let floats = floats.iter().map(|float| f32::from_le_bytes(*float));
        self.scratch.clear();
        self.scratch.extend(floats);
        self.bytes = bytes;
        self.push_scratch(budget)
    }

    /// Appends the vector whose values `next` gives one by one.
    pub(crate) fn push_values<E>(
        &mut self,
        mut next: impl FnMut() -> Result<Option<f32>, E>,
        budget: &Budget,
    ) -> Result<Result<(), Fault>, E> {
        self.scratch.clear();
        while let Some(value) = next()? {
            if self.scratch.len() >= AttributeType::MAX_DIM as usize {
                let text = format!("more than {} dimensions", AttributeType::MAX_DIM);
                return Ok(Err(Fault::invalid(text)));
            }
            self.scratch.push(value);
        }
        Ok(self.push_scratch(budget))
    }

    fn push_scratch(&mut self, budget: &Budget) -> Result<(), Fault> {
        let found = self.scratch.len();
        check_values(&self.scratch)?;
        match self.dim {
            Some(dim) if dim != found => {
                let text = format!("expected {dim} dimensions, found {found}");
                return Err(Fault::invalid(text));
            }
            Some(_) => {}
            None => self.set_dim(found, budget)?,
        }
        self.reserve(1, budget)?;
        match &mut self.values {
            Buffer::Full(values) => values.extend_from_slice(&self.scratch),
            Buffer::Half(values) => {
                let start = values.len();
                values.extend(self.scratch.iter().map(|v| f16::from_f32(*v)));
                if let Some(at) = values[start..].iter().position(|v| !v.is_finite()) {
                    let text = format!("{} is beyond the range of f16", self.scratch[at]);
                    return Err(Fault::invalid(text).at(at));
                }
            }
        }
        self.present.append(true);
        Ok(())
    }

    /// The first vector says how many dimensions there are.
    fn set_dim(&mut self, dim: usize, budget: &Budget) -> Result<(), Fault> {
        self.dim = Some(dim);
        self.reserve(self.len(), budget)?;
        self.fill();
        Ok(())
    }

    fn element(&self) -> VectorElement {
        match self.values {
            Buffer::Full(_) => VectorElement::F32,
            Buffer::Half(_) => VectorElement::F16,
        }
    }

    /// The column; `None` where no row has a vector and no type says its dimension.
    pub(crate) fn finish(mut self) -> Option<(AttributeType, ArrayRef)> {
        let dim = u32::try_from(self.dim?).ok()?;
        let element = self.element();
        let (item, items): (DataType, ArrayRef) = match self.values {
            Buffer::Full(values) => (DataType::Float32, Arc::new(Float32Array::from(values))),
            Buffer::Half(values) => (DataType::Float16, Arc::new(Float16Array::from(values))),
        };
        let field = Arc::new(Field::new("item", item, false));
        let nulls = NullBuffer::new(self.present.finish());
        let length = i32::try_from(dim).ok()?;
        let array = FixedSizeListArray::try_new(field, length, items, Some(nulls)).ok()?;
        Some((AttributeType::Vector { dim, element }, Arc::new(array)))
    }
}

/// Refuses what is no vector.
pub(crate) fn check_values(values: &[f32]) -> Result<(), Fault> {
    if values.is_empty() {
        return Err(Fault::invalid("a vector has at least one dimension"));
    }
    let max = AttributeType::MAX_DIM as usize;
    if values.len() > max {
        let text = format!("{} dimensions are more than {max}", values.len());
        return Err(Fault::invalid(text));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Fault::invalid("not a finite 32-bit float").at(at)),
        None => Ok(()),
    }
}
