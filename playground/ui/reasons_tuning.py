"""Sentences about data to learn from, as they are raised or told of rows, and in Chinese.

Used by `reasons`, which puts sentences together again. What is said of trainings is in `reasons_training`.
"""

from __future__ import annotations

_FILES: tuple[tuple[str, str], ...] = (
    ("{} has no rows. Choose another file.", "{0} 中没有任何行。请另选文件。"),
    (
        "{} is a ZIP archive or an Office file. Unpack it, or save it as CSV or JSONL.",
        "{0} 是 ZIP 压缩包或 Office 文件。请解压，或另存为 CSV 或 JSONL。",
    ),
    (
        "{} is no text. Give a file of one of these kinds: JSONL, JSON, CSV, Parquet, TXT.",
        "{0} 不是文本。请提供以下类型的文件：JSONL、JSON、CSV、Parquet、TXT。",
    ),
    ("{} is empty. Choose another file.", "{0} 是空的。请另选文件。"),
    (
        "{} signs could not be read. Save the file as UTF-8 and add it again.",
        "有 {0} 个字符无法读取。请将文件另存为 UTF-8 后重新添加。",
    ),
    (
        "The file is not in UTF-8. Look whether its letters are right; if not, save it as UTF-8.",
        "文件不是 UTF-8 编码。请检查文字是否正确；若不正确，请另存为 UTF-8。",
    ),
    (
        "Parquet files cannot be read on this machine. Save the file as JSONL.",
        "本机无法读取 Parquet 文件。请另存为 JSONL。",
    ),
    (
        "The Parquet file cannot be read ({}). Save it again, or save it as JSONL.",
        "无法读取该 Parquet 文件（{0}）。请重新保存，或另存为 JSONL。",
    ),
    (
        "There is no data to learn from. Add a file, or take your own chats.",
        "还没有可学习的数据。请添加文件，或使用自己的对话。",
    ),
    (
        "The data is of several kinds ({}). One kind is trained at a time: leave out the rest.",
        "数据有多个种类（{0}）。每次只能训练一种：请排除其余的。",
    ),
    (
        "The rows are of several kinds ({}). One kind is trained at a time: choose which, or part the file.",
        "各行有多个种类（{0}）。每次只能训练一种：请选择一种，或拆分文件。",
    ),
)

_CALLED = {
    **{name: f"提示（{name}）" for name in ("prompt", "instruction", "query", "user", "human", "input")},
    **{name: f"问题（{name}）" for name in ("question", "problem")},
    **{name: f"回复（{name}）" for name in ("completion", "response", "output", "reply", "assistant")},
    **{name: f"回答（{name}）" for name in ("answer", "solution")},
    **{name: f"原文（{name}）" for name in ("source", "src")},
    **{name: f"译文（{name}）" for name in ("target", "tgt")},
}
"""What columns are called for a person, by the names that are known."""
_EMPTY = tuple(
    (f"The {name} is empty. Write it in the file.", f"{said}是空的。请在文件中补上。") for name, said in _CALLED.items()
)

_ROWS: tuple[tuple[str, str], ...] = (
    ("The row says the same as row {}. It counts once.", "与第 {0} 行内容相同，只算一次。"),
    ("The row says the same as {}.", "与{0}内容相同。"),
    ("row {} of {}", " {1} 的第 {0} 行"),
    (
        "The row has {} cells in {} columns. Put texts with commas in quotes.",
        "该行有 {0} 个单元格，而表格有 {1} 列。含逗号的文字请加引号。",
    ),
    (
        "The column {} ends before this row. Make all columns of the same length.",
        "列 {0} 在此行之前就结束了。请让所有列一样长。",
    ),
    (
        "This row is no JSON. Look for a comma, quote or bracket that is missing.",
        "此行不是 JSON。请检查是否缺少逗号、引号或括号。",
    ),
    (
        "Line {} cannot be read as a table ({}). Look at the quotes.",
        "第 {0} 行文本无法作为表格读取（{1}）。请检查引号。",
    ),
    (
        "The file ends in the middle of this row. Write its end, or take the row out.",
        "文件在此行中间就结束了。请补全，或删去此行。",
    ),
    (
        "Line {} is no JSON ({}). Put one whole value in each line.",
        "文本第 {0} 行不是 JSON（{1}）。每行请写一个完整的值。",
    ),
    ("{}, character {}", "{0}，第 {1} 个字符"),
    ("Line {} has a number with too many digits. Write it as text.", "文本第 {0} 行有位数过多的数字。请改写为文本。"),
    ("Line {} is nested too deeply. Make it flat.", "文本第 {0} 行嵌套过深。请改得平一些。"),
    (
        "The text has {}, a mark of a chat template. The model's own is added by itself: take it out.",
        "文字中含有对话模板的标记 {0}。模型自己的标记会自动添加：请删去。",
    ),
    (
        "The row has {} characters. What does not fit into max_length is cut off: part it.",
        "该行有 {0} 个字符。超出 max_length 的部分会被截断：请拆分。",
    ),
    (
        "Half a character became a question mark. Write it anew if it matters.",
        "有半个字符变成了问号。如有影响，请重新输入。",
    ),
    ("The id {} is that of row {}, too. Both are kept.", "编号 {0} 与第 {1} 行相同。两行都会保留。"),
    (
        "The row has {}, which is none of the known forms. Map the columns to what they hold.",
        "该行的键是 {0}，不是已知的格式。请指定各列的内容。",
    ),
    (
        "The row is no object. Write it with names, such as messages or prompt and completion.",
        "该行不是对象。请写成带名称的形式，例如 messages，或 prompt 与 completion。",
    ),
    (
        "The row has {} but no reply to it. Add it under completion, or map the columns.",
        "该行有 {0}，但没有回复。请在 completion 下添加，或指定各列的内容。",
    ),
    ("The row has no column {}. Map another column, or add it.", "该行没有列 {0}。请另选一列，或添加此列。"),
    (
        "Chosen and rejected answer different questions. Give both the same messages before them.",
        "chosen 与 rejected 回答的是不同的问题。两者之前的消息必须相同。",
    ),
    ("The pair has no question. Write it under prompt.", "这对回复没有问题。请写在 prompt 下。"),
    (
        "Chosen and rejected are the same. Nothing is learned from that: change one of them in the file.",
        "较好与较差的回复（chosen 与 rejected）相同，学不到任何东西：请在文件中修改其中一个。",
    ),
    ("The chosen reply is empty. Write it in the file.", "较好的回复（chosen）是空的。请在文件中补上。"),
    ("The rejected reply is empty. Write it in the file.", "较差的回复（rejected）是空的。请在文件中补上。"),
    ("The text is empty. Write it in the file.", "文字是空的。请在文件中补上。"),
    (
        "Entry {} of the history is no pair. Write a question and a reply, or leave it out.",
        "history 的第 {0} 项不是一对。请写成问题和回复，或删去。",
    ),
    *_EMPTY,
    ("The {} is empty. Write it in the file.", "“{0}”是空的。请在文件中补上。"),
    (
        "The row has no {}. A pair needs a better and a worse reply: add it.",
        "该行没有 {0}。成对数据需要较好和较差的回复：请添加。",
    ),
    (
        "The list under {} does not end with a reply. Add it in the file.",
        "{0} 下的列表不是以回复结尾。请在文件中添加。",
    ),
)

_MESSAGES: tuple[tuple[str, str], ...] = (
    ("{} is no text. Write it in quotes.", "{0}不是文字。请加引号。"),
    ("{} is empty. Write it in the file.", "{0}是空的。请在文件中补上。"),
    (
        "{} has an image or a sound. Only text is trained here: take it out, or the row.",
        "{0}含有图像或声音。这里只训练文字：请删去它，或删去此行。",
    ),
    ("Message {}", "第 {0} 条消息"),
    ("The chosen reply", "较好的回复（chosen）"),
    ("The rejected reply", "较差的回复（rejected）"),
    ("The system prompt", "系统提示"),
    ("The text", "文字"),
    ("The input", "输入（input）"),
    *((f"The {name}", said) for name, said in _CALLED.items()),
    ("The messages stood in a list within a list. They were taken out of it.", "消息外面多了一层列表，已经去掉。"),
    (
        "The messages are no list. Write a list of objects with role and content.",
        "messages 不是列表。请写成含 role 和 content 的对象列表。",
    ),
    (
        "The list of messages is empty. Write them in the file.",
        "消息列表是空的。请在文件中补上消息。",
    ),
    (
        "Message {} is no object with role and content. Write one.",
        "第 {0} 条消息不是含 role 和 content 的对象。请改正。",
    ),
    (
        "Message {} has no role. Write user, assistant or system.",
        "第 {0} 条消息没有 role。请写 user、assistant 或 system。",
    ),
    (
        "Message {} calls a tool, which is not trained here. Take it out, or the row.",
        "第 {0} 条消息调用了工具，这里不训练。请删去它，或删去此行。",
    ),
    (
        "Message {} has the role {}. Write user, assistant or system.",
        "第 {0} 条消息的 role 是 {1}。请写 user、assistant 或 system。",
    ),
    (
        "Message {} has no content. Write it, or take the message out.",
        "第 {0} 条消息没有 content。请补上，或删去此消息。",
    ),
    ("Message {} is empty. Write it in the file.", "第 {0} 条消息是空的。请在文件中补上。"),
    (
        "Message {} has a weight that is neither 0 nor 1. Write one of them, or none.",
        "第 {0} 条消息的 weight 既不是 0 也不是 1。请改为其中之一，或不写。",
    ),
    ("Message {} is a system message. Put it first, or take it out.", "第 {0} 条消息是系统消息。请放到最前，或删去。"),
    (
        "Several system messages were joined into one. Look whether they fit together.",
        "多条系统消息已合并为一条。请查看是否合适。",
    ),
    (
        "Messages of the same speaker in a row were joined. Look whether they belong together.",
        "同一方的连续消息已合并。请查看是否属于一起。",
    ),
    (
        "There is no reply to learn from. Add a message of the assistant in the file.",
        "没有可学习的回复。请在文件中添加一条 assistant 消息。",
    ),
    ("The conversation begins with a reply. Write before it what was asked.", "对话以回复开头。请在前面写上问题。"),
    (
        "Every reply has the weight 0, so nothing is learned. Give one the weight 1.",
        "所有回复的 weight 都是 0，学不到任何东西。请把其中一条改为 1。",
    ),
    ("The last question has no reply. It was left out.", "最后一个问题没有回复，已略去。"),
    (
        "The row has the key {}. Only text is trained here: take it out, or the row.",
        "该行有键 {0}。这里只训练文字：请删去它，或删去此行。",
    ),
    (
        "The messages are a text that is no JSON list. Write a list of objects.",
        "messages 是一段文字，但不是 JSON 列表。请写成对象列表。",
    ),
    (
        "Replies in a row have different weights. Put a message of the user between them.",
        "连续的回复 weight 不同。请在它们之间放一条 user 消息。",
    ),
)

_OWN: tuple[tuple[str, str], ...] = (
    (
        "Nothing of your own work fits what was asked for. Choose more of it.",
        "您自己的内容中没有符合条件的。请放宽条件。",
    ),
    (
        "Nothing is kept of how {} was made. Leave it out, or summarize the text again.",
        "没有保存 {0} 是如何生成的。请排除它，或重新作摘要。",
    ),
    (
        "The app keeps no corrected summaries: these are as a model wrote them. Read them before it is trained.",
        "应用不保存改正过的摘要：这些都是模型所写。训练前请先阅读。",
    ),
    (
        "{} has an image. Only text is trained here: what comes from it on is not learned.",
        "{0} 中有图像。这里只训练文字：从它开始的内容不会被学习。",
    ),
    (
        "Some replies in {} are not learned: they were stopped, cut off, left out, voted down, or they failed. "
        "Write them anew to learn them.",
        "{0} 中有些回复不会被学习：它们被停止、截断、排除、投了反对票，或生成失败。重新生成后即可学习。",
    ),
    (
        "{} has no reply to learn from: they were stopped, cut off, left out, voted down, or they failed. "
        "Write one anew.",
        "{0} 中没有可学习的回复：它们被停止、截断、排除、投了反对票，或生成失败。请重新生成。",
    ),
    (
        "Two replies in {} say the same or nothing. Take back a vote, or leave it.",
        "{0} 中有两条回复内容相同或为空。请撤回一票，或不作处理。",
    ),
    ("This sample does not exist (any more). Look at the list again.", "此样本已不存在。请重新查看列表。"),
    (
        "There is no such file in this draft (any more). Look at its files again.",
        "此草稿中没有（或已没有）该文件。请重新查看其文件。",
    ),
    (
        "The data was changed meanwhile. Look at it, and put placeholders again.",
        "数据在此期间已被改动。请查看后再次换成占位符。",
    ),
    (
        "A message is missing. Leave the sample out instead, or write all of its messages.",
        "缺少一条消息。请写全所有消息，或排除此样本。",
    ),
    ("A text is empty. Write it, or leave the sample out.", "有一处文字是空的。请补上，或排除此样本。"),
    (
        "Both replies say the same. Write one anew, or leave the sample out.",
        "两条回复内容相同。请改写其中一条，或排除此样本。",
    ),
)

SENTENCES = (*_FILES, *_ROWS, *_MESSAGES, *_OWN)
