//! [`decode_policy_change`]: what is to change of a namespace's policy.

use super::{Fault, Fields};
use crate::server::policy::{Pinning, PolicyChange};
use serde_json::value::RawValue;

/// The most replicas that may be asked for.
const MAX_REPLICAS: u32 = 1_024;

/// Decodes the body of a metadata update: `pinning` (null, a boolean or settings) and `read_only`.
pub(crate) fn decode_policy_change(body: &[u8]) -> Result<PolicyChange, Fault> {
    let mut fields = Fields::parse(body)?;
    let pinning = match fields.take_nullable("pinning") {
        None => None,
        Some(json) => Some(pinning(json).map_err(|fault| fault.under("pinning"))?),
    };
    let read_only = fields.take::<bool>("read_only")?;
    fields.finish()?;
    if pinning.is_none() && read_only.is_none() {
        return Err(Fault::invalid("neither `pinning` nor `read_only` is given"));
    }
    Ok(PolicyChange { pinning, read_only })
}

fn pinning(json: &RawValue) -> Result<Option<Pinning>, Fault> {
    match json.get() {
        "null" | "false" => return Ok(None),
        "true" => return Ok(Some(Pinning { replicas: 1 })),
        _ => {}
    }
    let mut fields = Fields::of(json)?;
    let replicas = fields.take::<u32>("replicas")?.unwrap_or(1);
    fields.finish()?;
    if !(1..=MAX_REPLICAS).contains(&replicas) {
        let text = format!("{replicas} is not between 1 and {MAX_REPLICAS}");
        return Err(Fault::invalid(text).under("replicas"));
    }
    Ok(Some(Pinning { replicas }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_tell_what_is_missing_from_what_is_taken_away() {
        let read = |json: &str| decode_policy_change(json.as_bytes()).map_err(|f| f.to_string());
        let pinned = |replicas| Some(Some(Pinning { replicas }));
        for (json, pinning, read_only) in [
            (r#"{"pinning":null}"#, Some(None), None),
            (
                r#"{"pinning":false,"read_only":false}"#,
                Some(None),
                Some(false),
            ),
            (r#"{"pinning":true}"#, pinned(1), None),
            (r#"{"pinning":{}}"#, pinned(1), None),
            (
                r#"{"pinning":{"replicas":3},"read_only":true}"#,
                pinned(3),
                Some(true),
            ),
        ] {
            assert_eq!(
                read(json),
                Ok(PolicyChange { pinning, read_only }),
                "{json}"
            );
        }
        for (json, named) in [
            ("{}", "pinning"),
            (r#"{"pinning":{"replicas":0}}"#, "pinning.replicas"),
            (r#"{"pinning":7}"#, "pinning"),
            (r#"{"read_only":"yes"}"#, "read_only"),
            (r#"{"ttl":1}"#, "ttl"),
        ] {
            assert!(read(json).unwrap_err().contains(named), "{json}");
        }
    }
}
