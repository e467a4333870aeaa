"""What a picture costs beside the network's own arithmetic.

    python tests/benchmarks/picture.py [--graph graphs/text_to_image.json] [--repeats 3] [--json]

First whole processes, from the shell's point of view: Python alone, `import torch`, and `nodeflow
validate` and `nodeflow run` of the graph. Then, in one process with everything loaded, a run beside
the bare network: the calls that the run made of the denoiser, made again one after another with
nothing around them. Seconds are the wall's, best of the repeats.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[2]
CLI = "from nodeflow.cli import main; main()"


def process_seconds(*arguments: str) -> float:
    """Seconds from the start of a process to its end.

    Raises:
        SystemExit: the process failed; what it said is shown.
    """
    start = perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    seconds = perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return seconds


def processes(graph: str, repeats: int) -> dict[str, float]:
    """Seconds of whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "python": ["-c", "pass"],
            "import torch": ["-c", "import torch"],
            "nodeflow validate": ["-c", CLI, "validate", graph],
            "nodeflow run": ["-c", CLI, "run", graph, "--out", folder],
        }
        return {
            name: min(process_seconds(*arguments) for _ in range(repeats))
            for name, arguments in commands.items()
        }


class Calls:
    """The calls of a network while a run goes on: what went in, and how long each took."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.inputs: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.seconds = 0.0

    def __enter__(self) -> Calls:
        before = self.network.register_forward_pre_hook(self._before, with_kwargs=True)
        after = self.network.register_forward_hook(self._after)
        self.hooks = (before, after)
        return self

    def __exit__(self, *exception: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _before(self, network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.inputs.append((args, kwargs))
        self.start = perf_counter()

    def _after(self, network: Any, args: Any, output: Any) -> None:
        self.seconds += perf_counter() - self.start

    def again(self) -> float:
        """Seconds of the same calls with nothing around them."""
        import torch

        start = perf_counter()
        with torch.inference_mode():
            for args, kwargs in self.inputs:
                self.network(*args, **kwargs)
        return perf_counter() - start


def beside_the_network(path: str, repeats: int) -> dict[str, float]:
    """Seconds of a run, of its denoiser's calls in it, and of the same calls alone."""
    import nodeflow
    from nodeflow.cache import Cache

    graph = nodeflow.load(ROOT / path)
    cache = Cache()
    loader = next(id for id, each in graph.nodes.items() if each.type == "load.checkpoint")
    model = nodeflow.run(graph, outputs=[f"{loader}.model"], cache=cache).outputs[f"{loader}.model"]
    nodeflow.run(graph, cache=cache)
    best: dict[str, float] = {}
    for seed in range(1, repeats + 1):
        with Calls(model.network) as calls:
            start = perf_counter()
            result = nodeflow.run(graph, {"seed": seed}, cache=cache)
            whole = perf_counter() - start
        loops = [id for id, each in graph.nodes.items() if each.type == "flow.loop"]
        loop = sum(result.nodes[id].seconds for id in loops)
        found = {
            "run": whole,
            "its loops": loop,
            "network in them": calls.seconds,
            "network alone": calls.again(),
            "calls": float(len(calls.inputs)),
        }
        best = {name: min(value, best.get(name, value)) for name, value in found.items()}
    best["loops / network in them"] = best["its loops"] / best["network in them"]
    best["loops / network alone"] = best["its loops"] / best["network alone"]
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graph", default="graphs/text_to_image.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args()
    found = {
        "processes": processes(options.graph, options.repeats),
        "in one process": beside_the_network(options.graph, options.repeats),
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for title, numbers in found.items():
        print(f"\n{title} ({options.graph}, best of {options.repeats})")
        for name, value in numbers.items():
            unit = "" if name == "calls" or "/" in name else " s"
            print(f"{name:>26}  {value:8.3f}{unit}")


if __name__ == "__main__":
    main()
