//! [`Catalog`]: what a statement can name: the namespaces, each pinned to one view.

use crate::{
    Source, SqlError, SqlErrorKind,
    plan::{SharedTable, Table, TextTable},
    search::TextCall,
    system::{self, AttributeTable, PG_CATALOG},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider},
    common::TableReference,
    error::Result as EngineResult,
    logical_expr::TableType,
};
use isobath_query::view::View;
use isobath_storage::model::Namespace;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// The name of the database.
pub(crate) const DATABASE: &str = "isobath";
/// The schema of the namespaces.
pub(crate) const PUBLIC: &str = "public";
/// Where the standard's catalog is.
const INFORMATION_SCHEMA: &str = "information_schema";

/// How often all views of a statement are looked at until none of them changes meanwhile.
const LOOKS: usize = 64;
/// The most namespaces that a catalog lists.
const MAX_LISTED: usize = 10_000;

/// What a statement can name.
#[derive(Debug)]
pub(crate) struct Catalog {
    schemas: BTreeMap<String, Arc<dyn SchemaProvider>>,
}

/// Views of several namespaces that hold at one moment.
pub(crate) type Pinned = BTreeMap<Namespace, Arc<View>>;

/// The namespaces that a statement names, and whether it names the catalog itself.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) tables: BTreeSet<String>,
    /// Tables of PostgreSQL's catalog.
    system: BTreeSet<String>,
    catalog: bool,
}

impl Named {
    /// Sorts what a statement names.
    pub(crate) fn of(references: &[TableReference]) -> Self {
        let mut named = Self::default();
        for reference in references {
            let database = reference.catalog().is_none_or(|name| name == DATABASE);
            match reference.schema() {
                None | Some(PUBLIC) if database => {
                    named.tables.insert(reference.table().to_owned());
                }
                Some(INFORMATION_SCHEMA) if database => named.catalog = true,
                Some(PG_CATALOG) if database => {
                    named.catalog = true;
                    named.system.insert(reference.table().to_owned());
                }
                _ => {}
            }
        }
        named
    }
}

/// The views of all namespaces of `names` that there are, as they are at one moment.
pub(crate) async fn pin(source: &dyn Source, names: &BTreeSet<String>) -> Result<Pinned, SqlError> {
    let namespaces = names.iter().filter_map(|name| name.parse().ok());
    let namespaces: Vec<Namespace> = namespaces
        .filter(|namespace: &Namespace| !namespace.is_reserved())
        .collect();
    let mut pinned = views(source, &namespaces).await?;
    if namespaces.len() < 2 {
        return Ok(pinned);
    }
    for _ in 0..LOOKS {
        // none changed between the first look at the last of them and the second look at the first
        let again = views(source, &namespaces).await?;
        let version = |pinned: &Pinned| -> Vec<_> {
            pinned
                .iter()
                .map(|(name, view)| (name.clone(), view.version))
                .collect()
        };
        if version(&again) == version(&pinned) {
            return Ok(again);
        }
        pinned = again;
    }
    let said = "the tables change faster than they can be read together: try again";
    Err(SqlError::new(SqlErrorKind::Unavailable, said))
}

async fn views(source: &dyn Source, namespaces: &[Namespace]) -> Result<Pinned, SqlError> {
    let mut pinned = Pinned::new();
    for namespace in namespaces {
        if let Some(view) = source.view(namespace).await? {
            pinned.insert(namespace.clone(), view);
        }
    }
    Ok(pinned)
}

impl Catalog {
    /// The tables of `pinned`, and the rows that `texts` find in them; and where the statement names the catalog,
    /// the names of all others whose names begin with `prefix`.
    pub(crate) async fn new(
        source: &Arc<dyn Source>,
        (named, pinned): (&Named, Pinned),
        (prefix, timeout): (&str, Duration),
        texts: &[TextCall],
    ) -> Result<Self, SqlError> {
        let mut listed = BTreeSet::new();
        if named.catalog {
            let all = source.names(prefix, MAX_LISTED).await?;
            listed.extend(all.into_iter().map(String::from));
        }
        let mut tables: HashMap<String, Arc<dyn TableProvider>> = HashMap::new();
        for call in texts {
            let table = call.table.parse::<Namespace>().ok();
            let view = table.and_then(|table| pinned.get(&table)).ok_or_else(|| {
                let said = format!("table '{}' not found", call.table);
                SqlError::new(SqlErrorKind::NotFound, said)
            })?;
            let table = Table::new(Arc::clone(view), Arc::clone(source), timeout);
            let found = TextTable::new(table, call.query.clone());
            tables.insert(call.name.clone(), Arc::new(found));
        }
        for (name, view) in pinned {
            let table = Table::new(view, Arc::clone(source), timeout);
            tables.insert(name.into(), Arc::new(SharedTable(Arc::new(table))));
        }
        let mut system = HashMap::new();
        for name in &named.system {
            let table: Option<Arc<dyn TableProvider>> = match name.as_str() {
                "pg_attribute" => Some(Arc::new(AttributeTable::new(source, &listed)?)),
                name => system::relation(name, &listed)?,
            };
            system.extend(table.map(|table| (name.clone(), table)));
        }
        let public = Public {
            source: Arc::clone(source),
            tables,
            names: listed,
            timeout,
        };
        let mut catalog = Self::with(public);
        if !system.is_empty() {
            let system: Arc<dyn SchemaProvider> = Arc::new(Fixed(system));
            catalog.schemas.insert(PG_CATALOG.to_owned(), system);
        }
        Ok(catalog)
    }

    /// The one table of a write, which tells where each row is.
    pub(crate) fn of_change(source: &Arc<dyn Source>, view: &Arc<View>, timeout: Duration) -> Self {
        let table = Table::new(Arc::clone(view), Arc::clone(source), timeout).with_places();
        let table: Arc<dyn TableProvider> = Arc::new(SharedTable(Arc::new(table)));
        Self::with(Public {
            source: Arc::clone(source),
            tables: HashMap::from([(view.namespace.to_string(), table)]),
            names: BTreeSet::new(),
            timeout,
        })
    }

    fn with(public: Public) -> Self {
        let public: Arc<dyn SchemaProvider> = Arc::new(public);
        Self {
            schemas: BTreeMap::from([(PUBLIC.to_owned(), public)]),
        }
    }
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.schemas.get(name).map(Arc::clone)
    }
}

/// The one database.
#[derive(Debug)]
pub(crate) struct Databases(pub(crate) Arc<Catalog>);

impl CatalogProviderList for Databases {
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![DATABASE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == DATABASE).then(|| Arc::clone(&self.0) as Arc<dyn CatalogProvider>)
    }
}

/// A schema whose tables are known.
#[derive(Debug)]
struct Fixed(HashMap<String, Arc<dyn TableProvider>>);

#[async_trait]
impl SchemaProvider for Fixed {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.get(name).map(Arc::clone))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The schema of the namespaces.
#[derive(Debug)]
struct Public {
    source: Arc<dyn Source>,
    tables: HashMap<String, Arc<dyn TableProvider>>,
    /// All names, where the statement names the catalog.
    names: BTreeSet<String>,
    timeout: Duration,
}

#[async_trait]
impl SchemaProvider for Public {
    fn table_names(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.tables.get(name) {
            return Ok(Some(Arc::clone(table)));
        }
        let Some(namespace) = self.names.get(name).and_then(|name| name.parse().ok()) else {
            return Ok(None);
        };
        let view = self.source.view(&namespace).await?;
        let table = |view| Table::new(view, Arc::clone(&self.source), self.timeout);
        Ok(view.map(|view| Arc::new(SharedTable(Arc::new(table(view)))) as Arc<dyn TableProvider>))
    }

    async fn table_type(&self, name: &str) -> EngineResult<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.names.contains(name)
    }
}
