"""The words about a person's own work as data to learn from, in English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "tune.own.add": ("Add", "添加"),
    "tune.own.added": ("It was added to the data.", "已添加到数据中。"),
    "tune.own.chats": (
        "{n} conversations ({pinned} pinned, {starred} starred replies, {up} voted up)",
        "{n} 个对话（{pinned} 个已置顶，{starred} 条加星标的回复，{up} 条赞成）",
    ),
    "tune.own.chats_one": (
        "1 conversation ({pinned} pinned, {starred} starred replies, {up} voted up)",
        "1 个对话（{pinned} 个已置顶，{starred} 条加星标的回复，{up} 条赞成）",
    ),
    "tune.own.chats_hint": (
        "Replies that were stopped, cut off or voted down are not learned.",
        "被停止、截断或投了反对票的回复不会被学习。",
    ),
    "tune.own.chats_none": ("Chat with a model, and star what is good.", "与模型对话，并给好的回复加星标。"),
    "tune.own.votes": ("{n} pairs of a better and a worse reply", "{n} 对较好与较差的回复"),
    "tune.own.votes_one": ("1 pair of a better and a worse reply", "1 对较好与较差的回复"),
    "tune.own.votes_hint": (
        "One voted up beside one voted down, written after it, or written by you over it.",
        "赞成与反对的回复相对，或赞成的是之后重新生成的，或由您改写的。",
    ),
    "tune.own.unfit": ("Not among them: {why}", "未计入：{why}"),
    "tune.own.votes_none": (
        "Regenerate a reply and vote one up and one down.",
        "重新生成一条回复，赞成一条，反对另一条。",
    ),
    "tune.own.translations": ("{n} translated segments ({changed} corrected)", "{n} 段译文（{changed} 段经改正）"),
    "tune.own.translations_one": ("1 translated segment ({changed} corrected)", "1 段译文（{changed} 段经改正）"),
    "tune.own.translations_hint": ("Those that you confirmed or wrote.", "您确认或撰写的译文。"),
    "tune.own.translations_none": (
        "Confirm or correct segments in the Translate tab.",
        "在“翻译”页确认或改正译文。",
    ),
    "tune.own.summaries": ("{n} summaries", "{n} 份摘要"),
    "tune.own.summaries_one": ("1 summary", "1 份摘要"),
    "tune.own.summaries_hint": ("As a model wrote them: read them first.", "由模型所写：请先阅读。"),
    "tune.own.summaries_none": ("Summarize a text in the Summarize tab.", "在“摘要”页为文字作摘要。"),
    "tune.own.tick.pinned": ("pinned only", "仅置顶"),
    "tune.own.tick.starred": ("starred only", "仅加星标的"),
    "tune.own.tick.voted_up": ("voted up only", "仅赞成"),
    "tune.own.tick.pairs": ("as pairs: your words against the machine's", "成对：您的译文与机器的译文"),
    "tune.own.by.model": ("Model", "模型"),
    "tune.own.by.tag": ("Tag", "标签"),
    "tune.own.by.words": ("With these words", "含有这些词"),
    "tune.own.by.pair": ("Languages", "语言"),
    "tune.own.any_pair": ("All languages", "所有语言"),
    "tune.own.chats_name": ("Own chats", "自己的对话"),
    "tune.own.votes_name": ("Own votes", "自己的投票"),
    "tune.own.translations_name": ("Own translations", "自己的译文"),
    "tune.own.corrections_name": ("Own corrections", "自己的改正"),
    "tune.own.summaries_name": ("Own summaries", "自己的摘要"),
}
