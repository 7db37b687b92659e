"""Sends the API what its own description allows and forbids: schemathesis makes the cases from the OpenAPI document.

    python benchmarks/api_cases.py [--cases 10000] [--seed 1]

A server with the echo engine runs in this process on a free port. schemathesis is no dependency of the project: install
it beside (`pip install schemathesis`). Exit code 1 when a response has a status of 500 or above.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, given
from schemathesis import GenerationMode

from benchmarks.common import Row, show
from playground.api.openai_schema import openapi_document
from tests.api.serving import Api, served

_AS_THE_SERVER_SAYS = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def main() -> int:
    """Run it, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "data") as api:
        began = time.monotonic()
        statuses, bad, refused = _cases(api, wanted.cases, wanted.seed)
        seconds = time.monotonic() - began
        api.idle()
    rows = [Row("cases", f"{statuses.total():,} in {seconds:.0f} s", f">= {wanted.cases:,}", None)]
    rows += [Row(f"status {status}", f"{count:,}") for status, count in sorted(statuses.items())]
    rows.append(Row("errors in another shape than OpenAI's", f"{len(refused):,}", "0", not refused))
    rows.append(Row("status >= 500", f"{len(bad):,}", "0", not bad))
    show("API cases by schemathesis", rows)
    for one in [*bad, *refused][:10]:
        print(one)
    return 1 if bad or refused else 0


def _cases(api: Api, cases: int, seed: int) -> tuple[Counter[int], list[str], list[str]]:
    """Statuses, and those cases in short whose answer was one of 500 or above, or no error as OpenAI writes it."""
    assert api.router is not None
    document = openapi_document(api.router)
    for one in (one for path in document["paths"].values() for one in path.values()):
        one.pop("security", None)  # Each case has the right key: without one nothing would be read of it.
        if "model" in (fields := _fields(one)):
            fields["model"] = {"enum": ["", "default", "echo"]}  # Another name ends it before anything is written.
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"{api.url}/v1")
    operations = [found.ok() for found in schema.get_all_operations()]
    key = {"Authorization": f"Bearer {api.key()}"}
    statuses: Counter[int] = Counter()
    bad: list[str] = []
    shapeless: list[str] = []
    each = -(-cases // (len(operations) * len(_AS_THE_SERVER_SAYS)))

    def send(case: Any) -> None:
        answer = case.call(headers=key, timeout=30)
        statuses[answer.status_code] += 1
        said = f"{answer.status_code} {case.method} {case.path}: {answer.text[:300]!r} for {case.body!r:.300}"
        if answer.status_code >= 500:
            bad.append(said)
        elif answer.status_code >= 400 and not _is_shaped(answer):
            shapeless.append(said)

    while statuses.total() < cases:
        before = statuses.total()
        for operation in operations:
            for mode in _AS_THE_SERVER_SAYS:
                _run(operation, mode, min(each, cases - statuses.total()), seed, send)
        if statuses.total() == before:
            break
        seed += 1
    return statuses, bad, shapeless


def _fields(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {"content": {"application/json": {"schema": {}}}})
    found: dict[str, Any] = body["content"]["application/json"]["schema"].get("properties", {})
    return found


def _run(operation: Any, mode: GenerationMode, count: int, seed: int, send: Any) -> None:
    """So many cases of an operation, or fewer where there are no more."""
    if count < 1:
        return
    settings = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @hypothesis.seed(seed)
    @settings
    @given(operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        send(case)

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # Nothing that is wrong can be sent to some.
        run()


def _is_shaped(answer: Any) -> bool:
    try:
        return set(answer.json()["error"]) == {"message", "type", "param", "code"}
    except (ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    sys.exit(main())
