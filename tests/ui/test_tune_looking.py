"""What is costly about a draft is done once for what it is done of."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.tuning.gathering import given_file
from playground.tuning.samples import Sample
from playground.ui import tune_looking
from playground.ui.tune_looking import Looked
from tests.tuning.finished import services_in
from tests.ui.test_tune_page import talks


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Samples that were looked through for what is private."""
    found: list[Sample] = []
    search = tune_looking.findings

    def counted(sample: Sample) -> object:
        found.append(sample)
        return search(sample)

    monkeypatch.setattr(tune_looking, "findings", counted)
    return found


def test_an_edit_has_one_sample_looked_through(tmp_path: Path, searched: list[Sample]) -> None:
    with services_in(tmp_path) as services:
        looked = Looked(services.trainings, services.models)
        run_id = services.trainings.collect("", given_file("a.jsonl", "\n".join(talks(30)).encode()))
        assert looked.chosen(looked.draft(run_id), "private", "", None) == []
        assert len(searched) == 30
        said = {"messages": ["Who?", "Write to anna.berg@posteo.de."]}
        services.trainings.change(run_id, "0:7", said)
        (found,) = looked.chosen(looked.draft(run_id), "private", "", None)
        assert looked.private(found) == ("email",)
        assert len(searched) == 31
        services.trainings.change(run_id, "0:7", None)
        assert looked.chosen(looked.draft(run_id), "private", "", None) == []
        # The same data in another draft, too.
        other = services.trainings.collect("", given_file("b.jsonl", "\n".join(talks(30)).encode()))
        assert looked.chosen(looked.draft(other), "private", "", None) == []
        assert len(searched) == 31


def test_not_without_end(tmp_path: Path, searched: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune_looking, "_MOST_PRIVATE", 10)
    with services_in(tmp_path) as services:
        looked = Looked(services.trainings, services.models)
        run_id = services.trainings.collect("", given_file("a.jsonl", "\n".join(talks(30)).encode()))
        for _ in range(2):
            looked.chosen(looked.draft(run_id), "private", "", None)
        assert len(searched) == 60
