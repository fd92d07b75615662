//! [`Session`]: one caller's statements, one after the other, with what he has set.

mod commands;
mod savepoints;
mod set;

use crate::{
    Parameter, RowStream, Settings, SqlEngine, SqlError, Statement, explain,
    parameter::bind,
    planner::{Planned, Planner},
    run::Until,
    write::Transaction,
};
use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, SchemaRef};
use datafusion::sql::sqlparser::ast;
use isobath_storage::model::{IdempotencyKey, Token};
use std::{collections::HashMap, sync::Arc};

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
    /// Names the next write, where the caller has a name for it.
    pub key: Option<IdempotencyKey>,
    transaction: Option<Transaction>,
    /// What the transaction was at its savepoints, the newest last.
    savepoints: Vec<(String, Transaction)>,
    /// Statements that were prepared by `PREPARE`.
    prepared: HashMap<String, Statement>,
}

impl Session {
    pub(crate) fn new(engine: Arc<SqlEngine>, scope: Scope) -> Self {
        Self {
            engine,
            scope,
            settings: Settings::default(),
            token: None,
            key: None,
            transaction: None,
            savepoints: vec![],
            prepared: HashMap::new(),
        }
    }

    /// Carries out a statement with values for its parameters.
    pub async fn run(
        &mut self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<Outcome, SqlError> {
        let opened = Box::pin(self.open(statement, parameters)).await?;
        Box::pin(self.start(opened)).await
    }

    /// Plans a statement with values for its parameters; nothing is changed by it.
    pub async fn open(
        &mut self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<Opened, SqlError> {
        let mut ast = statement.ast.clone();
        if !matches!(ast, ast::Statement::Prepare { .. }) {
            bind(&mut ast, parameters)?;
        }
        if let Some(transaction) = &self.transaction
            && !matches!(
                ast,
                ast::Statement::Commit { .. } | ast::Statement::Rollback { .. }
            )
        {
            transaction.check()?;
        }
        if let ast::Statement::Execute {
            name: Some(name),
            parameters,
            ..
        } = &ast
        {
            let (statement, values) = self.executed(name, parameters)?;
            ast = statement.ast;
            bind(&mut ast, &values)?;
        }
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
            ast::Statement::ShowVariable { variable } => {
                Kind::Known(set::show(&self.settings, &variable)?)
            }
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
            Kind::Command(command) => Box::pin(self.command(*command)).await,
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
            transaction: self.transaction.as_ref(),
            token: None,
        }
    }

    async fn plan(&mut self, query: ast::Statement) -> Result<Planned, SqlError> {
        let mut planner = self.planner();
        let ready = planner.plan(query).await;
        self.token = planner.token.take();
        ready
    }
}

/// What a statement begins with, to name it.
pub(crate) fn first_words(statement: &ast::Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}
