//! [`Planner`]: from a statement to a plan over one snapshot of all tables that it names.

use crate::{
    RowStream, Scope, Settings, SqlEngine, SqlError, SqlErrorKind,
    catalog::{self, Catalog, Databases, Named},
    effort,
    run::Until,
    search::{self, Calls},
    write::Transaction,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::{
    common::TableReference,
    execution::{SessionState, TaskContext},
    logical_expr::LogicalPlan,
    physical_plan::ExecutionPlan,
    sql::{parser::Statement as Parsed, sqlparser::ast},
};
use isobath_query::view::View;
use isobath_storage::model::{Namespace, Token};
use std::{fmt, sync::Arc};

/// Plans statements of one session.
pub(crate) struct Planner<'a> {
    pub(crate) engine: &'a Arc<SqlEngine>,
    pub(crate) scope: &'a Scope,
    pub(crate) settings: &'a Settings,
    pub(crate) until: Until,
    /// The open transaction.
    pub(crate) transaction: Option<&'a Transaction>,
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

    /// Runs it to its end; all rows, which may take so many bytes.
    pub(crate) async fn collect(
        self,
        engine: &SqlEngine,
        most: usize,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        let mut rows = self.start(engine).await?;
        let (mut batches, mut bytes) = (vec![], 0usize);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            bytes = bytes.saturating_add(batch.get_array_memory_size());
            if bytes > most {
                let said = format!("the rows of the statement take more than {most} bytes");
                return Err(SqlError::new(SqlErrorKind::Memory, said));
            }
            batches.push(batch);
        }
        Ok(batches)
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

    /// The same for a query over one table whose rows are to be changed: the table tells where each row is.
    pub(crate) async fn plan_change(
        &mut self,
        query: ast::Statement,
        view: &Arc<View>,
    ) -> Result<Planned, SqlError> {
        let statement = Parsed::Statement(Box::new(query));
        let catalog = Catalog::of_change(&self.engine.source, view, self.until.left());
        let state = self.state(catalog);
        self.physical(state, statement).await
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
        let mut query = query;
        let calls = Calls::expand(&mut query)?;
        let statement = Parsed::Statement(Box::new(query.clone()));
        let mut references = self.engine.base().resolve_table_references(&statement)?;
        // rows of searches stand under names of their own
        references.retain(|one| !calls.texts.iter().any(|call| call.name == one.table()));
        references.extend_from_slice(&calls.tables);
        let named = Named::of(&references);
        self.check_scope(&references)?;
        self.check_written(&named)?;
        let until = self.until.clone();
        let source = &self.engine.source;
        let catalog = async {
            let token = source.reach(&self.settings.freshness).await?;
            let pinned = catalog::pin(source.as_ref(), &named.tables).await?;
            search::name_distances(&mut query, &pinned)?;
            let (prefix, left) = (&self.scope.prefix, until.left());
            let catalog = Catalog::new(source, (&named, pinned), (prefix, left), &calls.texts);
            Ok((token, catalog.await?))
        };
        let (token, catalog) = until.limit(catalog).await?;
        self.token = Some(token);
        let statement = Parsed::Statement(Box::new(query));
        Ok((self.state(catalog), statement))
    }

    /// The newest view of a table whose rows are to be changed.
    pub(crate) async fn target(&mut self, name: &str) -> Result<Arc<View>, SqlError> {
        let references = [TableReference::bare(name)];
        self.check_scope(&references)?;
        let missing = || {
            let said = format!("table '{name}' not found");
            SqlError::new(SqlErrorKind::NotFound, said)
        };
        let namespace: Namespace = name.parse().map_err(|_| missing())?;
        if namespace.is_reserved() {
            return Err(missing());
        }
        let source = &self.engine.source;
        let view = async {
            let token = source.reach(&self.settings.freshness).await?;
            Ok((token, source.view(&namespace).await?))
        };
        let (token, view) = self.until.limit(view).await?;
        self.token = Some(token);
        view.ok_or_else(missing)
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

    /// Refuses to read what the transaction has written to: that is not there yet.
    fn check_written(&self, named: &Named) -> Result<(), SqlError> {
        let written = self.transaction.and_then(Transaction::written);
        match written {
            Some(table) if named.tables.contains(table.as_str()) => {
                let feature =
                    format!("reading table {table} after writing to it in the same transaction");
                Err(SqlError::unsupported(feature))
            }
            _ => Ok(()),
        }
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
