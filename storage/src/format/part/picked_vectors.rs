//! [`PickedVectors`]: a column of vectors that is gathered while it is written.

use super::WHAT;
use crate::{
    format::FormatError,
    model::{AttributeName, AttributeType, Column, VectorElement},
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, FixedSizeListArray,
    cast::AsArray,
    make_array,
    types::{Float16Type, Float32Type},
};
use arrow_buffer::{MutableBuffer, NullBuffer, ToByteSlice};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use std::{
    io::{self, Write},
    sync::Arc,
};

/// How many rows are gathered at a time.
const PIECE: usize = 4_096;

/// A column of vectors, row by row picked from pieces.
#[derive(Debug, Clone)]
pub struct PickedVectors<'a> {
    /// The attribute.
    pub name: AttributeName,
    /// Dimensions.
    pub dim: u32,
    /// What the dimensions are.
    pub element: VectorElement,
    /// Lists of that many elements each.
    pub pieces: Vec<ArrayRef>,
    /// By row the piece and the row in it.
    pub picks: &'a [(usize, usize)],
}

impl PickedVectors<'_> {
    /// A column of the same shape whose values are memory that was never touched, so that it takes none.
    pub(super) fn placeholder(&self, rows: usize) -> Result<Column, FormatError> {
        let invalid = |why: &str| FormatError::invalid(WHAT, why);
        if self.picks.len() != rows {
            return Err(invalid("it has not one vector for each row"));
        }
        let ty = AttributeType::Vector {
            dim: self.dim,
            element: self.element,
        };
        let DataType::FixedSizeList(field, size) = ty.to_arrow() else {
            return Err(invalid("vectors are lists of fixed size"));
        };
        let values = rows.checked_mul(self.dim as usize);
        let values = values.ok_or_else(|| invalid("more values than memory can hold"))?;
        let bytes = values.checked_mul(self.width());
        let bytes = bytes.ok_or_else(|| invalid("more values than memory can hold"))?;
        let items = ArrayData::builder(field.data_type().clone())
            .len(values)
            .add_buffer(MutableBuffer::from_len_zeroed(bytes).into())
            .build()
            .map_err(FormatError::arrow(WHAT))?;
        let nulls: NullBuffer = self
            .picks
            .iter()
            .map(|(piece, row)| self.pieces.get(*piece).is_some_and(|p| p.is_valid(*row)))
            .collect();
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        let array = FixedSizeListArray::try_new(field, size, make_array(items), nulls);
        Ok(Column {
            name: self.name.clone(),
            ty,
            array: Arc::new(array.map_err(FormatError::arrow(WHAT))?),
        })
    }

    fn width(&self) -> usize {
        match self.element {
            VectorElement::F32 => 4,
            VectorElement::F16 => 2,
        }
    }

    /// Writes the values of all rows.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.element {
            VectorElement::F32 => self.write_of::<Float32Type>(out),
            VectorElement::F16 => self.write_of::<Float16Type>(out),
        }
    }

    fn write_of<T: ArrowPrimitiveType>(&self, out: &mut dyn Write) -> io::Result<()> {
        let dim = self.dim as usize;
        let mut lists = vec![];
        for piece in &self.pieces {
            let list = piece.as_fixed_size_list_opt();
            let values = list.and_then(|list| Some((list, list.values().as_primitive_opt::<T>()?)));
            let (list, values) =
                values.ok_or_else(|| io::Error::other("no vectors of the type"))?;
            lists.push((list.offset(), &values.values()[..]));
        }
        let mut gathered: Vec<T::Native> = Vec::with_capacity(PIECE.min(self.picks.len()) * dim);
        for picks in self.picks.chunks(PIECE) {
            gathered.clear();
            for (piece, row) in picks {
                let found = lists.get(*piece).and_then(|(offset, values)| {
                    let from = (offset + row).checked_mul(dim)?;
                    values.get(from..from.checked_add(dim)?)
                });
                gathered.extend_from_slice(found.ok_or_else(|| io::Error::other("no such row"))?);
            }
            out.write_all(gathered.to_byte_slice())?;
        }
        Ok(())
    }
}
