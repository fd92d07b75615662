//! `CREATE TABLE` and `DROP TABLE`.

use super::{Change, TableExistence, TableWrite, WriteGuard, column_name, table_name};
use crate::{SqlError, SqlErrorKind, planner::Planner, statement::is_vector};
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, ColumnDef, ColumnOption, CreateTable, CreateTableOptions, DataType, Expr,
    ObjectName, SqlOption, TableConstraint, Value,
};
use isobath_storage::model::{
    AttributeName, AttributeType, Control, Declaration, IdKind, Metric, Mutation, Namespace,
    ScalarType, VectorElement,
};

/// The distance of vectors where the statement does not say.
const DEFAULT_METRIC: Metric = Metric::EuclideanSquared;
/// What a table may be given besides its columns.
const METRIC_OPTION: &str = "distance_metric";

/// `CREATE TABLE`. The table is there from then on, also without rows.
pub(crate) async fn create_table(
    planner: &mut Planner<'_>,
    table: CreateTable,
) -> Result<Change, SqlError> {
    check_supported(&table)?;
    let name = table_name(&table.name)?;
    let there = match planner.target(&name).await {
        Ok(_) => true,
        Err(error) if error.kind == SqlErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let namespace: Namespace =
        name.parse()
            .map_err(|error: isobath_storage::model::InvalidName| {
                SqlError::invalid(error.to_string())
            })?;
    if namespace.is_reserved() {
        return Err(SqlError::invalid(format!("the name {name:?} is reserved")).with_code("42939"));
    }
    let metric = metric_of(&table.table_options)?;
    let declarations = declarations(&table, metric)?;
    let done = |write| Change {
        name: "CREATE TABLE",
        write,
        counts: false,
    };
    if there {
        if table.if_not_exists {
            return Ok(done(None));
        }
        return Err(exists(&name));
    }
    Ok(done(Some(TableWrite {
        namespace,
        existence: TableExistence::MustNot,
        declarations,
        mutations: vec![Mutation::Control(Control::Create)],
        guard: WriteGuard::default(),
    })))
}

/// What is said of a table that is there already.
pub(crate) fn exists(name: &str) -> SqlError {
    let said = format!("relation {name:?} already exists");
    SqlError::new(SqlErrorKind::Exists, said).with_code("42P07")
}

fn check_supported(table: &CreateTable) -> Result<(), SqlError> {
    let refused = [
        (table.query.is_some(), "CREATE TABLE AS"),
        (table.temporary, "CREATE TEMPORARY TABLE"),
        (table.or_replace, "CREATE OR REPLACE TABLE"),
        (table.external, "CREATE EXTERNAL TABLE"),
        (
            table.like.is_some() || table.clone.is_some(),
            "CREATE TABLE LIKE",
        ),
        (
            table.inherits.is_some() || table.partition_of.is_some(),
            "INHERITS and PARTITION",
        ),
        (table.partition_by.is_some(), "PARTITION BY"),
    ];
    match refused.iter().find(|(is, _)| *is) {
        Some((_, feature)) => Err(SqlError::unsupported(feature)),
        None => Ok(()),
    }
}

fn metric_of(options: &CreateTableOptions) -> Result<Option<Metric>, SqlError> {
    let options = match options {
        CreateTableOptions::None => return Ok(None),
        CreateTableOptions::With(options) => options,
        other => return Err(SqlError::unsupported(other)),
    };
    let mut metric = None;
    for option in options {
        let SqlOption::KeyValue { key, value } = option else {
            return Err(SqlError::unsupported(option));
        };
        if !key.value.eq_ignore_ascii_case(METRIC_OPTION) {
            return Err(SqlError::unsupported(format!("the option {key}")));
        }
        let text = match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => text.clone(),
                other => other.to_string(),
            },
            other => other.to_string(),
        };
        let read = text
            .parse::<Metric>()
            .map_err(|error| SqlError::invalid(error.to_string()))?;
        metric = Some(read);
    }
    Ok(metric)
}

fn declarations(table: &CreateTable, metric: Option<Metric>) -> Result<Vec<Declaration>, SqlError> {
    let mut declarations: Vec<Declaration> = vec![];
    for column in &table.columns {
        let name = column_name(&column.name);
        let attribute: AttributeName = name
            .parse()
            .map_err(|e: isobath_storage::model::InvalidName| SqlError::invalid(e.to_string()))?;
        let ty = attribute_type(&column.data_type)?;
        let ty = if attribute.is_id() { id_type(ty)? } else { ty };
        check_options(column, attribute.is_id())?;
        if declarations
            .iter()
            .any(|known| known.attribute == attribute)
        {
            let said = format!("column {name:?} specified more than once");
            return Err(SqlError::invalid(said).with_code("42701"));
        }
        declarations.push(Declaration {
            attribute,
            ty,
            metric: ty.is_vector().then(|| metric.unwrap_or(DEFAULT_METRIC)),
        });
    }
    for constraint in &table.constraints {
        let is_id = match constraint {
            TableConstraint::PrimaryKey(key) => {
                let columns: Vec<String> = key
                    .columns
                    .iter()
                    .map(|column| column.to_string().to_ascii_lowercase())
                    .collect();
                columns == ["id"]
            }
            _ => false,
        };
        if !is_id {
            return Err(SqlError::unsupported(format!(
                "the constraint {constraint}"
            )));
        }
    }
    if !declarations.iter().any(|known| known.attribute.is_id()) {
        let said = "a table needs a column id: of type bigint, text or uuid";
        return Err(SqlError::invalid(said).with_code("42P16"));
    }
    Ok(declarations)
}

/// The type of ids that a column type declares.
fn id_type(ty: AttributeType) -> Result<AttributeType, SqlError> {
    let kind = match ty {
        AttributeType::Scalar(ScalarType::Int | ScalarType::Uint) => IdKind::Uint,
        AttributeType::Scalar(ScalarType::String) => IdKind::String,
        AttributeType::Scalar(ScalarType::Uuid) => IdKind::Uuid,
        other => {
            let said = format!("ids are of type bigint, text or uuid, not {other}");
            return Err(SqlError::invalid(said).with_code("42P16"));
        }
    };
    Ok(kind.attribute_type())
}

fn check_options(column: &ColumnDef, is_id: bool) -> Result<(), SqlError> {
    for option in &column.options {
        let fits = match &option.option {
            ColumnOption::Null => !is_id,
            ColumnOption::NotNull | ColumnOption::PrimaryKey(_) => is_id,
            _ => false,
        };
        if !fits {
            let feature = format!("{} of column {}", option.option, column.name);
            return Err(SqlError::unsupported(feature));
        }
    }
    Ok(())
}

/// What a type of SQL is here.
fn attribute_type(ty: &DataType) -> Result<AttributeType, SqlError> {
    let scalar = match ty {
        DataType::SmallInt(None)
        | DataType::Int2(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::Int4(None)
        | DataType::BigInt(None)
        | DataType::Int8(None) => ScalarType::Int,
        DataType::Real
        | DataType::Float4
        | DataType::Float8
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Float(_) => ScalarType::Float,
        DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None) => {
            ScalarType::String
        }
        DataType::Bool | DataType::Boolean => ScalarType::Bool,
        DataType::Uuid => ScalarType::Uuid,
        DataType::Timestamp(None, _) | DataType::TimestampNtz(None) => ScalarType::Datetime,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(item, None) | ArrayElemTypeDef::AngleBracket(item),
        ) => {
            return match attribute_type(item)? {
                AttributeType::Scalar(ScalarType::Uuid) => {
                    Err(SqlError::unsupported("the type uuid[]"))
                }
                AttributeType::Scalar(item) => Ok(AttributeType::Array(item)),
                other => Err(SqlError::unsupported(format!("the type {other}[]"))),
            };
        }
        DataType::Custom(name, modifiers) if is_vector(name) => {
            return vector_type(name, modifiers);
        }
        other => return Err(SqlError::unsupported(format!("the type {other}"))),
    };
    Ok(AttributeType::Scalar(scalar))
}

fn vector_type(name: &ObjectName, modifiers: &[String]) -> Result<AttributeType, SqlError> {
    let most = AttributeType::MAX_DIM;
    let [dim] = modifiers else {
        let said = format!("the type {name} needs its number of dimensions: {name}(384)");
        return Err(SqlError::invalid(said).with_code("42601"));
    };
    let dim = dim.parse().ok().filter(|dim| (1..=most).contains(dim));
    let dim = dim.ok_or_else(|| {
        let said = format!("dimensions for type vector must be between 1 and {most}");
        SqlError::invalid(said).with_code("22023")
    })?;
    let element = VectorElement::F32;
    Ok(AttributeType::Vector { dim, element })
}

/// `DROP TABLE`.
pub(crate) async fn drop_table(
    planner: &mut Planner<'_>,
    names: &[ObjectName],
    if_exists: bool,
) -> Result<Change, SqlError> {
    let [name] = names else {
        return Err(SqlError::unsupported("DROP TABLE of several tables"));
    };
    let done = |write| Change {
        name: "DROP TABLE",
        write,
        counts: false,
    };
    let view = match planner.target(&table_name(name)?).await {
        Ok(view) => view,
        Err(error) if if_exists && error.kind == SqlErrorKind::NotFound => return Ok(done(None)),
        Err(error) => return Err(error),
    };
    Ok(done(Some(TableWrite {
        namespace: view.namespace.clone(),
        existence: TableExistence::Must,
        declarations: vec![],
        mutations: vec![Mutation::Control(Control::Delete)],
        guard: WriteGuard::default(),
    })))
}
