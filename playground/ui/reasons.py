"""What went wrong, in Chinese: the errors of the lower layers speak English, and a page may speak another language.

Each entry recognises one sentence as it is raised and says it anew with the same names and numbers. A reason of several
sentences is taken apart, and so is one that stands inside another. What is not recognised is shown as it stands.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from playground.store.history import INTERRUPTED
from playground.ui import (
    reasons_access,
    reasons_chat,
    reasons_documents,
    reasons_exchange,
    reasons_history,
    reasons_load,
    reasons_more,
    reasons_summaries,
    reasons_training,
    reasons_translate,
    reasons_tuning,
)
from playground.ui.strings import t

_LONGEST = 4000
"""Characters beyond which a reason is a library's own text, not sentences of ours."""

_CHINESE = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (
            r"This message needs (\d+) tokens, but the model reads at most (\d+) at once\. .*",
            "此消息需要 {0} 个词元，而模型一次最多阅读 {1} 个。请缩短，或分成几条消息。",
        ),
        (r"The message is empty\..*", "消息是空的。请先输入内容再发送。"),
        (r"The message holds characters.*", "消息中含有不是文字的字符。请删除后再发送。"),
        (r"A reply is being written here\..*", "这里正在生成回复。请等待或停止后再继续。"),
        (r"This conversation went on in another window\..*", "对话已在另一个窗口继续。现已刷新；请查看后再发送。"),
        (r"This conversation is in the trash\..*", "此对话在回收站中。请先恢复再继续。"),
        (r"This (?:conversation|message) does not exist.*", "它已不存在。请从列表中另选一个对话。"),
        (r"That message is not in the shown branch.*", "该消息已不在当前分支中。请重新打开对话。"),
        (r"There is no reply to .*", "还没有回复。请先发送一条消息。"),
        (r"The app is closing\..*", "应用正在退出。请重新启动后再发送。"),
        (r"The title is empty\..*", "标题是空的。请输入标题。"),
        (r"seed is (.+)\. Give a whole number.*", "seed 的值为 {0}。请输入整数，或留空。"),
        (r"(\w+) is (.+)\. Give a (?:whole )?number from (\S+) to (\S+)\.", "{0} 的值为 {1}，应在 {2} 到 {3} 之间。"),
        (
            r"(.+) could not be fetched: (.+)\. Connect to the network.*",
            "无法获取 {0}（{1}）。请连接网络后重试，或在本机放一个 GGUF 文件并用 --model 路径 启动。",
        ),
        (
            r"(.+) is not on this machine and --offline forbids.*",
            "本机没有 {0}，而 --offline 禁止下载。请不带 --offline 启动一次，或用 --model 路径 指定模型。",
        ),
        (
            r"(.+) needs (\d+) MB free on the disk that holds (.+), which has (\d+) MB\..*",
            "{0} 需要 {1} MB 可用空间，而 {2} 所在磁盘只有 {3} MB。请腾出空间，或用 --data-dir 另选文件夹。",
        ),
        (r"The disk that holds (.+) is full\..*", "{0} 所在磁盘已满。请腾出空间；未保存的内容随后会自动保存。"),
        (r"(.+) is in use by another program\..*", "{0} 正被另一个程序使用。请关闭该程序后重试。"),
        (r"(.+) cannot be written to\..*", "无法写入 {0}。请使其可写，或用 --data-dir 另选文件夹。"),
        (r"(.+) is damaged \((.+)\)\..*", "{0} 已损坏（{1}）。请运行 `playground history check`。"),
        (
            r"llama\.cpp cannot load (.+): damaged, of an unknown kind.*",
            "llama.cpp 无法加载 {0}：文件损坏、种类未知或内存不足。请重新下载，或另选模型。",
        ),
        (r"There is no file or folder (.+)\. Check.*", "没有文件或文件夹 {0}。请检查 --model 给出的路径。"),
        (r"(.+) is not a GGUF model file\..*", "{0} 不是 GGUF 模型文件。请给出 .gguf 文件或含 safetensors 的文件夹。"),
        (r"(.+) holds no model: .*", "{0} 中没有模型：需要 config.json 和 *.safetensors。请另选文件夹。"),
        (r"The model's chat template refuses these messages: (.+)", "模型的对话模板不接受这些消息：{0}"),
        (r"The memory is full\..*", "内存已满。请缩短对话，或选择更小的模型。"),
        (r"There is not enough memory for this model\..*", "内存不足以加载此模型。请关闭其他程序，或选择更小的模型。"),
        (r"The reply broke off \((.+)\)\..*", "回复中断（{0}）。详情见日志文件。"),
        (r"The model could not be loaded \((.+)\)\..*", "模型无法加载（{0}）。详情见日志文件。"),
        (r"(?:llama\.cpp|The model) failed: (.+)\. Try again.*", "模型出错：{0}。请重试，或重新加载模型。"),
    )
)


def _recogniser(template: str) -> re.Pattern[str]:
    """What a hole holds ends with its sentence, but for one at the very end: a reason of several may stand there."""
    ending = "(.+)" if template.endswith("{}") else ""
    holes = r"((?:(?!\. [A-Z]).)+?)".join(map(re.escape, template.removesuffix("{}").split("{}")))
    return re.compile(holes + ending, re.DOTALL)


def _all() -> Iterator[tuple[re.Pattern[str], str]]:
    # The wordiest first: "{} is damaged." would also recognise the end of a longer one.
    rooms = (
        reasons_access,
        reasons_chat,
        reasons_documents,
        reasons_exchange,
        reasons_history,
        reasons_load,
        reasons_more,
        reasons_summaries,
        reasons_training,
        reasons_translate,
        reasons_tuning,
    )
    every = [pair for room in rooms for pair in room.SENTENCES]
    for said, words in sorted(every, key=lambda pair: -len(pair[0].replace("{}", ""))):
        yield _recogniser(said), words
    yield from ((re.compile(pattern), words) for pattern, words in reasons_translate.PATTERNS)
    yield from _CHINESE


_ALL = tuple(_all())


def reason_words(language: str, reason: str) -> str:
    """A stored or raised reason in the page's language, else as it stands."""
    if reason == INTERRUPTED:
        return t(language, "status.interrupted")
    if language == "zh" and len(reason) <= _LONGEST:
        return _chinese(reason) or reason
    return reason


@functools.lru_cache(maxsize=1000)
def _chinese(reason: str) -> str:
    """The reason in Chinese; empty when a part of it is not known."""
    if whole := _sentence(reason):
        return whole
    for separator, joint in ((". ", ""), ("; ", "；")):
        ends = [found.start() + 1 for found in re.finditer(re.escape(separator), reason)]
        # The longest beginning first: names may have dots in them.
        for end in reversed(ends):
            head, tail = reason[: end if separator == ". " else end - 1], reason[end + 1 :]
            if (first := _sentence(head)) and (rest := _chinese(tail)):
                return f"{first}{joint}{rest}"
    return ""


def _sentence(text: str) -> str:
    """One sentence, or one reason within a row of them."""
    return next(
        (
            words.format(*(_chinese(part) or part for part in found.groups()))
            for pattern, words in _ALL
            if (found := pattern.fullmatch(text))
        ),
        "",
    )
