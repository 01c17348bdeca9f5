"""
What the package costs somebody who only imports it.
"""

import subprocess
import sys
from pathlib import Path


def test_importing_the_package_loads_no_adapter_library():
    """
    `import streampay_export` loads none of SQLAlchemy, fsspec and cryptography, and is typed.
    """
    script = Path(__file__).with_name("light_import.py")

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.returncode == 0


def test_help_waits_for_no_adapter_library():
    """
    What a command needs is loaded when it is called: `--help` and wrong flags need none of it.
    """
    script = "import sys; import streampay_export.cli.app; print(*sorted(sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "streampay_export.cli.upkeep" in done.stdout.split()
    assert set() == {"fsspec", "jinja2", "sqlalchemy"} & set(done.stdout.split())
