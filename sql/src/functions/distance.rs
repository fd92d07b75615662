//! [`DistanceFn`]: `l2_distance` and its like, and the order that each of them gives.

use super::vector::{self, dim_of, is_vector_like, vector_of};
use arrow_array::{
    Array, ArrayRef, Float64Array,
    cast::AsArray,
    types::{Float16Type, Float32Type},
};
use arrow_schema::DataType;
use datafusion::{
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};
use isobath_query::index::{PreparedQuery, VectorSet, Vectors};
use isobath_storage::model::Metric;
use std::sync::Arc;

/// A way to compare two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Measure {
    /// Euclidean.
    L2,
    /// Squared Euclidean.
    L2Squared,
    /// 1 − the cosine of the angle.
    Cosine,
    /// The dot product: the larger, the nearer.
    InnerProduct,
    /// Minus the dot product.
    NegativeInnerProduct,
}

/// Every measure with its function's name and other names of it.
const NAMES: [(Measure, &str, &[&str]); 5] = [
    (
        Measure::L2,
        "l2_distance",
        &["array_distance", "list_distance"],
    ),
    (
        Measure::L2Squared,
        "l2_squared_distance",
        &["euclidean_squared"],
    ),
    (Measure::Cosine, "cosine_distance", &[]),
    (Measure::InnerProduct, "inner_product", &["dot_product"]),
    (Measure::NegativeInnerProduct, "negative_inner_product", &[]),
];

impl Measure {
    /// The metric whose order is the same, or the opposite.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::L2 | Self::L2Squared => Metric::EuclideanSquared,
            Self::Cosine => Metric::CosineDistance,
            Self::InnerProduct | Self::NegativeInnerProduct => Metric::DotProduct,
        }
    }

    /// Whether the nearest rows have the largest values.
    pub(crate) fn larger_is_nearer(self) -> bool {
        self == Self::InnerProduct
    }

    /// The value of a distance in the metric.
    pub(crate) fn of_distance(self, distance: f32) -> f64 {
        match self {
            Self::L2 => f64::from(distance).sqrt(),
            Self::InnerProduct => -f64::from(distance),
            _ => f64::from(distance),
        }
    }

    /// The functions of all measures.
    pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
        let function =
            |(measure, ..): (Self, _, _)| Arc::new(ScalarUDF::from(DistanceFn::new(measure)));
        NAMES.into_iter().map(function).collect()
    }
}

/// A function that compares two vectors.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DistanceFn {
    pub(crate) measure: Measure,
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
}

impl DistanceFn {
    fn new(measure: Measure) -> Self {
        let known = NAMES.iter().find(|(known, ..)| *known == measure);
        let (name, aliases) = known.map_or(("", &[][..]), |(_, name, aliases)| (*name, *aliases));
        Self {
            measure,
            name,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn check_dims(left: Option<usize>, right: Option<usize>) -> Result<()> {
        match (left, right) {
            (Some(left), Some(right)) if left != right => {
                plan_err!("different vector dimensions {left} and {right}")
            }
            _ => Ok(()),
        }
    }
}

impl ScalarUDFImpl for DistanceFn {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = given else {
            return plan_err!("{} takes two vectors", self.name);
        };
        Self::check_dims(dim_of(left), dim_of(right))?;
        let fits = |ty: &DataType| {
            let text = matches!(
                ty,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            );
            text || ty.is_null() || is_vector_like(ty)
        };
        match given.iter().find(|ty| !fits(ty)) {
            Some(other) => plan_err!("{} takes vectors, not {other}", self.name),
            None => Ok(given.to_vec()),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let mut dims = vec![];
        let mut read = Vec::with_capacity(args.len());
        let mut changed = false;
        for arg in args {
            let arg = match arg {
                Expr::Literal(value, metadata) if dim_of(&value.data_type()).is_none() => {
                    match vector_of(&value)? {
                        None => Expr::Literal(value, metadata),
                        Some(values) => {
                            changed = true;
                            Expr::Literal(vector::scalar(values)?, metadata)
                        }
                    }
                }
                other => other,
            };
            dims.push(dim_of(&arg.get_type(info.schema().as_ref())?));
            read.push(arg);
        }
        if let [left, right] = dims[..] {
            Self::check_dims(left, right)?;
        }
        if !changed {
            return Ok(ExprSimplifyResult::Original(read));
        }
        let function = Arc::new(ScalarUDF::from(Self::new(self.measure)));
        let call = datafusion::logical_expr::expr::ScalarFunction::new_udf(function, read);
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = &args.args[..] else {
            return exec_err!("{} takes two vectors", self.name);
        };
        match (left, right) {
            (ColumnarValue::Scalar(a), ColumnarValue::Scalar(b)) => {
                let distance = self.between(vector_of(a)?, vector_of(b)?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::Float64(distance)))
            }
            (ColumnarValue::Array(rows), ColumnarValue::Scalar(query))
            | (ColumnarValue::Scalar(query), ColumnarValue::Array(rows)) => {
                let distances = self.to_query(rows, vector_of(query)?)?;
                Ok(ColumnarValue::Array(Arc::new(distances)))
            }
            (ColumnarValue::Array(a), ColumnarValue::Array(b)) => {
                let pair = |row| {
                    let (a, b) = (vector::row_of(a, row)?, vector::row_of(b, row)?);
                    self.between(a, b)
                };
                let distances: Result<Float64Array> = (0..a.len()).map(pair).collect();
                Ok(ColumnarValue::Array(Arc::new(distances?)))
            }
        }
    }
}

impl DistanceFn {
    /// The distances of many rows from one vector.
    fn to_query(&self, rows: &ArrayRef, query: Option<Vec<f32>>) -> Result<Float64Array> {
        let Some(query) = query else {
            return Ok(Float64Array::new_null(rows.len()));
        };
        let prepared = self.prepare(&query)?;
        let Some(dim) = dim_of(rows.data_type()) else {
            let each = |row| match vector::row_of(rows, row)? {
                None => Ok(None),
                Some(values) => self.one(&prepared, Vectors::F32(&values)).map(Some),
            };
            return (0..rows.len()).map(each).collect();
        };
        Self::check_dims(Some(dim), Some(query.len()))?;
        let list = rows.as_fixed_size_list();
        let (from, to) = (list.offset() * dim, (list.offset() + list.len()) * dim);
        let items = list.values();
        let values = match items.data_type() {
            DataType::Float16 => Vectors::F16(
                items
                    .as_primitive::<Float16Type>()
                    .values()
                    .get(from..to)
                    .unwrap_or(&[]),
            ),
            _ => Vectors::F32(
                items
                    .as_primitive::<Float32Type>()
                    .values()
                    .get(from..to)
                    .unwrap_or(&[]),
            ),
        };
        let set = VectorSet::new(values, dim).map_err(|e| vector_fault(&e))?;
        let each = |row: usize| {
            let valid = list.is_valid(row);
            let at = u32::try_from(row).ok().filter(|_| valid)?;
            Some(self.measure.of_distance(prepared.distance(set.row(at)?)))
        };
        Ok((0..rows.len()).map(each).collect())
    }

    fn prepare(&self, query: &[f32]) -> Result<PreparedQuery> {
        PreparedQuery::new(self.measure.metric(), query).map_err(|e| vector_fault(&e))
    }

    fn one(&self, prepared: &PreparedQuery, row: Vectors<'_>) -> Result<f64> {
        Self::check_dims(Some(row.len()), Some(prepared.dim()))?;
        Ok(self.measure.of_distance(prepared.distance(row)))
    }

    fn between(&self, a: Option<Vec<f32>>, b: Option<Vec<f32>>) -> Result<Option<f64>> {
        let (Some(a), Some(b)) = (a, b) else {
            return Ok(None);
        };
        let prepared = self.prepare(&b)?;
        self.one(&prepared, Vectors::F32(&a)).map(Some)
    }
}

fn vector_fault(error: &isobath_query::index::IndexError) -> datafusion::error::DataFusionError {
    datafusion::error::DataFusionError::Plan(error.to_string())
}
