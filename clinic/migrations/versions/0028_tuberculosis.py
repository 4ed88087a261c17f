"""Tuberculosis cases: phases of the regimen, doses by day, months, side effects, interruptions."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def _references(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
            for column, other in columns.items()]


def _key(name: str = "id", nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(length=36), nullable=nullable)


def _moment(name: str, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "tb_case", _key(), _key("case_id"), _key("site_id"),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=False), _key("registered_by_id"),
        sa.Column("diagnosed_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=40), nullable=False),
        sa.Column("site_of_disease", sa.String(length=40), nullable=False),
        sa.Column("organ", sa.String(length=60), nullable=False),
        sa.Column("history", sa.String(length=40), nullable=False),
        sa.Column("hiv_untested", sa.String(length=120), nullable=False),
        sa.Column("notified_on", sa.Date(), nullable=True),
        sa.Column("notified_to", sa.String(length=120), nullable=False),
        sa.Column("notification_number", sa.String(length=40), nullable=False),
        sa.Column("refused_on", sa.Date(), nullable=True), sa.Column("refusal_reason", sa.Text(), nullable=False),
        sa.Column("elsewhere_began_on", sa.Date(), nullable=True),
        sa.Column("elsewhere_ended_on", sa.Date(), nullable=True),
        sa.Column("elsewhere", sa.String(length=120), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True), sa.Column("outcome_on", sa.Date(), nullable=True),
        sa.Column("outcome_remark", sa.Text(), nullable=False), sa.Column("version", sa.Integer(), nullable=False),
        *_references("tb_case", case_id="health_case", site_id="site", registered_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_case")),
        sa.UniqueConstraint("case_id", name=op.f("uq_tb_case_case_id")),
        sa.UniqueConstraint("number", name=op.f("uq_tb_case_number")),
    )
    op.create_index("ix_tb_case_registered", "tb_case", ["site_id", "registered_on", "id"])
    op.create_table(
        "tb_phase", _key(), _key("case_id"),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("regimen", sa.String(length=40), nullable=False), sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("drugs", sa.Text(), nullable=False), sa.Column("weight_kg", sa.String(length=8), nullable=False),
        sa.Column("days_per_week", sa.Integer(), nullable=False),
        sa.Column("planned_doses", sa.Integer(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False), sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False), sa.Column("is_void", sa.Boolean(), nullable=False),
        _moment("recorded_at"), _key("recorded_by_id"),
        *_references("tb_phase", case_id="health_case", recorded_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_phase")),
    )
    op.create_index(op.f("ix_tb_phase_case_id"), "tb_phase", ["case_id"])
    op.create_table(
        "tb_dose", _key(), _key("case_id"), _key("phase_id"), sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False), sa.Column("place", sa.String(length=40), nullable=True),
        _key("observer_id", nullable=True), sa.Column("reason", sa.String(length=120), nullable=False),
        _moment("recorded_at"), _key("recorded_by_id"), _moment("superseded_at", nullable=True),
        *_references("tb_dose", case_id="health_case", phase_id="tb_phase", observer_id="user", recorded_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_dose")),
    )
    op.create_index(op.f("ix_tb_dose_phase_id"), "tb_dose", ["phase_id"])
    op.create_index("uq_tb_dose_day", "tb_dose", ["case_id", "day"], unique=True,
                    sqlite_where=sa.text("superseded_at is null"), postgresql_where=sa.text("superseded_at is null"))
    op.create_table(
        "tb_month", _key(), _key("case_id"), sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False), sa.Column("weight_kg", sa.String(length=8), nullable=False),
        sa.Column("is_better", sa.Boolean(), nullable=True), sa.Column("remark", sa.Text(), nullable=False),
        _moment("recorded_at"), _key("recorded_by_id"), _moment("superseded_at", nullable=True),
        *_references("tb_month", case_id="health_case", recorded_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_month")),
    )
    op.create_index("ix_tb_month_case", "tb_month", ["case_id", "month"])
    op.create_table(
        "tb_side_effect", _key(), _key("case_id"), sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False), sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True), sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False), _moment("recorded_at"), _key("recorded_by_id"),
        _moment("superseded_at", nullable=True),
        *_references("tb_side_effect", case_id="health_case", recorded_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_side_effect")),
    )
    op.create_index(op.f("ix_tb_side_effect_case_id"), "tb_side_effect", ["case_id"])
    op.create_table(
        "tb_interruption", _key(), _key("case_id"), _key("phase_id"),
        sa.Column("from_on", sa.Date(), nullable=False), sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False), sa.Column("advice", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("extra_doses", sa.Integer(), nullable=False), sa.Column("reason", sa.Text(), nullable=False),
        _moment("decided_at"), _key("decided_by_id"),
        *_references("tb_interruption", case_id="health_case", phase_id="tb_phase", decided_by_id="user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_interruption")),
    )
    op.create_index(op.f("ix_tb_interruption_case_id"), "tb_interruption", ["case_id"])
