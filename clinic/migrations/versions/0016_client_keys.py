"""Clients' keys by address, ends of clients and keys, strings as written in the index of what was released."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("authority_client", schema=None) as batch_op:
        batch_op.add_column(sa.Column("jwks_url", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("expires_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("keys_expire_on", sa.Date(), nullable=True))
    with op.batch_alter_table("released_index", schema=None) as batch_op:
        batch_op.add_column(sa.Column("written", sa.String(length=300), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("released_index", schema=None) as batch_op:
        batch_op.drop_column("written")
    with op.batch_alter_table("authority_client", schema=None) as batch_op:
        batch_op.drop_column("keys_expire_on")
        batch_op.drop_column("expires_on")
        batch_op.drop_column("jwks_url")
