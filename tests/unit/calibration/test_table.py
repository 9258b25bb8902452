"""Reading tables of run times."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from moe_studio.calibration import table as table_module
from moe_studio.calibration.registry import FAMILIES
from moe_studio.calibration.table import SetAside, blocks_of, read_chunks, sound_rows
from moe_studio.errors import FileError

Write = Callable[[Sequence[str]], Path]
HEADER = "gpu,dtype,m,k,n,time_us,kernel"
GOOD = "H100-SXM,bfloat16,64,4096,4096,15.5,cublas"


def read(path: Path) -> tuple[list[str], SetAside]:
    aside = SetAside()
    families = []
    for table in read_chunks(path, FAMILIES, aside, block_characters=120):
        sound_rows(table, aside, with_time=True)
        families.append(table.family.name)
    return families, aside


@pytest.mark.parametrize(
    ("header", "family"),
    [
        ("gpu,dtype,m,k,n,time_us,kernel", "gemm"),
        ("n,k,m,dtype,gpu", "gemm"),
        ("op,gpu,dtype,m,k,time_us,kernel,framework,version", "elementwise"),
        ("gpu,dtype,tokens,hidden,inter,topk,experts,moe_tp,moe_ep,routing,time_us,kernel", "moe"),
        ("op,gpu,dtype,kv_dtype,batch,q_len,kv_len,heads,kv_heads,head_dim,time_us,kernel", "attention"),
        ("op,gpu,dtype,kv_dtype,batch,q_len,kv_len,heads,time_us,kernel", "mla"),
        ("op,gpu,dtype,gpus,nodes,bytes,time_us,kernel,framework,version", "collective"),
        ("op,gpu,dtype,gpus,nodes,gpus_per_node,bytes,time_us", "p2p"),
        ("op,gpu,gpus,nodes,tokens,hidden,topk,experts,sms,time_us,notify_us,version", "deepep"),
    ],
)
def test_the_kind_of_a_table_is_told_by_its_columns(write: Write, header: str, family: str) -> None:
    path = write([header, ",".join("1" for _ in header.split(","))])
    aside = SetAside()
    assert [table.family.name for table in read_chunks(path, FAMILIES, aside)] == [family]


def test_a_compressed_table_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n{GOOD}\n{GOOD}".encode()))
    assert read(path)[0] == ["gemm", "gemm"]


def test_missing_columns_are_named(write: Write) -> None:
    with pytest.raises(FileError, match=r"nearest is gemm, which needs the column n\."):
        read(write(["gpu,dtype,m,k,time_us", "H100-SXM,bfloat16,1,2,3"]))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("H100-SXM,bfloat16,0,4096,4096,15.5,x", "m is zero or negative"),
        ("H100-SXM,bfloat16,64,-1,4096,15.5,x", "k is zero or negative"),
        ("H100-SXM,bfloat16,64,4096,nan,15.5,x", "n is not a finite number"),
        ("H100-SXM,bfloat16,64,4096,4096,,x", "time_us is not a finite number"),
        ("H100-SXM,bfloat16,64,4096,4096,inf,x", "time_us is not a finite number"),
        ("H100-SXM,bfloat16,64,4096,4096,fast,x", "time_us is not a finite number"),
        ("H100-SXM,bfloat16,64,4096,4096,15.5 ms,x", "time_us is not a finite number"),
        ("H100-SXM,bfloat16,64,4_096,4096,15.5,x", "k is not a finite number"),
        ("H100-SXM,bfloat16,0x40,4096,4096,15.5,x", "m is not a finite number"),
        ("H100-SXM,bfloat16,64,4096,4096,0,x", "time_us is zero or negative"),
        ("H100-SXM,bfloat16,0.064,4096,4096,15.5,x", "m is not a whole number"),
        ("H100-SXM,bfloat16,64,1e300,4096,15.5,x", "k is more than 1,000,000,000,000,000"),
        ("H100-SXM,bfloat16,64,4096", "not 7 fields"),
    ],
)
def test_an_unusable_row_is_set_aside_with_its_line(write: Write, row: str, reason: str) -> None:
    _, aside = read(write([HEADER, GOOD, GOOD, GOOD, row, GOOD]))
    assert aside.sentences() == [f"1 row set aside: {reason} (line 5)"]


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        ("op,gpu,gpus,nodes,tokens,hidden,topk,experts,sms", "x,h100,8,1,64,7168,9,8,0", "experts are fewer than topk"),
        (
            "op,gpu,gpus,nodes,tokens,hidden,topk,experts,sms",
            "x,h100,8,1,64,7168,8,4097,0",
            "experts is more than 4,096",
        ),
        ("op,gpu,dtype,gpus,nodes,bytes", "x,h100,bf16,2,4,512", "gpus are fewer than nodes"),
        (
            "op,gpu,dtype,kv_dtype,batch,q_len,kv_len,heads,kv_heads,head_dim",
            "x,h100,bf16,bf16,1,1,64,8,16,128",
            "heads are fewer than kv_heads",
        ),
    ],
)
def test_more_of_a_part_than_of_the_whole_is_set_aside(write: Write, header: str, row: str, reason: str) -> None:
    aside = SetAside()
    (table,) = read_chunks(write([header, row]), FAMILIES, aside)
    assert sound_rows(table, aside, with_time=False).tolist() == [False]
    assert aside.sentences() == [f"1 row set aside: {reason} (line 2)"]


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("GPU,DTYPE,M,K,N,TIME_US", "gemm, which needs the columns gpu, dtype, m, k, n. Capital letters count."),
        ("gpu;dtype;m;k;n;time_us", "Commas separate columns."),
        ("op,gpu,dtype,gpus,nodes,size", "collective, which needs the column bytes."),
    ],
)
def test_an_unknown_table_is_told_what_it_lacks_to_be_the_nearest(write: Write, header: str, hint: str) -> None:
    with pytest.raises(FileError) as found:
        read(write([header, GOOD]))
    assert str(found.value).endswith(hint)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_line_that_is_not_utf_8_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    content = f"{HEADER}\n{GOOD}\n".encode() + GOOD.replace("cublas", "größe").encode("latin-1")
    path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
    with pytest.raises(FileError, match="line 3"):
        read(path)


KINDS_OF_DATA = [
    ("attention", {"op": "attn_decode", "dtype": "xyz", "kv_dtype": "bf16"}, False),
    ("attention", {"op": "attn_decode", "dtype": "bf16", "kv_dtype": ""}, False),
    ("attention", {"op": "attn_decode", "dtype": "bfloat16", "kv_dtype": "fp8"}, True),
    ("mla", {"op": "mla_decode", "dtype": "xyz", "kv_dtype": "bf16"}, False),
    ("mla", {"op": "mla_decode", "dtype": "bf16", "kv_dtype": "xyz"}, False),
    ("mla", {"op": "mla_gen_pre", "dtype": "fp8", "kv_dtype": ""}, True),
    ("elementwise", {"op": "scale_matrix", "dtype": "bfloat16", "kernel": "torch_ops"}, False),
    ("elementwise", {"op": "scale_matrix", "dtype": "fp8", "kernel": "torch_ops"}, True),
]


@pytest.mark.parametrize(("family", "words", "is_known"), KINDS_OF_DATA)
def test_an_unknown_type_of_data_has_no_model(family: str, words: dict[str, str], is_known: bool) -> None:
    (found,) = (item for item in FAMILIES if item.name == family)
    assert bool(found.variants(words)) == is_known


def test_many_unusable_rows_are_counted_and_the_first_named(write: Write) -> None:
    _, aside = read(write([HEADER, *[GOOD.replace("64", "0")] * 1000]))
    assert aside.total == 1000
    assert aside.sentences()[0].endswith("20, 21, …)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no header"),
        (b"gpu,gpu,m\n", "more than once"),
        (b'gpu,dtype,m,k,n\n"open', "is not CSV"),
        (b"gpu,dtype,m,k,n\n\xff\xfe,1\n", "not valid UTF-8"),
        (b"x" * 3_000_000, "has a line of more than"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read(path)


def test_a_cut_off_compressed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "\n" + (GOOD + "\n") * 5000).encode())[:-20])
    with pytest.raises(FileError, match="cannot be read to its end"):
        read(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not a plain file"):
        read(tmp_path)


def test_rows_with_the_same_words_are_one_block(write: Write) -> None:
    other = GOOD.replace("bfloat16", "fp8")
    aside = SetAside()
    (table,) = read_chunks(write([HEADER, GOOD, other, GOOD]), FAMILIES, aside)
    blocks = blocks_of(table, sound_rows(table, aside, with_time=True), with_time=True)
    assert [(rows.tolist(), gpu, block.words) for rows, gpu, block in blocks] == [
        ([0, 2], "H100-SXM", {"dtype": "bfloat16"}),
        ([1], "H100-SXM", {"dtype": "fp8"}),
    ]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_wrote_the_table_its_rows_are_the_same(tmp_path: Path, quote: str, end: str) -> None:
    path = tmp_path / "table.csv"
    lines = ["note,m,gpu,k,dtype,n", *[f"{quote}run {row}{quote},{row},H100-SXM,64,bfloat16,8" for row in range(1, 99)]]
    path.write_bytes(b"\xef\xbb\xbf" + end.join(lines).encode() + end.encode() * 2)
    aside = SetAside()
    tables = list(read_chunks(path, FAMILIES, aside, block_characters=200))
    assert [value for table in tables for value in table.numbers("m")] == list(range(1, 99))
    assert [line for table in tables for line in table.lines] == list(range(2, 100))
    assert [text for table in tables for text in table.words("note")] == [f"run {row}" for row in range(1, 99)]
    assert aside.total == 0


def test_a_quoted_field_may_hold_commas_quotes_and_line_ends(write: Write) -> None:
    path = write(["gpu,dtype,m,k,n,note", GPU_ROW + ',"a ""b"", c\nd"', GPU_ROW + ",x", GPU_ROW + ",y,z"])
    aside = SetAside()
    (table,) = read_chunks(path, FAMILIES, aside)
    assert list(table.words("note")) == ['a "b", c\nd', "x", "y,z"]
    assert list(table.lines) == [2, 4, 5]
    assert sound_rows(table, SetAside(), with_time=False).tolist() == [True, True, False]
    assert aside.sentences() == ["1 row set aside: not 6 fields (line 5)"]


GPU_ROW = "H100-SXM,bfloat16,64,4096,4096"


def test_an_open_quote_far_down_is_refused_with_its_line(write: Write) -> None:
    with pytest.raises(FileError, match=r"line 5, column 1: is not CSV"):
        read(write([HEADER, GOOD, GOOD, GOOD, GOOD.replace("cublas", '"cublas')]))


def test_a_file_that_grows_without_measure_when_decompressed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MAX_PLAIN", 1_000_000)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "\n" + (GOOD + "\n") * 50_000).encode()))
    assert path.stat().st_size * 200 < 50_000 * len(GOOD)
    with pytest.raises(FileError, match="decompresses to more than 200 times its size"):
        for _ in read_chunks(path, FAMILIES, SetAside()):
            pass
