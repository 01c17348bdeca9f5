"""
The tests on every Python we support, against the built package: `nox`, or `nox -s tests-3.13`.
"""

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2025.5"

PROJECT = nox.project.load_toml("pyproject.toml")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """
    Run the tests against the installed wheel, not the checkout.
    """
    session.install("--constraint", "constraints.txt", "--upgrade", "pip")
    session.install(
        "--constraint",
        "constraints.txt",
        ".[azure,celery,cli,fast,mariadb,postgres,procrastinate,s3]",
        *nox.project.dependency_groups(PROJECT, "test", "browser", "examples"),
    )
    session.run("pytest", "-m", "not promise", *session.posargs)
