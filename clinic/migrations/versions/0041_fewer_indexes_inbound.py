"""A received message enters three indexes instead of five, and one of them is short; the worker enters it in the fourth."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

OLD = (("ix_inbound_message_work", ["state", "id"]), ("ix_inbound_message_laboratory_id", ["laboratory_id"]),
       ("ix_inbound_message_delivery_id", ["delivery_id"]))
NEW = (("ix_inbound_message_new", ["id"], "state = 'new'"),
       ("ix_inbound_message_seen", ["state", "laboratory_id", "id"], "state <> 'new'"),
       ("ix_inbound_message_delivery", ["delivery_id"], "delivery_id is not null"))


def upgrade() -> None:
    """Go forward."""
    for name, columns, where in NEW:
        op.create_index(name, "inbound_message", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    for name, _columns in OLD:
        op.drop_index(name, table_name="inbound_message")


def downgrade() -> None:
    """Go back."""
    for name, columns in OLD:
        op.create_index(name, "inbound_message", columns)
    for name, _columns, _where in NEW:
        op.drop_index(name, table_name="inbound_message")
