"""Films; of a reading the authority's own result and finding numbers, and which film it read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "film",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("study_id", sa.String(length=36), nullable=False),
        sa.Column("sop_class", sa.String(length=64), nullable=False),
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("pixels_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("transfer_syntax", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=True),
        sa.Column("view", sa.String(length=16), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("spacing", sa.Float(), nullable=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("is_repaired", sa.Boolean(), nullable=False),
        sa.Column("is_lossy", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by_id", sa.String(length=36), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.String(length=36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_film_case_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name=op.f("fk_film_decided_by_id")),
        sa.ForeignKeyConstraint(["received_by_id"], ["user.id"], name=op.f("fk_film_received_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_film")),
        sa.UniqueConstraint("case_id", "sop_uid", name=op.f("uq_film_case_id_sop_uid"))
    )
    op.create_index(op.f("ix_film_case_id"), "film", ["case_id"])
    op.create_index("ix_film_pixels", "film", ["pixels_sha256"])
    op.create_index("ix_film_sop_uid", "film", ["sop_uid"])
    op.create_index(op.f("ix_film_study_id"), "film", ["study_id"])
    op.add_column("xray_reading", sa.Column("result", sa.String(length=20), nullable=True))
    op.add_column("xray_reading", sa.Column("numbered", sa.Text(), nullable=True))
    # In one statement, because SQLite adds no constraint to a column that exists.
    op.execute(
        "ALTER TABLE xray_reading ADD COLUMN film_id VARCHAR(36) "
        "CONSTRAINT fk_xray_reading_film_id REFERENCES film (id)"
    )


def downgrade() -> None:
    """Go back; which films there were is lost, their files stay in the store."""
    with op.batch_alter_table("xray_reading") as reading:
        reading.drop_constraint("fk_xray_reading_film_id", type_="foreignkey")
        reading.drop_column("film_id")
        reading.drop_column("numbered")
        reading.drop_column("result")
    op.drop_table("film")
