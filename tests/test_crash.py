"""Nothing that was acknowledged is lost when the server is killed in mid-reply: benchmarks/crash.py in short."""

from pathlib import Path

from benchmarks.crash import run


def test_kill_in_mid_reply_loses_nothing(tmp_path: Path) -> None:
    result = run(5, tmp_path / "data 数据", seed=20)
    assert result.clean, result.notes
    assert result.rounds == 5
    assert result.acknowledged
    assert result.shown
