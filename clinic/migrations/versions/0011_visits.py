"""Visits of the day, and the indexes by which lists find what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = (  # name, table, columns, WHERE
    ("ix_health_case_opened", "health_case", ["site_id", "opened_at", "id"], None),
    ("ix_lab_result_sent_back", "lab_result", ["case_id", "test"],
     "status = 'entered-in-error' and confirmed_by_id is not null and superseded_at is null"),
    ("ix_film_readable", "film", ["case_id"], "state = 'accepted'"),
    ("ix_film_held", "film", ["case_id"], "state = 'quarantined'"),
    ("ix_form_response_draft", "form_response", ["started_by_id", "case_id"], "status = 'in-progress'"),
)


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "visit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by_id", sa.String(length=36), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_by_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_visit_case_id")),
        sa.ForeignKeyConstraint(["left_by_id"], ["user.id"], name=op.f("fk_visit_left_by_id")),
        sa.ForeignKeyConstraint(["received_by_id"], ["user.id"], name=op.f("fk_visit_received_by_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_visit_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("case_id", "visited_on", name=op.f("uq_visit_case_id_visited_on")),
        sa.UniqueConstraint("site_id", "visited_on", "number", name=op.f("uq_visit_site_id_visited_on_number")),
    )
    for name, table, columns, where in INDEXES:
        condition = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Go back; who came on which day is lost."""
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table)
    op.drop_table("visit")
