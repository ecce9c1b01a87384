"""Solve the requirements of pyproject.toml and write one lock file a purpose, each with exact versions.

``runtime.lock`` is what the daemon needs (and the build backend that installs it), ``test.lock`` adds the tests'
packages, ``dev.lock`` the linters and benches. The largest is solved first and binds the others: all three
agree.
Run by ``make lock``; nothing is installed by it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def solve(requirements: list[str], bounds: dict[str, str]) -> dict[str, str]:
    """The exact versions that pip would install for these requirements, by canonical name."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(f"{name}=={version}" for name, version in bounds.items()))
        constraints.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", "-", "--constraint", constraints.name, *requirements]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    packages = [package["metadata"] for package in json.loads(done.stdout)["install"]]
    return {package["name"].lower().replace("_", "-"): package["version"] for package in packages}


def write(purpose: str, versions: dict[str, str]) -> None:
    """One lock file: sorted, one package a line."""
    lines = ["# Solved by `make lock` from pyproject.toml; do not edit."]
    lines += [f"{name}=={versions[name]}" for name in sorted(versions)]
    (HERE / f"{purpose}.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Solve the largest set first, then the smaller ones within it."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    runtime = project["project"]["dependencies"] + project["build-system"]["requires"]
    test = runtime + extras["test"]
    everything = solve(test + extras["dev"], {})
    write("dev", everything)
    write("test", solve(test, everything))
    write("runtime", solve(runtime, everything))


if __name__ == "__main__":
    main()
