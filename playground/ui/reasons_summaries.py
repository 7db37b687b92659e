"""Sentences about summaries, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    # What is to be summarized
    ("There is nothing to summarize. Add a file, or paste a text.", "没有可总结的内容。请添加文件，或粘贴文字。"),
    ("There is no text. Paste one, or choose a file.", "没有文字。请粘贴文字，或选择文件。"),
    (
        "{} has {} characters, and {} can be summarized at once. Split it, and summarize the pieces.",
        "{0} 有 {1} 个字符，一次最多总结 {2} 个。请拆分后分别总结。",
    ),
    # What it is to be like
    ("mode is {}. Choose one of: {}.", "mode 的值为 {0}。请选择：{1}。"),
    ("language is {}. Choose one of: {}.", "language 的值为 {0}。请选择：{1}。"),
    ("style is {}. Choose one of: {}, {}.", "style 的值为 {0}。请选择：{1}, {2}。"),
    ("style is {}. Choose one of: {}.", "style 的值为 {0}。请选择：{1}。"),
    ("The length is {} words. Give {} to {}.", "长度为 {0} 字。应为 {1} 到 {2}。"),
    ("The length is {} %. Give more than 0 and at most 100.", "长度为 {0} %。应大于 0，不超过 100。"),
    (
        "{} is not a length. Write a number of words, such as 200, or a share: 10 %.",
        "{0} 不是长度。请输入字数，例如 200，或比例：10 %。",
    ),
    (
        "The instruction is empty. Write what the summary is to be like, or choose a style.",
        "要求是空的。请写明摘要应当怎样，或选择一种样式。",
    ),
    ("The {} is longer than {} characters. Shorten it.", "{0}超过 {1} 个字符。请缩短。"),
    ("instruction", "要求"),
    ("audience", "读者说明"),
    # While it is made
    (
        "The model of sentences failed: {}. Get it anew in the Models tab.",
        "句子模型出错：{0}。请在“模型”页重新获取。",
    ),
    (
        "The model reads {} tokens at once, too few for a sentence beside the instruction and the answer. Load it with "
        "a larger context, ask for a shorter summary, or choose another model.",
        "模型一次阅读 {0} 个词元，除去要求和回答，连一句话也放不下。请用更大的上下文加载，要求更短的摘要，或另选模型。",
    ),
    (
        "No part could be read, so there is nothing to summarize. Choose another model.",
        "没有任何部分能够读取，因此无可总结。请另选模型。",
    ),
    (
        "There are no whole sentences to pick. Let a model summarize this text.",
        "没有可挑选的完整句子。请让模型来总结。",
    ),
    ("The parts were read, but not put together: {}", "各部分已读，但未能合并：{0}"),
    (
        "The model wrote nothing for this part. Try again, or choose another model.",
        "模型没有为这一部分写出任何内容。请重试，或另选模型。",
    ),
    (
        "The model repeated one sentence again and again. Try again, or choose another.",
        "模型不断重复同一句话。请重试，或另选模型。",
    ),
    ("The summary broke off ({}). See the log file.", "摘要中断（{0}）。详情见日志文件。"),
    (
        "This summary is being written by another window or command. Wait for it.",
        "此摘要正由另一个窗口或命令生成。请等待。",
    ),
    (
        "The summary cannot be locked ({}). Free some space, try again.",
        "无法锁定此摘要（{0}）。请腾出空间后重试。",
    ),
    ("The app is closing. Start it again, then summarize.", "应用正在退出。请重新启动后再总结。"),
    # What is kept
    (
        "This summary does not exist (any more). Choose another from the list.",
        "此摘要已不存在。请从列表中另选一个。",
    ),
    ("This summary is in the trash. Restore it, then go on.", "此摘要在回收站中。请先恢复再继续。"),
    ("This summary is not in the trash. Move it there first.", "此摘要不在回收站中。请先移到回收站。"),
    (
        "This summary was begun already. Make a new one of other documents.",
        "此摘要已经开始。请用其他文件新建一个。",
    ),
    ("This summary is not finished. Go on with it, then export it.", "此摘要尚未完成。请继续完成后再导出。"),
    (
        "This document is not part of the summary (any more). Open the summary again.",
        "此文件（已）不属于这份摘要。请重新打开摘要。",
    ),
    ("{} are not pages. Write them as 1-20, 35.", "{0} 不是页码。请写成 1-20, 35 这样的形式。"),
    ("None of the documents has pages. Leave the pages empty.", "这些文件都没有页码。请不要填写页码。"),
    (
        "{} has {} pages, none of which is among {}. Choose others, or leave it out.",
        "{0} 共 {1} 页，都不在 {2} 之内。请另选页码，或去掉这个文件。",
    ),
    (
        "The model wrote almost nothing. Try again, or choose another model.",
        "模型几乎没有写出内容。请重试，或另选模型。",
    ),
    (
        "The model wrote signs instead of sentences for this part. Try again, or choose another model.",
        "模型为这一部分写出的是符号而不是句子。请重试，或另选模型。",
    ),
)
