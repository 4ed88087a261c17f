"""Who may be infectious, and since when nothing clears them."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STANDING = sa.text("ended_at is null")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "infection_hold",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_by_id", sa.String(length=36), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.String(length=36), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_infection_hold_site_id_site")),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"],
                                name=op.f("fk_infection_hold_applicant_id_applicant")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_infection_hold_case_id_health_case")),
        sa.ForeignKeyConstraint(["began_by_id"], ["user.id"], name=op.f("fk_infection_hold_began_by_id_user")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["user.id"], name=op.f("fk_infection_hold_ended_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_infection_hold")),
    )
    with op.batch_alter_table("infection_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_infection_hold_applicant_id"), ["applicant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_infection_hold_case_id"), ["case_id"], unique=False)
        for name, columns, unique in (
            ("ix_infection_hold_cause", ["case_id", "cause"], True),
            ("ix_infection_hold_person", ["applicant_id"], False),
            ("ix_infection_hold_site", ["site_id", "applicant_id"], False),
        ):
            batch_op.create_index(name, columns, unique=unique, sqlite_where=STANDING, postgresql_where=STANDING)
