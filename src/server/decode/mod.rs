//! From the bytes of a request to typed commands: the only way in.

mod aggregates;
mod arrow;
mod budget;
mod by_column;
mod by_row;
mod cell;
mod column;
mod condition;
mod consistency;
mod copy;
mod declared;
mod encryption;
mod fault;
mod fields;
mod filter;
mod full_text;
mod fusion;
mod id;
mod key;
mod lifted;
mod limits;
mod numbers;
mod patch;
mod policy;
mod query;
mod rank;
mod reading;
mod row_limit;
mod scan;
mod score;
mod sparse;
mod table;
mod types;
mod typing;
mod vectors;
mod write;

pub(crate) use arrow::{ArrowParams, decode_arrow};
pub(crate) use budget::Allowance;
use budget::Budget;
use condition::read_condition;
use consistency::ConsistencyBody;
use copy::{read_branch, read_copy};
use declared::{Declared, read_schema};
use encryption::check_encryption;
use fields::Fields;
use filter::read_filter;
use types::Types;

pub(crate) use consistency::Freshness;
pub(crate) use fault::{Fault, FaultKind};
pub(crate) use key::{KeyRequest, decode_key};
pub(crate) use limits::check_written;
pub(crate) use policy::decode_policy_change;
pub(crate) use query::{
    Asked, DecodedQuery, VectorEncoding, decode_explain, decode_query, decode_recall,
};
pub(crate) use write::{
    DecodedWrite, WriteConcern, decode_schema, decode_write, depends_on_rows, id_bytes,
};

#[cfg(test)]
mod tests;
