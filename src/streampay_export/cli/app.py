"""
The command line as a whole: what commands there are, and how one ends.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from ..errors import ExportError, Interrupted, listed, quoted
from . import commands, upkeep
from .outcome import CTRL_C, DONE, NO, OUTSIDE, WRONG, exit_code, print_json, tell
from .terminal import log_to_terminal, say


def _group(name: str, about: str, **verbs: Callable[..., int | None]) -> App:
    group = App(name=name, help=about)
    for verb, command in verbs.items():
        group.command(command, name=verb)
    return group


app = App(
    name="streampay-export",
    help="One person's whole stream and payout history, as a signed bundle they can read and verify.",
    default_parameter=Parameter(negative=(), show_env_var=False),
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
for each in (
    commands.export,
    commands.bulk,
    commands.header,
    _group(
        "policy",
        "What an export contains, and why.",
        list=commands.policy_list,
        document=commands.policy_document,
        check=commands.policy_check,
    ),
    commands.status,
    commands.verify,
    commands.erase,
    commands.demo,
    upkeep.worker,
    upkeep.sweep,
    _group(
        "keys",
        "The deployment's keys.",
        init=upkeep.keys_init,
        list=upkeep.keys_list,
        rotate=upkeep.keys_rotate,
    ),
    _group(
        "audit",
        "The audit trail, and whether it is what was recorded.",
        verify=upkeep.audit_verify,
        prune=upkeep.audit_prune,
    ),
    _group(
        "retention",
        "What the storage deletes by itself, when nobody else does.",
        rule=upkeep.retention_rule,
        check=upkeep.retention_check,
        apply=upkeep.retention_apply,
    ),
):
    app.command(each)


def run(arguments: Sequence[str]) -> int:
    """
    Run one command line and return its exit code; what goes wrong is one sentence on standard error.
    """
    as_json = "--json" in arguments
    log_to_terminal()
    try:
        code = app(_with_dash_as_value(arguments))
        sys.stdout.flush()
    except CycloptsError as error:
        sentence = _wrong_flags(error)
        say(sentence)
        if as_json:
            print_json({"error": {"slug": "wrong-flags", "detail": sentence}})
        return WRONG
    except (KeyboardInterrupt, Interrupted):
        say("interrupted: nothing is half-written; to go on, run the same command again")
        if as_json:
            print_json({"error": {"slug": Interrupted.slug, "detail": "interrupted; run the same command again"}})
        return CTRL_C
    except ExportError as error:
        tell(error, as_json=as_json)
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read has gone; without this Python complains once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except Exception as error:  # noqa: BLE001  # the edge: a bug, whose own text may quote anybody's data
        frames = "".join(traceback.format_tb(error.__traceback__))
        sentence = f"an internal error, {type(error).__qualname__}: please report where it happened"
        say(f"{frames}{sentence}")
        if as_json:
            print_json({"error": {"slug": "internal-error", "detail": sentence}})
        return OUTSIDE
    return code if isinstance(code, int) else DONE


def _wrong_flags(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected: {listed([quoted(each) for each in error.unused_tokens or ()])}; see --help"
    return " ".join(str(error).split())


def _with_dash_as_value(arguments: Sequence[str]) -> list[str]:
    """
    Spell `--subject -` as `--subject=-`: a lone hyphen would be read as a flag without a name.
    """
    spelled: list[str] = []
    for argument in arguments:
        if argument == "-" and spelled and spelled[-1] in {"--subject", "--subjects"}:
            spelled[-1] += "=-"
        else:
            spelled.append(argument)
    return spelled
