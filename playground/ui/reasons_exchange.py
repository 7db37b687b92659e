"""Sentences about imports and exports, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    # Exports
    ("There is no export format {}.", "没有导出格式 {0}。"),
    ("Choose one of: {}.", "请选择：{0}。"),
    (
        "Only one conversation can be exported up to a message. Choose one.",
        "导出到某条消息为止时只能选一个对话。请选择一个。",
    ),
    # Files as a whole
    (
        "{} cannot be read (it is a folder or a device). Choose another file.",
        "无法读取 {0}：不是文件。请另选。",
    ),
    ("{} cannot be read ({}). Choose another file.", "无法读取 {0}（{1}）。请另选文件。"),
    ("The file cannot be read ({}). Choose another file.", "无法读取文件（{0}）。请另选文件。"),
    ("This file is empty. Choose another one.", "文件是空的。请另选文件。"),
    ("This file holds no conversations. Choose another one.", "文件中没有对话。请另选文件。"),
    ("This file holds more than {} MB of JSON.", "文件中的 JSON 超过 {0} MB。"),
    ("This file cannot be read.", "无法读取此文件。"),
    ("This file has no list of conversations.", "文件中没有对话列表。"),
    ("This file does not say which version of the format it has.", "文件没有说明其格式的版本。"),
    (
        "This file was written by {} in version {} of the format; this one reads up to {}.",
        "此文件由 {0} 以格式的第 {1} 版写成；这里最多能读第 {2} 版。",
    ),
    ("a newer Playground", "更新的 Playground"),
    ("Update Playground, then import it again.", "请更新 Playground 后再导入。"),
    ("Nothing was imported.", "没有导入任何内容。"),
    ("Export it again.", "请重新导出。"),
    ("Download or export it again.", "请重新下载或导出。"),
    ("It is not UTF-8 text. Save it as UTF-8, then import it again.", "它不是 UTF-8 文本。请存为 UTF-8 后再导入。"),
    ("It is not JSON, or breaks off ({}).", "它不是 JSON，或不完整（{0}）。"),
    ("line {}, column {}", "第 {0} 行第 {1} 列"),
    ("character {}", "第 {0} 个字符"),
    ("Its JSON has too many levels.", "其 JSON 嵌套过深。"),
    ("Its JSON has a number with too many digits.", "其 JSON 中有位数过多的数字。"),
    ("What follows from here on cannot be read.", "从这里起的内容无法读取。"),
    ("The file breaks off here; what came after it is missing.", "文件到此中断，之后的内容缺失。"),
    ("Something stands behind the end of the list. It was left out.", "列表结束之后还有内容，未予导入。"),
    (
        "This zip archive unpacks to far more than conversations do. Nothing was imported.",
        "此 zip 压缩包解压后远大于对话应有的大小，未导入任何内容。",
    ),
    ("This zip archive is empty.", "此 zip 压缩包是空的。"),
    ("This zip archive is damaged or incomplete.", "此 zip 压缩包已损坏或不完整。"),
    (
        "This zip archive holds no conversations.json, so it is no export of ChatGPT.",
        "此 zip 压缩包中没有 conversations.json，因此不是 ChatGPT 的导出。",
    ),
    (
        "This zip archive needs a password. Unpack it, then import conversations.json.",
        "此 zip 压缩包需要密码。请先解压，再导入 conversations.json。",
    ),
    ("This zip archive unpacks to more than {} MB of JSON.", "此 zip 压缩包解开后 JSON 超过 {0} MB。"),
    (
        "The disk that holds {} is full. Free some space; what is unsaved is saved then. "
        "Conversations imported before that: {}. Import the file again then; what is here already is not doubled.",
        "{0} 所在磁盘已满。请腾出空间。在此之前已导入 {1} 个对话。之后请再次导入该文件；已有的不会重复。",
    ),
    (
        "Conversations imported before that: {}. Import the file again then; what is here already is not doubled.",
        "在此之前已导入 {0} 个对话。之后请再次导入该文件；已有的不会重复。",
    ),
    # Single conversations of other programs
    ("It is not a table, so it is no conversation.", "它不是一个表，因此不是对话。"),
    (
        "It is no conversation of a kind that is known here: of Playground, ChatGPT, Open WebUI, "
        "text-generation-webui, ShareGPT or OpenAI.",
        "它不是这里认识的对话：Playground、ChatGPT、Open WebUI、text-generation-webui、ShareGPT 或 OpenAI。",
    ),
    ("It has no message of a user or of a model.", "其中没有用户或模型的消息。"),
    ("Its messages answer each other in a circle.", "其中的消息互相回复，形成了循环。"),
    ("It is not known who says its {}.", "不知道其{0}是谁说的。"),
    ("Its {} is not a table.", "其{0}不是一个表。"),
    ("Its {} is not a list.", "其{0}不是列表。"),
    ("Its row {} is not a pair of texts.", "其第 {0} 行不是一对文本。"),
    ("The parent of its {} is not an id.", "其{0}的上级不是标识。"),
    ("The parts of its {} are not a list.", "其{0}的 parts 不是列表。"),
    ("The content of its {} is not a text.", "其{0}的内容不是文本。"),
    ("author in node {}", "第 {0} 个节点的作者"),
    ("content in node {}", "第 {0} 个节点的内容"),
    ("message in node {}", "第 {0} 个节点的消息"),
    ("node {}", "第 {0} 个节点"),
    # Conversations in the lossless file
    ("{} of {} is {}, but has to be {}.", "{1}的 {0} 是 {2}，应为{3}。"),
    ("{} of {} is missing in the file.", "文件中缺少{1}的 {0}。"),
    ("the conversation", "对话"),
    ("part {} of message {}", "第 {1} 条消息的第 {0} 部分"),
    ("attachment {} of message {}", "第 {1} 条消息的第 {0} 个附件"),
    ("message {}", "第 {0} 条消息"),
    ("summary {}", "第 {0} 个摘要"),
    ("a text", "文本"),
    ("a text of whole characters", "由完整字符组成的文本"),
    ("a number", "数字"),
    ("a whole number", "整数"),
    ("true or false", "true 或 false"),
    ("one of {}", "以下之一：{0}"),
    ("a table", "表"),
    ("a table of texts and numbers", "由文本和数字组成的表"),
    ("a table of sampling settings", "采样设置的表"),
    ("a table of fewer levels", "层级较少的表"),
    ("a list", "列表"),
    ("a list of tables", "由表组成的列表"),
    ("an id", "标识"),
    ("a SHA-256", "SHA-256"),
    ("The id of message {} was given to another one before it.", "第 {0} 条消息的标识与前面的重复。"),
    ("The message that message {} answers is not in the file.", "第 {0} 条消息所回复的消息不在文件中。"),
    (
        "Message {} stands before the one that it answers, or they go round in a circle.",
        "第 {0} 条消息在它所回复的消息之前，或与其形成循环。",
    ),
    ("Message {} has two records of the same part.", "第 {0} 条消息的同一部分有两份记录。"),
    ("The message that the conversation shows last is not in the file.", "对话最后显示的消息不在文件中。"),
    ("Two attached files have the same id in this conversation.", "此对话中有两个附件的标识相同。"),
    (
        "A summary belongs to a message that is not in the file, or to one that has another.",
        "有摘要所属的消息不在文件中，或该消息另有摘要。",
    ),
    ("The text of an attached file or a summary is not in the file.", "附件或摘要的文本不在文件中。"),
    ("A kept text of the conversation is {}, not {}.", "对话保存的一段文本是 {0}，应为{1}。"),
    (
        "A kept text was changed: it does not have the SHA-256 that it is known by.",
        "保存的一段文本被改动过：其 SHA-256 与记录不符。",
    ),
    # What is told of an import besides
    ("Messages between a model and its tools, left out: {}.", "略去模型与工具之间的消息：{0} 条。"),
    ("Hidden messages and instructions, left out: {}.", "略去隐藏的消息和指示：{0} 条。"),
    ("Thoughts of a model that stand apart from its replies, left out: {}.", "略去与回复分开的模型思考：{0} 条。"),
    ("System messages in the middle of a conversation, left out: {}.", "略去对话中间的系统消息：{0} 条。"),
    ("Messages without a text, left out: {}.", "略去没有文本的消息：{0} 条。"),
    ("Messages of an unknown kind, left out: {}.", "略去种类未知的消息：{0} 条。"),
    ("Messages whose predecessor is missing, put at the beginning: {}.", "前一条缺失、改放到开头的消息：{0} 条。"),
    (
        "Conversations whose folder is not named in the file, put into none: {}.",
        "文件中没有其文件夹名称、未放入文件夹的对话：{0} 个。",
    ),
    ("Files of “{}” that are not in the import: {}.", "“{0}”中未能导入的文件：{1}。"),
    ("Conversations that are here in another state, put beside it: {}.", "与已有状态不同、另存一份的对话：{0} 个。"),
    ("Keys that mean nothing here, left out: {}.", "略去这里没有含义的键：{0}。"),
    ("This file was not imported; only its name is known.", "此文件未导入，只知道其名称。"),
    ("Only the text of this file was imported.", "只导入了此文件的文本。"),
)
