//! [`Flight`]: what the writes in flight of one namespace made of its rows.

use isobath_query::view::Live;
use isobath_storage::{
    fold::{BaseRows, FoldError, Found, Overlay},
    model::{Id, Request, Rows, Schema, Seq, Stamp},
};
use std::collections::VecDeque;

/// The writes of one namespace that are in flight, and what they made of its rows: folded over the view when
/// somebody asks, and again after the view has moved on.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// In order, with a stamp of their segment.
    writes: VecDeque<(Stamp, Request)>,
    /// The first so many writes over the view.
    folded: Option<(Overlay, usize)>,
}

/// What the view holds.
#[derive(Debug, Clone, Copy)]
struct Below<'a>(Option<&'a Live>);

impl BaseRows for Below<'_> {
    fn find(&self, id: &Id) -> Option<Found> {
        self.0?.find(id)
    }
}

impl Flight {
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// One more write, in full or in part.
    pub(super) fn push(&mut self, stamp: Stamp, request: Request) {
        self.writes.push_back((stamp, request));
    }

    /// Takes the writes after the first `len` back.
    pub(super) fn truncate(&mut self, len: usize) {
        self.writes.truncate(len);
        self.folded.take_if(|(_, folded)| *folded > len);
    }

    /// The segments up to `seq` are in the view.
    pub(super) fn applied(&mut self, seq: Seq) {
        while self.writes.front().is_some_and(|(at, _)| at.seq <= seq) {
            self.writes.pop_front();
        }
        self.folded = None;
    }

    /// The schema, and those of the rows `ids` that are there, in that order, without their vectors: no
    /// filter looks at them.
    pub(super) fn current(
        &mut self,
        live: Option<&Live>,
        ids: &[Id],
    ) -> Result<(Schema, Rows), FoldError> {
        let below = Below(live);
        let (mut overlay, mut folded) = self.folded.take().unwrap_or_else(|| {
            let schema = live.map(Live::schema_state).unwrap_or_default();
            (Overlay::new(schema), 0)
        });
        for (stamp, request) in self.writes.iter().skip(folded) {
            overlay.apply_request(&below, *stamp, request)?;
            folded += 1;
        }
        overlay.load(&below, ids)?;
        let schema = overlay.schema().schema();
        let mut plain = schema.clone();
        plain.attributes.retain(|_, config| !config.ty.is_vector());
        let rows = overlay.resolve(ids, &plain)?.rows;
        self.folded = Some((overlay, folded));
        Ok((schema, rows))
    }
}
