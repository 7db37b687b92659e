"""One plain sentence for each setting of a training, in English and Chinese: what it does, and when one changes it."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "tune.h.r": (
        "Rank: how much the adapter can hold. More for much data or a hard task.",
        "秩：适配器能容纳多少内容。数据多或任务难时调高。",
    ),
    "tune.h.lora_alpha": (
        "How strongly the adapter counts against r; often twice r.",
        "适配器相对于 r 的强度，常取 r 的两倍。",
    ),
    "tune.h.lora_dropout": (
        "Share that is left out by chance in each step. Raise it to 0.05 where samples are learned by heart.",
        "每步随机忽略的比例。若模型死记样本，可调到 0.05。",
    ),
    "tune.h.target_modules": (
        "Which layers get an adapter; all-linear learns most, qv is smallest.",
        "哪些层加适配器；all-linear 学得最多，qv 最小。",
    ),
    "tune.h.use_dora": (
        "DoRA: often a little better at a small r, but slower.",
        "DoRA：r 较小时效果常略好，但较慢。",
    ),
    "tune.h.use_rslora": (
        "Keeps learning steady at a large r; turn it on from r 32.",
        "r 较大时使学习更稳定；r 达到 32 起可启用。",
    ),
    "tune.h.load_in_4bit": (
        "QLoRA: the base in 4 bits, a quarter of the memory; on an NVIDIA GPU. Turn it on where memory is short.",
        "QLoRA：基础模型用 4 位存储，约四分之一内存；需要 NVIDIA GPU。内存不足时启用。",
    ),
    "tune.h.learning_rate": (
        "How far each step goes. Lower it to a third where the loss jumps, raise it where it hardly falls.",
        "每步走多远。损失跳动时降到三分之一，几乎不降时调高。",
    ),
    "tune.h.lr_scheduler_type": (
        "How the learning rate falls in the course of the run. Hardly ever worth a change.",
        "学习率在训练中如何下降。很少需要更改。",
    ),
    "tune.h.warmup_ratio": (
        "Share of the run in which the learning rate rises first. Raise it where the loss jumps at the beginning.",
        "开始时学习率逐渐升高的阶段所占比例。开头损失跳动时调高。",
    ),
    "tune.h.num_train_epochs": (
        "How often all data is gone through. More for few samples, fewer where they are learned by heart.",
        "全部数据学习几轮。样本少时多几轮，死记样本时减少。",
    ),
    "tune.h.max_steps": (
        "Ends after so many steps; -1: as num_train_epochs says.",
        "达到这么多步就结束；-1 表示按 num_train_epochs。",
    ),
    "tune.h.optim": (
        "How steps are computed. adamw_8bit or sgd take less memory where it is short.",
        "如何计算每一步。内存不足时，adamw_8bit 或 sgd 占用更少。",
    ),
    "tune.h.weight_decay": (
        "Keeps the adapter small. Raise it to 0.01 where samples are learned by heart.",
        "使适配器保持较小。若模型死记样本，可调到 0.01。",
    ),
    "tune.h.max_grad_norm": (
        "The largest step that a batch may ask for. Lower it where the loss jumps.",
        "一批数据最多能要求的步幅。损失跳动时调低。",
    ),
    "tune.h.neftune_noise_alpha": (
        "Noise on what is read; 5 can make replies freer. 0 is none.",
        "在输入上加噪声；取 5 可使回复更自然，0 为不加。",
    ),
    "tune.h.beta": (
        "DPO: how near the model stays to its base. Raise it where its replies get worse otherwise.",
        "DPO：模型与基础模型保持多近。若回复在其他方面变差，请调高。",
    ),
    "tune.h.seed": (
        "The same seed gives the same order and beginning. Another one shows what is chance.",
        "相同的种子得到相同的顺序和起点。换一个可看出偶然的影响。",
    ),
    "tune.h.per_device_train_batch_size": (
        "Samples at once; with packing, rows of max_length. Lower it where memory is short.",
        "一次处理的样本数；启用 packing 时为 max_length 长的行数。内存不足时调低。",
    ),
    "tune.h.gradient_accumulation_steps": (
        "So many batches make one step: like a larger batch in less memory.",
        "累积多少批才更新一步：相当于更大的批，但更省内存。",
    ),
    "tune.h.packing": (
        "Puts short samples side by side into a row: faster, and kept apart.",
        "把短样本拼在同一行：更快，且互不干扰。",
    ),
    "tune.h.max_length": (
        "Tokens; what is longer is cut off at its end, and plain text is parted. Raise it for long samples.",
        "词元数；超过的部分从末尾截断，纯文本则分段。样本长时调高。",
    ),
    "tune.h.gradient_checkpointing": (
        "Computes some things twice: far less memory, a third slower. Turn it on where memory is short.",
        "部分内容计算两次：内存少得多，约慢三分之一。内存不足时启用。",
    ),
    "tune.h.device": ("Where it is trained; auto takes a GPU if there is one.", "在哪里训练；auto 会优先使用 GPU。"),
    "tune.h.threads": (
        "Of the processor; 0: all but what chat needs.",
        "处理器线程数；0 表示除对话所需之外的全部。",
    ),
    "tune.h.num_processes": (
        "Processes that train together, one for each GPU.",
        "共同训练的进程数，每个 GPU 一个。",
    ),
    "tune.h.heldout": (
        "Share of the data that is not learned and measures what was learned.",
        "不参与学习、用来衡量效果的数据比例。",
    ),
    "tune.h.evaluations": (
        "How often that is measured in the course of a run.",
        "训练过程中衡量几次。",
    ),
}
