//! Where chance enters the process.

use uuid::Uuid;

/// An id that nobody else has.
#[expect(clippy::disallowed_methods, reason = "this is where chance enters")]
pub(super) fn fresh_id() -> Uuid {
    Uuid::new_v4()
}
