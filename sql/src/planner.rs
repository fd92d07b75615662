//! [`Planner`]: from a statement to a plan over one snapshot of all tables that it names.

use crate::{
    RowStream, Scope, Settings, SqlEngine, SqlError, SqlErrorKind,
    catalog::{self, Catalog, Databases, Named},
    effort,
    run::Until,
};
use arrow_schema::SchemaRef;
use datafusion::{
    common::TableReference,
    execution::{SessionState, TaskContext},
    logical_expr::LogicalPlan,
    physical_plan::ExecutionPlan,
    sql::{parser::Statement as Parsed, sqlparser::ast},
};
use isobath_storage::model::Token;
use std::{fmt, sync::Arc};

/// Plans statements of one session.
pub(crate) struct Planner<'a> {
    pub(crate) engine: &'a Arc<SqlEngine>,
    pub(crate) scope: &'a Scope,
    pub(crate) settings: &'a Settings,
    pub(crate) until: Until,
    /// The position that the statement sees.
    pub(crate) token: Option<Token>,
}

/// A query that is ready to run.
pub(crate) struct Planned {
    state: SessionState,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) until: Until,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planned")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Planned {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// Runs it, as soon as there is a place.
    pub(crate) async fn start(self, engine: &SqlEngine) -> Result<RowStream, SqlError> {
        let place = self.until.limit(engine.place()).await?;
        let context = TaskContext::from(&self.state);
        let context = Arc::new(context.with_runtime(engine.environment()?));
        RowStream::start(engine, self.plan, context, (place, self.until))
    }
}

impl Planner<'_> {
    /// Pins what a query names, and plans it.
    pub(crate) async fn plan(&mut self, query: ast::Statement) -> Result<Planned, SqlError> {
        let (state, statement) = self.pinned(query).await?;
        self.physical(state, statement).await
    }

    /// Resolves a query whose parameters have no values.
    pub(crate) async fn logical(&mut self, query: ast::Statement) -> Result<LogicalPlan, SqlError> {
        let (state, statement) = self.pinned(query).await?;
        let planning = async move { Ok(state.statement_to_plan(statement).await?) };
        self.until.limit(self.engine.on_threads(planning)).await
    }

    async fn physical(&self, state: SessionState, statement: Parsed) -> Result<Planned, SqlError> {
        let planning = async move {
            let plan = state.statement_to_plan(statement).await?;
            let plan = state.create_physical_plan(&plan).await?;
            effort::check(&plan)?;
            Ok((state, plan))
        };
        let planned = self.until.limit(self.engine.on_threads(planning));
        let (state, plan) = planned.await?;
        let until = self.until.clone();
        Ok(Planned { state, plan, until })
    }

    /// A state whose tables are those that a query names, all at one moment.
    async fn pinned(&mut self, query: ast::Statement) -> Result<(SessionState, Parsed), SqlError> {
        let statement = Parsed::Statement(Box::new(query));
        let references = self.engine.base().resolve_table_references(&statement)?;
        let named = Named::of(&references);
        self.check_scope(&references)?;
        let until = self.until.clone();
        let source = &self.engine.source;
        let catalog = async {
            let token = source.reach(&self.settings.freshness).await?;
            let pinned = catalog::pin(source.as_ref(), &named.tables).await?;
            let (prefix, left) = (&self.scope.prefix, until.left());
            Ok((
                token,
                Catalog::new(source, (&named, pinned), prefix, left).await?,
            ))
        };
        let (token, catalog) = until.limit(catalog).await?;
        self.token = Some(token);
        Ok((self.state(catalog), statement))
    }

    fn state(&self, catalog: Catalog) -> SessionState {
        let mut state = self.engine.base();
        state.register_catalog_list(Arc::new(Databases(Arc::new(catalog))));
        let options = state.config_mut().options_mut();
        if let Some(search) = options.extensions.get_mut() {
            *search = self.settings.search.clone();
        }
        state.mark_start_execution();
        state
    }

    fn check_scope(&self, references: &[TableReference]) -> Result<(), SqlError> {
        let outside = references.iter().find(|reference| {
            reference
                .schema()
                .is_none_or(|schema| schema == catalog::PUBLIC)
                && !reference.table().starts_with(&self.scope.prefix)
        });
        match outside {
            None => Ok(()),
            Some(table) => {
                let prefix = &self.scope.prefix;
                let said = format!(
                    "permission denied for table {}: the key is for names that begin with {prefix:?}",
                    table.table()
                );
                Err(SqlError::new(SqlErrorKind::Forbidden, said))
            }
        }
    }
}
