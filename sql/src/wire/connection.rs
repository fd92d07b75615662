//! [`Connection`]: one client's session, message by message.

use super::{
    answer::{Answers, ResultColumn, TransactionState},
    message::{Request, broken, read_body, read_head},
    server::{Cancel, WireServer},
    types::{self, oid},
    values,
};
use crate::{Opened, Outcome, Parameter, RowStream, Session, SqlError, SqlErrorKind, Statement};
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use bytes::Bytes;
use std::{collections::HashMap, io, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The most statements and portals that a connection may keep.
const MAX_KEPT: usize = 1_000;
/// Requests that are read ahead while a statement runs.
const AHEAD: usize = 1;
/// Messages of so many bytes wait for room before they are read.
const LONG: usize = 256 * 1024;

/// A request, and the room that it takes until it is carried out.
type Incoming = (Request, Option<OwnedSemaphorePermit>);

/// A prepared statement; `None` where its text was empty.
#[derive(Debug, Clone)]
struct Prepared {
    statement: Option<Statement>,
    /// The types of its parameters, as the client gave them or was told.
    types: Vec<u32>,
}

/// A statement with its values.
#[derive(Debug)]
struct Portal {
    statement: Option<Statement>,
    parameters: Vec<Parameter>,
    formats: Vec<i16>,
    state: PortalState,
}

#[derive(Debug)]
enum PortalState {
    New,
    /// Planned, because the client asked for its columns.
    Open(Box<Opened>),
    /// Some rows were sent.
    Running(Box<Running>),
    Done,
}

/// Rows on their way to the client.
#[derive(Debug)]
struct Running {
    columns: Vec<ResultColumn>,
    rows: RowStream,
    /// The batch that is being sent, and the next row of it.
    batch: Option<(RecordBatch, usize)>,
    sent: u64,
}

impl Running {
    /// Whether rows are left of the batch that is being sent.
    fn has_rows(&self) -> bool {
        let left = self.batch.as_ref();
        left.is_some_and(|(batch, next)| *next < batch.num_rows())
    }

    /// Writes the next row of the batch that is being sent; whether there was one.
    fn write(&mut self, answers: &mut Answers) -> Result<bool, SqlError> {
        let Some((batch, next)) = &mut self.batch else {
            return Ok(false);
        };
        if *next >= batch.num_rows() {
            return Ok(false);
        }
        write_row(answers, &self.columns, batch, *next)?;
        *next += 1;
        self.sent += 1;
        Ok(true)
    }
}

/// One client's session.
pub(super) struct Connection<S> {
    server: Arc<WireServer>,
    writer: WriteHalf<S>,
    requests: mpsc::Receiver<io::Result<Incoming>>,
    _reader: AbortOnDropHandle<()>,
    /// The client has left.
    gone: CancellationToken,
    cancel: Cancel,
    /// The request that is being carried out is to be stopped.
    stopped: CancellationToken,
    answers: Answers,
    session: Session,
    prepared: HashMap<String, Prepared>,
    portals: HashMap<String, Portal>,
    /// After an error, requests are passed over up to the next sync.
    skipping: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Connection<S> {
    pub(super) fn new(
        server: Arc<WireServer>,
        (reader, writer): (ReadHalf<S>, WriteHalf<S>),
        session: Session,
        cancel: Cancel,
    ) -> Self {
        let (sender, requests) = mpsc::channel(AHEAD);
        let gone = CancellationToken::new();
        let room = (server.max_message, Arc::clone(&server.long));
        let reading = read_all(reader, sender, gone.clone(), room);
        let reader = AbortOnDropHandle::new(tokio::spawn(reading));
        Self {
            server,
            writer,
            requests,
            _reader: reader,
            gone,
            stopped: cancel.begin(),
            cancel,
            answers: Answers::default(),
            session,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            skipping: false,
        }
    }

    /// Serves requests until the client leaves or the server stops.
    pub(super) async fn serve(mut self) -> io::Result<()> {
        self.answers.ready(TransactionState::Idle);
        self.answers.send(&mut self.writer).await?;
        let stop = self.server.stop.clone();
        loop {
            let request = tokio::select! {
                request = self.requests.recv() => request,
                () = stop.cancelled() => {
                    let said = "the server is shutting down";
                    let error = SqlError::new(SqlErrorKind::Unavailable, said).with_code("57P01");
                    self.answers.error(&error, true);
                    return self.answers.send(&mut self.writer).await;
                }
            };
            match request.transpose()? {
                None | Some((Request::Terminate, _)) => return Ok(()),
                Some((request, _room)) => Box::pin(self.request(request)).await?,
            }
        }
    }

    async fn request(&mut self, request: Request) -> io::Result<()> {
        self.stopped = self.cancel.begin();
        match request {
            Request::Sync => {
                self.skipping = false;
                self.drop_portals();
                self.ready();
                self.answers.send(&mut self.writer).await
            }
            Request::Query(text) => {
                self.skipping = false;
                if let Err(error) = Box::pin(self.query(&text)).await {
                    self.failed(&error?);
                }
                self.ready();
                self.answers.send(&mut self.writer).await
            }
            Request::Flush => self.answers.send(&mut self.writer).await,
            _ if self.skipping => Ok(()),
            request => {
                if let Err(error) = Box::pin(self.extended(request)).await {
                    self.failed(&error?);
                    self.skipping = true;
                }
                if self.answers.is_full() {
                    self.answers.send(&mut self.writer).await?;
                }
                Ok(())
            }
        }
    }

    fn ready(&mut self) {
        let state = self.session.transaction_state();
        self.answers.ready(state);
    }

    fn failed(&mut self, error: &SqlError) {
        self.session.fail();
        self.answers.error(error, false);
    }

    /// Portals end with their transaction.
    fn drop_portals(&mut self) {
        if self.session.transaction_state() == TransactionState::Idle {
            self.portals.clear();
        }
    }

    /// Carries out the statements of a text, one after the other.
    async fn query(&mut self, text: &str) -> Result<(), io::Result<SqlError>> {
        let statements = Statement::parse(text).map_err(Ok)?;
        if statements.is_empty() {
            self.answers.empty();
            return Ok(());
        }
        self.session.begin_together(&statements);
        for statement in statements {
            let opened = Box::pin(self.open(&statement, &[])).await.map_err(Ok)?;
            if let Some(schema) = opened.schema() {
                let columns = columns(&schema, &[]).map_err(Ok)?;
                self.answers.columns(&columns);
            }
            let mut state = PortalState::Open(Box::new(opened));
            Box::pin(self.execute(&mut state, &[], 0)).await?;
        }
        self.session.end_together().await.map_err(Ok)
    }

    async fn extended(&mut self, request: Request) -> Result<(), io::Result<SqlError>> {
        match request {
            Request::Parse { name, text, types } => self.parse(name, &text, types).map_err(Ok)?,
            Request::Bind {
                portal,
                statement,
                formats,
                values,
                results,
            } => {
                let bound = self
                    .bind(&statement, &formats, values, results)
                    .map_err(Ok)?;
                if self.portals.len() >= MAX_KEPT && !self.portals.contains_key(&portal) {
                    return Err(Ok(too_many("portals")));
                }
                self.portals.insert(portal, bound);
                self.answers.bound();
            }
            Request::DescribeStatement(name) => Box::pin(self.describe(&name)).await.map_err(Ok)?,
            Request::DescribePortal(name) => {
                Box::pin(self.describe_portal(&name)).await.map_err(Ok)?;
            }
            Request::Execute { portal, most } => {
                let Some(mut found) = self.portals.remove(&portal) else {
                    return Err(Ok(missing("portal", &portal)));
                };
                Box::pin(self.execute_portal(&mut found, most)).await?;
                self.portals.insert(portal, found);
            }
            Request::CloseStatement(name) => {
                self.prepared.remove(&name);
                self.answers.closed();
            }
            Request::ClosePortal(name) => {
                self.portals.remove(&name);
                self.answers.closed();
            }
            Request::Copy => return Err(Ok(SqlError::unsupported("COPY"))),
            _ => return Err(Err(broken("a message that does not belong here"))),
        }
        Ok(())
    }

    fn parse(&mut self, name: String, text: &str, types: Vec<u32>) -> Result<(), SqlError> {
        let mut read = Statement::parse(text)?;
        let statement = read.pop();
        if !read.is_empty() {
            let said = "cannot insert multiple commands into a prepared statement";
            return Err(SqlError::invalid(said).with_code("42601"));
        }
        if !name.is_empty() && self.prepared.contains_key(&name) {
            let said = format!("prepared statement {name:?} already exists");
            return Err(SqlError::invalid(said).with_code("42P05"));
        }
        if self.prepared.len() >= MAX_KEPT {
            return Err(too_many("prepared statements"));
        }
        self.prepared.insert(name, Prepared { statement, types });
        self.answers.parsed();
        Ok(())
    }

    fn bind(
        &self,
        name: &str,
        formats: &[i16],
        values: Vec<Option<Bytes>>,
        results: Vec<i16>,
    ) -> Result<Portal, SqlError> {
        let prepared = self
            .prepared
            .get(name)
            .ok_or_else(|| missing("statement", name))?;
        let wanted = prepared
            .statement
            .as_ref()
            .map_or(0, |statement| statement.parameters);
        if values.len() != wanted {
            let said = format!("{} values for {wanted} parameters", values.len());
            return Err(SqlError::invalid(said).with_code("08P01"));
        }
        let value = |(at, value): (usize, Option<Bytes>)| {
            let ty = prepared.types.get(at).copied().unwrap_or(0);
            values::parameter(ty, format_at(formats, at), value)
        };
        Ok(Portal {
            statement: prepared.statement.clone(),
            parameters: values
                .into_iter()
                .enumerate()
                .map(value)
                .collect::<Result<_, _>>()?,
            formats: results,
            state: PortalState::New,
        })
    }

    async fn describe(&mut self, name: &str) -> Result<(), SqlError> {
        let prepared = self
            .prepared
            .get(name)
            .ok_or_else(|| missing("statement", name))?;
        let Some(statement) = prepared.statement.clone() else {
            self.answers.parameter_types(&[]);
            self.answers.no_columns();
            return Ok(());
        };
        let given = prepared.types.clone();
        let described = tokio::select! {
            described = self.session.describe(&statement) => described?,
            () = self.stopped.cancelled() => return Err(cancelled()),
            () = self.gone.cancelled() => return Err(cancelled()),
        };
        let ty = |at: usize| match (given.get(at).copied(), described.parameters.get(at)) {
            (Some(given), _) if given != 0 => given,
            (_, Some(Some(field))) => types::oid_of(field),
            _ => oid::TEXT,
        };
        let types: Vec<u32> = (0..statement.parameters).map(ty).collect();
        self.answers.parameter_types(&types);
        match &described.schema {
            Some(schema) => self.answers.columns(&columns(schema, &[])?),
            None => self.answers.no_columns(),
        }
        if let Some(prepared) = self.prepared.get_mut(name) {
            prepared.types = types;
        }
        Ok(())
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), SqlError> {
        let Some(mut portal) = self.portals.remove(name) else {
            return Err(missing("portal", name));
        };
        if let (PortalState::New, Some(statement)) = (&portal.state, &portal.statement) {
            let opened = Box::pin(self.open(statement, &portal.parameters)).await?;
            portal.state = PortalState::Open(Box::new(opened));
        }
        match &portal.state {
            PortalState::Open(opened) => match opened.schema() {
                Some(schema) => self.answers.columns(&columns(&schema, &portal.formats)?),
                None => self.answers.no_columns(),
            },
            PortalState::Running(running) => self.answers.columns(&running.columns),
            _ => self.answers.no_columns(),
        }
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    async fn execute_portal(
        &mut self,
        portal: &mut Portal,
        most: usize,
    ) -> Result<(), io::Result<SqlError>> {
        let Some(statement) = &portal.statement else {
            self.answers.empty();
            return Ok(());
        };
        if matches!(portal.state, PortalState::New) {
            let opened = Box::pin(self.open(statement, &portal.parameters))
                .await
                .map_err(Ok)?;
            portal.state = PortalState::Open(Box::new(opened));
        }
        let formats = std::mem::take(&mut portal.formats);
        let done = Box::pin(self.execute(&mut portal.state, &formats, most)).await;
        portal.formats = formats;
        done
    }

    /// Plans a statement; gives up where the client leaves or asks for it.
    async fn open(
        &mut self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<Opened, SqlError> {
        tokio::select! {
            opened = self.session.open(statement, parameters) => opened,
            () = self.stopped.cancelled() => Err(cancelled()),
            () = self.gone.cancelled() => Err(cancelled()),
        }
    }

    /// Runs what was planned, and sends at most `most` rows; 0 = all.
    async fn execute(
        &mut self,
        state: &mut PortalState,
        formats: &[i16],
        most: usize,
    ) -> Result<(), io::Result<SqlError>> {
        match std::mem::replace(state, PortalState::Done) {
            PortalState::Open(opened) => {
                let outcome = tokio::select! {
                    outcome = self.session.start(*opened) => outcome,
                    () = self.stopped.cancelled() => Err(cancelled()),
                    () = self.gone.cancelled() => Err(cancelled()),
                };
                match outcome.map_err(Ok)? {
                    Outcome::Done(name, rows) => self.answers.complete(&tag(name, rows)),
                    Outcome::Rows(rows) => {
                        *state = PortalState::Running(Box::new(Running {
                            columns: columns(&rows.schema, formats).map_err(Ok)?,
                            rows,
                            batch: None,
                            sent: 0,
                        }));
                        self.send_rows(state, most).await?;
                    }
                }
            }
            running @ PortalState::Running(_) => {
                *state = running;
                self.send_rows(state, most).await?;
            }
            PortalState::Done | PortalState::New => self.answers.complete("SELECT 0"),
        }
        Ok(())
    }

    async fn send_rows(
        &mut self,
        state: &mut PortalState,
        most: usize,
    ) -> Result<(), io::Result<SqlError>> {
        let PortalState::Running(running) = state else {
            return Ok(());
        };
        let mut left = if most == 0 { usize::MAX } else { most };
        loop {
            while left > 0 && running.write(&mut self.answers).map_err(Ok)? {
                left -= 1;
                if self.answers.is_full() {
                    self.answers.send(&mut self.writer).await.map_err(Err)?;
                }
            }
            if running.has_rows() {
                self.answers.suspended();
                return Ok(());
            }
            let next = tokio::select! {
                next = running.rows.next() => next,
                () = self.stopped.cancelled() => return Err(Ok(cancelled())),
                () = self.gone.cancelled() => return Err(Ok(cancelled())),
            };
            match next.transpose().map_err(Ok)? {
                Some(batch) => running.batch = Some((batch, 0)),
                None => break,
            }
        }
        self.answers.complete(&format!("SELECT {}", running.sent));
        *state = PortalState::Done;
        Ok(())
    }
}

/// Reads requests until the client leaves. Messages have at most `most` bytes; long ones wait for room.
async fn read_all<S: AsyncRead>(
    mut reader: ReadHalf<S>,
    sender: mpsc::Sender<io::Result<Incoming>>,
    gone: CancellationToken,
    (most, room): (usize, Arc<Semaphore>),
) {
    let _gone = gone.drop_guard();
    loop {
        let request = read_one(&mut reader, most, &room).await;
        let ends = !matches!(request, Ok(Some(_)));
        let Some(request) = request.transpose() else {
            return;
        };
        if sender.send(request).await.is_err() || ends {
            return;
        }
    }
}

async fn read_one<S: AsyncRead>(
    reader: &mut ReadHalf<S>,
    most: usize,
    room: &Arc<Semaphore>,
) -> io::Result<Option<Incoming>> {
    let Some(head) = read_head(reader, most).await? else {
        return Ok(None);
    };
    let room = if head.length < LONG {
        None
    } else {
        Arc::clone(room).acquire_owned().await.ok()
    };
    let request = read_body(reader, head).await?;
    Ok(request.map(|request| (request, room)))
}

fn write_row(
    answers: &mut Answers,
    columns: &[ResultColumn],
    batch: &RecordBatch,
    row: usize,
) -> Result<(), SqlError> {
    answers.row(columns.len(), |at, out| {
        let (Some(column), Some(array)) = (columns.get(at), batch.columns().get(at)) else {
            return Ok(false);
        };
        types::write_value(out, array, row, (column.oid, column.format))
    })
}

fn columns(schema: &Schema, formats: &[i16]) -> Result<Vec<ResultColumn>, SqlError> {
    let column = |(at, field): (usize, &Arc<arrow_schema::Field>)| {
        let oid = types::oid_of(field);
        let format = format_at(formats, at);
        if format == 1 && !types::has_binary(oid) {
            let feature = format!("the binary form of column {:?}", field.name());
            return Err(SqlError::unsupported(feature));
        }
        Ok(ResultColumn {
            name: field.name().clone(),
            oid,
            size: types::size_of_type(oid),
            format,
            modifier: types::modifier_of(field),
        })
    };
    schema.fields().iter().enumerate().map(column).collect()
}

/// The format of the value with number `at`: one for all, or each its own.
fn format_at(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [all] => *all,
        each => each.get(at).copied().unwrap_or(0),
    }
}

fn tag(name: &str, rows: Option<u64>) -> String {
    match (name, rows) {
        ("INSERT", rows) => format!("INSERT 0 {}", rows.unwrap_or(0)),
        (name, Some(rows)) => format!("{name} {rows}"),
        (name, None) => name.to_owned(),
    }
}

fn cancelled() -> SqlError {
    SqlError::new(
        SqlErrorKind::Cancelled,
        "canceling statement due to user request",
    )
}

fn missing(kind: &str, name: &str) -> SqlError {
    let code = if kind == "portal" { "34000" } else { "26000" };
    SqlError::invalid(format!("{kind} {name:?} does not exist")).with_code(code)
}

fn too_many(what: &str) -> SqlError {
    SqlError::invalid(format!("a connection keeps at most {MAX_KEPT} {what}")).with_code("54000")
}
