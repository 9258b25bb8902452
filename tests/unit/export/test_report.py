"""Reports: what the source documents contain, inert whatever a project is called, the same every time."""

import re
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from moe_studio.engine.evaluation import Evaluation, evaluate
from moe_studio.engine.rule import RULES
from moe_studio.export.report import Format, comparison_report, fence, markdown_text, report
from moe_studio.export.symbolic import path_text
from moe_studio.project.edit import in_order, rename, set_value
from moe_studio.storage.catalogue import example_names, example_path
from moe_studio.storage.loader import load_project, parse_project

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://example.invalid/x.png)",
    "http://example.invalid/ www.example.invalid someone@example.invalid",
    "</style></head><body onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "a | b || c\n# heading\n- item\n```\ncode",
    "`code` **bold** _em_ ~~gone~~ &lt;b&gt; &#60;b>",
    "-->]]><!--",
    "\u202egnp.exe",
]

NAMED = """
name: {name}
model: {{hidden: 64, ffn: {{moe: {{hidden: 64, experts: 4, top_k: 1}}}}, blocks: [{{repeat: 2}}]}}
cluster: {{nodes: [{{name: n, gpus: 4, device: h100-sxm}}]}}
parallel: {{ep: 4}}
workload: {{batch: 8, tokens: 16}}
reference: {{tokens_per_s: 10, note: n}}
"""


@cache
def example(name: str) -> Evaluation:
    return evaluate(load_project(example_path(name)))


@cache
def text_of(name: str, format: Format = "md") -> str:
    return report(example(name), format=format)


def named(text: str) -> Evaluation:
    """A small design in which every name that a file can give is ``text``."""
    project = parse_project(NAMED.format(name="x"))
    edits = (rename(text), set_value("cluster.nodes[0].name", text), set_value("reference.note", text))
    return evaluate(in_order(*edits)(project))


class Page(HTMLParser):
    """Collects what of a page could do something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.bad: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values.get("content") or ""
        if tag in (
            "script",
            "iframe",
            "object",
            "embed",
            "link",
            "base",
            "form",
            "img",
            "foreignobject",
            "use",
            "image",
        ):
            self.bad.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in ("href", "src", "xlink:href") and not (value or "").startswith("#")):
                self.bad.append(f"{tag} {name}={value}")


@pytest.mark.parametrize("format", ["md", "html"])
@pytest.mark.parametrize("name", example_names())
def test_a_report_contains_what_the_source_documents_contain(name: str, format: Format) -> None:
    text, evaluation = text_of(name, format), example(name)
    for title in (
        "Verdict",
        "Model",
        "Deployment",
        "Load per GPU",
        "Dimensions",
        "Matrix multiplications",
        "Longest path",
        "Run time as a sum",
        "Breakdown of the run time",
        "Memory per GPU",
        "Communication",
        "Checklist",
        "What would change it",
        "How it was computed",
    ):
        assert re.search(rf"^## {title}$|<h2>{title}</h2>", text, re.MULTILINE), title
    for path in (evaluation.scheduled_path, evaluation.dependency_path):
        assert path_text(evaluation, path) in text
    for shape in evaluation.matmuls:
        assert f"Get_Time({shape.m}, {shape.k}, {shape.n})" in text
    assert all(rule.title in text for rule in RULES)
    assert "does not fit" in text


def test_the_report_on_the_proposal_of_document_000_has_claims_with_their_errors() -> None:
    text = text_of("seed0-proposed")
    assert (
        "| tokens per second | 450,000 tokens/s | 48,820 tokens/s | -89.2 % | claimed in source document 000 |" in text
    )
    assert "| time per output token | 2.2 ms | – (a forward pass has none) |" in text
    assert (
        "| q | Get_Time(10240000, 8192, 8192) | 10,240,000 | 8,192 | 8,192 | 1 | 64 | 4 | 5.727 s | 22.91 s |" in text
    )
    assert "| ✗ broken | memory |" in text
    assert "| ! warning | replicated-work |" in text
    assert "= 209.751 s" in text


def test_the_memory_of_an_expert_of_document_002_is_512_mib() -> None:
    text = text_of("seed2-proposed")
    assert "Memory per expert: 512 MiB, 536,870,912 bytes of weights in 2 matrices." in text
    assert "64 MiB on each of the 8 GPUs that share it" in text_of("seed2-baseline")


def test_dimensions_are_split_as_document_002_says() -> None:
    text = text_of("seed2-baseline")
    assert "| attention heads | 32 | 4 | ÷ tp = 8 |" in text
    assert "| width of all heads | 4,096 | 512 | ÷ tp = 8 |" in text
    assert "| expert width | 32,768 | 4,096 | ÷ etp = 8 |" in text


def test_the_limits_that_document_003_asks_for_are_on_the_checklist() -> None:
    text = text_of("seed3")
    assert "ep is 64; asked for is at least 16." in text
    assert "At most 1; asked for are at most 1." in text
    assert "| – not asked | min-ep |" in text_of("seed1")


def test_communication_is_named_by_its_pattern_and_members() -> None:
    baseline, proposed = text_of("seed0-baseline"), text_of("seed0-proposed-dp")
    assert re.search(r"\| 0-3 \| attn_reduce \| all-reduce \| [^|]*8 GPUs[^|]* \| 294 GB \| 0 B \|", baseline)
    assert "| 1 | send | point to point, next stage |" in baseline
    assert "| 0-3 | dispatch | all-to-all | 16 GPUs: 0–15 |" in proposed
    assert "| 0-3 | combine | all-gather | 16 GPUs: 0–15 |" in text_of("seed0-proposed")


def test_a_page_holds_its_drawings_and_they_are_well_formed() -> None:
    text = text_of("seed0-proposed", "html")
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 4
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.tag.endswith("svg")
    assert "Overview: 16 GPUs" in drawings[0]
    assert "l0_q_g0" in drawings[1]


@cache
def harmless_tags() -> list[str]:
    return Page(report(named("harmless"), format="html")).tags


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_does_nothing_in_a_page(name: str) -> None:
    hostile = Page(report(named(name), format="html"))
    assert hostile.bad == []
    assert hostile.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert hostile.tags == harmless_tags()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_does_nothing_in_markdown(name: str) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

    def shape(text: str) -> list[str]:
        kinds = []
        for token in parser.parse(report(named(text))):
            kinds.append(token.type)
            kinds += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
        return kinds

    harmless, hostile = shape("harmless"), shape(name)
    assert "html_block" not in hostile
    assert "html_inline" not in hostile
    assert "link_open" not in hostile
    assert hostile == harmless


@given(st.text(max_size=60))
def test_escaped_text_is_shown_as_it_was(text: str) -> None:
    escaped = markdown_text(text)
    assert "\n" not in escaped
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    children = [child for token in parser.parse(f"| h |\n|---|\n| {escaped} |\n") for child in token.children or ()]
    assert {child.type for child in children} <= {"text", "text_special"}


def test_text_that_looks_like_a_web_address_is_no_link() -> None:
    assert markdown_text("see http://a.b or www.a.b") == "see http\\://a.b or www\\.a.b"


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert fence("a") == "```"
    assert fence("a ```` b") == "`````"


@pytest.mark.parametrize("format", ["md", "html"])
def test_the_same_project_gives_the_same_bytes(format: Format) -> None:
    path = example_path("seed1")
    assert report(evaluate(load_project(path)), format=format) == text_of("seed1", format)


@pytest.mark.parametrize("format", ["md", "html"])
def test_a_report_beside_a_reference_says_which_is_faster_and_why(format: Format) -> None:
    text = report(example("seed0-proposed"), format=format, reference=example("seed0-baseline"))
    assert "Seed 0 proposed, EP16 is 2.93 times slower than Seed 0 baseline, TP8 PP2" in text
    assert "Attention is replicated" in text
    assert "What bounds each" in text
    assert "What would change each" in text
    assert text.index("2.93 times slower") < text.index("Matrix multiplications", text.index("2.93 times slower"))


def test_a_comparison_can_stand_alone() -> None:
    text = comparison_report(example("seed4-baseline"), example("seed4-proposed"))
    assert text.startswith("# Seed 4 baseline, TP8 PP2 and Seed 4 proposed, one layer per GPU\n")
    assert "| time of one step | 228.3 s | 1,511 s | 6.62 × | Seed 4 baseline, TP8 PP2 |" in text


def test_a_large_drawing_is_left_to_the_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moe_studio.export.report.MAX_DRAWN_NODES", 50)
    text = report(example("seed1"), format="html")
    assert "The view critical is too large for a page" in text
    assert text.count("<svg") == 2


def test_a_real_model_in_decode_has_a_report() -> None:
    project = parse_project(
        "model: {preset: deepseek-v3}\ncluster: {preset: dgx-h100-4}\nparallel: {ep: 32}\n"
        "workload: {phase: decode, batch: 256, context: 2048}\ncost: {attention: fused}\nreference: {tpot_ms: 30}\n"
    )
    text = report(evaluate(project))
    assert "MLA, 128 heads of 128 + 64" in text
    assert "It fits" in text
    assert re.search(r"\| time per output token \| 30 ms \| [\d.]+ ms \| [+-][\d.]+ % \|", text)
