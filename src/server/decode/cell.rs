//! [`CellSeed`]: reads one value of one row straight into its column.

use super::{Fault, column::ColumnBuilder, reading::Reading, sparse::read_sparse};
use isobath_storage::model::{AttributeType, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Reads one value of row `row` straight into its column.
pub(super) struct CellSeed<'a> {
    pub(super) column: &'a mut ColumnBuilder,
    pub(super) row: usize,
    pub(super) reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl CellSeed<'_> {
    fn push<E: Error>(self, value: Value) -> Result<(), E> {
        let pushed = self.column.push(self.row, value, self.reading);
        pushed.map_err(|fault| self.reading.refuse(fault))
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column.expecting())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let pushed = self.column.push_text(self.row, value, self.reading);
        pushed.map_err(|fault| self.reading.refuse(fault))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self {
            column,
            row,
            reading,
        } = self;
        if column.is_vector() {
            let pushed = column.push_vector(row, || seq.next_element::<f32>(), reading)?;
            return pushed.map_err(|fault| reading.refuse(fault));
        }
        let mut items = vec![];
        while let Some(item) = seq.next_element_seed(ItemSeed)? {
            let taken = reading.budget.take(size_of::<Value>());
            taken.map_err(|fault| reading.refuse(fault))?;
            items.push(item);
        }
        let pushed = column.push(row, Value::Array(items.into()), reading);
        pushed.map_err(|fault| reading.refuse(fault))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.column.is_sparse() {
            return match read_sparse(&mut map, self.reading.budget)? {
                Ok(vector) => self.push(Value::Sparse(vector)),
                Err(fault) => Err(self.reading.refuse(fault)),
            };
        }
        let refuse = |text: &str| self.reading.refuse(Fault::invalid(text));
        if !self.reading.patch || map.next_key::<String>()?.as_deref() != Some("$dims") {
            return Err(refuse("an object is no value of an attribute"));
        }
        let dims: BTreeMap<u32, f32> = map.next_value()?;
        if map.next_key::<String>()?.is_some() {
            return Err(refuse("nothing may stand beside `$dims`"));
        }
        let max = AttributeType::MAX_DIM;
        let bad = |(dim, value): (&u32, &f32)| *dim >= max || !value.is_finite();
        if dims.is_empty() || dims.iter().any(bad) {
            return Err(refuse("`$dims` maps dimensions to finite 32-bit floats"));
        }
        let pushed = self.column.push_dims(self.row, dims, self.reading);
        pushed.map_err(|fault| self.reading.refuse(fault))
    }
}

/// Reads one element of an array.
struct ItemSeed;

impl<'de> DeserializeSeed<'de> for ItemSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ItemSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(Arc::from(value)))
    }
}
