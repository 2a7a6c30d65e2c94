"""Each module imports only from the layers below its own: docs/architecture.rst."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import dtool_lookup_server

PACKAGE = Path(dtool_lookup_server.__file__).parent

# The lowest first. A name stands for a module, or for a package and what is in it.
LAYERS = [
    "_version",
    "collecting",
    "overview",
    "errors",
    "config",
    "deadlines",
    "application",
    "json_output",
    "tokens",
    "extensions",
    "keys",
    "token_keys",
    "engines",
    "locks",
    "prepared",
    "columns",
    "append_only",
    "dataset_json",
    "substrings",
    "database",
    "migrating",
    "sql_models",
    "cursors",
    "pagination",
    "query",
    "plugins",
    "storages",
    "services",
    "date_utils",
    "utils_auth",
    "utils",
    "old_names",
    "schemas",
    "auth",
    "http_errors",
    "open_access",
    "rate_limits",
    "watching",
    "routes",
    "web",
    "cli",
    "app",
    "command_line",
    "contract",
    "__init__",
    "__main__",
]

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a module's dotted name inside the package: routes.dataset."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def layer_of(name: str) -> int:
    return LAYERS.index(name.split(".")[0])


def own_imports(path: Path) -> Iterator[str]:
    """Yield the names, inside the package, that a module imports."""
    package = ["dtool_lookup_server", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = start + (node.module.split(".") if node.module else [])
            # `from . import extensions` names a module, `from .errors import X` not.
            targets = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == "dtool_lookup_server":
                yield ".".join(target[1:]) or "__init__"


def module_named(target: str) -> str:
    """Return the module of an imported name: errors for errors.ValidationError."""
    path = PACKAGE.joinpath(*target.split("."))
    is_module = path.is_dir() or path.with_suffix(".py").is_file()
    return target if is_module else target.rpartition(".")[0] or "__init__"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_only_from_layers_below(path):
    name = name_of(path)

    for target in map(module_named, own_imports(path)):
        same_package = target.split(".")[0] == name.split(".")[0]
        assert same_package or layer_of(target) < layer_of(name), f"{name} -> {target}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_at_its_top(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

    for function in ast.walk(tree):
        if isinstance(function, functions):
            for node in ast.walk(function):
                assert not isinstance(node, ast.Import | ast.ImportFrom), node.lineno


def test_imports_make_no_cycle():
    imports = {
        name_of(path): set(map(module_named, own_imports(path))) for path in MODULES
    }

    done = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        for target in imports[name] - done:
            visit(target, (*trail, name))
        done.add(name)

    for name in imports:
        visit(name, ())
