//! Requests of single objects and listings, over the store in memory.

use super::{Bucket, Call, text, xml};
use anyhow::{Context, Result};
use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use futures::TryStreamExt;
use object_store::{
    CopyMode, CopyOptions, Error, Extensions, GetOptions, GetRange, ListResult, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, UpdateVersion, path::Path,
};

/// Objects on one page of a listing: small, so that tests meet several pages.
const PAGE: usize = 100;

impl Bucket {
    pub(super) async fn put(&self, key: &Path, call: Call) -> Result<Response> {
        let mode = mode(&call.headers)?;
        match self
            .objects
            .put_opts(key, call.body.into(), mode.into())
            .await
        {
            Ok(put) => Ok(head(StatusCode::OK, &put.e_tag.unwrap_or_default(), 0)),
            Err(error) => failed(error),
        }
    }

    pub(super) async fn get(&self, key: &Path, call: &Call) -> Result<Response> {
        let value = |name| call.headers.get(name).and_then(|value| value.to_str().ok());
        let options = GetOptions {
            if_match: value(header::IF_MATCH).map(str::to_owned),
            if_none_match: value(header::IF_NONE_MATCH).map(str::to_owned),
            range: value(header::RANGE).and_then(range),
            ..GetOptions::default()
        };
        let partial = options.range.is_some();
        let found = match self.objects.get_opts(key, options).await {
            Ok(found) => found,
            Err(Error::Generic { .. }) if partial => {
                return Ok(text(StatusCode::RANGE_NOT_SATISFIABLE, ""));
            }
            Err(error) => return failed(error),
        };
        let (meta, range) = (found.meta.clone(), found.range.clone());
        let status = if partial {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let mut response = described(status, &meta);
        if partial {
            let value = format!("bytes {}-{}/{}", range.start, range.end - 1, meta.size);
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, value.parse()?);
        }
        let length = range.end - range.start;
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
        if call.method != Method::HEAD {
            *response.body_mut() = Body::from(found.bytes().await?);
        }
        Ok(response)
    }

    pub(super) async fn delete(&self, key: &Path) -> Result<Response> {
        // The store in memory does not tell a missing object from a deleted one.
        match self.objects.head(key).await {
            Ok(_) => self.objects.delete(key).await?,
            Err(error) => return failed(error),
        }
        Ok(text(StatusCode::NO_CONTENT, ""))
    }

    pub(super) async fn copy(&self, key: &Path, call: &Call) -> Result<Response> {
        let source = call
            .headers
            .get("x-goog-copy-source")
            .context("no source")?
            .to_str()?;
        let (_, from) = source.split_once('/').context("source without a bucket")?;
        let mode = match mode(&call.headers)? {
            PutMode::Create => CopyMode::Create,
            _ => CopyMode::Overwrite,
        };
        let options = CopyOptions::new().with_mode(mode);
        match self
            .objects
            .copy_opts(&Path::from_url_path(from)?, key, options)
            .await
        {
            Ok(()) => Ok(text(
                StatusCode::OK,
                "<CopyObjectResult></CopyObjectResult>",
            )),
            Err(error) => failed(error),
        }
    }

    pub(super) async fn complete(&self, id: &str, key: &Path) -> Result<Response> {
        let Some(pieces) = self.uploads.lock().remove(id) else {
            return Ok(text(StatusCode::NOT_FOUND, ""));
        };
        let body: object_store::PutPayload = pieces.into_values().collect();
        let put = self.objects.put(key, body).await?;
        Ok(text(
            StatusCode::OK,
            xml::completed(&put.e_tag.unwrap_or_default()),
        ))
    }

    pub(super) async fn list(&self, call: &Call) -> Result<Response> {
        let value = |name| {
            call.query
                .get(name)
                .map(String::as_str)
                .filter(|v| !v.is_empty())
        };
        let prefix = value("prefix").map(|prefix| Path::parse(prefix.trim_end_matches('/')));
        let prefix = prefix.transpose()?;
        let mut listed = if value("delimiter").is_some() {
            self.objects.list_with_delimiter(prefix.as_ref()).await?
        } else {
            let objects = self.objects.list(prefix.as_ref()).try_collect().await?;
            ListResult {
                objects,
                common_prefixes: Vec::new(),
                extensions: Extensions::default(),
            }
        };
        let after = value("continuation-token")
            .or(value("start-after"))
            .unwrap_or_default();
        listed
            .objects
            .retain(|object| object.location.as_ref() > after);
        let more = listed.objects.len() > PAGE;
        listed.objects.truncate(PAGE);
        let last = listed
            .objects
            .last()
            .map(|object| object.location.to_string());
        Ok(text(
            StatusCode::OK,
            xml::page(&listed, last.as_deref().filter(|_| more)),
        ))
    }
}

/// Generations count from 1, the quoted tags of the store in memory from 0.
fn generation(tag: &str) -> u64 {
    tag.trim_matches('"').parse::<u64>().map_or(1, |n| n + 1)
}

fn mode(headers: &HeaderMap) -> Result<PutMode> {
    let Some(wanted) = headers.get("x-goog-if-generation-match") else {
        return Ok(PutMode::Overwrite);
    };
    let wanted: u64 = wanted.to_str()?.parse()?;
    let Some(tag) = wanted.checked_sub(1) else {
        return Ok(PutMode::Create);
    };
    Ok(PutMode::Update(UpdateVersion {
        e_tag: Some(tag.to_string()),
        version: None,
    }))
}

/// The range that a header asks for: `bytes=1-2`, `bytes=1-` or `bytes=-2`.
fn range(header: &str) -> Option<GetRange> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => Some(GetRange::Bounded(first..last.checked_add(1)?)),
        (Ok(first), Err(_)) => Some(GetRange::Offset(first)),
        (Err(_), Ok(length)) => Some(GetRange::Suffix(length)),
        _ => None,
    }
}

/// An answer without a body about the object with this tag.
pub(super) fn head(status: StatusCode, tag: &str, length: u64) -> Response {
    let mut response = text(status, "");
    let headers = response.headers_mut();
    if let Ok(tag) = tag.parse() {
        headers.insert(header::ETAG, tag);
    }
    headers.insert("x-goog-generation", generation(tag).into());
    headers.insert(header::CONTENT_LENGTH, length.into());
    response
}

fn described(status: StatusCode, meta: &ObjectMeta) -> Response {
    let mut response = head(status, meta.e_tag.as_deref().unwrap_or_default(), meta.size);
    if let Ok(time) = meta.last_modified.to_rfc2822().parse() {
        response.headers_mut().insert(header::LAST_MODIFIED, time);
    }
    response
}

fn failed(error: Error) -> Result<Response> {
    let status = match &error {
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => StatusCode::PRECONDITION_FAILED,
        Error::NotModified { .. } => StatusCode::NOT_MODIFIED,
        _ => return Err(error.into()),
    };
    Ok(text(status, ""))
}
