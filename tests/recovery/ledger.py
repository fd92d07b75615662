"""`Ledger`: what one writer sent and what was acked, and whether a namespace's rows agree with that.

A write of a writer is one request, number 1, 2, 3 …: it upserts a few rows that carry the writer and the
number, upserts the writer's *register* (the number of its newest write), patches the first row of the write
before, and deletes the rows of a write further back. Nothing of it may be visible without the rest.
A write that was not answered may have taken effect or not, but has to stay as it was once seen.
"""

from dataclasses import dataclass, field

ROWS_PER_WRITE = 4
IDS_PER_WRITER = 10**9
DELETED_BACK = 25
KEPT_EVERY = 8


class Violation(AssertionError):
    """Something happened that must never happen."""


def vector(writer: int, number: int) -> list[float]:
    return [float(writer), float(number % 1024), float(number // 1024), 1.0]


def register_id(writer: int) -> int:
    return writer * IDS_PER_WRITER


def row_ids(writer: int, number: int) -> list[int]:
    """The rows of a write: one to four."""
    first = register_id(writer) + number * ROWS_PER_WRITE
    return [first + at for at in range(1 + number % ROWS_PER_WRITE)]


def deleted_by(number: int) -> int | None:
    """The write whose rows the write `number` deletes. Some are kept for ever."""
    target = number - DELETED_BACK
    return target if target >= 1 and target % KEPT_EVERY else None


def request(writer: int, number: int) -> dict:
    """The write `number` of `writer`, for the client."""
    rows = [
        {"id": id, "writer": writer, "number": number, "vector": vector(writer, number)}
        for id in [register_id(writer), *row_ids(writer, number)]
    ]
    body = {"upsert_rows": rows, "distance_metric": "euclidean_squared"}
    if number > 1:
        body["patch_rows"] = [{"id": row_ids(writer, number - 1)[0], "patched": number}]
    if target := deleted_by(number):
        body["deletes"] = row_ids(writer, target)
    return body


@dataclass
class Ledger:
    """What became of the writes of one writer. Written by one thread; checked while that waits."""

    writer: int
    sent: int = 0
    acked: set[int] = field(default_factory=set)
    settled: dict[int, bool] = field(default_factory=dict)

    def must(self, number: int) -> bool:
        """The write took effect: it was acked, or seen."""
        return number in self.acked or self.settled.get(number, False)

    def may(self, number: int) -> bool:
        """The write may have taken effect: it was sent, and never seen not to have."""
        return 1 <= number <= self.sent and self.settled.get(number, True)

    def check(self, rows: dict[int, dict]) -> None:
        """Compares with this writer's rows by id, and settles the writes that were not answered."""
        newest = self._check_register(rows)
        for number in range(1, self.sent + 1):
            self._check_write(number, newest, rows)
        known = {register_id(self.writer)}
        known.update(id for number in range(1, self.sent + 1) for id in row_ids(self.writer, number))
        if unsent := sorted(rows.keys() - known):
            raise Violation(f"writer {self.writer}: rows {unsent[:5]} were never sent")

    def _check_register(self, rows: dict[int, dict]) -> int:
        """The newest write that took effect."""
        row = rows.get(register_id(self.writer))
        newest = row["number"] if row else 0
        last_known = max((n for n in range(1, self.sent + 1) if self.must(n)), default=0)
        if newest < last_known:
            raise Violation(f"writer {self.writer}: write {last_known} took effect, "
                            f"but the register says {newest}")
        if newest and not self.may(newest):
            raise Violation(f"writer {self.writer}: the register says {newest}, which was never "
                            "sent or had been seen not to have taken effect")
        return newest

    def _check_write(self, number: int, newest: int, rows: dict[int, dict]) -> None:
        ids = row_ids(self.writer, number)
        present = [id for id in ids if id in rows]
        who = f"writer {self.writer}, write {number}"
        if present and len(present) < len(ids):
            raise Violation(f"{who}: only rows {present} of {ids} are there")
        deleter = number + DELETED_BACK if deleted_by(number + DELETED_BACK) else None
        may_be_deleted = deleter is not None and self.may(deleter)
        must_be_deleted = deleter is not None and self.must(deleter)
        if present:
            if not self.may(number):
                raise Violation(f"{who}: its rows came up after they had been seen missing")
            if must_be_deleted:
                raise Violation(f"{who}: its rows were deleted by write {deleter}, and are there")
            if number > newest:
                raise Violation(f"{who}: its rows are there, but the register says {newest}")
            self._check_values(number, [rows[id] for id in ids])
            self.settled[number] = True
        elif not may_be_deleted:
            if self.must(number):
                raise Violation(f"{who}: it took effect, but its rows are lost")
            if number == newest:
                raise Violation(f"{who}: the register names it, but its rows are missing")
            self.settled[number] = False

    def _check_values(self, number: int, rows: list[dict]) -> None:
        patch = number + 1
        for at, row in enumerate(rows):
            wanted = {"writer": self.writer, "number": number, "vector": vector(self.writer, number)}
            got = {name: row.get(name) for name in wanted}
            if got != wanted:
                raise Violation(f"row {row['id']} holds {got} instead of {wanted}")
            patched = row.get("patched")
            may_lack = at > 0 or not self.must(patch)
            may_have = at == 0 and self.may(patch)
            if not (may_lack if patched is None else may_have and patched == patch):
                raise Violation(f"row {row['id']}: patched is {patched}, write {patch} was "
                                f"{'acked or seen' if self.must(patch) else 'not answered or not sent'}")
