//! Values of parameters, as clients send them.

use super::types::{element_of, oid};
use crate::{Parameter, SqlError};
use bytes::{Buf, Bytes};
use isobath_storage::model::format_datetime;
use std::fmt::Write as _;
use uuid::Uuid;

/// Milliseconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_MILLIS: i64 = 946_684_800_000;
/// What is said of a binary value of another length than its type has.
const WRONG_LENGTH: &str = "the binary value of a parameter has another length than its type";
/// The most elements of an array.
const MAX_ITEMS: usize = 1_000_000;

/// The value of a parameter of type `oid`.
pub(crate) fn parameter(
    oid: u32,
    format: i16,
    value: Option<Bytes>,
) -> Result<Parameter, SqlError> {
    let Some(value) = value else {
        return Ok(Parameter::Null);
    };
    match format {
        0 => {
            let text = String::from_utf8(value.into());
            let text = text.map_err(|_| bad("the value of a parameter is no UTF-8"))?;
            of_text(oid, text)
        }
        1 => of_binary(oid, value),
        _ => Err(bad("a parameter is neither text nor binary")),
    }
}

fn bad(said: &str) -> SqlError {
    SqlError::invalid(said).with_code("22P02")
}

fn of_text(oid: u32, text: String) -> Result<Parameter, SqlError> {
    if let Some(element) = element_of(oid) {
        return array(element, &text);
    }
    match oid {
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::FLOAT4 | oid::FLOAT8 | oid::NUMERIC => {
            let digits = text.trim();
            match digits.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Parameter::Number(digits.to_owned())),
                _ => Err(bad(&format!("invalid number: {digits:?}"))),
            }
        }
        oid::BOOL => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" => Ok(Parameter::Bool(true)),
            "f" | "false" | "0" | "off" | "no" => Ok(Parameter::Bool(false)),
            _ => Err(bad("invalid boolean")),
        },
        oid::BYTEA => Err(SqlError::unsupported("a parameter of type bytea")),
        _ => Ok(Parameter::Text(text)),
    }
}

fn of_binary(oid: u32, mut value: Bytes) -> Result<Parameter, SqlError> {
    let length = || bad(WRONG_LENGTH);
    let needs = |bytes: usize| {
        if value.len() == bytes {
            Ok(())
        } else {
            Err(length())
        }
    };
    if let Some(element) = element_of(oid) {
        return binary_array(element, value);
    }
    Ok(match oid {
        oid::BOOL => {
            needs(1)?;
            Parameter::Bool(value.get_u8() != 0)
        }
        oid::INT2 if needs(2).is_ok() => Parameter::Number(value.get_i16().to_string()),
        oid::INT4 if needs(4).is_ok() => Parameter::Number(value.get_i32().to_string()),
        oid::OID if needs(4).is_ok() => Parameter::Number(value.get_u32().to_string()),
        oid::INT8 if needs(8).is_ok() => Parameter::Number(value.get_i64().to_string()),
        oid::INT2 | oid::INT4 | oid::OID | oid::INT8 => return Err(length()),
        oid::FLOAT4 => {
            needs(4)?;
            number(value.get_f32())?
        }
        oid::FLOAT8 => {
            needs(8)?;
            number(value.get_f64())?
        }
        oid::UUID => {
            let uuid = Uuid::from_slice(&value).map_err(|_| length())?;
            Parameter::Text(uuid.to_string())
        }
        oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            needs(8)?;
            let millis = value
                .get_i64()
                .div_euclid(1_000)
                .saturating_add(EPOCH_MILLIS);
            Parameter::Text(format_datetime(millis))
        }
        oid::DATE => {
            needs(4)?;
            let millis = i64::from(value.get_i32()) * 86_400_000 + EPOCH_MILLIS;
            Parameter::Text(format_datetime(millis).chars().take(10).collect())
        }
        oid::VECTOR => vector(value)?,
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::UNKNOWN | 0 => {
            let text = String::from_utf8(value.into());
            Parameter::Text(text.map_err(|_| bad("the value of a parameter is no UTF-8"))?)
        }
        other => {
            let feature = format!("a binary parameter of the type with number {other}");
            return Err(SqlError::unsupported(feature));
        }
    })
}

/// A vector as text: what it is next to decides whether it may be one.
fn vector(mut value: Bytes) -> Result<Parameter, SqlError> {
    if value.len() < 4 || value.len() != 4 + usize::from(value.clone().get_u16()) * 4 {
        return Err(bad(WRONG_LENGTH));
    }
    value.advance(4);
    let mut text = String::from("[");
    while value.has_remaining() {
        let item = value.get_f32();
        if !item.is_finite() {
            return Err(bad("NaN and infinite numbers are not supported in vectors"));
        }
        let comma = if text.len() > 1 { "," } else { "" };
        // writing to a string does not fail
        let _ = write!(text, "{comma}{item}");
    }
    text.push(']');
    Ok(Parameter::Text(text))
}

fn number<T: Into<f64> + std::fmt::Display + Copy>(value: T) -> Result<Parameter, SqlError> {
    let wide: f64 = value.into();
    if wide.is_finite() {
        Ok(Parameter::Number(value.to_string()))
    } else {
        Err(bad(
            "NaN and infinite numbers are not supported as parameters",
        ))
    }
}

fn binary_array(element: u32, mut value: Bytes) -> Result<Parameter, SqlError> {
    let short = || bad("a binary array is cut short");
    let next = |value: &mut Bytes| {
        (value.remaining() >= 4)
            .then(|| value.get_i32())
            .ok_or_else(short)
    };
    let dimensions = next(&mut value)?;
    next(&mut value)?;
    next(&mut value)?;
    if dimensions == 0 {
        return Ok(Parameter::Array(vec![]));
    }
    if dimensions != 1 {
        return Err(SqlError::unsupported("an array of several dimensions"));
    }
    let count = usize::try_from(next(&mut value)?).map_err(|_| short())?;
    next(&mut value)?;
    let mut items = vec![];
    for _ in 0..count.min(MAX_ITEMS) {
        let length = next(&mut value)?;
        let Ok(length) = usize::try_from(length) else {
            items.push(Parameter::Null);
            continue;
        };
        if value.remaining() < length {
            return Err(short());
        }
        items.push(of_binary(element, value.split_to(length))?);
    }
    Ok(Parameter::Array(items))
}

/// The items of an array of texts as PostgreSQL writes it: `{a,NULL,"b c"}`.
pub(crate) fn items_of(text: &str) -> Result<Vec<Parameter>, SqlError> {
    match array(oid::TEXT, text)? {
        Parameter::Array(items) => Ok(items),
        _ => Err(bad("malformed array literal")),
    }
}

/// Reads `{1,NULL,"a b"}`.
fn array(element: u32, text: &str) -> Result<Parameter, SqlError> {
    let wrong = || bad("malformed array literal");
    let inner = text
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or_else(wrong)?.chars().peekable();
    let mut items = vec![];
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = rest.peek().copied() else {
            return if items.is_empty() {
                Ok(Parameter::Array(items))
            } else {
                Err(wrong())
            };
        };
        if first == '{' {
            return Err(SqlError::unsupported("an array of several dimensions"));
        }
        let quoted = rest.next_if_eq(&'"').is_some();
        let (mut item, mut closed) = (String::new(), !quoted);
        while let Some(c) = rest.next_if(|c| quoted || *c != ',') {
            match c {
                '\\' => item.push(rest.next().ok_or_else(wrong)?),
                '"' if quoted => {
                    closed = true;
                    break;
                }
                c => item.push(c),
            }
        }
        if !closed || items.len() == MAX_ITEMS {
            return Err(wrong());
        }
        items.push(match item.trim() {
            "NULL" if !quoted => Parameter::Null,
            "" if !quoted => return Err(wrong()),
            plain if !quoted => of_text(element, plain.to_owned())?,
            _ => of_text(element, item)?,
        });
        match rest.next() {
            None => return Ok(Parameter::Array(items)),
            Some(',') => {}
            Some(_) => return Err(wrong()),
        }
        if rest.peek().is_none() {
            return Err(wrong());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_arrays() {
        let number = |digits: &str| Parameter::Number(digits.to_owned());
        let text = |text: &str| Parameter::Text(text.to_owned());
        let read = |oid, text: &str| of_text(oid, text.to_owned());
        assert_eq!(read(1022, "{}").unwrap(), Parameter::Array(vec![]));
        assert_eq!(
            read(1022, "{0.5, -2}").unwrap(),
            Parameter::Array(vec![number("0.5"), number("-2")])
        );
        assert_eq!(
            read(1009, r#"{a,NULL,"NULL","b,\"c\\"}"#).unwrap(),
            Parameter::Array(vec![
                text("a"),
                Parameter::Null,
                text("NULL"),
                text("b,\"c\\")
            ])
        );
        for wrong in ["", "{", "{1,}", "{,1}", "{{1}}", "{\"a}", "{x}"] {
            assert!(read(1007, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn should_read_binary_vectors() {
        let bytes = [0, 2, 0, 0, 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0];
        let read = parameter(oid::VECTOR, 1, Some(Bytes::copy_from_slice(&bytes))).unwrap();
        assert_eq!(read, Parameter::Text("[1,2]".to_owned()));
        let short = Bytes::copy_from_slice(&bytes[..8]);
        assert!(parameter(oid::VECTOR, 1, Some(short)).is_err());
    }
}
