//! [`Residue`] ⇄ bytes.

use super::{WHAT, value};
use crate::fold::{Base, Cell, Residue, RowState};
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
};
use crate::model::{AttributeName, Hlc, LogId, Region, Seq, ShardId, Stamp};

const UNKNOWN: u8 = 0;
const LIVE: u8 = 1;
const DEAD: u8 = 2;

/// Bytes of the smallest cell.
const MIN_CELL: usize = 4 + 1 + 1 + 4;

/// Bytes of the smallest dimension.
const MIN_DIM: usize = 4 + MIN_STAMP + 4;

/// Bytes of the smallest stamp.
const MIN_STAMP: usize = 8 + 4 + 1 + 2 + 8 + 4;

pub(super) fn encode(residue: &Residue) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    match residue.state.base() {
        Base::Unknown => out.put_u8(UNKNOWN),
        Base::Live { stamp, .. } => {
            out.put_u8(LIVE);
            put_stamp(&mut out, *stamp)?;
        }
        Base::Dead { stamp } => {
            out.put_u8(DEAD);
            put_stamp(&mut out, *stamp)?;
        }
    }
    out.put_count(WHAT, residue.side.len())?;
    for (name, side) in &residue.side {
        out.put_text(WHAT, name.as_str())?;
        value::put(&mut out, side)?;
    }
    out.put_count(WHAT, residue.state.cells().len())?;
    for (name, cell) in residue.state.cells() {
        out.put_text(WHAT, name.as_str())?;
        put_cell(&mut out, cell)?;
    }
    Ok(out)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Residue, FormatError> {
    let mut fields = Cursor::new(WHAT, bytes);
    let mut state = RowState::default();
    match fields.u8()? {
        UNKNOWN => {}
        LIVE => state.upsert(take_stamp(&mut fields)?, ()),
        DEAD => state.delete(take_stamp(&mut fields)?),
        _ => {
            return Err(FormatError::corrupt(
                WHAT,
                "a row in a state that is not known",
            ));
        }
    }
    let side = (0..fields.count(6)?)
        .map(|_| Ok((fields.name()?, value::take(&mut fields)?)))
        .collect::<Result<_, FormatError>>()?;
    for _ in 0..fields.count(MIN_CELL)? {
        let name = fields.name()?;
        take_cell(&mut fields, &name, &mut state)?;
    }
    fields.end()?;
    Ok(Residue { state, side })
}

fn put_cell(out: &mut Vec<u8>, cell: &Cell) -> Result<(), FormatError> {
    out.put_u8(cell.full.is_some().into());
    if let Some((stamp, full)) = &cell.full {
        put_stamp(out, *stamp)?;
        value::put(out, full)?;
    }
    out.put_count(WHAT, cell.dims.len())?;
    for (dim, (stamp, set)) in &cell.dims {
        out.put_u32(*dim);
        put_stamp(out, *stamp)?;
        out.put_u32(set.to_bits());
    }
    Ok(())
}

fn take_cell(
    fields: &mut Cursor<'_>,
    name: &AttributeName,
    state: &mut RowState<()>,
) -> Result<(), FormatError> {
    if fields.u8()? == 1 {
        let stamp = take_stamp(fields)?;
        state.patch(stamp, name, value::take(fields)?);
    }
    for _ in 0..fields.count(MIN_DIM)? {
        let dim = fields.u32()?;
        let stamp = take_stamp(fields)?;
        state.patch_dims(stamp, name, [(dim, f32::from_bits(fields.u32()?))]);
    }
    Ok(())
}

fn put_stamp(out: &mut Vec<u8>, stamp: Stamp) -> Result<(), FormatError> {
    out.put_u64(stamp.hlc.0);
    out.put_text(WHAT, stamp.log.region.as_str())?;
    out.put_u16(stamp.log.shard.0);
    out.put_u64(stamp.seq.0);
    out.put_u32(stamp.index);
    Ok(())
}

fn take_stamp(fields: &mut Cursor<'_>) -> Result<Stamp, FormatError> {
    let hlc = Hlc(fields.u64()?);
    let region: Region = fields.name()?;
    let log = LogId::new(region, ShardId(fields.u16()?));
    Ok(Stamp {
        hlc,
        log,
        seq: Seq(fields.u64()?),
        index: fields.u32()?,
    })
}
