"""Sentences about turns, personas, templates and replays, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

_FACTS = (
    ("model", "模型"),
    ("revision", "模型版本"),
    ("model file", "模型文件"),
    ("quantization", "量化方式"),
    ("chat template", "对话模板"),
    ("engine", "引擎"),
    ("device", "设备"),
    ("adapter", "适配器"),
    ("adapter file", "适配器文件"),
    ("context length", "上下文长度"),
    ("hardware", "硬件"),
)
"""What a replay compares before it compares words."""

SENTENCES: tuple[tuple[str, str], ...] = (
    # Turns
    ("An attached file is not kept any more.", "有一个已添加的文件不再保存。"),
    ("Attach it again, then send.", "请重新添加后再发送。"),
    ("The reply is empty.", "回复是空的。"),
    ("Write something, or delete the message.", "请输入内容，或删除这条消息。"),
    (
        "This conversation needs {} tokens, but the model reads at most {} at once.",
        "此对话需要 {0} 个词元，而模型一次最多阅读 {1} 个。",
    ),
    (
        "Leave out some messages by hand, or let the oldest be left out.",
        "请手动排除一些消息，或改为略去最早的消息。",
    ),
    # Files
    ("The file has {} MB; at most {} MB can be taken.", "文件有 {0} MB，最多可接收 {1} MB。"),
    ("Split it, or choose a part.", "请拆分，或只选一部分。"),
    ("The file could not be kept for reading: {}.", "文件无法暂存以供读取：{0}。"),
    ("Free some space and try again.", "请腾出空间后重试。"),
    # Images
    ("{} cannot see images.", "{0} 无法看图。"),
    ("Choose a model that can, or describe the picture.", "请选择能看图的模型，或用文字描述图片。"),
    ("{} cannot see images: its server refused them.", "{0} 无法看图：其服务器拒绝了图片。"),
    (
        "Regenerate to go on without them, or choose a model that can.",
        "重新生成即不带图片继续，或选择能看图的模型。",
    ),
    ("{} is closed. Open it anew.", "{0} 已关闭。请重新打开。"),
    ("{} is damaged, or a part of it is missing.", "{0} 已损坏或不完整。"),
    ("Open it in an image program and save it anew.", "请用图片软件打开并重新保存。"),
    ("{} has more than {} million pixels, which are not opened.", "{0} 超过 {1} 百万像素，不予打开。"),
    ("Make it smaller first.", "请先缩小。"),
    ("Only the first image of this animation is used.", "仅使用此动画的第一帧。"),
    ("This image is not kept any more.", "此图片不再保存。"),
    ("Attachment {} of message {}", "第 {1} 条消息的第 {0} 个附件"),
    ("{} has the size of an image, but no image.", "{0} 有图片尺寸，却没有图片。"),
    ("{} is not the image that it says it is, or a damaged one.", "{0} 不是它所说的图片，或已损坏。"),
    # Personas, templates, searching
    ("The template needs a value for: {}.", "模板需要填写：{0}。"),
    ("Fill it in, then insert.", "请填写后再插入。"),
    ("This persona does not exist (any more).", "此角色已不存在。"),
    ("Choose another.", "请另选一个。"),
    ("{}: the key {} is missing.", "{0}：缺少 {1}。"),
    ("The date {} is none.", "{0} 不是日期。"),
    ("Write it as 2026-01-31.", "请写成 2026-01-31 这样。"),
    ("There is no command {}.", "没有命令 {0}。"),
    ("Reload the page.", "请重新载入页面。"),
    ("vote is {}.", "vote 的值为 {0}。"),
    ("Give -1, 0 or 1.", "请给出 -1、0 或 1。"),
    # Replays
    ("This reply has no record, so it cannot be run again.", "此回复没有记录，无法再次运行。"),
    ("This reply is still being written.", "此回复仍在书写。"),
    ("Wait for its end, then replay it.", "请等它结束后再重放。"),
    (
        "The messages before it, or its system prompt, are not what they were.",
        "它之前的消息或系统提示已与当时不同。",
    ),
    (
        "Its record does not hold the prompt: it is from an older version, or the reply failed before.",
        "它的记录中没有提示：它来自旧版本，或当时在此之前就失败了。",
    ),
    *(
        (f"The {said} is another: {{}} instead of {{}}.", f"{words}不同：现为 {{0}}，原为 {{1}}。")
        for said, words in _FACTS
    ),
    ("The version of {} is another: {} instead of {}.", "{0} 的版本不同：现为 {1}，原为 {2}。"),
    ("The setting {} is another: {} instead of {}.", "设置 {0} 不同：现为 {1}，原为 {2}。"),
    (
        "Nothing that is recorded is different; the computation itself is not repeatable here.",
        "记录的一切都相同；此处的计算本身不可重复。",
    ),
)
