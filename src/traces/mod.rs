//! Where traces go: spans are gathered for a moment, laid out as OpenTelemetry has it, and appended to a file or sent to
//! a collector over HTTP.

mod collector;
mod otlp;

use collector::Collector;
use isobath_config::TracesConfig;
use isobath_storage::{
    Clock,
    trace::{SPANS, Span, Tracer, TracerParts},
};
use rand::rngs::StdRng;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use otlp::Origin;

/// The most spans of one request to a collector, or of one line.
const MOST: usize = 512;
/// How long the last spans are tried to be handed over when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The file cannot be opened.
    #[error("cannot append to {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The collector's address or its headers cannot be used.
    #[error("the collector of traces cannot be used")]
    Collector(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hands over the spans of a process.
#[derive(Debug)]
pub struct Traces {
    /// Begins the spans.
    pub tracer: Tracer,
    task: Option<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Traces {
    /// Starts what hands spans over, where the settings say whereto; else nothing is traced. `environment` holds the
    /// collector's headers.
    pub fn start(
        config: &TracesConfig,
        environment: &[(String, String)],
        origin: Origin,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Result<Self, TracesError> {
        let stop = CancellationToken::new();
        let file = config.file.as_ref().map(open).transpose()?;
        let collector = config.endpoint.as_ref().map(|endpoint| {
            let headers = collector::headers(environment);
            Collector::new(endpoint, &headers).map_err(TracesError::Collector)
        });
        let collector = collector.transpose()?;
        if file.is_none() && collector.is_none() {
            return Ok(Self {
                tracer: Tracer::default(),
                task: None,
                stop,
            });
        }
        let (send, spans) = mpsc::channel(config.queue);
        let tracer = Tracer::new(TracerParts {
            share: config.sample,
            clock: Arc::clone(&clock),
            rng,
            spans: send,
        });
        let exporter = Exporter {
            origin,
            interval: config.interval,
            file,
            collector,
            clock,
            spans,
            stop: stop.clone(),
        };
        Ok(Self {
            tracer,
            task: Some(tokio::spawn(exporter.run())),
            stop,
        })
    }

    /// Hands over what is there, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(task) = self.task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task of traces failed");
        }
    }
}

fn open(path: &PathBuf) -> Result<File, TracesError> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|source| TracesError::File {
        path: path.clone(),
        source,
    })
}

/// Gathers spans and hands them over.
struct Exporter {
    origin: Origin,
    interval: Duration,
    file: Option<File>,
    collector: Option<Collector>,
    clock: Arc<dyn Clock>,
    spans: mpsc::Receiver<Span>,
    stop: CancellationToken,
}

impl Exporter {
    async fn run(mut self) {
        loop {
            let first = match self.stop.run_until_cancelled(self.spans.recv()).await {
                Some(first) => first,
                None => self.spans.try_recv().ok(),
            };
            let Some(first) = first else {
                return;
            };
            let spans = self.gather(first).await;
            self.export(&spans).await;
        }
    }

    /// What ends within a moment after the first.
    async fn gather(&mut self, first: Span) -> Vec<Span> {
        let mut spans = vec![first];
        let more = async {
            while spans.len() < MOST
                && let Some(span) = self.spans.recv().await
            {
                spans.push(span);
            }
        };
        let pause = self
            .stop
            .run_until_cancelled(self.clock.sleep(self.interval));
        tokio::select! {
            () = more => {}
            _ = pause => {}
        }
        while spans.len() < MOST
            && let Ok(span) = self.spans.try_recv()
        {
            spans.push(span);
        }
        spans
    }

    async fn export(&mut self, spans: &[Span]) {
        let body = otlp::encode(&self.origin, spans);
        let mut taken = true;
        if let Some(file) = &mut self.file {
            let line = [body.as_bytes(), b"\n"].concat();
            if let Err(error) = file.write_all(&line) {
                tracing::warn!(%error, "spans could not be written");
                taken = false;
            }
        }
        if let Some(collector) = &self.collector {
            let late = async {
                self.stop.cancelled().await;
                self.clock.sleep(LAST).await;
            };
            let sent = pin!(collector.send(body, self.clock.as_ref()));
            let late = pin!(late);
            let sent = futures::future::select(sent, late).await;
            taken &= matches!(sent, futures::future::Either::Left((true, _)));
        }
        let outcome = if taken { "exported" } else { "dropped" };
        ::metrics::counter!(SPANS, "outcome" => outcome).increment(spans.len() as u64);
    }
}
