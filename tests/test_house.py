"""The rules of the house, held by a test: sizes, floors, purity, one test module per module, words not to be used."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "routerd"
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

MODULE_MOST, MODULE_AIM = 500, 300
FUNCTION_MOST, FUNCTION_AIM = 70, 40

PURE = ("sip", "rules", "media", "people", "config", "b2bua", "simulation")
STDLIB_OF_THE_PURE = {
    "__future__", "abc", "array", "base64", "binascii", "bisect", "collections", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "ipaddress",
    "itertools", "keyword", "math", "operator", "re", "string", "struct", "textwrap", "types", "typing",
    "unicodedata",
}  # fmt: skip
ALLOWED = {
    "sip": STDLIB_OF_THE_PURE,
    "rules": STDLIB_OF_THE_PURE | {"msgspec", "phonenumbers"},
    "media": STDLIB_OF_THE_PURE | {"G722", "audioop"},
    "people": STDLIB_OF_THE_PURE | {"msgspec"},
    "config": STDLIB_OF_THE_PURE | {"json", "msgspec", "phonenumbers", "tomllib", "yaml", "zoneinfo"},
    "b2bua": STDLIB_OF_THE_PURE | {"msgspec", "traceback"},
    "simulation": STDLIB_OF_THE_PURE | {"json", "msgspec"},
}
# Attributes by which a clock comes in through a module that is otherwise allowed.
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "data", "misc"}
OPEN_WORK = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
# A committed file knows no machine: no home, no build folder, no host of a package registry or mirror.
MACHINE = re.compile(
    r"(?<![\w.-])/(?:work|root|home/\w+|Users/\w+|tmp/brief|opt/(?:wheels|pypi))\b"
    r"|(?:pypi\.org|pythonhosted\.org|deb\.debian\.org|registry\.npmjs\.org|proxy\.golang\.org|crates\.io)"
)
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".txt",
    ".lock",
    ".sh",
    ".service",
    ".cfg",
    ".xml",
    ".json",
    ".conf",
    "",
}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def length(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def imported_roots(tree: ast.Module) -> set[str]:
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            roots.add((node.module or "").partition(".")[0])
    return roots


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git work tree")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.suffix in TEXT and path.is_file()]


def test_there_is_a_package_to_look_at() -> None:
    assert len(MODULES) > len(PURE)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_sizes(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_MOST, f"{lines} lines"
    long = [f"{node.name}: {length(node)}" for node in functions(tree_of(path)) if length(node) > FUNCTION_MOST]
    assert not long, f"functions over {FUNCTION_MOST} lines: {long}"


def test_size_report() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    bodies = [length(node) for path in MODULES for node in functions(tree_of(path))]
    over = [str(path.relative_to(ROOT)) for path, lines in sizes.items() if lines > MODULE_AIM]
    long = sum(1 for lines in bodies if lines > FUNCTION_AIM)
    print(f"\n{len(sizes)} modules, median {statistics.median(sizes.values())} lines, over {MODULE_AIM}: {over}")
    print(f"{len(bodies)} functions, median {statistics.median(bodies)} lines, over {FUNCTION_AIM}: {long}")
    assert statistics.median(bodies) <= FUNCTION_AIM


@pytest.mark.parametrize(
    ("floor", "path"),
    [(floor, path) for floor in PURE for path in MODULES if path.is_relative_to(PACKAGE / floor)],
    ids=lambda value: str(value.relative_to(PACKAGE)) if isinstance(value, Path) else None,
)
def test_pure_floors_import_only_what_is_allowed(floor: str, path: Path) -> None:
    tree = tree_of(path)
    foreign = imported_roots(tree) - ALLOWED[floor] - {"routerd"}
    assert not foreign, f"not on the allow-list of {floor}: {sorted(foreign)}"
    clocks = [
        f"line {node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCKS
    ]
    assert not clocks, f"a clock below the edge: {clocks}"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_every_module_has_its_test_module(path: Path) -> None:
    if path.name in {"__init__.py", "__main__.py"}:
        return
    inside = path.relative_to(PACKAGE)
    mirror = ROOT / "tests" / inside.parent / f"test_{inside.name}"
    assert mirror.is_file(), f"{mirror.relative_to(ROOT)} is missing"
    assert [node for node in functions(tree_of(mirror)) if node.name.startswith("test_")], (
        f"{mirror.name} tests nothing"
    )


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_names_say_what_a_module_is_about(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert path.parent.name not in FORBIDDEN_NAMES


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=lambda path: path.parent.name
)
def test_init_only_re_exports(path: Path) -> None:
    for node in tree_of(path).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        name = isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets)
        named = name and {target.id for target in node.targets} <= {"__all__", "__version__"}  # type: ignore[attr-defined]
        assert docstring or named or isinstance(node, (ast.Import, ast.ImportFrom)), (
            f"line {node.lineno} does something"
        )


def undocumented(body: list[ast.stmt], inside: str = "") -> list[str]:
    found = []
    for node in body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        overload = any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)
        if ast.get_docstring(node) is None and not overload:
            found.append(f"{inside}{node.name} (line {node.lineno})")
        if isinstance(node, ast.ClassDef):
            found += undocumented(node.body, f"{node.name}.")
    return found


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_what_is_public_is_documented(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the module has no docstring"
    assert not undocumented(tree.body)


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    broad = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    return broad and all(isinstance(node, ast.Pass) for node in handler.body)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_error_is_swallowed_and_nothing_is_a_stub(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            assert not swallows_everything(node), f"line {node.lineno}: an error swallowed"
        assert not (isinstance(node, ast.Name) and node.id == "NotImplementedError"), f"line {node.lineno}: a stub"


def test_no_open_work_and_no_path_of_a_machine() -> None:
    here = Path(__file__)
    found = []
    for path in committed():
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if path != here and (OPEN_WORK.search(line) or MACHINE.search(line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_tests_wait_for_events_and_can_fail() -> None:
    vain = re.compile(r"\btime\.sleep\(|^\s*assert True\b", re.MULTILINE)
    found = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")
             if path != Path(__file__) and vain.search(path.read_text(encoding="utf-8"))]  # fmt: skip
    assert not found


def test_imports_point_down() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run(
        [*command, "--config", "pyproject.toml", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
