"""PostgreSQL no longer looks up the authority of every search value: the version it belongs to names the same one.

Four hundred look-ups were a third of what a signature's values cost. SQLite, which would copy the whole table to be rid
of the constraint, keeps it (`clinic/migrations/env.py`).
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

TABLE, NAME = "released_index", "fk_released_index_authority_id"


def upgrade() -> None:
    """Go forward."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(NAME, TABLE, type_="foreignkey")


def downgrade() -> None:
    """Go back."""
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(NAME, TABLE, "authority", ["authority_id"], ["id"])
