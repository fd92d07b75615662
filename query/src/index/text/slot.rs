//! [`TextSlot`]: where the text index of a row set hangs.

use super::{
    TextColumn, TextIndex,
    build::build,
    file::{self, Description},
};
use crate::{
    index::{IndexError, file::Files},
    view::RowSet,
};
use arc_swap::ArcSwapOption;
use isobath_storage::model::{Analysis, AttributeName, AttributeType};
use parking_lot::Mutex;
use std::{path::Path, sync::Arc, time::Duration};

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
            if let Some(index) = slot.fitting(&column, analysis) {
                return Ok(Some(index));
            }
            if let Some(_building) = slot.building.try_lock_for(PATIENCE) {
                return match slot.fitting(&column, analysis) {
                    Some(index) => Ok(Some(index)),
                    None => Ok(Some(slot.hang(build(&column, analysis, expired)?))),
                };
            }
            if expired() {
                return Err(IndexError::Expired);
            }
        }
    }

    /// Opens the text index of `attribute` from the folder `dir`; where there is none, builds it and writes it there.
    pub fn index_in(
        dir: &Path,
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
        expired: &dyn Fn() -> bool,
    ) -> Result<(), IndexError> {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return Ok(());
        };
        let slot = set.indexes.get_or_default::<Self>(attribute);
        let _building = slot.building.lock();
        match file::open(dir, &column, analysis) {
            Ok(index) => {
                slot.hang(index);
                return Ok(());
            }
            Err(error) if error.needs_rebuild() => {}
            Err(error) => return Err(error),
        }
        let index = match slot.fitting(&column, analysis) {
            Some(index) => index,
            None => slot.hang(build(&column, analysis, expired)?),
        };
        file::create(dir, &index, &column)?;
        slot.hang(file::open(dir, &column, analysis)?);
        Ok(())
    }

    /// Writes the text index of `attribute`, built now if there is none yet, into the folder `dir`; what describes
    /// it is not written. `None` where every row is null.
    pub(in crate::index) fn write_in(
        dir: &Path,
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
        expired: &dyn Fn() -> bool,
    ) -> Result<Option<Description>, IndexError> {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return Ok(None);
        };
        let index = Self::index(set, attribute, ty, analysis, expired)?;
        index
            .map(|index| file::create_file(dir, &index, &column))
            .transpose()
    }

    /// Hangs the text index of `attribute` that `found` describes, of these files.
    pub(in crate::index) fn hang_stored(
        found: &Description,
        files: &impl Files,
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
    ) -> Result<(), IndexError> {
        let Some(column) = TextColumn::of(set, attribute, ty) else {
            return Ok(());
        };
        let index = file::open_described(found, files, &column, analysis)?;
        set.indexes.get_or_default::<Self>(attribute).hang(index);
        Ok(())
    }

    /// The text index of `attribute`, if it is there.
    pub fn found(
        set: &RowSet,
        attribute: &AttributeName,
        ty: AttributeType,
        analysis: Analysis,
    ) -> Option<Arc<TextIndex>> {
        let column = TextColumn::of(set, attribute, ty)?;
        let slot = set.indexes.get::<Self>(attribute)?;
        slot.fitting(&column, analysis)
    }

    fn hang(&self, index: TextIndex) -> Arc<TextIndex> {
        let index = Arc::new(index);
        self.current.store(Some(Arc::clone(&index)));
        index
    }

    fn fitting(&self, column: &TextColumn<'_>, analysis: Analysis) -> Option<Arc<TextIndex>> {
        let index = self.current.load_full();
        index.filter(|index| index.fits(column.array(), analysis))
    }
}
