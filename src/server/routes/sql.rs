//! `POST /v2/sql`.

use super::write::{ARROW, with_token};
use crate::server::{
    body::HeldBody,
    commit::{Commit, Committed},
    decode::{Fault, Freshness},
    engine::ReadOptions,
    engine_error::{EngineError, EngineErrorKind},
    error::ApiError,
    gate::Caller,
    headers::{RequestHeaders, forwarded_headers},
    keys::Access,
    peers::Original,
    request::Arrived,
    state::{Server, Shared},
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use axum::{
    Extension,
    extract::{Request, State},
    http::{
        header::{ACCEPT, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use isobath_sql::{
    JsonRows, Outcome, Parameter, RowStream, Scope, Session, SqlEngine, SqlError, SqlErrorKind,
    Statement, sql_type,
};
use isobath_storage::model::{IdempotencyKey, Namespace, Token};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 128 << 20;
/// The most parameters, and values in one of them together.
const MAX_PARAMETERS: usize = 100_000;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlBody {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
    token: Option<String>,
    timeout_ms: Option<u64>,
    /// What `SET` would say, for this statement.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// `POST /v2/sql`.
pub(crate) async fn run(
    State(server): State<Shared>,
    Extension(arrived): Extension<Arrived>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let accepted = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    let wants_arrow = accepted.is_some_and(|accepted| accepted.contains(ARROW));
    let engine = engine(&server)?;
    let (parts, body) = request.into_parts();
    let headers = RequestHeaders::read(&parts.headers)?;
    let body = HeldBody::read(&server, &parts.headers, body).await?;
    let bytes = body.bytes.clone();
    let read = move || serde_json::from_slice::<SqlBody>(&bytes).map_err(|e| Fault::of_json(&e));
    let asked = server.decode(body.bytes.len(), read).await?;
    let key = headers.key.unwrap_or_else(|| server.new_key());
    let original = (!headers.forwarded).then(|| original(&parts, &body, key));
    let left = server.time_left(arrived.0);
    let token = asked.token.as_deref().map(str::parse::<Token>).transpose();
    let token = token.map_err(|e| Fault::stale(e.to_string()).under("token"))?;
    let freshness = Freshness {
        token,
        ..Freshness::default()
    };
    let time = asked.timeout_ms.map_or(left, Duration::from_millis);
    let ask = Ask {
        server: &server,
        engine,
        arrived,
        scope: scope(&caller),
        statement: one_statement(&asked.sql)?,
        parameters: asked
            .params
            .iter()
            .map(parameter)
            .collect::<Result<_, _>>()?,
        settings: asked.settings,
        options: headers.read_options(freshness, left)?,
        timeout: time.min(left),
        key,
        wants_arrow,
    };
    if ask.statement.is_read() {
        return ask.run().await;
    }
    let target = ask
        .statement
        .target()
        .and_then(|name| name.parse::<Namespace>().ok());
    // what names no namespace is refused wherever it is carried out
    let namespace = target.unwrap_or_else(Namespace::of_keys);
    let commit = Commit {
        server: &server,
        namespace: &namespace,
        original: original.as_ref(),
    };
    let attempt = || -> BoxFuture<'_, _> { Box::pin(ask.run()) };
    Ok(match commit.run(attempt).await? {
        Committed::Here(response) | Committed::There(response) => response,
    })
}

/// The request as the owner of the log gets it.
fn original(parts: &Parts, body: &HeldBody, key: IdempotencyKey) -> Original {
    let target = parts.uri.path_and_query();
    Original {
        target: target.map_or_else(String::new, ToString::to_string),
        headers: forwarded_headers(&parts.headers, key),
        body: body.bytes.clone(),
        method: parts.method.clone(),
    }
}

/// A statement with all that it is to be carried out with.
struct Ask<'a> {
    server: &'a Server,
    engine: Arc<SqlEngine>,
    arrived: Arrived,
    scope: Scope,
    statement: Statement,
    parameters: Vec<Parameter>,
    settings: BTreeMap<String, String>,
    options: ReadOptions,
    timeout: Duration,
    key: IdempotencyKey,
    wants_arrow: bool,
}

impl Ask<'_> {
    async fn run(&self) -> Result<Response, ApiError> {
        let mut session = self.engine.session(self.scope.clone());
        session
            .settings
            .freshness
            .token
            .clone_from(&self.options.min_token);
        session.settings.freshness.wait = self.options.wait;
        session.settings.timeout = Some(self.timeout);
        for (name, value) in &self.settings {
            let set = session.settings.set(name, Some(value));
            set.map_err(api_error)?;
        }
        session.key = Some(self.key);
        let start = self.server.clock.monotonic();
        let outcome = session.run(&self.statement, &self.parameters).await;
        let answer = Answer {
            server: self.server,
            arrived: self.arrived,
            start,
        };
        let response = match outcome.map_err(api_error)? {
            Outcome::Rows(rows) if self.wants_arrow => answer.arrow(rows).await?,
            Outcome::Rows(rows) => answer.json(rows, &session).await?,
            Outcome::Done(name, rows) => answer.done(name, rows, &session),
        };
        self.server.note_other(None, "sql", self.arrived.0, None);
        Ok(match &session.token {
            Some(token) => with_token(response, token),
            None => response,
        })
    }
}

fn engine(server: &Server) -> Result<Arc<SqlEngine>, ApiError> {
    let engine = server.sql.as_ref().map(Arc::clone);
    engine.ok_or_else(|| ApiError::unavailable("this server runs no SQL"))
}

fn scope(caller: &Caller) -> Scope {
    Scope {
        prefix: caller.prefix().to_owned(),
        writes: caller.may(Access::Write, caller.prefix()).is_ok(),
        api_key: caller.key_id(),
    }
}

fn one_statement(text: &str) -> Result<Statement, ApiError> {
    let mut read = Statement::parse(text).map_err(api_error)?;
    match (read.pop(), read.is_empty()) {
        (Some(statement), true) if statement.is_of_session() => {
            Err(Fault::not_yet("a statement about a session")
                .under("sql")
                .into())
        }
        (Some(statement), true) => Ok(statement),
        _ => Err(Fault::invalid("expected one statement").under("sql").into()),
    }
}

fn parameter(value: &Value) -> Result<Parameter, Fault> {
    Ok(match value {
        Value::Null => Parameter::Null,
        Value::Bool(b) => Parameter::Bool(*b),
        Value::Number(number) => Parameter::Number(number.to_string()),
        Value::String(text) => Parameter::Text(text.clone()),
        Value::Array(items) if items.len() > MAX_PARAMETERS => {
            return Err(Fault::too_large("an array is too long").under("params"));
        }
        Value::Array(items) => {
            Parameter::Array(items.iter().map(parameter).collect::<Result<_, _>>()?)
        }
        Value::Object(_) => {
            let text = "expected null, true, false, a number, text or an array";
            return Err(Fault::invalid(text).under("params"));
        }
    })
}

/// How an answer is written.
struct Answer<'a> {
    server: &'a Server,
    arrived: Arrived,
    start: Duration,
}

impl Answer<'_> {
    async fn json(&self, mut rows: RowStream, session: &Session) -> Result<Response, ApiError> {
        let fields = rows.schema.fields().iter();
        let columns: Vec<Value> = fields
            .map(|field| json!({"name": field.name(), "type": sql_type(field)}))
            .collect();
        let mut written = JsonRows::new(MAX_ANSWER);
        while let Some(batch) = rows.next().await {
            written
                .push(&batch.map_err(api_error)?)
                .map_err(api_error)?;
        }
        let mut body = self.body(session);
        body["columns"] = Value::from(columns);
        let written = RawValue::from_string(written.finish());
        let written = written.map_err(|error| internal(&error))?;
        Ok(axum::response::Json(WithRows {
            rest: body,
            rows: &written,
        })
        .into_response())
    }

    async fn arrow(&self, mut rows: RowStream) -> Result<Response, ApiError> {
        let fault = |error: ArrowError| ApiError::from(Fault::invalid(error.to_string()));
        let schema: &Schema = &rows.schema;
        let mut writer = StreamWriter::try_new(vec![], schema).map_err(fault)?;
        while let Some(batch) = rows.next().await {
            writer.write(&batch.map_err(api_error)?).map_err(fault)?;
            if writer.get_ref().len() > MAX_ANSWER {
                let text = "the answer is too large: ask for fewer rows or columns at a time";
                return Err(Fault::invalid(text).into());
            }
        }
        writer.finish().map_err(fault)?;
        let bytes = writer.into_inner().map_err(fault)?;
        Ok(([(CONTENT_TYPE, ARROW)], bytes).into_response())
    }

    fn done(&self, name: &str, rows: Option<u64>, session: &Session) -> Response {
        let mut body = self.body(session);
        body["status"] = Value::from("OK");
        body["command"] = Value::from(name);
        body["columns"] = json!([]);
        body["rows"] = json!([]);
        if let Some(rows) = rows {
            body["rows_affected"] = Value::from(rows);
        }
        axum::response::Json(body).into_response()
    }

    fn body(&self, session: &Session) -> Value {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "performance": {
                "server_total_ms": millis(self.server.since(self.arrived.0)),
                "query_execution_ms": millis(self.server.since(self.start)),
            },
            "token": session.token.as_ref().map(ToString::to_string),
        })
    }
}

#[derive(serde::Serialize)]
struct WithRows<'a> {
    #[serde(flatten)]
    rest: Value,
    rows: &'a RawValue,
}

fn internal(error: &dyn std::error::Error) -> ApiError {
    EngineError::new(EngineErrorKind::Internal, error.to_string()).into()
}

/// What a client is told of a statement that was not carried out.
fn api_error(error: SqlError) -> ApiError {
    use SqlErrorKind as Kind;
    let kind = match error.kind {
        Kind::Invalid | Kind::Unsupported | Kind::Memory | Kind::Aborted => {
            EngineErrorKind::Invalid
        }
        Kind::NotFound => EngineErrorKind::NotFound,
        Kind::Exists | Kind::Conflict => EngineErrorKind::Conflict,
        Kind::Forbidden => EngineErrorKind::Forbidden,
        Kind::Stale => EngineErrorKind::Precondition,
        Kind::Timeout | Kind::Cancelled => EngineErrorKind::Deadline,
        Kind::Overloaded => EngineErrorKind::Overloaded,
        Kind::Unavailable => EngineErrorKind::Unavailable,
        Kind::NotOwner => EngineErrorKind::NotOwner { address: None },
        Kind::UnknownOutcome => EngineErrorKind::UnknownOutcome { repeatable: false },
        Kind::Internal => EngineErrorKind::Internal,
    };
    EngineError::new(kind, error.message).into()
}
