"""``moe-studio validate``: the design against the rules."""

from collections.abc import Sequence

from moe_studio import api
from moe_studio.cli.console import say, show_table
from moe_studio.cli.option import Json, Project
from moe_studio.engine.rule import RULES, Problem
from moe_studio.export.summary import json_text, plain_problem


def command(project: Project, json: Json = False) -> int:
    """Check a design against the rules: does it fit, is every expert placed, do shapes agree, …

    Exit status 1 says that a rule is broken whose severity is error.

    \b
    Examples:
      moe-studio validate design.moe.yaml
      moe-studio validate design.moe.yaml --json
    """
    result = api.open(project).evaluate()
    found = result.problems()
    if json:
        plain = [plain_problem(problem) for problem in found]
        rules = [{"code": rule.code, "title": rule.title} for rule in RULES]
        print(
            json_text({"project": result.design.name, "valid": result.is_valid(), "problems": plain, "rules": rules}),
            end="",
        )
    else:
        show_problems(found)
        say(f"{len(RULES)} rules checked: {_counted(found)}.")
    return 0 if result.is_valid() else 1


def show_problems(found: Sequence[Problem]) -> None:
    """Print problems as a table."""
    rows = [(problem.severity, problem.code, problem.message, problem.where) for problem in found]
    show_table(("severity", "code", "what is wrong", "where"), rows, words=range(4))


def _counted(found: Sequence[Problem]) -> str:
    counts = {name: sum(problem.severity == name for problem in found) for name in ("error", "warning", "info")}
    parts = [f"{count} {name}{'s' if count > 1 and name != 'info' else ''}" for name, count in counts.items() if count]
    return ", ".join(parts) or "none is broken"
