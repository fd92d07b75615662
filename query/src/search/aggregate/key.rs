//! [`KeyColumn`]: the values of rows as bytes that are equal, and sort, as the values do.

use crate::search::scalars::{Scalar, Scalars};
use arrow_array::ListArray;
use isobath_storage::model::{AttributeName, AttributeType, Rows, ScalarType, Value};
use uuid::Uuid;

/// The values of one attribute of many rows, to be written as keys.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) enum KeyColumn<'a> {
    /// One value a row.
    Scalars(Scalars<'a>),
    /// Any number of values a row; `None` where every row is null.
    Lists(Option<(&'a ListArray, Scalars<'a>)>),
}

impl<'a> KeyColumn<'a> {
    /// The values of `attribute`, read as `ty`, which is no vector.
    pub(in crate::search) fn of(
        rows: &'a Rows,
        attribute: &AttributeName,
        ty: AttributeType,
    ) -> Self {
        if !matches!(ty, AttributeType::Array(_)) {
            return Self::Scalars(Scalars::of(rows, attribute, ty));
        }
        let column = rows.column(attribute.as_str()).filter(|c| c.ty == ty);
        let lists = column.and_then(|c| c.array.as_any().downcast_ref::<ListArray>());
        Self::Lists(lists.map(|lists| (lists, Scalars::of_array(lists.values()))))
    }

    /// Appends the value of `row`.
    pub(in crate::search) fn encode(&self, row: u32, key: &mut Vec<u8>) {
        match self {
            Self::Scalars(scalars) => encode(scalars.get(row as usize), key),
            Self::Lists(_) => match self.elements(row) {
                None => encode(Scalar::Null, key),
                Some(elements) => {
                    // Longer than any scalar's tag, and ended by none.
                    key.push(2);
                    for element in elements {
                        key.push(1);
                        encode(element, key);
                    }
                    key.push(0);
                }
            },
        }
    }

    /// The elements of the list in `row`, or its one value; `None` where it has none.
    pub(super) fn elements(&self, row: u32) -> Option<impl Iterator<Item = Scalar<'a>> + use<'a>> {
        let at = row as usize;
        let (scalars, range) = match self {
            Self::Scalars(scalars) => (*scalars, at..at + 1),
            Self::Lists(lists) => {
                let (lists, scalars) = (*lists)?;
                let nulls = arrow_array::Array::nulls(lists);
                if nulls.is_some_and(|nulls| nulls.is_null(at)) {
                    return None;
                }
                let offsets = lists.value_offsets();
                let bound = |at: usize| usize::try_from(offsets[at]).unwrap_or(0);
                (scalars, bound(at)..bound(at + 1))
            }
        };
        Some(range.map(move |at| scalars.get(at)))
    }
}

/// Appends a value. Keys of values of one type sort as the values, null first, also where others follow.
pub(super) fn encode(value: Scalar<'_>, key: &mut Vec<u8>) {
    if matches!(value, Scalar::Null) {
        return key.push(0);
    }
    key.push(1);
    match value {
        Scalar::Null => {}
        Scalar::Bool(b) => key.push(b.into()),
        Scalar::Whole(n) => key.extend((n.cast_unsigned() ^ (1 << 127)).to_be_bytes()),
        Scalar::Float(f) => {
            // Minus zero is zero.
            let bits = (f + 0.0).to_bits();
            let sign = 1 << 63;
            let bits = if bits & sign == 0 { bits | sign } else { !bits };
            key.extend(bits.to_be_bytes());
        }
        Scalar::Bytes(bytes) => key.extend(bytes),
        Scalar::Text(text) => {
            for piece in text.split_inclusive('\0') {
                key.extend(piece.as_bytes());
                if piece.ends_with('\0') {
                    key.push(0xff);
                }
            }
            key.extend([0, 0]);
        }
    }
}

/// Takes the first value off a key; null where the key holds none.
pub(super) fn decode(ty: ScalarType, key: &mut &[u8]) -> Value {
    take(ty, key).unwrap_or_default()
}

fn take(ty: ScalarType, key: &mut &[u8]) -> Option<Value> {
    if *key.split_off_first()? == 0 {
        return None;
    }
    Some(match ty {
        ScalarType::Bool => Value::Bool(*key.split_off_first()? == 1),
        ScalarType::Int => Value::Int(whole(key)?.try_into().ok()?),
        ScalarType::Uint => Value::Uint(whole(key)?.try_into().ok()?),
        ScalarType::Datetime => Value::Datetime(whole(key)?.try_into().ok()?),
        ScalarType::Float => {
            let bits = u64::from_be_bytes(array(key)?);
            let sign = 1 << 63;
            let bits = if bits & sign == 0 {
                !bits
            } else {
                bits & !sign
            };
            Value::Float(f64::from_bits(bits))
        }
        ScalarType::Uuid => Value::Uuid(Uuid::from_bytes(array(key)?)),
        ScalarType::String => Value::String(text(key)?.into()),
    })
}

fn whole(key: &mut &[u8]) -> Option<i128> {
    let bits = u128::from_be_bytes(array(key)?);
    Some((bits ^ (1 << 127)).cast_signed())
}

fn array<const N: usize>(key: &mut &[u8]) -> Option<[u8; N]> {
    key.split_off(..N)?.try_into().ok()
}

fn text(key: &mut &[u8]) -> Option<String> {
    let mut text = vec![];
    loop {
        match *key.split_off_first()? {
            0 if *key.split_off_first()? == 0 => return String::from_utf8(text).ok(),
            byte => text.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;

    #[test]
    fn should_sort_and_come_back() {
        let check = |ty: ScalarType, sorted: &[(Scalar<'_>, Value)]| {
            let key = |(scalar, _): &(Scalar<'_>, Value)| {
                let mut key = vec![];
                encode(*scalar, &mut key);
                encode(Scalar::Null, &mut key);
                key
            };
            let keys: Vec<Vec<u8>> = sorted.iter().map(key).collect();
            assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
            for (key, (_, value)) in keys.iter().zip(sorted) {
                let mut key = key.as_slice();
                assert_eq!(decode(ty, &mut key), *value);
                assert_eq!(key, [0]);
            }
        };
        let whole = |n: i64| (Scalar::Whole(n.into()), Value::Int(n));
        let null = (Scalar::Null, Value::Null);
        let wholes = [i64::MIN, -1, 0, 1, 255, 256, i64::MAX].map(whole);
        check(
            ScalarType::Int,
            &[slice::from_ref(&null), &wholes[..]].concat(),
        );
        let float = |f: f64| (Scalar::Float(f), Value::Float(f));
        check(
            ScalarType::Float,
            &[-1e300, -1.5, 0.0, 1e-300, 1.0, 2.0].map(float),
        );
        let text = |t: &'static str| (Scalar::Text(t), Value::String(t.into()));
        let texts = ["", "\0", "\0\0", "\0a", "a", "a\0", "ab", "ü"].map(text);
        check(ScalarType::String, &[&[null], &texts[..]].concat());
        let uuid = |n: u128| Uuid::from_u128(n);
        let uuids = [uuid(1), uuid(256)];
        let bytes = [*uuids[0].as_bytes(), *uuids[1].as_bytes()];
        check(
            ScalarType::Uuid,
            &[
                (Scalar::Bytes(&bytes[0]), Value::Uuid(uuids[0])),
                (Scalar::Bytes(&bytes[1]), Value::Uuid(uuids[1])),
            ],
        );
    }
}
