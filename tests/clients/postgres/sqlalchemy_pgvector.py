"""SQLAlchemy's ORM with pgvector's type, as their documentation has it.

    python sqlalchemy_pgvector.py postgresql+psycopg://isobath@127.0.0.1:PORT/isobath
"""

import sys

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import BigInteger, Double, String, create_engine, func, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "sqlalchemy_items"

    # ids are the application's: there are no sequences
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    embedding = mapped_column(VECTOR(3))
    name: Mapped[str | None] = mapped_column(String)
    price: Mapped[float | None] = mapped_column(Double)


def main() -> None:
    engine = create_engine(sys.argv[1])
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # it is there already
    assert "sqlalchemy_items" in inspect(engine).get_table_names()

    with Session(engine) as session:
        session.add_all(Item(id=id, embedding=[id, 1, 2], name=f"item {id}", price=id / 4) for id in range(50))
        session.commit()
    with Session(engine) as session:
        nearest = select(Item).order_by(Item.embedding.l2_distance([3.2, 1, 2])).limit(5)
        assert [item.id for item in session.scalars(nearest)] == [3, 4, 2, 5, 1]
        assert session.scalars(nearest).first().name == "item 3"
        cheap = nearest.where(Item.price < 0.8, Item.name.like("item %"))
        assert [item.id for item in session.scalars(cheap)] == [3, 2, 1, 0]
        distance = session.scalars(select(Item.embedding.cosine_distance([1, 1, 2])).where(Item.id == 1)).one()
        assert abs(distance) < 1e-6
        assert session.scalar(select(func.count()).select_from(Item)) == 50
    with Session(engine) as session:
        # all that is read is read before the first write: a transaction does not see its own
        item, other = session.get(Item, 7), session.get(Item, 8)
        item.price = 99.5
        session.delete(other)
        session.commit()
    with Session(engine) as session:
        assert session.get(Item, 7).price == 99.5
        assert session.get(Item, 8) is None
        session.get(Item, 7).price = 1
        session.rollback()
        assert session.get(Item, 7).price == 99.5
    Base.metadata.drop_all(engine)


main()
