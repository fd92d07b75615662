//! [`Process`]: a node with its server, started and stopped in order.

use crate::{
    node::{ClusterParts, Node, NodeError, NodeParts},
    server::{
        self, Bound, Listening, Peers, PeersError, PostgresParts, ServeError, ServerParts, Tls,
        serve_postgres,
    },
    traces::{Origin, Traces, TracesError},
};
use isobath_config::Config;
use isobath_sql::{Source, SqlEngine, SqlError, SqlLimits};
use isobath_storage::{
    Clock,
    store::{Store, StoreError, StoreOptions},
};
use metrics_exporter_prometheus::PrometheusHandle;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a process is made of.
#[derive(Debug)]
pub struct ProcessParts {
    /// Its settings, validated.
    pub config: Config,
    /// The regions of its cluster, where it is part of one.
    pub cluster: Option<ClusterParts>,
    /// The environment variables that the clouds' tools read.
    pub environment: Vec<(String, String)>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: no two lives of any process may share it.
    pub seed: [u8; 32],
    /// Renders `/metrics`, where metrics are recorded.
    pub metrics: Option<PrometheusHandle>,
}

/// Why a process does not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The bucket cannot be opened.
    #[error("cannot open the bucket")]
    Store(#[from] StoreError),
    /// The node does not start.
    #[error("the node does not start")]
    Node(#[from] NodeError),
    /// The server does not run.
    #[error("the server does not run")]
    Serve(#[from] ServeError),
    /// Other nodes cannot be talked to.
    #[error("other nodes cannot be talked to")]
    Peers(#[from] PeersError),
    /// Traces cannot be exported.
    #[error("traces cannot be exported")]
    Traces(#[from] TracesError),
    /// SQL cannot be run.
    #[error("SQL cannot be run")]
    Sql(#[from] SqlError),
    /// The server's task failed.
    #[error("the server failed")]
    Task(#[from] tokio::task::JoinError),
}

/// A node with its server.
#[derive(Debug)]
pub struct Process {
    /// The node.
    pub node: Arc<Node>,
    /// Where the server listens.
    pub address: SocketAddr,
    /// The same as a URL.
    pub url: String,
    /// Where PostgreSQL's protocol is spoken, if it is.
    pub postgres: Option<SocketAddr>,
    stop: CancellationToken,
    serving: Vec<JoinHandle<Result<(), ServeError>>>,
    traces: Traces,
}

impl Process {
    /// Listens, opens the bucket, starts the node and serves.
    pub async fn start(parts: ProcessParts) -> Result<Self, ProcessError> {
        let ProcessParts {
            config,
            cluster,
            environment,
            clock,
            seed,
            metrics,
        } = parts;
        let mut rng = StdRng::from_seed(seed);
        let traces = start_traces(&config, &environment, &clock, &mut rng)?;
        let doors = Ports::bind(&config)?;
        let (address, postgres) = doors.addresses();
        let (store, audit) = open_buckets(&config, environment, &clock)?;
        let cluster_key = cluster.as_ref().and_then(|cluster| cluster.key.clone());
        // What cannot be used is told before anything is started.
        let tls = Tls::load(&config.server.tls).map_err(ServeError::from)?;
        let peers = Peers::new(&config.server)?.with_cluster_key(cluster_key.clone());
        let (url, advertised) = addresses(&config, address, tls.is_some());
        let node = Node::start(NodeParts {
            config: config.clone(),
            store,
            cluster,
            address: advertised,
            peers: peers.clone(),
            audit,
            tracer: traces.tracer.clone(),
            clock: Arc::clone(&clock),
            seed: rng.random(),
        })
        .await?;
        let patience = config.server.request_timeout;
        let listening = doors.listen(&node, clock.as_ref(), patience).await;
        let (listening, listening_sql) = match listening {
            Ok(listening) => listening,
            Err(error) => {
                node.stop().await;
                return Err(error.into());
            }
        };
        let stop = CancellationToken::new();
        let sql = start_sql(&node, &config, rng.random())?;
        let mut serving = vec![];
        if let Some(listening) = listening_sql {
            let parts = postgres_parts(&node, &sql, peers.clone(), (&config, tls, rng.random()));
            serving.push(tokio::spawn(serve_postgres(listening, parts, stop.clone())));
        }
        let parts = ServerParts {
            sql: Some(sql),
            engine: Arc::clone(&node) as Arc<_>,
            clock,
            config: config.server,
            peers,
            tracer: traces.tracer.clone(),
            cluster_key,
            metrics,
            seed: rng.random(),
            secrets: rng.random(),
        };
        serving.push(tokio::spawn(server::serve(listening, parts, stop.clone())));
        Ok(Self {
            node,
            address,
            url,
            postgres,
            stop,
            serving,
            traces,
        })
    }

    /// Takes no more requests, lets the open ones end, releases the log.
    pub async fn stop(self) -> Result<(), ProcessError> {
        self.stop.cancel();
        let served = futures::future::join_all(self.serving).await;
        self.node.stop().await;
        self.traces.stop().await;
        for served in served {
            served??;
        }
        Ok(())
    }
}

/// The URL of the server, and what other nodes are told.
fn addresses(config: &Config, address: SocketAddr, encrypted: bool) -> (String, String) {
    let scheme = if encrypted { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let plain = || {
        if encrypted {
            url.clone()
        } else {
            address.to_string()
        }
    };
    let advertised = config.server.advertise.clone().unwrap_or_else(plain);
    (url, advertised)
}

/// What PostgreSQL's protocol is served with.
fn postgres_parts(
    node: &Arc<Node>,
    sql: &Arc<SqlEngine>,
    peers: Peers,
    (config, tls, secrets): (&Config, Option<Tls>, [u8; 32]),
) -> PostgresParts {
    PostgresParts {
        engine: Arc::clone(node) as Arc<_>,
        sql: Arc::clone(sql),
        clock: Source::clock(node.as_ref()),
        tls,
        peers,
        max_message: usize::try_from(config.server.max_body.as_u64()).unwrap_or(usize::MAX),
        max_connections: config.sql.max_connections,
        drain_timeout: config.server.drain_timeout,
        secrets,
    }
}

/// The addresses of a process.
struct Ports {
    everybody: Bound,
    /// For nodes of other regions, where they have one of their own.
    regions: Option<Bound>,
    /// Where PostgreSQL's protocol is spoken, if it is.
    sql: Option<Bound>,
}

impl Ports {
    fn bind(config: &Config) -> Result<Self, ServeError> {
        Ok(Self {
            everybody: server::bind(config.server.listen)?,
            regions: config.server.region_listen.map(server::bind).transpose()?,
            sql: config.sql.listen.map(server::bind).transpose()?,
        })
    }

    /// Everybody's, and that of PostgreSQL's protocol.
    fn addresses(&self) -> (SocketAddr, Option<SocketAddr>) {
        let sql = self.sql.as_ref().map(Bound::address);
        (self.everybody.address(), sql)
    }

    /// Takes connections at all of them, where the region's keys permit it.
    async fn listen(
        self,
        node: &Node,
        clock: &dyn Clock,
        patience: Duration,
    ) -> Result<(Listening, Option<Listening>), ServeError> {
        let mut listening = self.everybody.listen(node, clock, patience).await?;
        if let Some(bound) = self.regions {
            listening = listening.with_regions(bound)?;
        }
        let sql = match self.sql {
            Some(bound) => Some(bound.listen(node, clock, patience).await?),
            None => None,
        };
        Ok((listening, sql))
    }
}

fn start_traces(
    config: &Config,
    environment: &[(String, String)],
    clock: &Arc<dyn Clock>,
    rng: &mut StdRng,
) -> Result<Traces, TracesError> {
    let origin = Origin {
        region: config.region.clone(),
        instance: Uuid::from_u128(rng.random()).to_string(),
    };
    let chance = StdRng::from_seed(rng.random());
    let clock = Arc::clone(clock);
    Traces::start(&config.traces, environment, origin, clock, chance)
}

/// The region's bucket, and that of audit records if they are wanted.
fn open_buckets(
    config: &Config,
    environment: Vec<(String, String)>,
    clock: &Arc<dyn Clock>,
) -> Result<(Store, Option<Store>), StoreError> {
    let mut options = StoreOptions::from_config(&config.store, &config.log);
    options.create_dir = true;
    let audit = match config
        .audit
        .bucket
        .as_ref()
        .filter(|_| config.audit.enabled)
    {
        Some(url) => Some(open_audit(url, &environment, &options, clock)?),
        None => None,
    };
    let store = Store::open(&config.bucket, environment, &options, clock)?;
    let own = || config.audit.enabled.then(|| store.clone());
    let audit = audit.or_else(own);
    Ok((store, audit))
}

/// The bucket of audit records, where that is another one than the region's.
fn open_audit(
    url: &str,
    environment: &[(String, String)],
    options: &StoreOptions,
    clock: &Arc<dyn Clock>,
) -> Result<Store, StoreError> {
    const CHECKSUM: &str = "AWS_CHECKSUM_ALGORITHM";
    // S3 takes an object that nobody can delete for a while only with a checksum.
    let given = environment.iter().any(|(name, _)| name == CHECKSUM);
    let checksum = (!given).then(|| (CHECKSUM.to_owned(), "sha256".to_owned()));
    let environment = environment.iter().cloned().chain(checksum);
    Store::open(url, environment, options, clock)
}

/// The engine of SQL statements over a node.
fn start_sql(node: &Arc<Node>, config: &Config, seed: u128) -> Result<Arc<SqlEngine>, SqlError> {
    let source = Arc::clone(node) as Arc<_>;
    let limits = SqlLimits {
        memory: usize::try_from(config.sql.memory.as_u64()).unwrap_or(usize::MAX),
        concurrent: config.sql.concurrent,
        queue: config.sql.queue,
        timeout: config.sql.timeout,
        threads: config.sql.threads,
    };
    SqlEngine::start(source, limits, seed)
}
