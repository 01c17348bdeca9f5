"""
Run by the Python under test: `import streampay_export` is quick, typed and pulls in nothing heavy.

Exits with one sentence per fault. It is a program of its own because it asks what *one* import loads.
"""

import sys
from importlib.resources import files

HEAVY = ("cryptography", "fsspec", "opentelemetry", "sqlalchemy")

before = set(sys.modules)
import streampay_export  # noqa: E402 — the line under test, after what was there before it

loaded = set(sys.modules) - before
faults = [f"import streampay_export loads {name}" for name in HEAVY if name in loaded]
if not files(streampay_export).joinpath("py.typed").is_file():
    faults.append("py.typed is missing: no type checker will look at the package")
sys.exit("\n".join(faults) or None)
