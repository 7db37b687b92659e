"""Sentences about attached files and what could not be read of them, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    # Of any kind
    ("{} is not there any more.", "{0} 已不在了。"),
    ("Attach it again.", "请重新附加。"),
    ("{} is a folder or a device, not a file.", "{0} 是文件夹或设备，不是文件。"),
    ("Attach files one by one.", "请逐个附加文件。"),
    ("{} has {} MB, and files of up to {} MB are read.", "{0} 有 {1} MB，而最多读取 {2} MB 的文件。"),
    ("Split it, and attach a part.", "请拆分后附加其中一部分。"),
    ("{} is empty.", "{0} 是空的。"),
    ("Choose another file.", "请另选文件。"),
    ("{} cannot be read ({}).", "无法读取 {0}（{1}）。"),
    ("Check its rights, or copy it.", "请检查其权限，或复制一份。"),
    ("{} holds no text at all.", "{0} 中没有任何文字。"),
    ("{} holds no text, but data of an unknown kind.", "{0} 中不是文字，而是未知种类的数据。"),
    (
        "Text, Markdown, source code, PDF, Word (DOCX), EPUB, HTML, CSV and JSON are.",
        "可以读取文本、Markdown、源代码、PDF、Word（DOCX）、EPUB、HTML、CSV 和 JSON。",
    ),
    ("{} is {}, which is not read here.", "{0} 是{1}，这里不能读取。"),
    ("a picture", "图片"),
    ("a film or a sound", "视频或音频"),
    ("an archive", "压缩包"),
    ("a program", "程序"),
    ("a database", "数据库"),
    ("a model", "模型"),
    ("a spreadsheet", "电子表格"),
    ("a presentation", "演示文稿"),
    ("an OpenDocument file", "OpenDocument 文件"),
    (
        "Save it as PNG or JPEG for a model that can see, or make its text readable with an OCR program.",
        "请存为 PNG 或 JPEG 供能看图的模型使用，或用 OCR 程序识别其中的文字。",
    ),
    ("Unpack it and attach what is inside.", "请解压后附加其中的文件。"),
    ("Save what you need of it as CSV.", "请把需要的部分另存为 CSV。"),
    ("Open it under Models.", "请在“模型”中打开它。"),
    ("Save the sheet as CSV and attach that file.", "请把工作表另存为 CSV，再附加该文件。"),
    ("Save it as PDF and attach that file.", "请另存为 PDF，再附加该文件。"),
    ("Save it as DOCX and attach that file.", "请另存为 DOCX，再附加该文件。"),
    ("Save it as DOCX, PDF or CSV and attach that file.", "请另存为 DOCX、PDF 或 CSV，再附加该文件。"),
    (
        "{} is an older Office file (such as DOC), or protected with a password.",
        "{0} 是旧版 Office 文件（如 DOC），或设有密码。",
    ),
    ("Save it as DOCX without a password and attach that file.", "请另存为不带密码的 DOCX，再附加该文件。"),
    ("{} is a Rich Text file.", "{0} 是 RTF 文件。"),
    ("{} is no {} file, whatever its name says: it holds text.", "{0} 虽然这样命名，却不是 {1} 文件：其中是纯文本。"),
    ("Change the name's ending to .{} and attach it again.", "请把文件名的结尾改为 .{0}，再重新附加。"),
    (
        "{} is no {} file, whatever its name says, or its beginning is damaged.",
        "{0} 虽然这样命名，却不是 {1} 文件，或其开头已损坏。",
    ),
    ("Get it again, or choose another file.", "请重新获取，或另选文件。"),
    # PDF
    (
        "Page {} of {} cannot be read: it is damaged, or far too large.",
        "无法读取 {1} 的第 {0} 页：它已损坏，或实在太大。",
    ),
    ("Page {} of {} is too complicated to be read.", "{1} 的第 {0} 页太复杂，无法读取。"),
    ("Save the PDF without it and attach it again.", "请去掉此页另存 PDF，再重新附加。"),
    ("{} is protected with a password.", "{0} 设有密码。"),
    (
        "Open it in a PDF viewer, save it without the password, and attach that file.",
        "请用 PDF 阅读器打开，另存为不带密码的文件，再附加该文件。",
    ),
    ("{} holds only pictures of its pages (a scan), no text.", "{0} 中只有页面的图片（扫描件），没有文字。"),
    (
        "Make its text readable with an OCR program first, then attach it again.",
        "请先用 OCR 程序识别其中的文字，再重新附加。",
    ),
    ("{} has only empty pages.", "{0} 只有空白页。"),
    ("{} is a damaged PDF, or cut off.", "{0} 是已损坏或不完整的 PDF。"),
    ("Save it anew in a PDF viewer, or get it again.", "请用 PDF 阅读器重新保存，或重新获取。"),
    # DOCX and EPUB
    ("{} is damaged, or cut off.", "{0} 已损坏或不完整。"),
    (
        "Open it in the program that made it and save it anew, or get it again.",
        "请用制作它的程序打开并重新保存，或重新获取。",
    ),
    (
        "{} would unpack to far more than a document has, so it was not opened.",
        "{0} 解压后会远远大于一份文档，因此没有打开。",
    ),
    ("Check its origin.", "请检查它的来源。"),
    ("Save it without the password and attach that file.", "请另存为不带密码的文件，再附加该文件。"),
    ("{} is locked with a seller's copy protection.", "{0} 带有销售方的版权保护。"),
    ("Choose a book without it.", "请选择没有保护的书。"),
    # Notes: what could not be read of a file that was
    (
        "Pages with pictures alone, such as scans, were not read: {} of {}.",
        "只有图片的页面（例如扫描页）没有读取：{1} 页中的 {0} 页。",
    ),
    ("Only the first pages were read: {} of {}.", "只读取了前面的页面：{1} 页中的 {0} 页。"),
    ("Characters that are damaged and could not be read: {}.", "已损坏、无法读取的字符：{0} 个。"),
    ("Chapters that could not be read: {} of {}.", "无法读取的章节：{1} 章中的 {0} 章。"),
)
