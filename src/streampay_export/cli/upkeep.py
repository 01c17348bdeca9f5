"""
The commands that keep a deployment going, with their flags. What each does stands in the module it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .._core.party import DEFAULT_TENANT
from ..keys.table import ROTATED_BY_DEFAULT
from .flags import Config, Json, KeyConfig, KeyPath


def worker(
    *, config: Config, once: Annotated[bool, Parameter(help="End when no job waits.", show_default=False)] = False
) -> int:
    """
    Work off waiting exports.
    """
    from . import operating

    return operating.work(config, once=once)


def sweep(
    *,
    config: Config,
    brief: Annotated[
        bool, Parameter(help="Do not go through the storage, nor delete old rows.", show_default=False)
    ] = False,
    json: Json = False,
) -> int:
    """
    Expire, rescue and tidy up, once.
    """
    from . import operating

    return operating.sweep(config, brief=brief, as_json=json)


def keys_init(*, config: KeyConfig = None, path: KeyPath = None) -> None:
    """
    Make the keys of a new deployment.
    """
    from . import keys as key_commands

    key_commands.init(config, path)


def keys_list(
    *,
    config: KeyConfig = None,
    path: KeyPath = None,
    public: Annotated[
        bool, Parameter(help="Print the verification keys, for verify --public-key.", show_default=False)
    ] = False,
    json: Json = False,
) -> None:
    """
    List the keys, without anything secret.
    """
    from . import keys as key_commands

    key_commands.show(config, path, public=public, as_json=json)


def keys_rotate(
    *,
    config: KeyConfig = None,
    path: KeyPath = None,
    purpose: Annotated[list[str] | None, Parameter(help=f"Default {', '.join(ROTATED_BY_DEFAULT)}.")] = None,
    revoke: Annotated[list[str] | None, Parameter(help="The id of a key that is to refuse from now on.")] = None,
    json: Json = False,
) -> None:
    """
    Make new keys; the former ones still open and verify, unless they are revoked.
    """
    from . import keys as key_commands

    key_commands.rotate(config, path, purpose or (), revoke or (), as_json=json)


def audit_verify(
    *,
    config: Config,
    checkpoint: Annotated[Path | None, Parameter(help="A copy of checkpoints that was kept elsewhere.")] = None,
    tenant: Annotated[str | None, Parameter(help="One tenant; default all.")] = None,
    json: Json = False,
) -> int:
    """
    Check that nobody edited, deleted, inserted, moved or cut off what was recorded.
    """
    from . import auditing

    return auditing.audit_verify(config, checkpoint, tenant, as_json=json)


def audit_prune(
    *,
    config: Config,
    before: Annotated[str | None, Parameter(help="A day or instant; default retention.audit_days ago.")] = None,
    tenant: Annotated[str, Parameter(help="Whose entries.")] = DEFAULT_TENANT,
    json: Json = False,
) -> None:
    """
    Delete the entries recorded before; a signed record says up to which, and the rest stays verifiable.
    """
    from . import auditing

    auditing.audit_prune(config, before, tenant, as_json=json)


def retention_rule(*, config: Config) -> None:
    """
    Print the rule for the storage's own tools: S3, Google Cloud Storage or Azure.
    """
    from . import retaining

    retaining.rule(config)


def retention_check(*, config: Config, json: Json = False) -> int:
    """
    Say whether the bucket deletes by itself what no sweeper deleted, and nothing too early.
    """
    from . import retaining

    return retaining.check(config, as_json=json)


def retention_apply(*, config: Config, json: Json = False) -> int:
    """
    Put the rule into an S3 bucket, beside those of others.
    """
    from . import retaining

    return retaining.apply(config, as_json=json)
