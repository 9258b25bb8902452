"""Runs one command: finds its module, reads its options, and turns what goes wrong into one line."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import typer

from moe_studio.cli import COMMANDS
from moe_studio.cli.console import one_line, use_utf8
from moe_studio.errors import MoeStudioError

DONE, BROKEN, FAILED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
"""Exit statuses: done; the design breaks a rule; usage or input error; Ctrl-C; nobody reads the output."""

# Typer carries its own copy of click in some versions; all of them say what is wrong by this class.
UsageFault = cast(type[Exception], typer.BadParameter.__mro__[2])


def run(words: Sequence[str]) -> int:
    """Run the command that ``words`` begin with; the exit status."""
    use_utf8()
    try:
        status = _dispatch(list(words))
        sys.stdout.flush()
        return status
    except MoeStudioError as error:
        return _fail(str(error))
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered must not raise again when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        return _fail(f"{error.filename or 'the output'}: {error.strerror or error}.")
    except MemoryError:
        return _fail("There is not enough memory for this design.")
    except UsageFault as error:
        return _fail(_usage(error, words))


def _dispatch(words: list[str]) -> int:
    if words[0] in ("-h", "--help", "help"):
        print(help_text())
        return DONE
    if words[0] not in COMMANDS or find_spec(f"moe_studio.cli.{COMMANDS[words[0]][0]}") is None:
        raise MoeStudioError(f"There is no command or option {words[0]}; moe-studio --help lists the commands.")
    program = f"moe-studio {words[0]}"
    module = import_module(f"moe_studio.cli.{COMMANDS[words[0]][0]}")
    app = typer.Typer(
        add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
    )
    app.command()(module.command)
    command = typer.main.get_command(app)
    with command.make_context(program, words[1:]) as context:
        status = command.invoke(context)
    return int(status or DONE)


def _fail(message: str, status: int = FAILED) -> int:
    print(f"moe-studio: {one_line(message)}", file=sys.stderr)
    return status


def _usage(error: BaseException, words: Sequence[str]) -> str:
    """What is wrong with the options, and where to read about them."""
    message = str(getattr(error, "format_message", error.__str__)()).strip().rstrip(".")
    return f"{words[0]}: {message}. See moe-studio {words[0]} --help."


def available_commands() -> dict[str, str]:
    """The commands that this installation has, and what they do."""
    return {
        name: text for name, (module, text) in COMMANDS.items() if find_spec(f"moe_studio.cli.{module}") is not None
    }


def help_text() -> str:
    """The help of the program as a whole."""
    commands = available_commands()
    width = max(map(len, commands))
    lines = [f"  {name:<{width}}  {text}" for name, text in commands.items()]
    return "\n".join(
        [
            "Usage: moe-studio [PROJECT]",
            "       moe-studio COMMAND [OPTIONS]",
            "",
            "Design how Mixture-of-Experts models are placed on GPUs, and see what it costs.",
            "Without a command the window opens, on PROJECT if one is named.",
            "",
            "Commands:",
            *lines,
            "",
            "Options:",
            "  -V, --version  Print the version.",
            "  -h, --help     Print this help; after a command, the command's.",
            "",
            "Examples:",
            "  moe-studio examples",
            "  moe-studio examples seed0-proposed -o mine.moe.yaml",
            "  moe-studio evaluate mine.moe.yaml",
            "  moe-studio new --preset deepseek-v3 --cluster gb200-nvl72 -o v3.moe.yaml",
            "  moe-studio report v3.moe.yaml -o v3.html",
            "",
            "Exit status: 0 done; 1 the design breaks a rule; 2 the command or a file is wrong,",
            "and one line on standard error says how.",
        ]
    )
