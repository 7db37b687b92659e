"""Sentences about translations, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

import re

from playground.languages import NAMES

_FILES: tuple[tuple[str, str], ...] = (
    # What a file is; the sentences also stand behind the file's name.
    (
        "The file holds no text, or much of it is damaged. Save it as UTF-8 and open that file.",
        "文件中没有文字，或大部分已损坏。请另存为 UTF-8 后再打开。",
    ),
    (
        "The JSON in the file is broken at line {}, or nested too deeply. Correct it and open it again.",
        "文件中的 JSON 在第 {0} 行有错误，或嵌套过深。请改正后重新打开。",
    ),
    (
        "No text in the file stands under the key {}. Check how it is written.",
        "文件中键 {0} 下没有文字。请检查键名的写法。",
    ),
    (
        "The table has no column {}. Choose among its columns: {}.",
        "表格中没有列 {0}。可选的列：{1}。",
    ),
    (
        "The quote that opens a cell in line {} of the table does not close it. Correct that line, or save the table "
        "anew, and open it again.",
        "表格第 {0} 行有一个单元格的引号没有配对。请改正该行，或重新保存表格后再打开。",
    ),
    (
        "{} holds more text than can be translated at once. Split it and translate its parts.",
        "{0} 的文字太多，无法一次翻译。请拆分后分别翻译。",
    ),
    (
        "{} is no Word file (DOCX), whatever its name says. Choose another file.",
        "{0} 虽然名称如此，但不是 Word 文件（DOCX）。请另选文件。",
    ),
    (
        "{} is no PowerPoint file (PPTX), whatever its name says. Choose another file.",
        "{0} 虽然名称如此，但不是 PowerPoint 文件（PPTX）。请另选文件。",
    ),
    (
        "{} is an older PowerPoint file (PPT), or protected with a password. Save it as PPTX without a password and "
        "open that file.",
        "{0} 是旧版 PowerPoint 文件（PPT），或有密码保护。请另存为没有密码的 PPTX 后再打开。",
    ),
)


def _named(said: str, words: str) -> tuple[str, str]:
    """The same behind a name."""
    return f"{{}}: {said}", "{0}：" + re.sub(r"\{(\d)\}", lambda found: f"{{{int(found[1]) + 1}}}", words)


SENTENCES: tuple[tuple[str, str], ...] = (
    (
        "It was changed in another window meanwhile: “{}”. Yours is kept here; confirm again to put it in its place.",
        "这一段刚在另一个窗口中改为“{0}”。您的文字仍保留在此；再次确认即可替换。",
    ),
    ("A file was added or taken away meanwhile. Press Translate again.", "期间有文件被添加或移除。请再次点击“翻译”。"),
    ("This is not translated yet. Press Translate first.", "尚未翻译。请先点击“翻译”。"),
    (
        "It has too many tags to be translated. Divide it into several paragraphs.",
        "其中的标记太多，无法翻译。请分成几段。",
    ),
    (
        "The model was cut off before the end of it. Choose another model, or divide the text.",
        "模型没有写完就被截断。请另选模型，或拆分文字。",
    ),
    ("It cannot be translated ({}). The log file says more.", "无法翻译（{0}）。详情见日志文件。"),
    *_FILES,
    *(_named(*one) for one in _FILES),
    *((english, chinese) for english, chinese, _ in NAMES.values()),
    ("The\u00a0file", "此文件"),
    ("The file", "此文件"),
    # What is to be translated
    (
        "{} is of a kind that is not translated. Text, Markdown, HTML, DOCX, PPTX, PDF, EPUB, SRT, VTT, PO, CSV and "
        "JSON are.",
        "{0} 的类型不能翻译。可以翻译文本、Markdown、HTML、DOCX、PPTX、PDF、EPUB、SRT、VTT、PO、CSV 和 JSON。",
    ),
    ("There is nothing to translate. Write or paste a text.", "没有可翻译的内容。请输入或粘贴文字。"),
    ("There is nothing to translate. Add a file, or paste a text.", "没有可翻译的内容。请添加文件，或粘贴文字。"),
    (
        "{} holds no text that could be translated. Choose another file.",
        "{0} 中没有可翻译的文字。请另选文件。",
    ),
    # How
    ("The language {} is not known. Choose one of: {}.", "不认识语言 {0}。请选择：{1}。"),
    (
        "The text is to be translated from {} into itself. Choose another.",
        "原文和译文都是{0}。请另选一种语言。",
    ),
    (
        "formality is {}. Choose one of: formal, informal; or leave it out.",
        "formality 的值为 {0}。请选择 formal 或 informal，或不指定。",
    ),
    ("beam_size is {}. Give 1 to {}.", "beam_size 的值为 {0}。应在 1 到 {1} 之间。"),
    (
        "The files are in several languages: {}. Translate them one by one, or choose the language.",
        "这些文件的语言不同：{0}。请逐个翻译，或选择语言。",
    ),
    ("The language of the text cannot be told. Choose it.", "无法判断原文的语言。请选择。"),
    ("The text seems to be in {} already. Choose another language.", "原文似乎已经是{0}。请另选一种语言。"),
    ("No model here translates from {}. Get one in the Models tab.", "本机没有能翻译 {0} 的模型。请到“模型”页下载。"),
    (
        "No model here translates from {} to {}. Get one in the Models tab.",
        "本机没有能把{0}译成{1}的模型。请到“模型”页下载。",
    ),
    ("{} does not translate from {}. Choose another model, or none.", "{0} 不能翻译 {1}。请另选模型，或不选。"),
    (
        "{} does not translate from {} to {}. Choose another model, or none.",
        "{0} 不能把{1}译成{2}。请另选模型，或不选。",
    ),
    (
        "{} does not rewrite texts in batches. Choose a translation model.",
        "{0} 不能成批改写文字。请选择翻译模型。",
    ),
    # While it is made
    (
        "This {} is being written by another window or command. Wait for it.",
        "此{0}正由另一个窗口或命令生成。请等待。",
    ),
    ("The {} cannot be locked ({}). Free some space, try again.", "无法锁定此{0}（{1}）。请腾出空间后重试。"),
    ("The {} broke off ({}). See the log file.", "{0}中断（{1}）。详情见日志文件。"),
    ("translation", "翻译"),
    ("summary", "摘要"),
    ("The model wrote nothing for it.", "模型没有为它写出任何内容。"),
    # What is kept
    (
        "This translation does not exist (any more). Choose another from the list.",
        "此翻译已不存在。请从列表中另选一个。",
    ),
    ("This segment does not exist (any more). Open the translation again.", "此段落已不存在。请重新打开翻译。"),
    ("This translation was begun already. Make a new one of other files.", "此翻译已经开始。请用其他文件新建一个。"),
    ("This translation is in the trash. Restore it, then go on.", "此翻译在回收站中。请先恢复再继续。"),
    ("This translation is not in the trash. Move it there first.", "此翻译不在回收站中。请先移到回收站。"),
    (
        "This file is not part of the translation (any more). Open the translation again.",
        "此文件（已）不属于这份翻译。请重新打开翻译。",
    ),
    ("The text cannot be written into the file.", "这段文字无法写入文件。"),
    ("{} Put them right, then confirm.", "{0}请改正后再确认。"),
    ("Put them right, then confirm.", "请改正后再确认。"),
    ("A translation does not keep its tags: {}", "译文没有保留标签：{0}"),
    ("The tag {} is not in the source.", "原文中没有标签 {0}。"),
    ("The tag {} is missing.", "缺少标签 {0}。"),
    ("The tag {} stands twice.", "标签 {0} 出现了两次。"),
    ("The tag {} closes where another one is open.", "标签 {0} 在另一个标签之内结束。"),
    ("There are {} segments and {} texts. Give one for each.", "有 {0} 段，却有 {1} 个译文。每段应有一个。"),
    # References
    (
        "There are {} segments and {} in the reference. Both must be cut alike; translate the file of which the "
        "reference is the translation.",
        "译文有 {0} 段，参考译文有 {1} 段。两者的划分必须相同；请翻译参考译文所对应的原文件。",
    ),
    ("There is nothing to score.", "没有可评分的内容。"),
    ("The translation is not finished. Go on with it, then compare it.", "翻译尚未完成。请继续完成后再比较。"),
    # The memory
    ("{} is not TMX, or damaged (line {}). Export it again.", "{0} 不是 TMX，或已损坏（第 {1} 行）。请重新导出。"),
    ("{} is not TMX. Choose a file that ends in .tmx.", "{0} 不是 TMX。请选择以 .tmx 结尾的文件。"),
    ("Unit {} has fewer than two languages with a text.", "第 {0} 个单元中有文字的语言不足两种。"),
    ("Unit {} is longer than {} characters.", "第 {0} 个单元超过 {1} 个字符。"),
    ("What was deleted could not be brought back. Import it again.", "已删除的内容无法恢复。请重新导入。"),
    # Glossaries
    ("The glossary has no name. Write one.", "术语表没有名称。请输入名称。"),
    ("This glossary does not exist (any more). Choose another.", "此术语表已不存在。请另选一个。"),
    (
        "{} has no terms. Give a table with two columns, the term and its translation, or TBX.",
        "{0} 中没有术语。请提供两列（术语及其译法）的表格，或 TBX。",
    ),
    ("{} is no text. Save the glossary as CSV, TSV or TBX.", "{0} 不是文本。请将术语表保存为 CSV、TSV 或 TBX。"),
    ("{} has rows that are no terms ({}). Correct them.", "{0} 中有些行不是术语（{1}）。请改正。"),
    ("and {} more", "另有 {0} 处"),
    ("{} has more than {} rows. Divide it into several glossaries.", "{0} 超过 {1} 行。请分成几个术语表。"),
    ("{} is no table that can be read, row {}: check its quotes.", "{0} 不是可读的表格，第 {1} 行：请检查引号。"),
    ("{} is damaged, line {}: it cannot be read as TBX.", "{0} 已损坏，第 {1} 行：无法作为 TBX 读取。"),
    (
        "{} is XML, but not TBX. Export the glossary as TBX or CSV.",
        "{0} 是 XML，但不是 TBX。请将术语表导出为 TBX 或 CSV。",
    ),
    (
        "{} translates a term in two ways ({}). Keep one of the rows.",
        "{0} 中有术语出现了两种译法（{1}）。请只保留其中一行。",
    ),
)

PATTERNS: tuple[tuple[str, str], ...] = (
    # Parts of rows, with semicolons between them, which no hole may reach over.
    (r"([^;]+) seems to be in no language that is known", "{0} 的语言未知"),
    (r"([^;]+) seems to be in ([^;]+)", "{0} 似乎是{1}"),
    (r"row (\d+): only one column", "第 {0} 行：只有一列"),
    (r"row (\d+): longer than (\d+) characters", "第 {0} 行：超过 {1} 个字符"),
    (r"row (\d+): no term", "第 {0} 行：没有术语"),
    (r'row (\d+): the column "case" is neither yes nor no', "第 {0} 行：“case” 列既不是 yes 也不是 no"),
    (r"rows (\d+) and (\d+): ([^;]+) = ([^;]+), ([^;]+)", "第 {0} 行和第 {1} 行：{2} = {3}，{4}"),
)
"""Regular expressions of whole reasons."""
