//! [`Process`]: a node with its server, started and stopped in order.

use crate::{
    node::{ClusterParts, Node, NodeError, NodeParts},
    server::{self, Peers, PeersError, ServeError, ServerParts, Tls},
};
use isobath_config::Config;
use isobath_sql::{SqlEngine, SqlError, SqlLimits};
use isobath_storage::{
    Clock,
    store::{Store, StoreError, StoreOptions},
};
use metrics_exporter_prometheus::PrometheusHandle;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{net::SocketAddr, sync::Arc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
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
        let bound = server::bind(config.server.listen)?;
        let address = bound.address();
        let mut options = StoreOptions::from_config(&config.store, &config.log);
        options.create_dir = true;
        let store = Store::open(&config.bucket, environment, &options, &clock)?;
        let cluster_key = cluster.as_ref().and_then(|cluster| cluster.key.clone());
        let peers = Peers::new(&config.server)?.with_cluster_key(cluster_key.clone());
        // What cannot be used is told before anything is started.
        let tls = Tls::load(&config.server.tls).map_err(ServeError::from)?;
        let url = format!(
            "{}://{address}",
            if tls.is_some() { "https" } else { "http" }
        );
        let advertised = config.server.advertise.clone();
        let node = Node::start(NodeParts {
            config: config.clone(),
            store,
            cluster,
            address: advertised.unwrap_or_else(|| match tls {
                Some(_) => url.clone(),
                None => address.to_string(),
            }),
            peers: peers.clone(),
            clock: Arc::clone(&clock),
            seed: rng.random(),
        })
        .await?;
        let (engine, patience) = (node.as_ref(), config.server.request_timeout);
        let listening = match bound.listen(engine, clock.as_ref(), patience).await {
            Ok(listening) => listening,
            Err(error) => {
                node.stop().await;
                return Err(error.into());
            }
        };
        let stop = CancellationToken::new();
        let sql = start_sql(&node, &config)?;
        let parts = ServerParts {
            sql: Some(sql),
            engine: Arc::clone(&node) as Arc<_>,
            clock,
            config: config.server,
            peers,
            cluster_key,
            metrics,
            seed: rng.random(),
            secrets: rng.random(),
        };
        let serving = tokio::spawn(server::serve(listening, parts, stop.clone()));
        Ok(Self {
            node,
            address,
            url,
            stop,
            serving,
        })
    }

    /// Takes no more requests, lets the open ones end, releases the log.
    pub async fn stop(self) -> Result<(), ProcessError> {
        self.stop.cancel();
        let served = self.serving.await;
        self.node.stop().await;
        Ok(served??)
    }
}

/// The engine of SQL statements over a node.
fn start_sql(node: &Arc<Node>, config: &Config) -> Result<Arc<SqlEngine>, SqlError> {
    let source = Arc::clone(node) as Arc<_>;
    let limits = SqlLimits {
        memory: usize::try_from(config.sql.memory.as_u64()).unwrap_or(usize::MAX),
        concurrent: config.sql.concurrent,
        queue: config.sql.queue,
        timeout: config.sql.timeout,
        threads: config.sql.threads,
    };
    SqlEngine::start(source, limits)
}
