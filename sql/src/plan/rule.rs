//! [`AnnRule`]: turns `ORDER BY distance LIMIT k` into a search of the index, where that means the same.
//!
//! ```text
//! SortExec(fetch=k) ─ ProjectionExec* ─ VectorScanExec  ⇒  SortExec(fetch=k) ─ ProjectionExec* ─ AnnTopKExec
//! ```
//!
//! The sort stays. Where the index is not used, the scan says why.

use super::{
    nearest::{AnnTopKExec, Radius, Ranking},
    options::SearchOptions,
    order::{DistanceOrder, has_distance, number},
    scan::VectorScanExec,
};
use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Column, IsNotNullExpr},
        split_conjunction,
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions, filter::FilterExec,
        projection::ProjectionExec, sorts::sort::SortExec,
    },
};
use isobath_storage::model::Metric;
use std::sync::Arc;

type Plan = Arc<dyn ExecutionPlan>;
type Expr = Arc<dyn PhysicalExpr>;

/// Turns the first rows by distance into a search of the index.
#[derive(Debug)]
pub(crate) struct AnnRule;

impl PhysicalOptimizerRule for AnnRule {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let options = config.extensions.get::<SearchOptions>().cloned();
        let options = options.unwrap_or_default();
        let rewrite = |node: Plan| {
            let Some(sort) = node.downcast_ref::<SortExec>() else {
                return Ok(Transformed::no(node));
            };
            Ok(match rewritten(sort, &options)? {
                Some(plan) => Transformed::yes(plan),
                None => Transformed::no(node),
            })
        };
        plan.transform_down(rewrite).data()
    }

    fn name(&self) -> &'static str {
        "ann_topk"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What lies below a sort, down to the scan.
struct Below {
    /// The sort's keys, over the scan's columns.
    keys: Vec<Expr>,
    projections: Vec<Plan>,
    end: End,
}

enum End {
    Scan(VectorScanExec),
    /// Between the sort and the scan stands what the search cannot do.
    Filter,
    Other,
}

impl Below {
    fn of(sort: &SortExec) -> Result<Self> {
        let mut keys: Vec<Expr> = sort
            .expr()
            .iter()
            .map(|key| Arc::clone(&key.expr))
            .collect();
        let (mut node, mut projections) = (Arc::clone(sort.input()), vec![]);
        let end = loop {
            if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
                for key in &mut keys {
                    *key = through(key, projection)?;
                }
                let input = Arc::clone(projection.input());
                projections.push(node);
                node = input;
            } else if let Some(scan) = node.downcast_ref::<VectorScanExec>() {
                break End::Scan(scan.clone());
            } else if node.downcast_ref::<FilterExec>().is_some() {
                break End::Filter;
            } else {
                break End::Other;
            }
        };
        Ok(Self {
            keys,
            projections,
            end,
        })
    }
}

/// The same expression over what a projection reads.
fn through(expr: &Expr, projection: &ProjectionExec) -> Result<Expr> {
    let inner = |expr: Expr| {
        let column = expr.downcast_ref::<Column>().map(Column::index);
        let source = column.and_then(|index| projection.expr().get(index));
        Ok(match source {
            Some(source) => {
                Transformed::new(Arc::clone(&source.expr), true, TreeNodeRecursion::Jump)
            }
            None => Transformed::no(expr),
        })
    };
    Arc::clone(expr).transform_down(inner).data()
}

/// The plan in place of `sort` and what is below it; `None` where nothing changes.
fn rewritten(sort: &SortExec, options: &SearchOptions) -> Result<Option<Plan>> {
    let Below {
        keys,
        projections,
        end,
    } = Below::of(sort)?;
    let ranks = keys.iter().any(has_distance);
    let scan = match end {
        End::Scan(scan) => scan,
        _ if !ranks => return Ok(None),
        End::Filter => return marked(sort, "predicate cannot be evaluated inside the scan"),
        End::Other => return marked(sort, "joins, groups or windows below the order"),
    };
    let search = match search(sort, &keys, &scan, options) {
        Ok(search) => search,
        Err(why) if ranks => return marked(sort, why),
        Err(_) => return Ok(None),
    };
    let mut plan: Plan = Arc::new(search);
    for node in projections.into_iter().rev() {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        plan = node.replace_children(vec![plan], options)?;
    }
    let sort = SortExec::new(sort.expr().clone(), plan).with_fetch(sort.fetch());
    Ok(Some(Arc::new(sort)))
}

/// The search that gives the first rows of `sort`, or why there is none.
fn search(
    sort: &SortExec,
    keys: &[Expr],
    scan: &VectorScanExec,
    options: &SearchOptions,
) -> Result<AnnTopKExec, &'static str> {
    let limit = sort.fetch().ok_or("no LIMIT")?;
    let ([key, ..], Some(first)) = (keys, sort.expr().iter().next()) else {
        return Err("no order");
    };
    let order = DistanceOrder::of(key)
        .ok_or("ORDER BY is not a monotone function of one distance to a constant")?;
    if options.search_mode == "exact" {
        return Err("isobath.search_mode=exact");
    }
    let number = scan.projection.get(order.column).copied();
    let table = Arc::clone(&scan.table);
    let column = number.and_then(|number| table.columns.columns.get(number));
    let column = column.ok_or("column has no vector index")?;
    check_metric(column.metric, &order)?;
    let directions = first.options;
    if (directions.descending ^ order.reversed) != order.measure.larger_is_nearer() {
        return Err("farthest-first order");
    }
    let number = number.unwrap_or_default();
    if directions.nulls_first && !has_proof(&scan.filters, number) {
        return Err("NULLS FIRST on a nullable distance");
    }
    if sort.expr().len() > 1 {
        return Err("extra sort keys");
    }
    if limit > options.max_k {
        return Err("k above isobath.max_k");
    }
    let (radius, filters) = radius_of(&scan.filters, &order, number);
    let ranking = Ranking {
        attribute: column.name.clone(),
        measure: order.measure,
        query: order.query,
        limit,
        radius,
        recall_target: match options.recall_target {
            target if target > 0.0 => narrow(target),
            _ => table.source.recall_target(),
        },
        list: Some(options.search_l).filter(|list| *list > 0),
    };
    let mut scan = scan.clone();
    scan.filters = filters;
    Ok(AnnTopKExec::new(scan, ranking))
}

#[expect(clippy::cast_possible_truncation, reason = "a share from 0 to 1")]
fn narrow(share: f64) -> f32 {
    share as f32
}

fn check_metric(metric: Option<Metric>, order: &DistanceOrder) -> Result<(), &'static str> {
    match metric {
        None => Err("column has no vector index"),
        Some(metric) if metric != order.measure.metric() => {
            Err("index was built for another metric")
        }
        Some(_) => Ok(()),
    }
}

/// Whether the predicates say that the column is not null.
fn has_proof(filters: &[Expr], column: usize) -> bool {
    let proves = |filter: &&Expr| {
        let tested = filter.downcast_ref::<IsNotNullExpr>();
        let tested = tested.and_then(|test| test.arg().downcast_ref::<Column>());
        tested.is_some_and(|tested| tested.index() == column)
    };
    filters
        .iter()
        .flat_map(split_conjunction)
        .any(|filter| proves(&filter))
}

/// The narrowest radius that the predicates set around the same vector, and the other predicates.
fn radius_of(
    filters: &[Expr],
    order: &DistanceOrder,
    column: usize,
) -> (Option<Radius>, Vec<Expr>) {
    let mut narrowest: Option<Radius> = None;
    let mut others = vec![];
    for filter in filters.iter().flat_map(split_conjunction) {
        let Some(radius) = one_radius(filter, order, column) else {
            others.push(Arc::clone(filter));
            continue;
        };
        let is_narrower = |known: &Radius| {
            radius.most < known.most || (radius.most <= known.most && !radius.inclusive)
        };
        if narrowest.as_ref().is_none_or(is_narrower) {
            narrowest = Some(radius);
        }
    }
    (narrowest, others)
}

fn one_radius(filter: &Expr, order: &DistanceOrder, column: usize) -> Option<Radius> {
    let binary = filter.downcast_ref::<BinaryExpr>()?;
    let (distance, most, inclusive) = match binary.op() {
        Operator::Lt => (binary.left(), binary.right(), false),
        Operator::LtEq => (binary.left(), binary.right(), true),
        Operator::Gt => (binary.right(), binary.left(), false),
        Operator::GtEq => (binary.right(), binary.left(), true),
        _ => return None,
    };
    let (most, distance) = (number(most)?, DistanceOrder::of_distance(distance)?);
    let same = distance.measure == order.measure
        && distance.column == column
        && !distance.measure.larger_is_nearer()
        && format!("{:?}", distance.query) == format!("{:?}", order.query);
    same.then_some(Radius { most, inclusive })
}

/// The same plan, whose scans say why they are not searches.
fn marked(sort: &SortExec, why: &str) -> Result<Option<Plan>> {
    let mark = |node: Plan| {
        let scan = node.downcast_ref::<VectorScanExec>();
        Ok(match scan.filter(|scan| scan.not_indexed.is_none()) {
            Some(scan) => {
                let mut scan = scan.clone();
                scan.not_indexed = Some(why.to_owned());
                Transformed::yes(Arc::new(scan) as Plan)
            }
            None => Transformed::no(node),
        })
    };
    let plan: Plan = Arc::new(sort.clone());
    let marked = plan.transform_down(mark)?;
    Ok(marked.transformed.then_some(marked.data))
}
