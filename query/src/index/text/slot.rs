//! [`TextSlot`]: where the text index of a row set hangs.

use super::{TextColumn, TextIndex, build::build};
use crate::{index::IndexError, view::RowSet};
use arc_swap::ArcSwapOption;
use isobath_storage::model::{Analysis, AttributeName, AttributeType};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// Where the text index of one attribute of a row set hangs, once somebody needed it.
#[derive(Debug, Default)]
pub struct TextSlot {
    current: ArcSwapOption<TextIndex>,
    /// Held by who builds; the others wait, as they would only do the same.
    building: Mutex<()>,
}

/// How long to wait for another's build before looking whether to go on.
const PATIENCE: Duration = Duration::from_millis(20);

impl TextSlot {
    /// The text index of `attribute`, built now if there is none yet, unless `expired` says to stop; `None` where
    /// every row is null.
    pub fn index(
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
        expired: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<TextIndex>>, IndexError> {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return Ok(None);
        };
        let slot = set.indexes.get_or_default::<Self>(attribute);
        loop {
            if let Some(index) = slot.fitting(&column, &analysis) {
                return Ok(Some(index));
            }
            if let Some(_building) = slot.building.try_lock_for(PATIENCE) {
                return slot.build(&column, analysis, expired).map(Some);
            }
            if expired() {
                return Err(IndexError::Expired);
            }
        }
    }

    /// Whether the text index of `attribute` is there, or there is nothing to index.
    pub fn is_filled(
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: &Analysis,
    ) -> bool {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return true;
        };
        let slot = set.indexes.get::<Self>(attribute);
        slot.is_some_and(|slot| slot.fitting(&column, analysis).is_some())
    }

    fn build(
        &self,
        column: &TextColumn<'_>,
        analysis: Analysis,
        expired: &dyn Fn() -> bool,
    ) -> Result<Arc<TextIndex>, IndexError> {
        if let Some(index) = self.fitting(column, &analysis) {
            return Ok(index);
        }
        let index = Arc::new(build(column, analysis, expired)?);
        self.current.store(Some(Arc::clone(&index)));
        Ok(index)
    }

    fn fitting(&self, column: &TextColumn<'_>, analysis: &Analysis) -> Option<Arc<TextIndex>> {
        let index = self.current.load_full();
        index.filter(|index| index.fits(column.array(), analysis))
    }
}
