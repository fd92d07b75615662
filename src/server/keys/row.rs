//! A key as a row: how it lies in the log.

use super::{Access, ApiKey};
use crate::server::{EngineError, EngineErrorKind, WriteCommand};
use isobath_storage::model::{
    AttributeName, AttributeType, Column, Declaration, Id, IdColumn, IdKind, InvalidName, Mutation,
    Rows, ScalarType, Value,
};

const HASH: &str = "hash";
const NAME: &str = "name";
const PREFIX: &str = "prefix";
const ACCESS: &str = "access";
const CREATED_AT: &str = "created_at";
const EXPIRES_AT: &str = "expires_at";

/// The attributes of a key's row.
const ATTRIBUTES: [(&str, ScalarType); 6] = [
    (HASH, ScalarType::String),
    (NAME, ScalarType::String),
    (PREFIX, ScalarType::String),
    (ACCESS, ScalarType::String),
    (CREATED_AT, ScalarType::Datetime),
    (EXPIRES_AT, ScalarType::Datetime),
];

impl ApiKey {
    /// The key in a row, whose attributes `get` reads; `None` where it is none.
    pub fn from_row(get: impl Fn(&str) -> Value) -> Option<Self> {
        let text = |name| match get(name) {
            Value::String(text) => Some(text.to_string()),
            _ => None,
        };
        let time = |name| match get(name) {
            Value::Datetime(ms) => Some(ms),
            _ => None,
        };
        Some(Self {
            hash: text(HASH)?.parse().ok()?,
            name: text(NAME).unwrap_or_default(),
            prefix: text(PREFIX)?,
            access: text(ACCESS)?.parse::<Access>().ok()?,
            created_at_ms: time(CREATED_AT)?,
            expires_at_ms: time(EXPIRES_AT),
        })
    }

    fn value(&self, attribute: &str) -> Value {
        match attribute {
            HASH => Value::String(self.hash.to_string().into()),
            NAME => Value::String(self.name.as_str().into()),
            PREFIX => Value::String(self.prefix.as_str().into()),
            ACCESS => Value::String(self.access.as_str().into()),
            CREATED_AT => Value::Datetime(self.created_at_ms),
            _ => self.expires_at_ms.map_or(Value::Null, Value::Datetime),
        }
    }
}

/// Makes a key known.
pub(crate) fn upsert_command(key: &ApiKey) -> Result<WriteCommand, EngineError> {
    let mut declarations = vec![declaration("id", IdKind::String.attribute_type())?];
    let mut columns = vec![];
    for (name, ty) in ATTRIBUTES {
        let ty = AttributeType::Scalar(ty);
        let declared = declaration(name, ty)?;
        columns.extend(Column::from_values(
            declared.attribute.clone(),
            ty,
            &[key.value(name)],
        ));
        declarations.push(declared);
    }
    let rows = Rows::new(ids(&key.id())?, columns);
    let rows = rows.map_err(|e| internal().caused_by(e))?;
    Ok(WriteCommand {
        declarations,
        ..command(Mutation::Upsert(rows))
    })
}

/// Makes the key called `id` unknown.
pub(crate) fn delete_command(id: &str) -> Result<WriteCommand, EngineError> {
    Ok(command(Mutation::Delete(ids(id)?)))
}

fn command(mutation: Mutation) -> WriteCommand {
    WriteCommand {
        mutations: vec![mutation],
        ..WriteCommand::default()
    }
}

fn declaration(name: &str, ty: AttributeType) -> Result<Declaration, EngineError> {
    let attribute = name.parse::<AttributeName>();
    Ok(Declaration {
        attribute: attribute.map_err(|e: InvalidName| internal().caused_by(e))?,
        ty,
        metric: None,
    })
}

fn ids(id: &str) -> Result<IdColumn, EngineError> {
    IdColumn::from_ids(IdKind::String, &[Id::Str(id.into())]).ok_or_else(internal)
}

fn internal() -> EngineError {
    EngineError::new(EngineErrorKind::Internal, "a key could not be written down")
}

#[cfg(test)]
mod tests {
    use super::{super::Secret, *};

    #[test]
    fn should_read_back_what_it_writes() {
        for expires_at_ms in [None, Some(9)] {
            let key = ApiKey {
                hash: Secret::from_random([7; 32]).hash(),
                name: "ci".to_owned(),
                prefix: "team-".to_owned(),
                access: Access::Write,
                created_at_ms: 3,
                expires_at_ms,
            };
            let command = upsert_command(&key).unwrap();
            let Some(Mutation::Upsert(rows)) = command.mutations.first() else {
                panic!("no upsert");
            };
            assert_eq!(rows.ids().get(0), Id::Str(key.id().into()));
            assert_eq!(ApiKey::from_row(|name| rows.value(0, name)), Some(key));
        }
        assert_eq!(ApiKey::from_row(|_| Value::Null), None);
    }
}
