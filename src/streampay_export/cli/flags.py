"""
Flags that several commands have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

DocumentFormat: TypeAlias = Literal["markdown", "html", "json"]

Json = Annotated[bool, Parameter(name="--json", help="For programs: the last line is JSON.", show_default=False)]
Config = Annotated[Path, Parameter(name="--config", help="The TOML file that describes the deployment.")]
MaybeConfig = Annotated[Path | None, Parameter(name="--config", help="Default: StreamPay's own catalog.")]
KeyConfig = Annotated[Path | None, Parameter(name="--config", help="The TOML file that says where keys are.")]
Profile = Annotated[str, Parameter(name="--profile", help="For whom the copy is cut.")]
Internal = Annotated[
    bool, Parameter(name="--operator", help="Also what the person may not be told: internal.", show_default=False)
]
KeyPath = Annotated[Path | None, Parameter(name="--path", help="The keys' folder, instead of --config.")]
