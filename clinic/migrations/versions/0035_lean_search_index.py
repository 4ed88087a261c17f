"""The search index of what is released: narrow indexes, each of the rows that it can find.

A signature writes four hundred values to search by. With the resource's id at the end of every index entry each of
them went to a page of its own; without it equal values lie side by side and new ones are appended.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

HAS_VALUE, IS_DATE = sa.text("value is not null"), sa.text("value is null")


def upgrade() -> None:
    """Go forward."""
    _drop()
    op.create_index("ix_released_index_value", "released_index", ["authority_id", "kind", "parameter", "value"],
                    sqlite_where=HAS_VALUE, postgresql_where=HAS_VALUE)
    op.create_index("ix_released_index_date", "released_index", ["authority_id", "kind", "parameter", "low"],
                    sqlite_where=IS_DATE, postgresql_where=IS_DATE)
    op.create_index("ix_released_index_resource", "released_index", ["id"])


def downgrade() -> None:
    """Go back."""
    _drop()
    op.create_index("ix_released_index_value", "released_index", ["authority_id", "kind", "parameter", "value", "id"])
    op.create_index("ix_released_index_date", "released_index", ["authority_id", "kind", "parameter", "low", "id"])
    op.create_index("ix_released_index_resource", "released_index", ["authority_id", "kind", "id"])


def _drop() -> None:
    for name in ("value", "date", "resource"):
        op.drop_index(f"ix_released_index_{name}", table_name="released_index")
