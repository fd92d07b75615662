//! [`read_copy`] and [`read_branch`]: which namespace is copied.

use super::{Fault, Fields, check_encryption};
use crate::server::{CopyFrom, CopyKind};
use isobath_storage::model::{Namespace, parse_datetime};
use serde_json::value::RawValue;

/// Reads the source of a copy: a name, or an object that holds one.
pub(super) fn read_copy(json: &RawValue) -> Result<CopyFrom, Fault> {
    if let Some(copy) = read_name(json, CopyKind::Copy)? {
        return Ok(copy);
    }
    let mut fields = Fields::of(json)?;
    let source = take_source(&mut fields)?;
    let region = fields.take::<String>("source_region")?;
    let as_of = fields.read("as_of", read_time)?;
    fields.refuse(&["source_api_key"])?;
    fields.read("dest_encryption", check_encryption)?;
    fields.finish()?;
    let kind = CopyKind::Copy;
    Ok(CopyFrom {
        kind,
        source,
        region,
        as_of,
    })
}

/// Reads the source of a branch: a name, or an object that holds one.
pub(super) fn read_branch(json: &RawValue) -> Result<CopyFrom, Fault> {
    if let Some(branch) = read_name(json, CopyKind::Branch)? {
        return Ok(branch);
    }
    let mut fields = Fields::of(json)?;
    let source = take_source(&mut fields)?;
    let as_of = fields.read("as_of", read_time)?;
    fields.finish()?;
    Ok(CopyFrom {
        kind: CopyKind::Branch,
        source,
        region: None,
        as_of,
    })
}

/// Reads a source that is only named.
fn read_name(json: &RawValue, kind: CopyKind) -> Result<Option<CopyFrom>, Fault> {
    if !json.get().starts_with('"') {
        return Ok(None);
    }
    let name: String = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    Ok(Some(CopyFrom {
        kind,
        source: namespace(&name)?,
        region: None,
        as_of: None,
    }))
}

/// Reads a time as milliseconds since 1970.
fn read_time(json: &RawValue) -> Result<u64, Fault> {
    let text: String = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    let ms = parse_datetime(&text).and_then(|ms| u64::try_from(ms).ok());
    ms.ok_or_else(|| Fault::invalid(format!("{text:?} is no time since 1970 in RFC 3339")))
}

fn take_source(fields: &mut Fields<'_>) -> Result<Namespace, Fault> {
    let name = fields.take::<String>("source_namespace")?;
    let name = name.ok_or_else(|| Fault::unfit("missing field `source_namespace`"))?;
    namespace(&name).map_err(|fault| fault.under("source_namespace"))
}

fn namespace(name: &str) -> Result<Namespace, Fault> {
    let namespace = name.parse();
    let namespace: Namespace = namespace.map_err(|e| Fault::invalid(format!("{e}")))?;
    if namespace.is_reserved() {
        let text = format!("namespace {name}: the name is reserved for the system");
        return Err(Fault::invalid(text));
    }
    Ok(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_a_name_in_either_form() {
        let read = |json: &str| {
            let json = RawValue::from_string(json.into()).unwrap();
            read_copy(&json).map_err(|fault| fault.to_string())
        };
        let copy = |region: Option<&str>| CopyFrom {
            kind: CopyKind::Copy,
            source: "a".parse().unwrap(),
            region: region.map(Into::into),
            as_of: None,
        };
        let copy = |region| Ok::<_, String>(copy(region));
        assert_eq!(read(r#""a""#), copy(None));
        assert_eq!(read(r#"{"source_namespace":"a"}"#), copy(None));
        let other =
            r#"{"source_namespace":"a","source_region":"eu","dest_encryption":{"mode":"default"}}"#;
        assert_eq!(read(other), copy(Some("eu")));
        let branch = RawValue::from_string(r#"{"source_namespace":"a"}"#.into()).unwrap();
        let branch = read_branch(&branch).map_err(|fault| fault.to_string());
        let kind = CopyKind::Branch;
        assert_eq!(branch, copy(None).map(|copy| CopyFrom { kind, ..copy }));
        let past = r#"{"source_namespace":"a","as_of":"1970-01-01T00:00:01.5Z"}"#;
        let as_of = Some(1_500);
        assert_eq!(
            read(past),
            copy(None).map(|copy| CopyFrom { as_of, ..copy })
        );
        for (json, named) in [
            (r#"{"source_namespace":"a","as_of":"yesterday"}"#, "as_of"),
            (
                r#"{"source_namespace":"a","as_of":"1969-12-31T00:00:00Z"}"#,
                "as_of",
            ),
            (r#"{"source_namespace":"a","as_of":7}"#, "as_of"),
            ("{}", "source_namespace"),
            ("7", "map"),
            (r#""a/b""#, "namespace"),
            (
                r#"{"source_namespace":"a","source_api_key":"k"}"#,
                "source_api_key is not supported yet",
            ),
            (r#"{"source_namespace":"a","colour":1}"#, "colour"),
        ] {
            assert!(read(json).unwrap_err().contains(named), "{json}");
        }
    }
}
