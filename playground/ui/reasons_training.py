"""Sentences about trainings and what comes of them, as they are raised, and in Chinese.

Used by `reasons`, which puts sentences together again. What is said of data is in `reasons_tuning`.
"""

from __future__ import annotations

_CONVERT = "Export the merged folder instead, and convert that with llama.cpp's convert_hf_to_gguf.py."
_CONVERT_ZH = "请改为导出合并后的文件夹，再用 llama.cpp 的 convert_hf_to_gguf.py 转换。"

_HOW: tuple[tuple[str, str], ...] = (
    (
        "max_steps is 0. Give the number of steps, or -1 for as many as num_train_epochs asks.",
        "max_steps 为 0。请输入步数，或用 -1 表示按 num_train_epochs。",
    ),
    ("{} is {}. Give a number.", "{0} 的值为 {1}。请输入数字。"),
    ("{} is {}. Give a whole number.", "{0} 的值为 {1}。请输入整数。"),
    ("{} is {}. Give a whole number from {} to {}.", "{0} 的值为 {1}。请输入 {2} 到 {3} 的整数。"),
    ("{} is {}. Write true or false.", "{0} 的值为 {1}。请写 true 或 false。"),
    ("{}: unknown key {}. Known are: {}.", "{0}：未知的键 {1}。可用的有：{2}。"),
    ("{}: there is no recipe {}. Known are: {}.", "{0}：没有方案 {1}。可用的有：{2}。"),
    ("{}: {} is {}, which is of the wrong kind.", "{0}：{1} 的值为 {2}，类型不对。"),
    ("No model is chosen to be trained. Choose one.", "还没有选择要训练的模型。请选择。"),
    ("There are {} prompts to try. Give at most {}.", "有 {0} 个试用提示。最多 {1} 个。"),
    (
        "The data is for {} and the recipe for {}. Choose a recipe for {}.",
        "数据适用于 {0}，而方案适用于 {1}。请选择适用于 {2} 的方案。",
    ),
    (
        "The share that is held out is {}. Give a number from 0 to less than 1, such as 0.1.",
        "留出的比例为 {0}。请输入从 0 到小于 1 的数，例如 0.1。",
    ),
    ("The training needs {} GB, but {} GB are free.", "训练需要 {0} GB，但只有 {1} GB 空闲。"),
    (
        "per_device_train_batch_size {} (more accumulation, the same result)",
        "per_device_train_batch_size {0}（累积更多，结果相同）",
    ),
    ("gradient_checkpointing (a third slower, the same result)", "gradient_checkpointing（慢三分之一，结果相同）"),
    ("QLoRA (load_in_4bit) with gradient_checkpointing", "QLoRA（load_in_4bit）加 gradient_checkpointing"),
    ("max_length {} with gradient_checkpointing", "max_length {0} 加 gradient_checkpointing"),
    ("Unload {} in the Models tab, then it fits.", "在“模型”页卸载 {0} 后即可放下。"),
    (
        "No settings make it fit: choose a smaller model, or close other programs.",
        "任何设置都放不下：请选择更小的模型，或关闭其他程序。",
    ),
)

_BASES: tuple[tuple[str, str], ...] = (
    (
        "{} is on a server and cannot be trained here. Choose a model of this machine.",
        "{0} 在服务器上，不能在此训练。请选择本机的模型。",
    ),
    (
        "The echo model has nothing to learn with. Choose a model of this machine.",
        "echo 模型无法学习。请选择本机的模型。",
    ),
    ("{} is not on this machine (any more). Get it in the Models tab.", "{0} 已不在本机。请到“模型”页下载。"),
    (
        "{} has its weights in a pickle, which is not loaded. Convert it in the Models tab.",
        "{0} 的权重是 pickle 格式，不会加载。请到“模型”页转换。",
    ),
    ("Only models that write text can be trained.", "只有生成文字的模型才能训练。"),
    (
        "The tokenizer of {} cannot be read ({}). Download the model again.",
        "无法读取 {0} 的分词器（{1}）。请重新下载该模型。",
    ),
    (
        "The tokenizer of {} is of an old kind that cannot be used. Choose another model.",
        "{0} 的分词器种类过旧，无法使用。请另选模型。",
    ),
    (
        "The model has no layers of these names. Choose all-linear as target_modules.",
        "模型没有这些名称的层。请将 target_modules 设为 all-linear。",
    ),
    (
        "QLoRA (load_in_4bit) needs an NVIDIA GPU: on the processor a step takes minutes. Turn it off.",
        "QLoRA（load_in_4bit）需要 NVIDIA GPU：在处理器上一步要几分钟。请关闭。",
    ),
)

_TEMPLATES: tuple[tuple[str, str], ...] = (
    (
        "The model's chat template changes replies so that it cannot be told what of them is learned. "
        "Choose another model, or train on text.",
        "模型的对话模板会改动回复，无法判断其中哪些要学习。请另选模型，或用纯文本训练。",
    ),
    (
        "This model has no chat template. Choose an instruct model, or train on text.",
        "此模型没有对话模板。请选择指令模型，或用纯文本训练。",
    ),
    (
        "The model's tokenizer does not say where its tokens stand in a text, so replies cannot be told from "
        "questions. Choose another model.",
        "模型的分词器不说明词元在文字中的位置，因此无法区分回复与问题。请另选模型。",
    ),
    (
        "The model's chat template writes no token behind a reply, so the model would not learn to stop. "
        "Choose another model, or train on text.",
        "模型的对话模板在回复之后没有结束词元，模型学不会停止。请另选模型，或用纯文本训练。",
    ),
    (
        "The model's chat template refuses a conversation: {}. Take its system message out, let user and assistant "
        "take turns, or choose another model.",
        "模型的对话模板不接受某个对话：{0}。请删去系统消息，让 user 与 assistant 交替，或另选模型。",
    ),
)

_RUNS: tuple[tuple[str, str], ...] = (
    ("This training does not exist (any more). Choose another from the list.", "此微调已不存在。请从列表中另选一个。"),
    ("This training was begun already. Make a new one of other data.", "此微调已经开始。请用其他数据新建一个。"),
    ("This training is not in the trash. Move it there first.", "此微调不在回收站中。请先移到回收站。"),
    ("This training is not at work. Press Resume first.", "此微调没有在进行。请先点击“继续”。"),
    ("The training is at work. Stop it first.", "微调正在进行。请先停止。"),
    ("This is being done already. Wait for it, or stop it.", "这正在进行。请等待，或停止它。"),
    ("training", "微调"),
    (
        "The training process was ended from outside, perhaps for lack of memory. Press Resume: it goes on from its "
        "last checkpoint.",
        "训练进程被外部终止，可能是内存不足。请点击“继续”：它会从最后一个检查点接着训练。",
    ),
    ("The training was paused. Press Resume to go on.", "微调已暂停。点击“继续”接着训练。"),
    ("The training cannot be told to {} ({}). Free some space.", "无法通知训练进程 {0}（{1}）。请腾出空间。"),
    ("{} is no run file, or is damaged. Begin the training anew.", "{0} 不是训练文件，或已损坏。请重新开始微调。"),
    (
        "There was not enough memory. Lower max_length or per_device_train_batch_size, or turn on "
        "gradient_checkpointing; it goes on from its last checkpoint.",
        "内存不足。请调低 max_length 或 per_device_train_batch_size，或启用 gradient_checkpointing；"
        "训练会从最后一个检查点继续。",
    ),
    (
        "The disk is full, so the training has paused. Free some space and press Resume: it goes on from its last "
        "checkpoint.",
        "磁盘已满，训练已暂停。请腾出空间后点击“继续”：它会从最后一个检查点接着训练。",
    ),
    ("The training broke off ({}). See the log of the training.", "训练中断（{0}）。详情见训练日志。"),
    ("It broke off ({}). See the log file.", "中断（{0}）。详情见日志文件。"),
    (
        "The loss was no number any more at step {}. Lower learning_rate to a third, or raise warmup_ratio, and begin "
        "anew; the best adapter before it is kept.",
        "第 {0} 步时损失不再是数字。请将 learning_rate 降到三分之一，或提高 warmup_ratio，然后重新开始；"
        "此前最好的适配器已保留。",
    ),
    (
        "The loss was no number before anything was learned, so the model's files may be damaged. Download the model "
        "again, or choose another one.",
        "还没有学习，损失就不是数字，模型文件可能已损坏。请重新下载模型，或另选一个。",
    ),
    (
        "Nothing is left to learn: every sample is longer than max_length before its reply begins. Raise max_length.",
        "没有可学习的内容：每个样本在回复开始之前就超过了 max_length。请调高 max_length。",
    ),
    (
        "The sample is longer than max_length before its reply begins. Raise max_length.",
        "该样本在回复开始之前就超过了 max_length。请调高 max_length。",
    ),
    (
        "The text has a single token, so there is nothing to go on with. Write more, or leave it out.",
        "该文本只有一个词元，没有可续写的内容。请多写一些，或将其排除。",
    ),
    ("None of the {} samples can be learned from.", "{0} 个样本都无法学习。"),
    ("These replies do not exist (any more). Begin the comparison anew.", "这些回复已不存在。请重新开始比较。"),
    ("The vote is {}. Choose first, second or tie.", "投票为 {0}。请选择 first、second 或 tie。"),
    ("The prompt is empty. Write one.", "提示是空的。请输入。"),
    ("The text is empty. Write or paste one.", "文字是空的。请输入或粘贴。"),
    (
        "This training has no adapter yet. Wait until it is done, or press Stop and keep.",
        "此微调还没有适配器。请等待完成，或点击“停止并保留”。",
    ),
    (
        "The adapter of this training is not attached to its model (any more). Press Use in Chat.",
        "此微调的适配器（已）没有附加到模型。请点击“在对话中使用”。",
    ),
    ("Comparing the words took too long. Choose a shorter text.", "比较用词耗时过长。请选择较短的文字。"),
    (
        "Comparing the words broke off, perhaps for lack of memory. Close other programs.",
        "比较用词中断，可能是内存不足。请关闭其他程序。",
    ),
)

_EXPORTS: tuple[tuple[str, str], ...] = (
    ("{} is there already. Choose another name, or remove it first.", "{0} 已经存在。请另取名称，或先删除它。"),
    ("This file does not exist (any more). Export it again.", "此文件已不存在。请重新导出。"),
    ("Exporting broke off ({}). Export the adapter alone.", "导出中断（{0}）。请只导出适配器。"),
    (
        "Exporting broke off, perhaps for lack of memory. Close other programs and try again.",
        "导出中断，可能是内存不足。请关闭其他程序后重试。",
    ),
    ("The comparison broke off ({}).", "比较中断（{0}）。"),
    ("The comparison broke off, perhaps for lack of memory.", "比较中断，可能是内存不足。"),
    (
        "Comparing it needs {} GB of memory, but {} GB are free. Close other programs and export it again.",
        "比较需要 {0} GB 内存，但只有 {1} GB 空闲。请关闭其他程序后重新导出。",
    ),
    (
        "There is not enough memory for the model. Close other programs and try again.",
        "内存不足以加载模型。请关闭其他程序后重试。",
    ),
    (
        "Merging into {} needs {} GB of memory, but {} GB are free. Unload other models and close other programs, or "
        "export the adapter alone.",
        "合并到 {0} 需要 {1} GB 内存，但只有 {2} GB 空闲。请卸载其他模型、关闭其他程序，或只导出适配器。",
    ),
    (
        "{} is a translation model, into which no adapter is merged here. Choose another.",
        "{0} 是翻译模型，这里不能合并适配器。请另选一个。",
    ),
    (
        "{} is there only as {}, in which the merged weights would be rounded away. Download the model's original, or "
        "its GGUF, and merge into that.",
        "{0} 只有 {1} 格式，合并的权重会被舍入掉。请下载模型的原版或其 GGUF，再合并到其中。",
    ),
    (
        "The merged model needs {} GB in {}, but {} GB are free. Free some space, or choose another place.",
        "合并后的模型需要 {1} 中有 {0} GB，但只有 {2} GB 空闲。请腾出空间，或另选位置。",
    ),
    (
        "Merged, the adapter {} computes something else than before (off by {}), so nothing was written. Export the "
        "adapter alone, and use it with its base.",
        "合并后，适配器 {0} 的计算结果与之前不同（相差 {1}），因此没有写入。请只导出适配器，与其基础模型一起使用。",
    ),
    ("It was made for {}.", "它属于 {0}。"),
    (
        "A model like its base ({}) cannot be written as GGUF here. Export the merged folder.",
        "此类基础模型（{0}）不能在此写成 GGUF。请导出合并后的文件夹。",
    ),
    (
        "{} was not made from this GGUF: they differ in {}. Choose its own base.",
        "{0} 不是由此 GGUF 得到的：两者的 {1} 不同。请选择它自己的基础模型。",
    ),
    (
        "The GGUF needs {} GB in {}, but {} GB are free. Free some space, or choose another place.",
        "GGUF 需要 {1} 中有 {0} GB，但只有 {2} GB 空闲。请腾出空间，或另选位置。",
    ),
    (
        "Packing this adapter needs {} MB in {}, but {} MB are free. Free some space, or choose another place.",
        "打包此适配器需要 {1} 中有 {0} MB，但只有 {2} MB 空闲。请腾出空间，或另选位置。",
    ),
    (
        "The weight {} has no place in a GGUF file of this kind. Export the merged folder.",
        "权重 {0} 在此类 GGUF 文件中没有位置。请导出合并后的文件夹。",
    ),
    (
        "The weight {} has numbers too large for this file. Export the merged folder.",
        "权重 {0} 的数值对此文件过大。请导出合并后的文件夹。",
    ),
    (
        "The text is too short to compare models on. Give a longer one.",
        "文字太短，无法用来比较模型。请提供更长的文字。",
    ),
    (
        "The exported model knows another number of words than its base. Export it again.",
        "导出的模型与基础模型的词表大小不同。请重新导出。",
    ),
    (
        "llama.cpp cannot compute with the exported file: {}. Export it again.",
        "llama.cpp 无法用导出的文件计算：{0}。请重新导出。",
    ),
    (_CONVERT, _CONVERT_ZH),
    ("Models of the kind {} cannot be written as GGUF here.", "{0} 类模型不能在此写成 GGUF。"),
    ("{} has settings that cannot be written as GGUF here ({}).", "{0} 的某些设置不能在此写成 GGUF（{1}）。"),
    ("The tokenizer of {} is of a kind that cannot be written as GGUF here.", "{0} 的分词器种类不能在此写成 GGUF。"),
    (
        "The tokenizer of {} knows more words than the model. Copy the folder's tokenizer anew.",
        "{0} 的分词器比模型的词表更大。请重新复制该文件夹的分词器。",
    ),
    ("{} is missing or damaged. Export or download the folder again.", "{0} 缺失或已损坏。请重新导出或下载该文件夹。"),
)

_KEPT: tuple[tuple[str, str], ...] = (
    (
        "A DoRA adapter cannot be switched on and off. Export it merged, and load that model.",
        "DoRA 适配器无法随时开关。请导出合并后的模型，再加载它。",
    ),
    (
        "There are {} GPUs for {} processes. Set num_processes to {}.",
        "只有 {0} 块 GPU，却要 {1} 个进程。请把 num_processes 设为 {2}。",
    ),
    (
        "{} is a PDF, whose text is not in order. Save its text as TXT, or its rows as CSV.",
        "{0} 是 PDF，其文字没有顺序。请把文字存为 TXT，或把数据行存为 CSV。",
    ),
    (
        "{} is being trained. Stop the training first.",
        "{0} 正在训练。请先停止训练。",
    ),
    (
        "{}: [columns] names {}. Fields are {}.",
        "{0}：[columns] 中有 {1}。可用的字段是 {2}。",
    ),
)

SENTENCES = (*_KEPT, *_HOW, *_BASES, *_TEMPLATES, *_RUNS, *_EXPORTS)
