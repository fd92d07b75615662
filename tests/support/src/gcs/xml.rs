//! The XML of listings and uploads.

use object_store::ListResult;
use std::fmt::Write;

/// The answer to the start of an upload in pieces.
pub(super) fn started(id: &str) -> String {
    format!(
        "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
    )
}

/// The answer to the end of an upload in pieces.
pub(super) fn completed(tag: &str) -> String {
    format!("<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>")
}

/// One page of a listing; `next` continues it.
pub(super) fn page(listed: &ListResult, next: Option<&str>) -> String {
    let mut xml = String::from("<ListBucketResult>");
    for object in &listed.objects {
        let tag = object.e_tag.as_deref().unwrap_or_default();
        let (key, size) = (escape(object.location.as_ref()), object.size);
        let time = object.last_modified.to_rfc3339();
        let _ = write!(
            xml,
            "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{time}</LastModified>\
             <ETag>{tag}</ETag></Contents>"
        );
    }
    for prefix in &listed.common_prefixes {
        let prefix = escape(prefix.as_ref());
        let _ = write!(
            xml,
            "<CommonPrefixes><Prefix>{prefix}/</Prefix></CommonPrefixes>"
        );
    }
    if let Some(next) = next {
        let _ = write!(
            xml,
            "<NextContinuationToken>{}</NextContinuationToken>",
            escape(next)
        );
    }
    xml + "</ListBucketResult>"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
