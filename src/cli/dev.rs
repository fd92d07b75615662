//! `isobath dev`: several regions in one process, to try them out.

use super::{
    chance,
    cluster::{RegionOfCluster, init_all},
    failure::Usage,
    settings::{self, SettingsArgs},
};
use crate::telemetry;
use anyhow::Context as _;
use isobath::process::{Process, ProcessParts};
use isobath_config::{ClusterConfig, Config, HiddenText, RegionConfig, Replication};
use isobath_storage::{Clock, SystemClock, model::Region};
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Runs several regions in one process, on local directories, with the round trips of regions that are far apart; until
/// SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The regions' names.
    #[arg(long, value_delimiter = ',', default_value = "use1,euw1,apne1")]
    regions: Vec<String>,
    /// Where their buckets and caches lie.
    #[arg(long, default_value = "isobath-dev")]
    dir: PathBuf,
    /// Address of the first region; the others take the ports after it.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Milliseconds of the round trips between the regions, pair by pair: first and second, first and third, …, second
    /// and third, …; repeated as often as needed. 0 adds none.
    #[arg(long, value_delimiter = ',', default_value = "80,160,250")]
    rtt: Vec<u64>,
    /// Any setting; see `isobath config print`.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = settings::pair)]
    set: Vec<(String, String)>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let cluster = cluster(&args)?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    init_all(&cluster).await?;
    let metrics = telemetry::init_metrics("dev")?;
    tokio::spawn(telemetry::tend(metrics.clone(), Arc::new(SystemClock)));
    let key = HiddenText::new(chance::fresh_id()?.to_string());
    let mut processes = vec![];
    for (at, region) in cluster.region.iter().enumerate() {
        let config = config(&args, at, region)?;
        let delays = delays(&args, &cluster, at)?;
        let own = RegionOfCluster::new(cluster.clone(), &config, Some(key.clone()), delays)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let process = Process::start(ProcessParts {
            config,
            cluster: Some(own.parts),
            environment: own.environment,
            clock,
            seed: chance::fresh_seed()?,
            metrics: Some(metrics.clone()),
        });
        let process = process.await;
        processes.push(process.with_context(|| format!("region {}", region.name))?);
    }
    tour(&cluster, &processes)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    for process in processes {
        process
            .stop()
            .await
            .context("a region did not stop in order")?;
    }
    Ok(())
}

/// The cluster of regions that the arguments ask for.
fn cluster(args: &Args) -> anyhow::Result<ClusterConfig> {
    let mut region = vec![];
    for (at, name) in args.regions.iter().enumerate() {
        let bucket = args.dir.join(name).join("bucket");
        let bucket = bucket.to_str().map(str::to_owned);
        region.push(RegionConfig {
            name: name.clone(),
            bucket: bucket.ok_or_else(|| Usage("--dir: not UTF-8".to_owned()))?,
            endpoint: None,
            env_prefix: None,
            address: Some(address(args, at)?.to_string()),
            replication: Replication::Relay,
        });
    }
    let cluster = ClusterConfig {
        region,
        ..ClusterConfig::default()
    };
    cluster.validate()?;
    Ok(cluster)
}

fn address(args: &Args, at: usize) -> anyhow::Result<SocketAddr> {
    let port = u16::try_from(at)
        .ok()
        .and_then(|at| args.listen.port().checked_add(at));
    let port = port.filter(|_| args.listen.port() > 0);
    let port =
        port.ok_or_else(|| Usage("--listen: needs a port, with others after it".to_owned()))?;
    Ok(SocketAddr::new(args.listen.ip(), port))
}

fn config(args: &Args, at: usize, region: &RegionConfig) -> anyhow::Result<Config> {
    let cache = args.dir.join(&region.name).join("cache");
    let settings = SettingsArgs {
        region: Some(region.name.clone()),
        bucket: Some(region.bucket.clone()),
        cache: cache.to_str().map(str::to_owned),
        listen: Some(address(args, at)?.to_string()),
        set: args.set.clone(),
        ..SettingsArgs::default()
    };
    Ok(settings.load()?)
}

/// The round trips from a region to all others.
fn delays(
    args: &Args,
    cluster: &ClusterConfig,
    from: usize,
) -> anyhow::Result<BTreeMap<Region, Duration>> {
    let count = cluster.region.len();
    let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
    let trips = args.rtt.iter().copied().cycle();
    let mut delays = BTreeMap::new();
    for ((a, b), trip) in pairs.zip(trips) {
        let other = match from {
            _ if from == a => b,
            _ if from == b => a,
            _ => continue,
        };
        if let Some(region) = cluster.region.get(other) {
            delays.insert(region.name.parse()?, Duration::from_millis(trip));
        }
    }
    Ok(delays)
}

/// Says what to try.
fn tour(cluster: &ClusterConfig, processes: &[Process]) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let urls: Vec<&str> = processes
        .iter()
        .map(|process| process.url.as_str())
        .collect();
    for (region, url) in cluster.region.iter().zip(&urls) {
        writeln!(out, "isobath serves region {} on {url}", region.name)?;
    }
    let first = urls.first().copied().unwrap_or_default();
    let (second, last) = (
        urls.get(1).copied().unwrap_or(first),
        urls.last().copied().unwrap_or(first),
    );
    let json = "-H 'content-type: application/json'";
    let books = "v2/namespaces/books";
    writeln!(
        out,
        "\n# A write in one region is there in all of them a moment later:\n\
         curl -s {first}/{books} {json} -d '{{\"upsert_rows\": [{{\"id\": 1, \"vector\": [0.1, 0.9]}}], \"distance_metric\": \"cosine_distance\"}}'\n\
         sleep 1; curl -s {last}/{books}/query {json} -d '{{\"rank_by\": [\"vector\", \"ANN\", [0.2, 0.8]], \"limit\": 1}}'\n\
         # With the token of a write, any region shows it, however far away:\n\
         T=$(curl -s {second}/{books} {json} -d '{{\"upsert_rows\": [{{\"id\": 2, \"vector\": [0.8, 0.2]}}], \"distance_metric\": \"cosine_distance\"}}' | grep -o '\"token\":\"[^\"]*' | cut -d'\"' -f4)\n\
         curl -s {last}/{books}/query {json} -H \"x-isobath-min-token: $T\" -d '{{\"rank_by\": [\"id\", \"asc\"], \"limit\": 9}}'\n\
         # Durable in two regions before it is answered:\n\
         curl -s {first}/{books} {json} -d '{{\"upsert_rows\": [{{\"id\": 3, \"vector\": [1, 0]}}], \"write_concern\": {{\"regions\": 2}}}}'\n\
         # How far the regions are:\n\
         curl -s {first}/v2/regions"
    )?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_put_every_pair_of_regions_its_own_way_apart() {
        let args = Args {
            regions: ["a", "b", "c"].map(str::to_owned).into(),
            dir: PathBuf::from("d"),
            listen: "127.0.0.1:8081".parse().unwrap(),
            rtt: vec![80, 160, 250],
            set: vec![],
        };
        let cluster = cluster(&args).unwrap();
        let trips = |from| {
            let delays = delays(&args, &cluster, from).unwrap();
            let shown = delays.iter().map(|(r, d)| format!("{r} {}", d.as_millis()));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(trips(0), ["b 80", "c 160"]);
        assert_eq!(trips(1), ["a 80", "c 250"]);
        assert_eq!(trips(2), ["a 160", "b 250"]);
        assert_eq!(cluster.region[2].address.as_deref(), Some("127.0.0.1:8083"));
    }
}
