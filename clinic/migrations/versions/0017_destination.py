"""How sending to each destination goes; who stopped it, when and why; which delivery a message speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "destination",
        sa.Column("authority_id", sa.String(length=16), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("last_fault", sa.String(length=40), nullable=False),
        sa.Column("faulty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trying_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=False),
        sa.Column("held_by_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authority.id"], name=op.f("fk_destination_authority_id_authority")
        ),
        sa.ForeignKeyConstraint(["held_by_id"], ["user.id"], name=op.f("fk_destination_held_by_id_user")),
        sa.PrimaryKeyConstraint("authority_id", name=op.f("pk_destination")),
    )
    op.execute(
        "insert into destination (authority_id, faults, last_fault, held_at, held_reason)"
        " select id, 0, '', current_timestamp, '' from authority where held"
    )
    with op.batch_alter_table("authority", schema=None) as batch_op:
        batch_op.drop_column("held")
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("delivery_id", sa.String(length=36), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_inbound_message_delivery_id_delivery"), "delivery", ["delivery_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_inbound_message_delivery_id"), ["delivery_id"], unique=False)
