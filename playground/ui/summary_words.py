"""What an exported summary says by itself, in the page's language."""

from __future__ import annotations

from playground.summarize.export_markdown import Words

_CHINESE = Words(
    language="zh-CN",
    not_whole="这份摘要不完整。缺少的内容见下面的凭据。",
    not_whole_alone="这份摘要不完整：缺少原文的部分内容。",
    receipt="凭据",
    coverage="已读全文的 {} %。",
    failed="未能读取",
    lost="已读，但未能与其余部分合并",
    skipped="按要求跳过",
    waiting="尚未读取",
    documents="文件",
    made="怎样生成",
    model="模型",
    engine="引擎",
    revision="模型版本",
    file_sha256="模型文件的 SHA-256",
    quantization="量化方式",
    template_sha256="对话模板的 SHA-256",
    device="设备",
    hardware="硬件",
    context_length="上下文长度",
    adapter="适配器",
    versions="软件版本",
    sampling="采样",
    seed="随机种子",
    mode="方式",
    map_reduce="先逐部分，再合并",
    refine="逐部分写进同一篇",
    extractive="挑选原句，不用模型",
    style="样式",
    own="自己的要求",
    instruction="要求",
    length="长度",
    words="约 {} 字",
    share="约为原文的 {} %",
    summary_language="语言",
    audience="读者",
    written="生成时间",
    calls="调用模型次数",
    tokens="读取和写出的词元",
    seconds="用时（秒）",
    sources="每句话的出处",
    nearest="最接近的段落，说的不是同一件事",
    nowhere="没有找到出处。",
    marks="不在任何文件中",
    number="数字",
    date="日期",
    name="名称",
    page="第 {} 页",
    pages="第 {}–{} 页",
    count="{} 页",
    characters="第 {}–{} 个字符",
)


def summary_words(language: str) -> Words:
    """The words for a page in `language`, "en" or "zh"."""
    return _CHINESE if language == "zh" else Words()
