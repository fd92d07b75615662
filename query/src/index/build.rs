//! Building an index: codes of as many bits as the rows need, a graph if they make a good one, and the files.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{
    Bits, Centre, Codes, Encoding, IndexError, IndexParams, Meta, Point, VectorSet,
    calibrate::{NEAREST, Probes},
    file::{self, FORMAT_VERSION, Kind},
    graph::{Graph, GraphParams},
    meta::GraphMeta,
    scan::default_keep,
    vectors::Nodes,
};

/// Codes whose scan with a rerank of 50 finds less of the 10 nearest get more bits.
const SCAN_RECALL: f32 = 0.995;
const SCAN_KEEP: usize = 50;
/// The same for the [`NEAREST`] nearest with the usual rerank.
const SCAN_RECALL_MANY: f32 = 0.98;
/// A graph is good if a list of at most [`LONGEST_LIST`] finds this share of the 10 nearest.
const GRAPH_RECALL: f32 = 0.99;
const LONGEST_LIST: usize = 320;
/// What alpha becomes where wide norms leave a node too few neighbours.
const WIDE_ALPHA: f32 = 2.0;
/// Below this share of the degree a graph counts as pruned too hard.
const SPARSE: f32 = 0.33;

/// Builds the index of `rows` in the directory `dir`, which is created, and writes its meta last.
///
/// `nodes` lists the rows that have a vector, where not all have. Several builds of one index may run at once:
/// the first finished one is the index, and is what all of them give. A damaged index has to be removed first.
pub fn build(
    rows: &VectorSet<'_>,
    nodes: Option<&[u32]>,
    params: &IndexParams,
    threads: usize,
    cancel: &AtomicBool,
    dir: &Path,
) -> Result<Meta, IndexError> {
    params.validate()?;
    if let Some(row) = nodes.and_then(|n| n.iter().find(|row| **row as usize >= rows.len())) {
        let fault = format!("row {row} of {}", rows.len());
        return Err(IndexError::invalid("nodes", fault));
    }
    let threads = threads.max(1);
    let nodes = Nodes {
        rows: *rows,
        map: nodes,
    };
    let workshop = Workshop {
        probes: Probes::new(nodes, params.metric, threads, cancel)?,
        nodes,
        params,
        threads,
        cancel,
    };
    let (codes, scan_recall, graph) = workshop.best()?;
    fs::create_dir_all(dir).map_err(IndexError::io("create", dir))?;
    let graph = match graph {
        Some(graph) => Some(graph.write(dir)?),
        None => None,
    };
    let map = |map: &[u32]| file::create(dir, Kind::Rows, &[bytemuck::cast_slice(map)]);
    let meta = Meta {
        version: FORMAT_VERSION,
        params: params.clone(),
        dim: rows.dim(),
        nodes: nodes.len(),
        bits: codes.bits(),
        scan_recall,
        codes: codes.create(dir)?,
        rows: nodes.map.map(map).transpose()?,
        graph,
    };
    meta.create(dir)
}

/// A graph and what it was measured to find.
struct Measured {
    graph: Graph,
    alpha: f32,
    points: Vec<Point>,
}

impl Measured {
    fn is_good(&self) -> bool {
        let mut points = self.points.iter().filter(|p| p.list <= LONGEST_LIST);
        points.any(|p| p.recall_at_10 >= GRAPH_RECALL)
    }

    fn write(self, dir: &Path) -> Result<GraphMeta, IndexError> {
        Ok(GraphMeta {
            file: self.graph.create(dir)?,
            alpha: self.alpha,
            mean_degree: self.graph.mean_degree(),
            calibration: self.points,
        })
    }
}

/// What the attempts of one build share.
struct Workshop<'a> {
    nodes: Nodes<'a>,
    probes: Probes<'a>,
    params: &'a IndexParams,
    threads: usize,
    cancel: &'a AtomicBool,
}

impl Workshop<'_> {
    /// The codes of the fewest bits that scan well and make a good graph, else those of the most bits alone.
    fn best(&self) -> Result<(Codes, f32, Option<Measured>), IndexError> {
        let mut choice: Vec<Bits> = match self.params.bits {
            Some(bits) => vec![bits],
            None => Bits::ALL.to_vec(),
        };
        loop {
            let bits = choice.remove(0);
            let codes = self.encode(bits)?;
            let last = choice.is_empty();
            let wanted = if last { 0.0 } else { SCAN_RECALL };
            let recall = self.probes.scan_recall(&codes, 10, SCAN_KEEP, wanted)?;
            if recall < wanted || (!last && self.many(&codes)? < SCAN_RECALL_MANY) {
                continue;
            }
            let graph = self.graph(&codes)?;
            if graph.is_some() || last {
                return Ok((codes, recall, graph));
            }
        }
    }

    fn many(&self, codes: &Codes) -> Result<f32, IndexError> {
        self.probes
            .scan_recall(codes, NEAREST, default_keep(NEAREST), SCAN_RECALL_MANY)
    }

    fn encode(&self, bits: Bits) -> Result<Codes, IndexError> {
        if self.cancel.load(Relaxed) {
            return Err(IndexError::Cancelled);
        }
        let how = Encoding {
            metric: self.params.metric,
            bits,
            centre: Centre::Mean,
            threads: self.threads,
        };
        Codes::of_nodes(&self.nodes, &how)
    }

    /// A good graph over the codes, if there is one.
    fn graph(&self, codes: &Codes) -> Result<Option<Measured>, IndexError> {
        if codes.is_empty() {
            return Ok(None);
        }
        let first = self.attempt(codes, self.params.alpha)?;
        if first.is_good() {
            return Ok(Some(first));
        }
        let sparse = first.graph.mean_degree() < SPARSE * f32::from(self.params.degree);
        if !sparse || self.params.alpha >= WIDE_ALPHA {
            return Ok(None);
        }
        drop(first);
        let second = self.attempt(codes, WIDE_ALPHA)?;
        Ok(Some(second).filter(Measured::is_good))
    }

    fn attempt(&self, codes: &Codes, alpha: f32) -> Result<Measured, IndexError> {
        let params = GraphParams {
            alpha,
            ..GraphParams::new(self.params, self.threads, self.cancel)
        };
        let graph = Graph::build(&self.nodes, codes, &params)?;
        let points = self.probes.calibrate(codes, &graph)?;
        Ok(Measured {
            graph,
            alpha,
            points,
        })
    }
}
