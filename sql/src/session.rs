//! [`Session`]: one caller's statements, one after the other, with what he has set.

use crate::{
    Parameter, RowStream, Settings, SqlEngine, SqlError, SqlErrorKind, Statement, explain,
    parameter::bind,
    planner::{Planned, Planner},
    run::Until,
};
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, Expr, ObjectName, Set, Value};
use isobath_storage::model::Token;
use std::sync::Arc;

/// What a caller may do.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// What the names of the tables begin with that he may use.
    pub prefix: String,
    /// Whether he may write.
    pub writes: bool,
    /// Names his API key, where there are keys.
    pub api_key: Option<String>,
}

/// What became of a statement.
#[derive(Debug)]
pub enum Outcome {
    /// It gives rows.
    Rows(RowStream),
    /// It gives none: its name as PostgreSQL says it, and the rows that it changed where that counts.
    Done(&'static str, Option<u64>),
}

/// A statement that was planned and not carried out yet.
#[derive(Debug)]
pub struct Opened(Kind);

#[derive(Debug)]
enum Kind {
    Query(Planned),
    Explain { planned: Planned, run: bool },
    Known(RecordBatch),
    Command(Box<ast::Statement>),
}

impl Opened {
    /// The columns of its rows; `None` where it gives none.
    pub fn schema(&self) -> Option<SchemaRef> {
        match &self.0 {
            Kind::Query(planned) => Some(planned.schema()),
            Kind::Explain { .. } => Some(explain::schema()),
            Kind::Known(batch) => Some(batch.schema()),
            Kind::Command(_) => None,
        }
    }
}

/// What is known of a statement before its parameters have values.
#[derive(Debug, Default)]
pub struct Described {
    /// The types of the parameters, as far as they follow from their places.
    pub parameters: Vec<Option<FieldRef>>,
    /// The columns of its rows; `None` where it gives none.
    pub schema: Option<SchemaRef>,
}

/// One caller's statements, one after the other, with what he has set.
#[derive(Debug)]
pub struct Session {
    engine: Arc<SqlEngine>,
    scope: Scope,
    /// What he has set.
    pub settings: Settings,
    /// The position that the last statement saw.
    pub token: Option<Token>,
}

impl Session {
    pub(crate) fn new(engine: Arc<SqlEngine>, scope: Scope) -> Self {
        Self {
            engine,
            scope,
            settings: Settings::default(),
            token: None,
        }
    }

    /// Carries out a statement with values for its parameters.
    pub async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<Outcome, SqlError> {
        let opened = Box::pin(self.open(statement, parameters)).await?;
        self.start(opened).await
    }

    /// Plans a statement with values for its parameters; nothing is changed by it.
    pub async fn open(
        &mut self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<Opened, SqlError> {
        let mut ast = statement.ast.clone();
        bind(&mut ast, parameters)?;
        Ok(Opened(match ast {
            ast::Statement::Query(_) => Kind::Query(self.plan(ast).await?),
            ast::Statement::Explain {
                analyze,
                statement,
                format,
                options,
                ..
            } => {
                if format.is_some() || options.is_some() {
                    return Err(SqlError::unsupported("EXPLAIN with a format or options"));
                }
                if !matches!(*statement, ast::Statement::Query(_)) {
                    let feature = format!("EXPLAIN {}", first_words(&statement));
                    return Err(SqlError::unsupported(feature));
                }
                Kind::Explain {
                    planned: self.plan(*statement).await?,
                    run: analyze,
                }
            }
            ast::Statement::ShowVariable { variable } => Kind::Known(self.show(&variable)?),
            other => Kind::Command(Box::new(other)),
        }))
    }

    /// Carries out what was planned.
    pub async fn start(&mut self, opened: Opened) -> Result<Outcome, SqlError> {
        match opened.0 {
            Kind::Query(planned) => Ok(Outcome::Rows(planned.start(&self.engine).await?)),
            Kind::Explain { planned, run } => {
                let plan = Arc::clone(&planned.plan);
                if run {
                    let mut rows = planned.start(&self.engine).await?;
                    while let Some(batch) = rows.next().await {
                        batch?;
                    }
                }
                Ok(Outcome::Rows(RowStream::of(explain::explained(
                    &plan, run,
                )?)))
            }
            Kind::Known(batch) => Ok(Outcome::Rows(RowStream::of(batch))),
            Kind::Command(command) => self.command(*command),
        }
    }

    /// What follows from a statement alone.
    pub async fn describe(&mut self, statement: &Statement) -> Result<Described, SqlError> {
        let untyped = || vec![None; statement.parameters];
        if !matches!(statement.ast, ast::Statement::Query(_)) {
            let nulls = vec![Parameter::Null; statement.parameters];
            let schema = Box::pin(self.open(statement, &nulls)).await?.schema();
            let parameters = untyped();
            return Ok(Described { parameters, schema });
        }
        let mut planner = self.planner();
        let Ok(plan) = planner.logical(statement.ast.clone()).await else {
            // some places of parameters need values: their types do not matter then
            let nulls = vec![Parameter::Null; statement.parameters];
            let schema = Box::pin(self.open(statement, &nulls)).await?.schema();
            let parameters = untyped();
            return Ok(Described { parameters, schema });
        };
        let known = plan.get_parameter_fields()?;
        let ty = |at: usize| known.get(&format!("${}", at + 1)).cloned().flatten();
        Ok(Described {
            parameters: (0..statement.parameters).map(ty).collect(),
            schema: Some(Arc::clone(plan.schema().inner())),
        })
    }

    fn planner(&self) -> Planner<'_> {
        let most = self.engine.limits.timeout;
        let time = self.settings.timeout.map_or(most, |time| time.min(most));
        Planner {
            engine: &self.engine,
            scope: &self.scope,
            settings: &self.settings,
            until: Until::after(self.engine.source.clock(), time),
            token: None,
        }
    }

    async fn plan(&mut self, query: ast::Statement) -> Result<Planned, SqlError> {
        let mut planner = self.planner();
        let plan = planner.plan(query).await;
        self.token = planner.token.take();
        plan
    }

    fn command(&mut self, command: ast::Statement) -> Result<Outcome, SqlError> {
        match command {
            ast::Statement::Set(set) => self.set(set),
            ast::Statement::Reset(reset) => {
                match &reset.reset {
                    ast::Reset::ALL => self.settings.reset(),
                    ast::Reset::ConfigurationParameter(name) => {
                        self.settings.set(&setting_name(name), None)?;
                    }
                }
                Ok(Outcome::Done("RESET", None))
            }
            other => Err(SqlError::unsupported(first_words(&other))),
        }
    }

    fn set(&mut self, set: Set) -> Result<Outcome, SqlError> {
        let (scope, name, values) = match set {
            Set::SingleAssignment {
                scope,
                variable,
                values,
                ..
            } => (scope, setting_name(&variable), values),
            Set::SetTimeZone {
                value,
                local: false,
            } => (None, "timezone".to_owned(), vec![value]),
            other => return Err(SqlError::unsupported(other)),
        };
        if matches!(
            scope,
            Some(ast::ContextModifier::Local | ast::ContextModifier::Global)
        ) {
            return Err(SqlError::unsupported("SET LOCAL and SET GLOBAL"));
        }
        let values = values
            .iter()
            .map(setting_value)
            .collect::<Result<Vec<_>, _>>()?;
        let value = values.join(", ");
        let is_default = value.eq_ignore_ascii_case("default");
        self.settings
            .set(&name, (!is_default).then_some(value.as_str()))?;
        Ok(Outcome::Done("SET", None))
    }

    fn show(&self, variable: &[ast::Ident]) -> Result<RecordBatch, SqlError> {
        let name: Vec<&str> = variable.iter().map(|ident| ident.value.as_str()).collect();
        let name = match name.join(".").to_ascii_lowercase() {
            name if name == "transaction.isolation.level" => "transaction_isolation".to_owned(),
            name => name,
        };
        let value = self.settings.show(&name)?;
        let schema = Schema::new(vec![Field::new(&name, DataType::Utf8, false)]);
        let values = Arc::new(StringArray::from(vec![value]));
        let batch = RecordBatch::try_new(Arc::new(schema), vec![values]);
        batch.map_err(|e| SqlError::new(SqlErrorKind::Internal, e.to_string()))
    }
}

fn setting_name(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let parts: Vec<&str> = parts.map(|ident| ident.value.as_str()).collect();
    parts.join(".")
}

fn setting_value(value: &Expr) -> Result<String, SqlError> {
    Ok(match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::UnaryOp { .. } => value.to_string(),
        other => {
            return Err(SqlError::invalid(format!(
                "{other} is no value of a setting"
            )));
        }
    })
}

/// What a statement begins with, to name it.
pub(crate) fn first_words(statement: &ast::Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}
