//! [`VectorOperators`]: `<->`, `<=>` and `<#>`.

use super::{
    Measure,
    vector::{dim_of, is_vector_like, vector_type},
};
use arrow_schema::{DataType, Field};
use datafusion::{
    common::{DFSchema, Result},
    logical_expr::{
        Expr, ExprSchemable, ScalarUDF,
        expr::{Placeholder, ScalarFunction},
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::BinaryOperator,
};
use std::sync::Arc;

/// Turns the operators of vectors into calls of functions.
#[derive(Debug)]
pub(crate) struct VectorOperators {
    l2: Arc<ScalarUDF>,
    cosine: Arc<ScalarUDF>,
    inner: Arc<ScalarUDF>,
}

impl VectorOperators {
    /// Finds the functions among those of all measures.
    pub(crate) fn new() -> Option<Self> {
        let functions = Measure::functions();
        let find = |name: &str| functions.iter().find(|f| f.name() == name).map(Arc::clone);
        Some(Self {
            l2: find("l2_distance")?,
            cosine: find("cosine_distance")?,
            inner: find("negative_inner_product")?,
        })
    }
}

impl ExprPlanner for VectorOperators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let ty = |expr: &Expr| expr.get_type(schema).ok();
        let (left, right) = (ty(&expr.left), ty(&expr.right));
        let function = match &expr.op {
            BinaryOperator::LtDashGt => &self.l2,
            BinaryOperator::Custom(name) if name == "<#>" => &self.inner,
            // between others it is the equality that takes null for a value
            BinaryOperator::Spaceship
                if [&left, &right].into_iter().flatten().any(is_vector_like) =>
            {
                &self.cosine
            }
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let args = vec![
            typed(expr.left, right.as_ref()),
            typed(expr.right, left.as_ref()),
        ];
        let call = ScalarFunction::new_udf(Arc::clone(function), args);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// A parameter next to a vector is one of the same dimension.
fn typed(expr: Expr, other: Option<&DataType>) -> Expr {
    match (expr, other.and_then(dim_of)) {
        (Expr::Placeholder(Placeholder { id, field: None }), Some(dim)) => {
            let field = Arc::new(Field::new("", vector_type(dim), true));
            Expr::Placeholder(Placeholder::new_with_field(id, Some(field)))
        }
        (expr, _) => expr,
    }
}
