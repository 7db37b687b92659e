"""Sentences about the history, its tree, search, backups and what is damaged, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    # The file
    (
        "{} was written by a newer version of Playground ({}). Start that one; nothing was changed.",
        "{0} 由更新版本的 Playground 写成（{1}）。请启动那个版本；未作任何更改。",
    ),
    ("{} is not a history of Playground. Name another file.", "{0} 不是 Playground 的历史记录。请指定另一个文件。"),
    (
        "{} is not a history of Playground. Name a backup that it made.",
        "{0} 不是 Playground 的历史记录。请指定由它制作的备份。",
    ),
    (
        "{} is damaged ({}). Run `playground history check`; nothing was copied.",
        "{0} 已损坏（{1}）。请运行 `playground history check`；未复制任何内容。",
    ),
    (
        "{} is too damaged to be mended. Restore a backup, or run `history recover`.",
        "{0} 损坏太重，无法修复。请恢复备份，或运行 `history recover`。",
    ),
    (
        "Nothing in this file can be read any more. Restore a backup (`history restore --list`).",
        "此文件中已没有可读的内容。请恢复备份（`history restore --list`）。",
    ),
    (
        "There is no backup {}. See `playground history restore --list`.",
        "没有备份 {0}。请看 `playground history restore --list`。",
    ),
    ("{} is the history itself. Name a backup.", "{0} 就是历史记录本身。请指定一个备份。"),
    ("No backup could be written to {}: {}. Choose another place.", "无法把备份写入 {0}：{1}。请另选位置。"),
    (
        "{} is there already. Give another name; a backup never overwrites a file.",
        "{0} 已存在。请换一个名称；备份从不覆盖文件。",
    ),
    # Conversations and messages
    ("The text of this message is lost.", "此消息的文本已丢失。"),
    ("A text that this reply was made from is not kept (any more).", "生成此回复所用的一段文本未保存（或已不在）。"),
    ("A persona or template needs a name and a text. Write both.", "角色或模板需要名称和文本。请两者都填写。"),
    ("This persona or template does not exist (any more).", "此角色或模板已不存在。"),
    ("The folder is empty. Write one.", "文件夹名是空的。请输入名称。"),
    ("The tag is empty. Write one.", "标签是空的。请输入标签。"),
    ("The {} is empty. Write one.", "{0} 是空的。请输入。"),
    ("This conversation is not in the trash. Move it there first.", "此对话不在回收站中。请先移入回收站。"),
    (
        "What stood here was changed in another window. It is shown anew; look, then send again.",
        "这里的内容已在另一个窗口中更改。现已刷新；请查看后再发送。",
    ),
)
