"""What is told of rows of data and of trainings, in Chinese."""

from __future__ import annotations

import re

import pytest

from playground.errors import BadValueError
from playground.tuning.dataset import read_dataset
from playground.tuning.recipe import Recipe
from playground.ui.reasons import reason_words
from tests.tuning.broken import CASES, Broken

_ENGLISH = re.compile(r"\b(?:the|The|is|are|has|Write|Choose|Look|Put|leave|reply|Give|number)\b")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_is_told_of_a_broken_row(case: Broken) -> None:
    try:
        told = [one.words for one in read_dataset(case.data, case.name).problems]
    except BadValueError as error:
        told = [str(error)]
    for words in told:
        said = re.sub(r"'[^']*'|\"[^\"]*\"|（[^）]*）", "", reason_words("zh", words))
        assert re.search("[\u4e00-\u9fff]", said), words
        assert not _ENGLISH.search(said), said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"r": "abc"}, "r 的值为 'abc'。请输入整数。"),
        ({"learning_rate": "fast"}, "learning_rate 的值为 'fast'。请输入数字。"),
        ({"r": 0}, "r 的值为 0，应在 1 到 512 之间。"),
        ({"packing": "perhaps"}, "packing 的值为 'perhaps'。请写 true 或 false。"),
    ],
)
def test_what_is_told_of_a_setting(values: dict[str, object], said: str) -> None:
    with pytest.raises(BadValueError) as problem:
        Recipe(**values)  # type: ignore[arg-type]  # Of the wrong kind on purpose.
    assert reason_words("zh", str(problem.value)) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "The training needs 3.2 GB, but 1.1 GB are free. This would fit: per_device_train_batch_size 1 (more "
            "accumulation, the same result).",
            "训练需要 3.2 GB，但只有 1.1 GB 空闲。这样可以：per_device_train_batch_size 1（累积更多，结果相同）。",
        ),
        (
            "“Ships” has no reply to learn from: they were stopped, cut off, left out, voted down, or they failed. "
            "Write one anew.",
            "“Ships” 中没有可学习的回复：它们被停止、截断、排除、投了反对票，或生成失败。请重新生成。",
        ),
        ("The answer is empty. Write it in the file.", "回答（answer）是空的。请在文件中补上。"),
        ("The src is no text. Write it in quotes.", "原文（src）不是文字。请加引号。"),
        ("The row says the same as row 3 of a.jsonl.", "与 a.jsonl 的第 3 行内容相同。"),
        ("There is no reply to learn from. Add a message of the assistant in the file.", None),
    ],
)
def test_sentences_that_are_put_together(words: str, said: str | None) -> None:
    found = reason_words("zh", words)
    assert found == (said or "没有可学习的回复。请在文件中添加一条 assistant 消息。")
