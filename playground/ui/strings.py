"""Every word of the page in English and Chinese, and which of the two a browser asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.ui.strings_access import WORDS as _ACCESS
from playground.ui.strings_chat import WORDS as _CHAT
from playground.ui.strings_models import WORDS as _MODELS
from playground.ui.strings_summaries import WORDS as _SUMMARIES
from playground.ui.strings_training import WORDS as _TRAINING
from playground.ui.strings_translate import WORDS as _TRANSLATE
from playground.ui.strings_tune import WORDS as _TUNE

LANGUAGES = ("en", "zh")
COOKIE = "playground_language"

_WORDS: dict[str, tuple[str, str]] = {
    "tab.chat": ("Chat", "对话"),
    "new_chat": ("New chat", "新对话"),
    "conversations": ("Conversations", "对话列表"),
    "no_conversations": ("Your conversations will be listed here.", "您的对话会列在这里。"),
    "older": ("Show older conversations", "显示更早的对话"),
    "trash": ("Trash", "回收站"),
    "rename": ("Rename", "重命名"),
    "rename_prompt": ("New title", "新标题"),
    "delete": ("Delete", "删除"),
    "restore": ("Restore", "恢复"),
    "deleted": ("Moved to the trash.", "已移到回收站。"),
    "undo": ("Undo", "撤销"),
    "message": ("Message", "消息"),
    "message_hint": ("Write a message (Shift+Enter: new line)", "输入消息（Shift+Enter 换行）"),
    "send": ("Send", "发送"),
    "stop": ("Stop", "停止"),
    "regenerate": ("Regenerate", "重新生成"),
    "continue": ("Continue", "继续"),
    "copy": ("Copy", "复制"),
    "copy_code": ("Copy code", "复制代码"),
    "copy_failed": (
        "The browser does not allow copying here. Select the text and copy it by hand.",
        "浏览器不允许在此复制。请选中文字后手动复制。",
    ),
    "copied": ("Copied", "已复制"),
    "previous": ("Previous version", "上一个版本"),
    "next": ("Next version", "下一个版本"),
    "log": ("Messages", "消息记录"),
    "you": ("You", "您"),
    "earlier": ("Show {n} earlier messages", "显示更早的 {n} 条消息"),
    "empty_title": ("What would you like to talk about?", "想聊点什么？"),
    "empty_text": (
        "The model runs on this machine, and every word is kept in one file that is yours.",
        "模型在本机运行，每一句话都保存在您自己的一个文件里。",
    ),
    "settings": ("System prompt and sampling", "系统提示与采样"),
    "system_prompt": ("System prompt", "系统提示"),
    "system_prompt_info": ("Tells the model how to behave in this conversation.", "告诉模型在本次对话中应如何表现。"),
    "preset": ("Preset", "预设"),
    "preset_info": ("Sets all values below at once.", "一次设置下面所有的值。"),
    "preset.recommended": ("Recommended for this model", "此模型的推荐值"),
    "preset.precise": ("Precise", "精确"),
    "preset.balanced": ("Balanced", "均衡"),
    "preset.creative": ("Creative", "创意"),
    "temperature": ("temperature", "temperature（温度）"),
    "temperature_info": (
        "0 always takes the likeliest token; higher is more varied.",
        "0 总取最可能的词元；越高越多样。",
    ),
    "top_p": ("top_p", "top_p"),
    "top_p_info": ("Draw from the likeliest tokens that make up this share.", "只从累计概率达到此值的词元中抽取。"),
    "top_k": ("top_k", "top_k"),
    "top_k_info": ("Draw from this many likeliest tokens; 0 is off.", "只从最可能的若干词元中抽取；0 为关闭。"),
    "min_p": ("min_p", "min_p"),
    "min_p_info": (
        "Leave out tokens less likely than this share of the best one.",
        "舍去概率低于最佳词元此比例的词元。",
    ),
    "repetition_penalty": ("repetition_penalty", "repetition_penalty（重复惩罚）"),
    "repetition_penalty_info": ("Above 1 discourages saying the same again.", "大于 1 时减少重复。"),
    "max_new_tokens": ("max_new_tokens", "max_new_tokens（最大长度）"),
    "max_new_tokens_info": ("The longest a reply may be, in tokens.", "回复的最大词元数。"),
    "seed": ("seed", "seed（随机种子）"),
    "seed_info": ("The same seed gives the same reply; empty draws one.", "相同的种子得到相同的回复；留空则随机。"),
    "phase.idle": ("not loaded", "未加载"),
    "phase.downloading": ("downloading {percent}", "正在下载 {percent}"),
    "phase.waiting": ("getting ready", "准备中"),
    "phase.unloading": ("leaving memory", "正在释放"),
    "phase.loading": ("loading", "正在加载"),
    "phase.ready": ("ready", "就绪"),
    "phase.failed": ("not available", "不可用"),
    "model_waits": (
        "You can write already; your message waits for the model.",
        "您现在就可以输入；消息会等待模型就绪。",
    ),
    "try_again": ("Try again", "重试"),
    "live.waiting": ("Waiting for the model", "等待模型"),
    "live.queued": ("Waiting until another reply has ended", "等待另一个回复结束"),
    "live.in_line": ("Waiting, {n} before you", "等待中，前面还有 {n} 个"),
    "live.about": ("about {time}", "约 {time}"),
    "live.reading": ("Reading {done} of {total} tokens", "正在阅读：{done} / {total} 词元"),
    "live.writing": ("Writing", "正在回答"),
    "live.saving": ("Saving", "正在保存"),
    "rate": ("{rate} tokens/s", "{rate} 词元/秒"),
    "first": ("{seconds} s to first token", "首个词元 {seconds} 秒"),
    "tokens": ("{n} tokens", "{n} 词元"),
    "left_out": (
        "The {n} oldest messages did not fit into the model's context and were left out.",
        "最早的 {n} 条消息超出模型的上下文，未被包含。",
    ),
    "status.stopped": ("Stopped.", "已停止。"),
    "status.length": ("Ended at max_new_tokens.", "已到 max_new_tokens 上限。"),
    "status.interrupted": (
        "Interrupted: the app ended while this was being written.",
        "已中断：应用在书写此回复时退出。",
    ),
    "offline": (
        "The app does not answer. It is tried again; nothing you typed is lost.",
        "应用没有响应，正在重试；您输入的内容不会丢失。",
    ),
    "damaged": (
        "The history file was damaged. It was kept as {file}; this is a new one. Backups lie in the folder 'backups'.",
        "历史文件已损坏，保留为 {file}；现在使用的是新文件。备份在 backups 文件夹中。",
    ),
    "language": ("中文", "English"),
    "language_name": ("中文 – Switch to Chinese", "English – 切换到英文"),
    "theme": ("Light or dark", "浅色或深色"),
    "areas": ("Areas", "功能区"),
    "past_header": ("Skip to the content", "跳到内容"),
    "failed": ("This did not work. Your text is kept; try again.", "操作未成功。您的文字已保留，请重试。"),
    "error.unexpected": (
        "Something went wrong in the app ({what}). Your text is kept; the log file says more.",
        "应用出错（{what}）。您的文字已保留；详情见日志文件。",
    ),
    **_CHAT,
    **_MODELS,
    **_SUMMARIES,
    **_TRAINING,
    **_TRANSLATE,
    **_TUNE,
    **_ACCESS,
}


def t(language: str, key: str, **values: object) -> str:
    """The words for `key` in this language, with `values` put in; for n=1 those for one, where it has such."""
    if values.get("n") == 1 and f"{key}_one" in _WORDS:
        key += "_one"
    words = _WORDS[key][LANGUAGES.index(language)]
    return words.format(**values) if values else words


def all_words(language: str) -> dict[str, str]:
    """The whole catalogue of one language."""
    return {key: t(language, key) for key in _WORDS}


def language_asked(request: Any) -> str:
    """The language of a request's page; `request` is Starlette's, or Gradio's around it."""
    return language_of(request.cookies, request.headers.get("accept-language", ""))


def language_of(cookies: Mapping[str, str], accept_language: str) -> str:
    """The user's choice, else the browser's first language if it is Chinese, else English."""
    chosen = cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return "zh" if accept_language.strip().lower().startswith("zh") else "en"
