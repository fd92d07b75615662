//! [`read_copy`]: which namespace is copied.

use super::{Fault, Fields, check_encryption};
use crate::server::CopyFrom;
use isobath_storage::model::Namespace;
use serde_json::value::RawValue;

/// Reads the source of a copy: a name, or an object that holds one.
pub(super) fn read_copy(json: &RawValue) -> Result<CopyFrom, Fault> {
    if json.get().starts_with('"') {
        let name: String = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
        let source = namespace(&name)?;
        return Ok(CopyFrom {
            source,
            region: None,
        });
    }
    let mut fields = Fields::of(json)?;
    let name = fields.take::<String>("source_namespace")?;
    let name = name.ok_or_else(|| Fault::unfit("missing field `source_namespace`"))?;
    let source = namespace(&name).map_err(|fault| fault.under("source_namespace"))?;
    let region = fields.take::<String>("source_region")?;
    fields.refuse(&["source_api_key", "as_of"])?;
    fields.read("dest_encryption", check_encryption)?;
    fields.finish()?;
    Ok(CopyFrom { source, region })
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
            source: "a".parse().unwrap(),
            region: region.map(Into::into),
        };
        assert_eq!(read(r#""a""#), Ok(copy(None)));
        assert_eq!(read(r#"{"source_namespace":"a"}"#), Ok(copy(None)));
        let other =
            r#"{"source_namespace":"a","source_region":"eu","dest_encryption":{"mode":"default"}}"#;
        assert_eq!(read(other), Ok(copy(Some("eu"))));
        for (json, named) in [
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
