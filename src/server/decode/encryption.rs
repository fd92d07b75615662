//! [`check_encryption`]: how a namespace wants to be encrypted.

use super::{Fault, Fields};
use serde_json::value::RawValue;

/// Accepts the encryption that the bucket itself has; keys of a client's own are not there yet.
pub(super) fn check_encryption(json: &RawValue) -> Result<(), Fault> {
    let mut fields = Fields::of(json)?;
    let mode = fields.take::<String>("mode")?;
    match mode.as_deref() {
        Some("default") => fields.finish(),
        Some("customer-managed") => {
            let key = fields.take::<String>("key_name")?;
            let key = key.ok_or_else(|| Fault::unfit("missing field `key_name`"))?;
            fields.take::<Box<RawValue>>("encryption_context")?;
            fields.finish()?;
            if is_key(&key) {
                return Err(Fault::not_yet("encryption with keys of your own"));
            }
            let key: String = key.chars().take(200).collect();
            Err(Fault::invalid(format!(
                "Malformed Cloud KMS crypto key: {key}"
            )))
        }
        Some(other) => {
            let text =
                format!("unknown variant `{other}`, expected `default` or `customer-managed`");
            Err(Fault::invalid(text).under("mode"))
        }
        None => Err(Fault::unfit("missing field `mode`")),
    }
}

/// Whether `name` has the form of a key's name: Google's resource names, or Amazon's.
fn is_key(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let google = ["projects", "locations", "keyRings", "cryptoKeys"];
    let named = |at: usize| parts.get(at).is_some_and(|part| !part.is_empty());
    let of_google = parts.len() == 8
        && (0..4).all(|at| parts.get(2 * at) == Some(&google[at]) && named(2 * at + 1));
    of_google || (name.starts_with("arn:aws:kms:") && name.split(':').count() == 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(), String> {
        check_encryption(&RawValue::from_string(json.into()).unwrap()).map_err(|f| f.to_string())
    }

    #[test]
    fn should_take_what_the_bucket_does_anyway() {
        assert_eq!(check(r#"{"mode":"default"}"#), Ok(()));
        assert!(check(r#"{"mode":"default","key_name":"x"}"#).is_err());
        assert!(check("{}").is_err());
        assert!(check(r#"{"mode":"none"}"#).unwrap_err().contains("mode"));
    }

    #[test]
    fn should_tell_a_malformed_key_from_one_that_cannot_be_used_yet() {
        let key = |name: &str| {
            check(&format!(
                r#"{{"mode":"customer-managed","key_name":"{name}"}}"#
            ))
            .unwrap_err()
        };
        assert_eq!(key("mykey"), "Malformed Cloud KMS crypto key: mykey");
        for name in [
            "projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
        ] {
            assert_eq!(
                key(name),
                "encryption with keys of your own is not supported yet"
            );
        }
    }
}
