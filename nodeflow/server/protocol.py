"""Everything that goes over the wire in nodeflow's own API, as Pydantic models.

The OpenAPI document and the editor's TypeScript types are made from these. A `node` is the path of
a node without numbers of passes (`denoise/cond`); a `path` has them (`denoise[7]/cond`). Times are
seconds since 1970, durations milliseconds. Imports nothing of nodeflow.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RunState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
NodeState = Literal["queued", "running", "cached", "done", "error", "skipped"]
TraceLevel = Literal["off", "stats", "latents", "full"]
Role = Literal["x_t", "x0", "eps", "attention", "value"]


class Message(BaseModel):
    """Base: what is unknown is refused, so that a misspelt field is no silent default."""

    model_config = ConfigDict(extra="forbid")


class ProblemData(Message):
    code: str
    where: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"


class Problems(Message):
    """The body of every answer that refuses: all that is wrong, at once."""

    problems: list[ProblemData]


# ── runs ────────────────────────────────────────────────────────────────────────────────────────


class RunRequest(Message):
    graph: dict[str, Any] = Field(description="a graph file")
    inputs: dict[str, Any] = Field(default_factory=dict, description="values for declared inputs")
    outputs: list[str] | None = Field(None, description="declared outputs or `node.port`")
    title: str = Field("", max_length=200)
    priority: int = Field(0, ge=-1000, le=1000, description="higher runs first")
    front: bool = Field(False, description="before all others of its priority")
    client: str = Field("", max_length=100, description="who asked; events are told to all")
    trace: TraceLevel = "off"
    every: int = Field(1, ge=1, le=10_000, description="trace each n-th step")
    breakpoints: list[str] = Field(
        default_factory=list,
        max_length=100,
        description="nodes (`guide`, `denoise/guide`) or passes (`denoise[3]`) to stop before",
    )
    keep_going: bool = False
    previews: bool = Field(True, description="send pictures of the latents while it runs")
    temporary: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="outputs that are shown and not kept: their files go into the temporary folder",
    )
    texts: dict[str, str] = Field(
        default_factory=dict, max_length=100, description="further texts that its pictures carry"
    )


class RunAccepted(Message):
    run: str
    position: int = Field(description="runs before it in the queue")
    problems: list[ProblemData] = Field(default_factory=list, description="warnings")


class OutputFile(Message):
    kind: Literal["output", "temp", "input"]
    path: str = Field(description="below that folder, with /")
    bytes: int = 0
    media_type: str = ""
    width: int | None = None
    height: int | None = None


class RunOutput(Message):
    """What a run made under one name: files, or a plain value."""

    name: str
    node: str
    files: list[OutputFile] = Field(default_factory=list)
    value: Any = None


class RunSummary(Message):
    run: str
    number: int = Field(description="counts up by acceptance")
    title: str
    state: RunState
    reason: str = Field("", description="why it failed or was cancelled")
    priority: int = 0
    attempts: int = Field(0, description="how often it was begun; a cut run is begun again once")
    accepted_at: float
    started_at: float | None = None
    finished_at: float | None = None
    client: str = ""
    trace: TraceLevel = "off"
    last_seq: int = 0
    nodes: dict[str, int] = Field(default_factory=dict, description="total, ran, cached")
    peak_bytes: int = 0
    outputs: list[RunOutput] = Field(default_factory=list)


class RunDetail(Message):
    summary: RunSummary
    graph: dict[str, Any]
    inputs: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]] = Field(description="those after `after`, as on the socket")


class RunPage(Message):
    """A page of runs, newest first; `before` asks for the next one."""

    runs: list[RunSummary]
    before: int | None = None
    total: int


class QueueState(Message):
    paused: bool
    running: list[RunSummary]
    queued: list[RunSummary] = Field(description="in the order they will run")


class QueueChange(Message):
    paused: bool


class RunChange(Message):
    """Of a queued run: its place. `before` names the run to stand before, "" is the end."""

    before: str | None = None
    priority: int | None = Field(None, ge=-1000, le=1000)


class RunContinue(Message):
    """Go on from a breakpoint. `step` stops again before the next node; `params` sets literals."""

    step: bool = False
    params: dict[str, Any] = Field(default_factory=dict)


# ── events: `{"type": "nf.node", "data": NodeEvent}`; `seq` counts up in each run ────────────────


class RunEvent(Message):
    """`nf.run`: the run's state changed."""

    run: str
    seq: int
    state: RunState
    reason: str = ""
    at: float
    total: int | None = Field(None, description="nodes needed, when it begins")
    cached: int | None = None
    peak_bytes: int | None = None


class NodeEvent(Message):
    """`nf.node`: a node's state changed."""

    run: str
    seq: int
    node: str
    path: str
    state: NodeState
    why: str = ""
    ms: float | None = None
    bytes: int | None = None


class Guidance(Message):
    """Norms (L2, mean over the batch) of the two predictions and of their difference, and the
    cosine of the angle between the two."""

    cond: float
    uncond: float
    delta: float
    cos: float


class StepEvent(Message):
    """`nf.step`: a loop begins pass `step` of `steps`, or a node tells that so much is done."""

    run: str
    seq: int
    node: str
    path: str
    step: int
    steps: int
    sigma: float | None = None
    cfg: Guidance | None = None
    info: dict[str, Any] = Field(default_factory=dict)


class OutputEvent(Message):
    """`nf.output`: an output is there."""

    run: str
    seq: int
    output: RunOutput


class ErrorEvent(Message):
    """`nf.error`: a node failed, or the run as a whole (`node` is "")."""

    run: str
    seq: int
    node: str
    path: str = ""
    port: str = ""
    code: str
    message: str
    hint: str = ""
    traceback: str = ""


class PausedEvent(Message):
    """`nf.paused`: the run waits at a breakpoint, before this node."""

    run: str
    seq: int
    node: str
    path: str


class QueueEvent(Message):
    """`nf.queue`, without a number: what runs and what waits, ids only."""

    paused: bool
    running: list[str]
    queued: list[str]


class GraphsEvent(Message):
    """`nf.graphs`, without a number: somebody saved or deleted a graph."""

    name: str
    etag: str = Field(description='"" when it was deleted')
    client: str = ""


class Subscribe(Message):
    """From a client: `{"type": "subscribe", "data": Subscribe}`. Which tensors of a run it wants
    pushed as binary frames of kind 100, and each n-th step only. `run` "" is any run."""

    run: str = ""
    trace: TraceLevel = "off"
    every: int = Field(1, ge=1, le=10_000)


class TensorHead(Message):
    """The JSON head of a binary frame of kind 100: u32 100, u32 length of the head, head, data
    (big-endian counts; raw little-endian elements)."""

    run: str
    node: str
    path: str
    port: str
    step: int | None
    dtype: str
    shape: list[int]
    role: Role
    tid: str
    seq: int


class PreviewHead(Message):
    """The JSON head of a binary frame of kind 101: the same layout, data is a JPEG."""

    run: str
    node: str
    path: str
    step: int
    steps: int
    width: int
    height: int


# ── looking inside ──────────────────────────────────────────────────────────────────────────────


class Statistics(Message):
    """Of the finite elements; `nan` and `inf` count the others. None where there are none."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None = Field(description="population standard deviation")
    norm: float | None = Field(description="L2, over all finite elements")
    nan: int
    inf: int


class TensorInfo(Message):
    tid: str
    node: str
    path: str
    port: str
    type: str = Field(description="socket type of the port")
    part: str = Field("", description="which tensor of the value: `samples`, `more[0]`")
    step: int | None
    role: Role
    dtype: str
    device: str
    shape: list[int]
    bytes: int
    stats: Statistics
    kept: bool = Field(description="whether the elements can still be had")


class TensorIndex(Message):
    run: str
    level: TraceLevel
    tensors: list[TensorInfo]
    guidance: list[dict[str, Any]] = Field(default_factory=list)
    evicted: int = Field(0, description="tensors let go for want of room")


class AttentionLayer(Message):
    name: str = Field(description="the layer's place in the network")
    height: int
    width: int


class AttentionMap(Message):
    """One traced tensor [B, tokens, h, w]: to which token each place of a layer listened."""

    tid: str
    node: str = Field(description="which asked the network")
    path: str
    step: int | None
    prompt: str = Field(description="the port that the text came by")
    layer: str
    tokens: int
    kept: bool


class AttentionIndex(Message):
    """What a run traced of attention. Without maps, `note` says why."""

    run: str
    nodes: list[str] = Field(description="paths of the nodes that asked, in order")
    prompts: list[str]
    layers: list[AttentionLayer]
    steps: list[int]
    tokens: int = Field(description="slots of the longest text")
    items: int = Field(description="pictures of the batch")
    maps: list[AttentionMap]
    note: str = ""


class Histogram(Message):
    counts: list[int]
    edges: list[float]
    stats: Statistics
    channels: list[Statistics] = Field(default_factory=list)


class Traced(Message):
    """The latents of one run: of the node that steps, by default that which makes most of them."""

    run: str = Field(max_length=100)
    node: str = Field("", max_length=300)


class TrajectoryRequest(Message):
    runs: list[Traced] = Field(min_length=1, max_length=16)
    reference: Traced | None = Field(None, description="whose last latent errors are told from")
    item: int = Field(0, ge=0, le=65_535, description="which of the batch")


class TrajectoryPoint(Message):
    step: int
    tid: str
    x: float
    y: float
    error: float | None = Field(
        None, description="root mean square of the difference from the reference's last latent"
    )


class Trajectory(Message):
    run: str
    node: str
    points: list[TrajectoryPoint] = Field(description="the latents after each step")


class TrajectoryAnswer(Message):
    """Latents on the two axes along which all of them spread most (principal components)."""

    trajectories: list[Trajectory]
    explained: list[float] = Field(description="shares of the variance on the two axes")
    every: int = Field(1, description="each n-th step was taken, for there were too many")


class ExplodeRequest(Message):
    graph: dict[str, Any]
    node: str = Field(max_length=1000, description="`sampler`, `outer/sampler`")


class ExplodeAnswer(Message):
    graph: dict[str, Any]
    node: str
    added: list[str]


class CollapseAnswer(Message):
    graph: dict[str, Any]
    node: str
    removed: list[str]
    identical: bool = Field(description="whether the picture stays the same to the bit")


class TokenizeRequest(Message):
    text: str = Field(max_length=100_000)
    checkpoint: str = Field("tiny", max_length=300, description="whose tokenizers")
    syntax: Literal["comfyui", "a1111", "plain"] = "comfyui"


class TokenPiece(Message):
    id: int
    text: str
    start: int = Field(description="place in the text, in characters; -1 for a mark of ours")
    end: int
    weight: float
    chunk: int
    slot: int
    special: Literal["", "start", "end", "pad"] = ""


class TokenizedText(Message):
    encoder: str
    length: int = Field(description="slots of a chunk, 77 for CLIP")
    note: str = Field("", description="when it holds, of a prompt that changes on the way")
    pieces: list[TokenPiece]


class TokenizeAnswer(Message):
    texts: list[TokenizedText]


# ── graphs, templates, catalogue ────────────────────────────────────────────────────────────────


class GraphRequest(Message):
    graph: dict[str, Any]
    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: list[str] | None = None


class ValidateAnswer(Message):
    valid: bool
    problems: list[ProblemData]
    types: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="node → output → socket type, as worked out"
    )


class ComfyuiExport(Message):
    """A graph as a prompt for ComfyUI. Nodes without a counterpart stand in it under our own type,
    and `problems` names each of them."""

    prompt: dict[str, Any]
    problems: list[ProblemData] = Field(default_factory=list)


class PlanMade(Message):
    output: str
    type: str
    bytes: int = Field(description="predicted")


class PlanStepData(Message):
    """One node in the order of running. `held_bytes` while it runs, what it makes included;
    `frees` names the values let go after it. A loop's `body` is the plan of one pass."""

    node: str
    type: str
    makes: list[PlanMade]
    held_bytes: int
    frees: list[str]
    body: PlanData | None = None


class PlanData(Message):
    steps: list[PlanStepData]
    peak_bytes: int
    peak_at: str


class PlanAnswer(PlanData):
    problems: list[ProblemData] = Field(default_factory=list, description="warnings")


class GraphName(Message):
    name: str
    title: str = ""
    etag: str
    bytes: int
    saved_at: float


class GraphList(Message):
    graphs: list[GraphName]


class Template(Message):
    name: str
    title: str
    description: str
    section: str = Field(description="start, control, edit, look inside, models, train …")
    inputs: list[str]
    missing: list[str] = Field(default_factory=list, description="model files it needs, not here")
    picture: str = Field("", description="URL of what it makes, if there is one")


class TemplateList(Message):
    templates: list[Template]


class SocketType(Message):
    name: str
    colour: str
    shape: str
    bases: list[str] = Field(default_factory=list, description="what it may also stand for")


class Conversion(Message):
    """A node that makes one type of another, offered where a link does not fit."""

    source: str
    target: str
    node: str


class Catalogue(Message):
    version: str
    nodes: list[dict[str, Any]]
    types: list[SocketType]
    conversions: list[Conversion] = Field(default_factory=list)
    problems: list[ProblemData] = Field(default_factory=list)


class UploadAnswer(Message):
    file: OutputFile
    param: str = Field(description="what to write into a node's path parameter")


DroppedKind = Literal["nodeflow", "comfyui-api", "comfyui-ui", "a1111", "picture", "unknown"]


class OpenAnswer(Message):
    """What a dropped file is. Without a graph, `problems` says why; `inputs` may be there still."""

    kind: DroppedKind
    graph: dict[str, Any] | None
    inputs: dict[str, Any] = Field(default_factory=dict)
    problems: list[ProblemData] = Field(default_factory=list)


class OutputPage(Message):
    """The gallery: pictures of the output folder, newest first."""

    files: list[GalleryFile]
    next: str = ""


class GalleryFile(Message):
    kind: Literal["output", "temp", "input"]
    path: str
    bytes: int
    media_type: str
    width: int
    height: int
    saved_at: float
    run: str = ""
    """That made it last, as far as the history goes back."""
    has_graph: bool = False
    param: str = Field("", description="what names it in a node's path parameter")


class ServerInfo(Message):
    version: str
    device: str
    torch: str = ""
    threads: int | None = None
    max_upload_bytes: int
    features: list[str]


OutputPage.model_rebuild()
PlanStepData.model_rebuild()
