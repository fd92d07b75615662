//! [`Repair`]: every node gets reachable from the entries.

use super::{
    Graph, GraphView, NONE, Neighbours as _,
    walk::{Effort, Scratch, Walk},
};
use crate::index::{
    IndexError,
    codes::{CodedQuery, Codes},
    pool::node,
};

/// Ties in what no walk from the entries reaches: copies of one row above all, whose neighbours are pruned
/// down to one of them.
pub(super) struct Repair<'a> {
    codes: &'a Codes,
    degree: usize,
    adjacency: Vec<u32>,
    entries: Vec<u32>,
    reached: Vec<bool>,
    effort: Effort,
    scratch: Scratch,
}

impl<'a> Repair<'a> {
    /// `list` is the length of the list of the searches for a place.
    pub(super) fn new(
        codes: &'a Codes,
        adjacency: Vec<u32>,
        degree: usize,
        entries: Vec<u32>,
        list: usize,
    ) -> Self {
        Self {
            codes,
            degree,
            adjacency,
            reached: vec![false; codes.len()],
            entries,
            effort: Effort::build(list),
            scratch: Scratch::default(),
        }
    }

    /// Ties every unreached node to a reached neighbour of its own with room; with `search` else to the nearest
    /// reached node with room that a search finds, or makes it an entry, of which at most as many are added
    /// as there are.
    pub(super) fn run(mut self, search: bool) -> Result<Graph, IndexError> {
        let most = if search { self.entries.len() * 2 } else { 0 };
        self.reach(self.entries.clone());
        for id in 0..self.reached.len() as u32 {
            if self.reached[id as usize] {
                continue;
            }
            let mut place = self.place_beside(id);
            if place.is_none() && search {
                place = self.place_nearby(id)?;
            }
            if let Some(at) = place {
                self.adjacency[at] = id;
            } else if self.entries.len() < most {
                self.entries.push(id);
            } else {
                continue;
            }
            self.reach(vec![id]);
        }
        Ok(Graph {
            nodes: self.reached.len(),
            degree: self.degree,
            adjacency: self.adjacency.into(),
            entries: self.entries.into(),
        })
    }

    fn view(&self) -> GraphView<'_> {
        GraphView {
            nodes: self.reached.len(),
            degree: self.degree,
            adjacency: &self.adjacency,
        }
    }

    /// Marks what a walk from `todo` reaches.
    fn reach(&mut self, mut todo: Vec<u32>) {
        for id in &todo {
            self.reached[*id as usize] = true;
        }
        while let Some(id) = todo.pop() {
            let from = id as usize * self.degree;
            for at in from..from + self.degree {
                let next = self.adjacency[at];
                if next == NONE {
                    break;
                }
                if !std::mem::replace(&mut self.reached[next as usize], true) {
                    todo.push(next);
                }
            }
        }
    }

    /// Where in the adjacency a neighbour can be added to `id`.
    fn room(&self, id: u32) -> Option<usize> {
        let row = self.view().row(id);
        let free = row.iter().position(|id| *id == NONE)?;
        Some(id as usize * self.degree + free)
    }

    fn place_beside(&self, id: u32) -> Option<usize> {
        let mut place = None;
        self.view().each(id, |other| {
            if place.is_none() && self.reached[other as usize] {
                place = self.room(other);
            }
        });
        place
    }

    fn place_nearby(&mut self, id: u32) -> Result<Option<usize>, IndexError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let codes = self.codes.view();
        let mut query = CodedQuery::default();
        codes.prepare_row(id, &mut query);
        let walk = Walk {
            graph: &self.view(),
            codes: &codes,
            entries: &self.entries,
            effort: self.effort,
            expired: None,
        };
        walk.run(&query, &mut scratch, |_| {})?;
        let place = scratch.pool.iter().find_map(|key| self.room(node(*key)));
        self.scratch = scratch;
        Ok(place)
    }
}
