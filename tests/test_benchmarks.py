"""The benchmarks measure what they say, and notice wrong answers."""

import contextlib
import json
import re
import sqlite3

import dtoolcore
import pytest
from click.testing import CliRunner

from benchmarks import corpus, stored
from benchmarks.__main__ import main
from benchmarks.corpus import Corpus
from benchmarks.indexing import table
from benchmarks.judged import QUERIES, datasets
from benchmarks.load import Request, WrongAnswerError
from benchmarks.operations import READS, by_tag, first_page
from benchmarks.relevance import ndcg
from dtool_lookup_server.services.dataset_info import checked
from dtool_lookup_server.utils import generate_dataset_info


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a run over a tiny corpus writes."""
    output = tmp_path_factory.mktemp("benchmarks") / "results.json"
    sizes = ["--datasets=10", "--datasets=120"]
    # So long that what else a machine does does not take all of a round.
    options = ["--rounds=1", "--seconds=0.25", "--clients=2", f"--output={output}"]

    done = CliRunner().invoke(main, ["run", *sizes, *options], catch_exceptions=False)

    assert done.exit_code == 0
    return output


def answer(rows, total):
    header = "X-Pagination: " + json.dumps({"total": total})
    return f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n{json.dumps(rows)}".encode()


def rows_of(known):
    shown = (info for info in known if info["base_uri"] != corpus.HIDDEN)
    return [info for info, _place in zip(shown, range(10), strict=False)]


def test_run_measures_each_operation_at_each_size(results):
    measured = json.loads(results.read_text())["results"]

    pairs = {(row["operation"], row["datasets"]) for row in measured if row["rate"] > 0}
    operations = {*READS, "register"}
    expected = {(name, size) for name in operations for size in (10, 120)}
    assert pairs == {*expected, ("bare", 0)}


def test_run_compares_each_with_the_bare_route_beside_it(results):
    measured = json.loads(results.read_text())["results"]

    bare = [row for row in measured if row["operation"] == "bare"]
    others = [row for row in measured if row["operation"] != "bare"]
    assert [row["share"] for row in bare] == [None]
    assert all(0 < row["share"] < 10 for row in others)
    # With one round, once for each operation.
    operations = dict.fromkeys(row["operation"] for row in others)
    beside = dict(zip(operations, bare[0]["rates"], strict=True))
    shares = [row["rate"] / beside[row["operation"]] for row in others]
    assert [row["share"] for row in others] == pytest.approx(shares)


def test_run_tells_how_much_memory_a_worker_takes(results):
    servers = json.loads(results.read_text())["servers"]

    assert all(10_000_000 < server["memory"] < 1_000_000_000 for server in servers)


def test_start_measures_commands_and_first_answers(tmp_path):
    options = ["--rounds=1", "--datasets=20", f"--folder={tmp_path}"]

    done = CliRunner().invoke(main, ["start", *options], catch_exceptions=False)

    assert re.search(r"importing the libraries: 0\.\d\d\n", done.stdout)
    assert re.search(r"first answer of a worker: [\d.]+ ms, later", done.stdout)


def test_memory_is_measured_for_a_large_manifest():
    done = CliRunner().invoke(main, ["memory", "--items=100"], catch_exceptions=False)

    peaks = [int(peak) for peak in re.findall(r"(\d+) MiB", done.stdout)]
    assert len(peaks) == 3
    assert all(10 < peak < 1000 for peak in peaks)


def test_something_is_written_while_reading(tmp_path):
    output = tmp_path / "results.json"
    options = ["--datasets=10", "--rounds=1", "--seconds=0.5", "--clients=2"]
    asked = ["--writes=20", "--only=user_info", f"--folder={tmp_path}"]

    done = CliRunner().invoke(main, ["run", *options, *asked, f"--output={output}"])

    assert done.exit_code == 0
    assert json.loads(output.read_text())["writes"] == 20
    with contextlib.closing(
        sqlite3.connect(tmp_path / "ours-10/lookup.db")
    ) as database:
        (number,) = database.execute("SELECT count(*) FROM dataset").fetchone()
    assert number > 10


def test_compare_shows_each_operation(results):
    done = CliRunner().invoke(main, ["compare", str(results), str(results)])

    operation, size, before, after, times = done.stdout.splitlines()[1].split()
    assert (operation, size, times) == ("first_page", "10", "1")
    assert before == after


def test_corpus_can_be_registered():
    assert all(checked(info)["uri"] == info["uri"] for info in Corpus(200))


def test_corpus_is_the_same_at_any_size():
    assert list(Corpus(30))[:10] == list(Corpus(10))


def test_totals_are_those_of_the_datasets():
    known = Corpus(500)
    visible = [info for info in known if info["base_uri"] != corpus.HIDDEN]

    assert known.totals["all"] == len(visible)
    assert known.totals["tag-3"] == sum("tag-3" in info["tags"] for info in visible)
    assert known.totals[corpus.COMMON_WORD] == sum(
        corpus.COMMON_WORD in info["readme"] for info in visible
    )


def test_right_answer_is_taken():
    known = Corpus(100)
    (request,) = first_page(known)

    request.verify(answer(rows_of(known), known.totals["all"]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows, total: (rows, total + 1),
        lambda rows, total: (rows[1:], total),
        lambda rows, total: ([rows[0]] * 10, total),
        lambda rows, total: (
            [{**rows[0], "name": "dataset-00000099"}, *rows[1:]],
            total,
        ),
        lambda rows, total: ([{**rows[0], "frozen_at": 0.0}, *rows[1:]], total),
    ],
    ids=["total", "a row missing", "one row ten times", "another name", "another time"],
)
def test_wrong_answer_is_noticed(spoil):
    known = Corpus(100)
    (request,) = first_page(known)

    with pytest.raises(WrongAnswerError):
        request.verify(answer(*spoil(rows_of(known), known.totals["all"])))


def test_row_without_what_was_searched_is_noticed():
    known = Corpus(100)
    request = by_tag(known)[0]
    other = next(info for info in known if "tag-0" not in info["tags"])

    with pytest.raises(WrongAnswerError):
        request.verify(answer([other], known.totals["tag-0"]))


def test_wrong_status_is_noticed():
    request = Request("GET", "/", None, check=lambda answer: None)

    with pytest.raises(WrongAnswerError, match="404"):
        request.verify(b"HTTP/1.1 404 NOT FOUND\r\nX: y\r\n\r\n{}")


def test_relevance_is_measured_and_good():
    done = CliRunner().invoke(main, ["relevance", "--queries"], catch_exceptions=False)

    *queries, summary = [
        line for line in done.stdout.splitlines() if line and line[0] != "{"
    ]
    assert done.exit_code == 0
    assert len(queries) == len(QUERIES)
    assert float(summary.split()[2]) > 0.95


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (["best", "good", "other"], 1),
        (["best", "best", "good"], 1),
        (["other"], 0),
        ([], 0),
    ],
)
def test_the_best_order_is_one_and_nothing_is_zero(names, value):
    assert ndcg(names, {"best": 3, "good": 1}) == value


def test_a_worse_order_is_worth_less():
    worth = {"best": 3, "good": 1}
    orders = [["best", "good"], ["best"], ["good", "best"], ["other", "best"], ["good"]]

    values = [ndcg(names, worth) for names in orders]
    assert values == sorted(values, reverse=True)


def test_what_is_judged_is_there():
    named = {info["name"] for info in datasets()}

    assert {name for judged in QUERIES for name in judged.worth} <= named


def test_datasets_on_disk_are_datasets(tmp_path):
    stored.on_disk(tmp_path, range(2))
    found = list(dtoolcore.iter_datasets_in_base_uri(str(tmp_path)))

    uuids = {dataset.uuid for dataset in found}
    assert uuids == {stored.metadata(number)["uuid"] for number in range(2)}
    for dataset in found:
        assert checked(generate_dataset_info(dataset, dataset.base_uri))["tags"]


def test_ratios_of_indexing_are_those_of_its_seconds():
    printed = table("s3", 1000, 5, {"plain": 800.0, "first": 100.0, "second": 4.0})

    assert "8.0 times faster" in printed
    assert "200.0 times faster" in printed
