//! [`DistanceOrder`]: whether an order is that of one distance.

use crate::functions::{DistanceFn, Measure};
use arrow_schema::DataType;
use datafusion::{
    common::{ScalarValue, tree_node::TreeNode},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{BinaryExpr, CastExpr, Column, Literal, NegativeExpr},
    },
};
use std::sync::Arc;

/// An order that is that of the distance between a column and a vector which reads no column.
#[derive(Debug, Clone)]
pub(crate) struct DistanceOrder {
    pub(crate) measure: Measure,
    /// The column's number.
    pub(crate) column: usize,
    /// The vector.
    pub(crate) query: Arc<dyn PhysicalExpr>,
    /// Whether the order is the opposite.
    pub(crate) reversed: bool,
}

impl DistanceOrder {
    /// The order of `expr`, if it is a strictly monotone function of one distance.
    pub(crate) fn of(expr: &Arc<dyn PhysicalExpr>) -> Option<Self> {
        if let Some(call) = expr.downcast_ref::<ScalarFunctionExpr>() {
            return match (distance_fn(call), call.fun().name(), call.args()) {
                (Some(measure), _, [left, right]) => Self::between(measure, left, right),
                (None, "sqrt", [inner]) => Self::of(inner).filter(Self::has_root),
                _ => None,
            };
        }
        if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
            return Self::of(negative.arg()).map(|order| order.reversed_if(true));
        }
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            let keeps = *cast.cast_type() == DataType::Float64;
            return keeps.then(|| Self::of(cast.expr())).flatten();
        }
        Self::of_arithmetic(expr.downcast_ref::<BinaryExpr>()?)
    }

    /// The order of `expr`, if it is a distance itself.
    pub(crate) fn of_distance(expr: &Arc<dyn PhysicalExpr>) -> Option<Self> {
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        match (distance_fn(call), call.args()) {
            (Some(measure), [left, right]) => Self::between(measure, left, right),
            _ => None,
        }
    }

    fn of_arithmetic(binary: &BinaryExpr) -> Option<Self> {
        let (left, right) = (binary.left(), binary.right());
        match (binary.op(), number(left), number(right)) {
            (Operator::Plus | Operator::Minus, None, Some(_)) => Self::of(left),
            (Operator::Plus, Some(_), None) => Self::of(right),
            (Operator::Minus, Some(_), None) => Some(Self::of(right)?.reversed_if(true)),
            (Operator::Multiply | Operator::Divide, None, Some(by)) if by != 0.0 => {
                Some(Self::of(left)?.reversed_if(by < 0.0))
            }
            (Operator::Multiply, Some(by), None) if by != 0.0 => {
                Some(Self::of(right)?.reversed_if(by < 0.0))
            }
            _ => None,
        }
    }

    fn between(
        measure: Measure,
        left: &Arc<dyn PhysicalExpr>,
        right: &Arc<dyn PhysicalExpr>,
    ) -> Option<Self> {
        let is_column = left.downcast_ref::<Column>().is_some();
        let (column, query) = if is_column {
            (left, right)
        } else {
            (right, left)
        };
        let column = column.downcast_ref::<Column>()?.index();
        let changes = |expr: &Arc<dyn PhysicalExpr>| {
            Ok(expr.downcast_ref::<Column>().is_some() || expr.is_volatile_node())
        };
        if query.exists(changes).unwrap_or(true) {
            return None;
        }
        Some(Self {
            measure,
            column,
            query: Arc::clone(query),
            reversed: false,
        })
    }

    /// Whether every value has a root, so that roots keep the order.
    fn has_root(&self) -> bool {
        matches!(self.measure, Measure::L2 | Measure::L2Squared) && !self.reversed
    }

    fn reversed_if(self, turn: bool) -> Self {
        let reversed = self.reversed ^ turn;
        Self { reversed, ..self }
    }
}

/// Whether an expression computes a distance somewhere.
pub(crate) fn has_distance(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let is_distance = |expr: &Arc<dyn PhysicalExpr>| {
        let call = expr.downcast_ref::<ScalarFunctionExpr>();
        Ok(call.and_then(distance_fn).is_some())
    };
    expr.exists(is_distance).unwrap_or(false)
}

fn distance_fn(call: &ScalarFunctionExpr) -> Option<Measure> {
    let function = call.fun().inner().downcast_ref::<DistanceFn>();
    function.map(|function| function.measure)
}

/// A constant that can be added or multiplied without another order: finite, and not so large that the
/// differences of distances vanish beside it.
pub(crate) fn number(expr: &Arc<dyn PhysicalExpr>) -> Option<f64> {
    let value = expr.downcast_ref::<Literal>()?.value();
    match value.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(Some(value)) if value.is_finite() => Some(value),
        _ => None,
    }
}
