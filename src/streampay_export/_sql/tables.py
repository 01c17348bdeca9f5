"""
The tables of the job store and of the SQL audit trail.

Every row has its tenant, and every key begins with it. No value of an application's own users stands
here in the clear: people are keyed hashes, their ids are sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)

from .types import Instant, document, name, octets, serial

JOBS = MetaData()
AUDIT = MetaData()

job_table = Table(
    "export_job",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("id", name(64), primary_key=True),
    Column("owner_tag", name(64), nullable=False),
    Column("requester_tag", name(64), nullable=False),
    Column("capacity", name(32), nullable=False),
    Column("request", document(), nullable=False),
    Column("sealed", octets()),
    Column("wrapped_key_id", name(255)),
    Column("wrapped_key", octets()),
    Column("created_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("extension_reason", document()),
    Column("extended_at", Instant),
    Column("paused_at", Instant),
    Column("told", Boolean, nullable=False),
    Column("state", name(16), nullable=False),
    Column("completeness", name(16), nullable=False),
    Column("as_of", Instant),
    Column("expires_at", Instant),
    Column("finished_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", Instant),
    Column("not_before", Instant),
    Column("datasets", document(), nullable=False),
    Column("artifact_key", name(512)),
    Column("artifact_size", BigInteger),
    Column("artifact_sha256", name(64)),
    Column("artifact_protection", name(16)),
    Column("failure_slug", name(64)),
    Column("failure_sentence", document()),
    Column("failure_remedies", document()),
    Column("failure_detail", document()),
    Column("revision", BigInteger, nullable=False),
    # Whom and what the job is for.
    Column("whose", name(64), nullable=False),
    # The same while the job is queued or running; NULL afterwards, and NULLs never collide.
    Column("active_key", name(64)),
    # Since when the job waits for a worker: not_before, created_at or lease_until; NULL while it does not.
    Column("waits_from", Instant),
    # Since when an ended job names an object that waits to be deleted; NULL otherwise.
    Column("orphaned_at", Instant),
    UniqueConstraint("tenant", "active_key", name="export_job_active"),
    Index("export_job_waits", "waits_from", "id"),
    Index("export_job_waits_of", "tenant", "waits_from"),
    Index("export_job_owner", "tenant", "owner_tag", "created_at", "id"),
    Index("export_job_requester", "tenant", "requester_tag", "created_at", "id"),
    Index("export_job_whose", "tenant", "whose", "created_at", "id"),
    Index("export_job_expires", "state", "expires_at", "id"),
    Index("export_job_due", "tenant", "state", "due_at", "id"),
    Index("export_job_finished", "finished_at", "id"),
    Index("export_job_orphaned", "orphaned_at", "id"),
    Index("export_job_wrapped", "wrapped_key_id", "tenant", "id"),
)

idempotency_table = Table(
    "export_idempotency",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("requester_tag", name(64), primary_key=True),
    Column("owner_tag", name(64), primary_key=True),
    Column("key_digest", name(64), primary_key=True),
    Column("request_digest", name(128), nullable=False),
    Column("job_id", name(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    ForeignKeyConstraint(["tenant", "job_id"], ["export_job.tenant", "export_job.id"]),
    Index("export_idempotency_job", "tenant", "job_id"),
    Index("export_idempotency_made", "made_at"),
)

link_table = Table(
    "export_link",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("job_id", name(64), primary_key=True),
    Column("id", name(64), primary_key=True),
    Column("purpose", name(16), nullable=False),
    Column("expires_at", Instant, nullable=False),
    # Of a download link: since when its session lasts.
    Column("begun_at", Instant),
    # Of an open link: how many downloads it has begun, and how many it may; NULL is no limit.
    Column("begun", BigInteger, nullable=False),
    Column("begun_limit", BigInteger),
    # Of a download link: the open link whose button led to it, without which it is nothing.
    Column("opened_from", name(64)),
    ForeignKeyConstraint(["tenant", "job_id"], ["export_job.tenant", "export_job.id"]),
)

part_table = Table(
    "export_part",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("job_id", name(64), primary_key=True),
    Column("dataset", name(63), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, nullable=False),
    Column("sealed", octets(), nullable=False),
    ForeignKeyConstraint(["tenant", "job_id"], ["export_job.tenant", "export_job.id"]),
)

planned_part_table = Table(
    "export_planned_part",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("job_id", name(64), primary_key=True),
    Column("dataset", name(63), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", Instant),
    Column("sealed", octets(), nullable=False),
    ForeignKeyConstraint(["tenant", "job_id"], ["export_job.tenant", "export_job.id"]),
)

# The tombstone tags of the people whom jobs are about: by them an erasure finds the jobs.
job_tag_table = Table(
    "export_job_tag",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("tag", name(64), primary_key=True),
    Column("job_id", name(64), primary_key=True),
    ForeignKeyConstraint(["tenant", "job_id"], ["export_job.tenant", "export_job.id"]),
    Index("export_job_tag_job", "tenant", "job_id"),
)

erasure_table = Table(
    "export_erasure",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("receipt", name(64), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("tombstone", document(), nullable=False),
    Column("number", BigInteger),
    Column("sealed", octets()),
    Column("wrapped_key_id", name(255)),
    Column("wrapped_key", octets()),
    Column("exports", Integer, nullable=False),
    Column("finished_at", Instant),
    Index("export_erasure_at", "at", "receipt"),
)

erasure_tag_table = Table(
    "export_erasure_tag",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("tag", name(64), primary_key=True),
    Column("receipt", name(64), primary_key=True),
    ForeignKeyConstraint(["tenant", "receipt"], ["export_erasure.tenant", "export_erasure.receipt"]),
    Index("export_erasure_tag_receipt", "tenant", "receipt"),
)

outbox_table = Table(
    "export_outbox",
    JOBS,
    Column("number", serial(), primary_key=True, autoincrement=True),
    Column("tenant", name(63), nullable=False),
    Column("id", name(255), nullable=False),
    Column("entry", document(), nullable=False),
    UniqueConstraint("tenant", "id", name="export_outbox_entry"),
    Index("export_outbox_id", "id"),
)

# Whom to tell what: sealed, under a key that goes with the row.
notification_table = Table(
    "export_notification",
    JOBS,
    Column("tenant", name(63), primary_key=True),
    Column("id", name(128), primary_key=True),
    # Of an erasure: its receipt.
    Column("job_id", name(64), nullable=False),
    Column("occasion", name(16), nullable=False),
    Column("sealed", octets(), nullable=False),
    Column("wrapped_key_id", name(255), nullable=False),
    Column("wrapped_key", octets(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("waits_from", Instant, nullable=False),
    Index("export_notification_stored", "stored_at", "id"),
    Index("export_notification_waits", "waits_from", "id"),
    Index("export_notification_job", "tenant", "job_id"),
)

# How far each tenant's chain goes; its row is locked by whoever adds a link.
audit_head_table = Table(
    "export_audit_head",
    AUDIT,
    Column("tenant", name(63), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("link", name(64), nullable=False),
)

audit_table = Table(
    "export_audit",
    AUDIT,
    Column("tenant", name(63), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("link", name(64), nullable=False),
    Column("id", name(255), nullable=False),
    Column("job_id", name(64), nullable=False),
    Column("subject", name(64), nullable=False),
    Column("entry", document(), nullable=False),
    UniqueConstraint("tenant", "id", name="export_audit_entry"),
    Index("export_audit_job", "tenant", "job_id", "number"),
    Index("export_audit_subject", "tenant", "subject", "number"),
)

job_version_table = Table("export_job_version", JOBS, Column("version", Integer, primary_key=True))
audit_version_table = Table("export_audit_version", AUDIT, Column("version", Integer, primary_key=True))
