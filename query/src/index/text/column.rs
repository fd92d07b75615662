//! [`TextColumn`]: the texts of one row set.

use crate::view::RowSet;
use arrow_array::{Array, ArrayRef, ListArray, StringArray};
use isobath_storage::model::{AttributeName, AttributeType};

/// The texts of one attribute of a row set: one, or any number, of each row.
#[derive(Debug, Clone, Copy)]
pub struct TextColumn<'a> {
    array: &'a ArrayRef,
    texts: Texts<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Texts<'a> {
    One(&'a StringArray),
    Many(&'a ListArray, &'a StringArray),
}

impl<'a> TextColumn<'a> {
    /// The column of `attribute` if it is of type `ty` and holds text; `None` where every row is null.
    pub fn of(set: &'a RowSet, attribute: &AttributeName, ty: AttributeType) -> Option<Self> {
        let column = set.rows.column(attribute.as_str())?;
        let array = &column.array;
        if column.ty != ty {
            return None;
        }
        let any = array.as_any();
        let texts = if let Some(texts) = any.downcast_ref() {
            Texts::One(texts)
        } else {
            let lists: &ListArray = any.downcast_ref()?;
            Texts::Many(lists, lists.values().as_any().downcast_ref()?)
        };
        Some(Self { array, texts })
    }

    /// How many rows, null ones too.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Whether `row` has no text at all.
    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    /// How many rows have a text.
    pub fn valid(&self) -> usize {
        self.array.len() - self.array.null_count()
    }

    /// Calls `found` for each text of `row`, which must be below the number of rows.
    pub fn each(&self, row: usize, mut found: impl FnMut(&str)) {
        if self.is_null(row) {
            return;
        }
        match self.texts {
            Texts::One(texts) => found(texts.value(row)),
            Texts::Many(lists, texts) => {
                let offsets = lists.value_offsets();
                let at = |row: usize| usize::try_from(offsets[row]).unwrap_or(0);
                let items = (at(row)..at(row + 1)).filter(|item| texts.is_valid(*item));
                items.for_each(|item| found(texts.value(item)));
            }
        }
    }

    /// The array.
    pub(super) fn array(&self) -> &'a ArrayRef {
        self.array
    }
}
