//! Queries and recall.

use super::write::{ARROW, with_token};
use crate::server::{
    body::HeldBody,
    decode::{DecodedQuery, Fault, decode_explain, decode_query, decode_recall},
    encode::{AnswerJson, RecalledJson, Timing, arrow_stream},
    engine::{OnStale, QueryCommand, ReadOptions},
    error::ApiError,
    headers::{RequestHeaders, remote_headers},
    peers::{Original, Sent},
    regions::send,
    request::{Arrived, NamespacePath},
    slow::Times,
    state::{Server, Shared},
};
use axum::{
    Extension,
    extract::{Request, State},
    http::header::{ACCEPT, CONTENT_TYPE},
    response::{IntoResponse, Json, Response},
};
use isobath_query::search::RankBy;
use isobath_storage::model::{Namespace, Schema, Token};
use serde_json::json;

/// `POST /v2/namespaces/{namespace}/query`.
pub(crate) async fn query(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let accepted = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let wants_arrow = accepted.is_some_and(|accepted| accepted.contains(ARROW));
    let answered = answer_query(&server, &namespace, arrived, request, wants_arrow).await;
    if let Err(fault) = &answered {
        server.note_other(Some(&namespace), "query", arrived.0, Some(fault));
    }
    answered
}

/// The answer to a query, in Arrow if that is wanted, else in JSON.
async fn answer_query(
    server: &Server,
    namespace: &Namespace,
    arrived: Arrived,
    request: Request,
    wants_arrow: bool,
) -> Result<Response, ApiError> {
    let (asked, options, original) = read(server, arrived, request, decode_query).await?;
    let remote = (options.on_stale == OnStale::Remote).then(|| options.min_token.clone());
    let command = QueryCommand {
        queries: asked.asked.iter().map(|one| one.query.clone()).collect(),
        fusion: asked.fusion.clone(),
    };
    let start = server.clock.monotonic();
    let queried = server.engine.query(namespace, command, options).await;
    let queried = match queried.map_err(ApiError::from) {
        Err(stale) if stale.is_stale() => {
            let token = remote.flatten();
            return elsewhere(server, token, &original).await.ok_or(stale);
        }
        queried => queried?,
    };
    check_metrics(&asked, &queried.schema)?;
    let answered = server.clock.monotonic();
    let timing = Timing {
        total: answered.saturating_sub(arrived.0),
        execution: answered.saturating_sub(start),
    };
    let response = if wants_arrow {
        ([(CONTENT_TYPE, ARROW)], arrow_stream(&asked, &queried)?).into_response()
    } else {
        Json(AnswerJson::new(&asked, &queried, timing)).into_response()
    };
    let times = Times {
        arrived: arrived.0,
        decoded: start,
        answered,
    };
    server.note_query(namespace, &asked, &queried, times);
    Ok(with_token(response, &queried.token))
}

/// The answer of another region that holds what the token says; none where none can be asked.
async fn elsewhere(server: &Server, token: Option<Token>, original: &Original) -> Option<Response> {
    let place = server.engine.holder(&token?)?;
    match send(server, &place, original).await {
        Sent::Answered(response) => Some(response),
        _ => None,
    }
}

/// Reads the body of a query by `decode`; with the request as another region would get it.
async fn read(
    server: &Server,
    arrived: Arrived,
    request: Request,
    decode: fn(&[u8]) -> Result<DecodedQuery, Fault>,
) -> Result<(DecodedQuery, ReadOptions, Original), ApiError> {
    let (parts, body) = request.into_parts();
    let headers = RequestHeaders::read(&parts.headers)?;
    let body = HeldBody::read(server, &parts.headers, body).await?;
    let target = parts.uri.path_and_query();
    let original = Original {
        method: parts.method.clone(),
        target: target.map_or_else(String::new, ToString::to_string),
        headers: remote_headers(&parts.headers),
        body: body.bytes.clone(),
    };
    let bytes = body.bytes.clone();
    let mut asked = server.decode(bytes.len(), move || decode(&bytes)).await?;
    drop(body);
    let freshness = std::mem::take(&mut asked.freshness);
    let options = headers.read_options(freshness, server.time_left(arrived.0))?;
    Ok((asked, options, original))
}

/// `POST /v2/namespaces/{namespace}/explain_query`.
pub(crate) async fn explain(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    Extension(arrived): Extension<Arrived>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut asked, options, _) = read(&server, arrived, request, decode_explain).await?;
    let schema = server.engine.schema(&namespace).await?;
    check_metrics(&asked, &schema)?;
    let Some(one) = asked.asked.pop() else {
        return Err(Fault::invalid("no query").into());
    };
    let explained = server
        .engine
        .explain(&namespace, one.query, options)
        .await?;
    let json = json!({"plan_text": explained.plan, "token": explained.token.to_string()});
    Ok(with_token(Json(json).into_response(), &explained.token))
}

/// Refuses a query that takes another distance for granted than its attribute has.
fn check_metrics(asked: &DecodedQuery, schema: &Schema) -> Result<(), Fault> {
    for (at, one) in asked.asked.iter().enumerate() {
        let (RankBy::Ann { attribute, .. } | RankBy::Knn { attribute, .. }) = &one.query.rank_by
        else {
            continue;
        };
        let has = schema
            .get(attribute.as_str())
            .and_then(|config| config.metric);
        if let (Some(wanted), Some(has)) = (one.metric, has.filter(|m| Some(*m) != one.metric)) {
            let text = format!("attribute {attribute} has {has}, not {wanted}");
            let fault = Fault::invalid(text).under("distance_metric");
            return Err(if asked.multi {
                fault.at(at).under("queries")
            } else {
                fault
            });
        }
    }
    Ok(())
}

/// `POST /v1/namespaces/{namespace}/_debug/recall`.
pub(crate) async fn recall(
    State(server): State<Shared>,
    NamespacePath(namespace): NamespacePath,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = HeldBody::read(&server, &parts.headers, body).await?;
    let command = decode_recall(&body.bytes)?;
    let recalled = server.engine.recall(&namespace, command).await?;
    Ok(Json(RecalledJson::new(&recalled)).into_response())
}
