//! [`Delta`]: what writes in flight will have done to one namespace.

use super::{
    affected::{Change, Tally},
    flight::Flight,
};
use crate::{
    node::{Refusal, sink::Terms},
    server::{Existence, Policy},
};
use isobath_query::view::Live;
use isobath_storage::{
    log::Affected,
    model::{
        AttributeName, Control, Declaration, Id, IdKind, Mutation, Namespace, Request, Seq, Stamp,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// What writes that are resolved and not yet applied will have done to one namespace.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// How many of the writes touch the namespace.
    pub(super) writes: usize,
    /// Whether one of them adopts rows, which nothing here knows.
    adopting: bool,
    /// Whether one of them deletes what the view holds.
    pub(super) deleted: bool,
    /// The newest mutation of each row that they touch, and whether the row is there after it.
    pub(super) rows: HashMap<Id, (Stamp, bool)>,
    /// What they declare.
    declared: BTreeMap<AttributeName, Declaration>,
    /// What they drop of what the view holds.
    dropped: BTreeSet<AttributeName>,
    /// The policy that they leave, where they change it.
    policy: Option<Policy>,
    /// What they made of the rows.
    pub(super) flight: Flight,
}

impl Delta {
    /// Checks a write and takes it in: the rows that it touches, and those that it changes where the write
    /// asks for them.
    pub(super) fn resolve(
        &mut self,
        namespace: &Namespace,
        live: Option<&Live>,
        request: &mut Request,
        terms: &Terms,
        stamp: Stamp,
    ) -> Result<(Vec<Id>, Option<Affected>), Refusal> {
        if self.adopting || live.is_some_and(Live::is_lacking) {
            return Err(Refusal::Adopting(namespace.clone()));
        }
        let base = live.filter(|_| !self.deleted);
        let exists =
            base.is_some_and(|live| live.view().exists()) || self.declared.contains_key("id");
        if terms.existence == Existence::MustExist && !exists {
            return Err(Refusal::NotFound(namespace.clone()));
        }
        if let Some(kind) = terms.fills
            && self.has_rows(base)
        {
            let namespace = namespace.clone();
            return Err(Refusal::NotEmpty { kind, namespace });
        }
        self.check_guard((namespace, exists), live, request, &terms.guard)?;
        self.check_policy(base, namespace, request, terms)?;
        for declaration in &request.declarations {
            self.check(base, request, declaration)?;
        }
        let mut tally = Tally::new(&request.mutations, terms.return_ids);
        if terms.is_restricted() {
            self.restrict(live, request, terms, stamp)?;
        }
        if !exists && !request.declarations.iter().any(|d| d.attribute.is_id()) {
            // nothing that could stand in a namespace: none is made
            request.declarations.clear();
            request.mutations.clear();
        }
        let ids = self.count(live, request, stamp, &mut tally);
        let (counts, affected) = tally.finish();
        request.counts = counts;
        if let Some((_, adopted)) = request.adoption() {
            self.adopting = true;
            request.counts.upserted = Some(adopted.live());
        }
        request.counts.remaining = terms.remaining();
        self.declare(request);
        self.writes += 1;
        self.flight.push(stamp, request.clone());
        Ok((ids, affected))
    }

    /// The segments up to `seq` are applied; one of them held a write that touched `ids`.
    pub(super) fn applied(&mut self, seq: Seq, ids: &[Id]) {
        self.writes = self.writes.saturating_sub(1);
        if self.writes == 0 {
            return;
        }
        self.flight.applied(seq);
        for id in ids {
            if self.rows.get(id).is_some_and(|(stamp, _)| stamp.seq <= seq) {
                self.rows.remove(id);
            }
        }
    }

    /// Whether there may be rows.
    fn has_rows(&self, base: Option<&Live>) -> bool {
        base.is_some_and(|live| live.view().rows() > 0) || self.rows.values().any(|(_, is)| *is)
    }

    /// Takes note of what a write makes of the schema.
    fn declare(&mut self, request: &Request) {
        for mutation in &request.mutations {
            if let Mutation::Control(Control::DropAttribute { attribute }) = mutation {
                self.declared.remove(attribute);
                self.dropped.insert(attribute.clone());
            }
        }
        for declaration in &request.declarations {
            self.declared
                .entry(declaration.attribute.clone())
                .or_insert(declaration.clone());
        }
    }

    /// Refuses writes to what takes none, and puts a change of the policy into the write.
    fn check_policy(
        &mut self,
        base: Option<&Live>,
        namespace: &Namespace,
        request: &mut Request,
        terms: &Terms,
    ) -> Result<(), Refusal> {
        let of_view = || {
            let policy = base.map(|live| Arc::clone(&live.view().policy));
            policy.map_or_else(Policy::default, |policy| Policy::of_json(&policy))
        };
        let policy = self.policy.unwrap_or_else(of_view);
        let Some(change) = terms.policy else {
            return if policy.read_only {
                Err(Refusal::ReadOnly(namespace.clone()))
            } else {
                Ok(())
            };
        };
        let changed = policy.changed(change);
        let policy = changed.to_json();
        request.mutations = vec![Mutation::Control(Control::Policy { policy })];
        self.policy = Some(changed);
        Ok(())
    }

    fn check(
        &self,
        base: Option<&Live>,
        request: &Request,
        given: &Declaration,
    ) -> Result<(), Refusal> {
        let name = &given.attribute;
        let drops = |mutation: &Mutation| matches!(mutation, Mutation::Control(Control::DropAttribute { attribute }) if attribute == name);
        let (known, metric) = if request.mutations.iter().any(drops) {
            (None, None)
        } else if let Some(known) = self.declared.get(name) {
            (Some(known.ty), known.metric)
        } else if self.dropped.contains(name) {
            (None, None)
        } else {
            let schema = base.map(|live| Arc::clone(&live.view().schema));
            let kind = schema.as_ref().and_then(|schema| schema.id_kind);
            let config = schema.as_ref().and_then(|schema| schema.get(name.as_str()));
            let ty = config.map(|config| config.ty);
            let known = if name.is_id() {
                kind.map(IdKind::attribute_type)
            } else {
                ty
            };
            (known, config.and_then(|config| config.metric))
        };
        let Some(known) = known else {
            return match given.metric {
                None if given.ty.is_vector() => Err(Refusal::NoMetric(name.clone())),
                _ => Ok(()),
            };
        };
        if known != given.ty {
            return Err(match IdKind::from_attribute_type(known) {
                Some(known) if name.is_id() => Refusal::Ids {
                    known,
                    given: given.ty,
                },
                _ => Refusal::Type {
                    name: name.clone(),
                    known,
                    given: given.ty,
                },
            });
        }
        match (metric, given.metric) {
            (Some(known), Some(given)) if known != given => Err(Refusal::Metric {
                name: name.clone(),
                known,
                given,
            }),
            _ => Ok(()),
        }
    }

    /// Counts what the request changes; the rows that it touches.
    fn count(
        &mut self,
        live: Option<&Live>,
        request: &Request,
        stamp: Stamp,
        tally: &mut Tally,
    ) -> Vec<Id> {
        let mut ids = vec![];
        let mut index = stamp.index;
        for mutation in &request.mutations {
            let Some(change) = Change::of(mutation) else {
                index = index.saturating_add(1);
                if matches!(mutation, Mutation::Control(Control::Delete)) {
                    self.deleted = true;
                    self.rows.clear();
                    self.declared.clear();
                    self.dropped.clear();
                    self.policy = Some(Policy::default());
                }
                continue;
            };
            for id in mutation.ids() {
                let was = self.is_there(live, &id);
                if was || change == Change::Upsert {
                    tally.add(change, &id);
                }
                let is = match change {
                    Change::Upsert => true,
                    Change::Patch => was,
                    Change::Delete => false,
                };
                self.rows.insert(id.clone(), (stamp.at(index), is));
                index = index.saturating_add(1);
                ids.push(id);
            }
        }
        ids
    }

    pub(super) fn is_there(&self, live: Option<&Live>, id: &Id) -> bool {
        match self.rows.get(id) {
            Some((_, there)) => *there,
            None => !self.deleted && live.is_some_and(|live| live.is_live(id)),
        }
    }
}
