//! [`WireServer`]: what all connections share: who may come in, and how to stop a statement of another.

use super::{
    answer::Answers,
    connection::Connection,
    message::{Request, Startup, read_request, read_startup},
};
use crate::{Scope, SqlEngine, SqlError, SqlErrorKind};
use async_trait::async_trait;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::HashMap,
    fmt::Debug,
    io,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

/// The longest password message, in bytes.
const MAX_PASSWORD: usize = 4_096;
/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many long messages are read at a time, of all connections together.
const LONG_MESSAGES: usize = 8;
/// The version of PostgreSQL whose protocol and catalog this is like.
pub(crate) const SERVER_VERSION: &str = "15.0";

/// Who may come in.
#[async_trait]
pub trait Doorman: Debug + Send + Sync + 'static {
    /// Whether a client of this kind has to name a key; an error where it may not come in at all.
    async fn needs_key(&self, client: ClientKind) -> Result<bool, SqlError>;

    /// What the holder of a key may do.
    async fn admit(&self, key: &[u8]) -> Result<Scope, SqlError>;
}

/// Where a client comes from, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientKind {
    /// From this machine.
    pub local: bool,
    /// By TLS.
    pub encrypted: bool,
}

/// What a client wants after its first message.
#[derive(Debug)]
pub enum Greeting {
    /// TLS; the next bytes are its own where it is granted.
    Tls,
    /// Nothing more: it only asked to stop a statement.
    Over,
    /// A session.
    Begin(Vec<(String, String)>),
}

/// What all connections share.
#[derive(Debug)]
pub struct WireServer {
    engine: Arc<SqlEngine>,
    doorman: Arc<dyn Doorman>,
    /// The longest message, in bytes.
    pub(super) max_message: usize,
    /// Room for long messages.
    pub(super) long: Arc<Semaphore>,
    /// The server stops.
    pub(super) stop: CancellationToken,
    secrets: Mutex<StdRng>,
    next: AtomicI32,
    sessions: Arc<Mutex<HashMap<i32, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    secret: i32,
    running: Arc<Mutex<CancellationToken>>,
}

/// How the statement of one connection is stopped by another.
#[derive(Debug)]
pub(super) struct Cancel {
    process: i32,
    running: Arc<Mutex<CancellationToken>>,
    sessions: Arc<Mutex<HashMap<i32, Entry>>>,
}

impl Cancel {
    /// What says that the statement which begins now is to be stopped.
    pub(super) fn begin(&self) -> CancellationToken {
        let mut running = self.running.lock();
        *running = CancellationToken::new();
        running.clone()
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.process);
    }
}

impl WireServer {
    /// Serves `engine` to whom `doorman` lets in, until `stop`. Messages have at most `max_message` bytes;
    /// secrets grow out of `seed`.
    pub fn new(
        engine: Arc<SqlEngine>,
        doorman: Arc<dyn Doorman>,
        (max_message, seed): (usize, [u8; 32]),
        stop: CancellationToken,
    ) -> Self {
        Self {
            engine,
            doorman,
            max_message,
            long: Arc::new(Semaphore::new(LONG_MESSAGES)),
            stop,
            secrets: Mutex::new(StdRng::from_seed(seed)),
            next: AtomicI32::new(1),
            sessions: Arc::default(),
        }
    }

    /// Reads what a client begins with. `tls` says whether it can be granted.
    pub async fn greet<S>(&self, stream: &mut S, tls: bool) -> io::Result<Greeting>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match read_startup(stream).await? {
                Startup::Ssl if tls => {
                    stream.write_all(b"S").await?;
                    stream.flush().await?;
                    return Ok(Greeting::Tls);
                }
                Startup::Ssl | Startup::Gss => {
                    stream.write_all(b"N").await?;
                    stream.flush().await?;
                }
                Startup::Cancel { process, secret } => {
                    self.cancel(process, secret);
                    return Ok(Greeting::Over);
                }
                Startup::Begin(settings) => return Ok(Greeting::Begin(settings)),
            }
        }
    }

    fn cancel(&self, process: i32, secret: i32) {
        let sessions = self.sessions.lock();
        if let Some(entry) = sessions.get(&process)
            && entry.secret == secret
        {
            entry.running.lock().cancel();
        }
    }

    /// Serves a client that has begun a session with `settings`.
    pub async fn serve<S>(
        self: Arc<Self>,
        mut stream: S,
        settings: Vec<(String, String)>,
        client: ClientKind,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut answers = Answers::default();
        let clock = self.engine.source.clock();
        let admitted = tokio::select! {
            admitted = self.admit(&mut stream, &mut answers, client) => admitted?,
            () = clock.sleep(PATIENCE) => return Ok(()),
        };
        let admitted = match admitted {
            Ok(scope) => self.begin(scope, settings),
            Err(error) => Err(error),
        };
        let session = match admitted {
            Ok(session) => session,
            Err(error) => {
                answers.error(&error, true);
                return answers.send(&mut stream).await;
            }
        };
        let cancel = self.register();
        answers.authenticated();
        for name in [
            "client_encoding",
            "DateStyle",
            "TimeZone",
            "integer_datetimes",
        ] {
            let value = session.settings.show(name).unwrap_or_default();
            answers.setting(name, &value);
        }
        answers.setting("server_encoding", "UTF8");
        answers.setting("server_version", SERVER_VERSION);
        answers.setting("standard_conforming_strings", "on");
        answers.cancel_key(cancel.0, cancel.1);
        answers.send(&mut stream).await?;
        let parts = tokio::io::split(stream);
        let connection = Connection::new(self, parts, session, cancel.2);
        Box::pin(connection.serve()).await
    }

    async fn admit<S>(
        &self,
        stream: &mut S,
        answers: &mut Answers,
        client: ClientKind,
    ) -> io::Result<Result<Scope, SqlError>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.doorman.needs_key(client).await {
            Err(error) => return Ok(Err(error)),
            Ok(false) => {
                return Ok(Ok(Scope {
                    writes: true,
                    ..Scope::default()
                }));
            }
            Ok(true) => {}
        }
        answers.ask_password();
        answers.send(stream).await?;
        let Some(Request::Password(text)) = read_request(stream, MAX_PASSWORD).await? else {
            let said = "expected the API key as password";
            return Ok(Err(
                SqlError::new(SqlErrorKind::Forbidden, said).with_code("28000")
            ));
        };
        let key = text.strip_suffix(b"\0").unwrap_or(&text);
        Ok(self.doorman.admit(key).await)
    }

    fn begin(
        &self,
        scope: Scope,
        settings: Vec<(String, String)>,
    ) -> Result<crate::Session, SqlError> {
        let mut session = self.engine.session(scope);
        for (name, value) in settings {
            match name.as_str() {
                "user" | "database" | "replication" => {}
                "options" => begin_options(&mut session, &value)?,
                // settings of newer protocols
                name if name.starts_with("_pq_.") => {}
                name => session.settings.set(name, Some(&value))?,
            }
        }
        Ok(session)
    }

    fn register(&self) -> (i32, i32, Cancel) {
        let process = self.next.fetch_add(1, Ordering::Relaxed);
        let secret = self.secrets.lock().random();
        let running = Arc::new(Mutex::new(CancellationToken::new()));
        let entry = Entry {
            secret,
            running: Arc::clone(&running),
        };
        self.sessions.lock().insert(process, entry);
        let cancel = Cancel {
            process,
            running,
            sessions: Arc::clone(&self.sessions),
        };
        (process, secret, cancel)
    }
}

/// Settings given as `-c name=value -c …`.
fn begin_options(session: &mut crate::Session, options: &str) -> Result<(), SqlError> {
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            Some("") => words.next(),
            other => other,
        };
        let setting = setting.and_then(|setting| setting.split_once('='));
        let Some((name, value)) = setting else {
            return Err(SqlError::invalid(format!(
                "options: {word:?} is no setting"
            )));
        };
        session.settings.set(name, Some(value))?;
    }
    Ok(())
}
