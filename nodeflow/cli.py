"""The command line: the words of each command and what they mean; `commands` does the work.

A command is a function here with its words as parameters; it imports its module when it is given,
so that none pays for another. To add one: a module in `commands/` that returns an exit code, and a
function here. Exit codes: 0 done, 1 the graph or its inputs are wrong, 2 usage, 3 a node failed,
130 cancelled.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import enum  # noqa: E402
import gc  # noqa: E402  (the clock starts before anything is imported)
import importlib.metadata  # noqa: E402
import io  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any, NoReturn  # noqa: E402

import typer  # noqa: E402
import typer.core  # noqa: E402
import typer.main  # noqa: E402

from nodeflow import __version__  # noqa: E402

COMMANDS = "nodeflow.commands"
"""Packages add commands of their own by entry points of this group: name -> a typer.Typer."""


class _Commands(typer.core.TyperGroup):
    """The commands here, and those of installed packages, imported when they are given."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_added_commands())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        added = None if own else _added_commands().get(cmd_name)
        if added is None:
            return own
        command = typer.main.get_command(added.load())
        command.name = cmd_name
        return command


def _added_commands() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=COMMANDS)}


app = typer.Typer(
    name="nodeflow",
    cls=_Commands,
    help="Run graphs of typed nodes, and look into them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

GraphName = Annotated[
    str,
    typer.Argument(
        metavar="GRAPH",
        help="A graph file, a picture that nodeflow saved, or the name of a shipped graph.",
        show_default=False,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME=VALUE",
        help="The graph's inputs: prompt='a cat' seed=3. NAME=@FILE reads the text of a file.",
        show_default=False,
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NODE.PARAM=VALUE", help="Set any literal of any node."),
]
NodeFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--nodes",
        metavar="DIR",
        help="Add the Python files of a folder as a pack; NODEFLOW_NODES names more.",
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option("--output", metavar="NAME", help="Only this output, or NODE.PORT; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def run(
    context: typer.Context,
    graph: GraphName,
    inputs: Inputs = None,
    params: Params = None,
    output: Outputs = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where files are saved.")] = Path(
        "output"
    ),
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, cuda, cuda:1, mps, xpu or directml; by default auto, or the one "
            "that a picture was made on."
        ),
    ] = "",
    nodes: NodeFolders = None,
    cache_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep results here for later runs.")
    ] = None,
    cache_bytes: Annotated[
        int | None, typer.Option(min=0, help="Most bytes of results to keep in memory.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="After a failure, run what does not need it.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Catch nodes that change inputs or break promises.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Tell why each node ran or did not.")] = False,
    trace: Annotated[
        bool, typer.Option("--traceback", help="Print the Python traceback of a failed node.")
    ] = False,
    json: Json = False,
) -> None:
    """Run a graph and save what comes out; of a saved picture, make it again."""
    from nodeflow.commands.run import RunOrder, run_command

    order = RunOrder(
        graph=graph,
        inputs=_assignments(inputs, "NAME=VALUE"),
        params=_assignments(params, "--set"),
        out=out,
        device=device,
        outputs=tuple(output or ()),
        nodes=tuple(nodes or ()),
        cache_dir=cache_dir,
        cache_bytes=cache_bytes,
        keep_going=keep_going,
        check=check,
        why=why,
        trace=trace,
        json=json,
    )
    raise typer.Exit(run_command(order, _started(context)))


@app.command()
def validate(
    context: typer.Context,
    graph: GraphName,
    inputs: Inputs = None,
    params: Params = None,
    nodes: NodeFolders = None,
    json: Json = False,
) -> None:
    """Tell everything that is wrong with a graph. Loads no model."""
    from nodeflow.commands.show import validate_command

    given = _assignments(inputs, "NAME=VALUE"), _assignments(params, "--set")
    started = _started(context)
    code = validate_command(graph, *given, nodes or [], as_json=json, started=started)
    raise typer.Exit(code)


@app.command()
def plan(
    graph: GraphName,
    inputs: Inputs = None,
    params: Params = None,
    output: Outputs = None,
    nodes: NodeFolders = None,
    json: Json = False,
) -> None:
    """Show the order of a run, what it holds when, and the predicted peak. Loads no model."""
    from nodeflow.commands.show import plan_command

    given = _assignments(inputs, "NAME=VALUE"), _assignments(params, "--set")
    raise typer.Exit(plan_command(graph, *given, output or [], nodes or [], as_json=json))


@app.command("nodes")
def list_nodes(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A node type, or a category of them.")
    ] = "",
    nodes: NodeFolders = None,
    json: Json = False,
) -> None:
    """List the node types, or tell all about one."""
    from nodeflow.commands.show import nodes_command

    raise typer.Exit(nodes_command(name, nodes or [], as_json=json))


@app.command()
def doctor(
    nodes: NodeFolders = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Can this be written?")] = Path("output"),
    cache_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="And this?", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Tell what this machine has, what is missing, and what to do about it."""
    from nodeflow.doctor import doctor_command

    places = [out] if cache_dir is None else [out, cache_dir]
    raise typer.Exit(doctor_command(nodes or [], places, as_json=json))


@app.command()
def schema() -> None:
    """Print the JSON Schema of graph files."""
    from nodeflow.commands.show import schema_command

    raise typer.Exit(schema_command())


class LogLevel(str, enum.Enum):
    """How much a server tells of itself."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at. Any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any that is free.")] = 8188,
    base: Annotated[
        Path,
        typer.Option(
            "--dir",
            metavar="DIR",
            help="Holds output/, input/, graphs/ and the queue; by default the current folder.",
        ),
    ] = Path(),
    token: Annotated[
        str,
        typer.Option(
            envvar="NODEFLOW_TOKEN",
            help="What every client must show; auto makes one and prints it.",
        ),
    ] = "",
    headless: Annotated[bool, typer.Option("--headless", help="The API without the page.")] = False,
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, cuda, cuda:1, mps, xpu or directml; cuda:0,cuda:1 is a worker on each."
        ),
    ] = "auto",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Runs at the same time.")] = 1,
    cache_bytes: Annotated[
        int | None, typer.Option(min=0, help="Most bytes of results that a worker keeps.")
    ] = None,
    nodes: NodeFolders = None,
    read: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Graphs may read files of this folder too; repeatable."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Pages from there may use the API too; repeatable."),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="It may be called by this name too; repeatable."),
    ] = None,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds that running runs get when it stops.")
    ] = 10.0,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line.")] = (
        False
    ),
    log_level: Annotated[
        LogLevel,
        typer.Option("--log-level", help="How much to log."),
    ] = LogLevel.INFO,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the editor and the API until Ctrl-C."""
    from nodeflow.commands.prepare import named_folders
    from nodeflow.commands.serve import ServeOrder, serve_command
    from nodeflow.server.settings import Settings

    settings = Settings(
        base=base.resolve(),
        host=host,
        port=port,
        token=token,
        origins=tuple(origin or ()),
        hosts=tuple(host_name or ()),
        headless=headless,
        device=device,
        workers=workers,
        nodes=tuple(folder.resolve() for folder in (*named_folders(), *(nodes or ()))),
        read=tuple(folder.resolve() for folder in read or ()),
        cache_bytes=cache_bytes,
    )
    raise typer.Exit(
        serve_command(ServeOrder(settings, grace, log_json, log_level.value, open_page))
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nodeflow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What stands before the command."""


def _assignments(texts: list[str] | None, word: str) -> dict[str, str]:
    """NAME=VALUE words by name; a word that is none is a fault of usage (exit code 2)."""
    from nodeflow.inputs import split_assignments

    try:
        return split_assignments(texts or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=word) from error


def main() -> None:
    """The entry point `nodeflow`: a process of its own."""
    signal.signal(signal.SIGINT, _interrupted)
    # Importing torch and its kin makes a million objects that stay: looking for garbage among them
    # at Python's own pace takes half a second.
    gc.set_threshold(50_000)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals of few characters
    app(obj=STARTED)


def _started(context: typer.Context) -> float:
    """When the process began or, where a test or a program calls a command, now."""
    return float(context.obj or time.perf_counter())


def _interrupted(number: int, frame: object) -> NoReturn:
    """Ctrl-C outside of a run, which has its own way to stop."""
    raise SystemExit(130)


if __name__ == "__main__":
    main()
