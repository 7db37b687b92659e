"""One plain sentence for each setting of a training, in English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "tune.h.r": ("Rank: how much the adapter can hold. Default 8.", "秩：适配器能容纳多少内容。默认 8。"),
    "tune.h.lora_alpha": (
        "How strongly it counts, divided by r; often twice r. Default 16.",
        "适配器的强度（除以 r），常取 r 的两倍。默认 16。",
    ),
    "tune.h.lora_dropout": (
        "Share that is left out by chance in each step, against learning by heart. Default 0.",
        "每步随机忽略的比例，避免死记硬背。默认 0。",
    ),
    "tune.h.target_modules": (
        "Which layers get an adapter; all-linear learns most. Default all-linear.",
        "哪些层加适配器；all-linear 学得最多。默认 all-linear。",
    ),
    "tune.h.use_dora": (
        "DoRA: learns size and direction apart; a little better, slower. Default no.",
        "DoRA：幅度与方向分开学习；效果略好但较慢。默认否。",
    ),
    "tune.h.use_rslora": (
        "Divides by the root of r, which makes large r steadier. Default no.",
        "除以 r 的平方根，使较大的 r 更稳定。默认否。",
    ),
    "tune.h.load_in_4bit": (
        "QLoRA: the base in 4 bits, a quarter of the memory; on an NVIDIA GPU. Default no.",
        "QLoRA：基础模型用 4 位存储，约四分之一内存；需要 NVIDIA GPU。默认否。",
    ),
    "tune.h.learning_rate": (
        "How far each step goes; too high and the loss jumps. Default 0.0002.",
        "每步走多远；过高时损失会跳动。默认 0.0002。",
    ),
    "tune.h.lr_scheduler_type": (
        "How the learning rate falls in the course of the run. Default cosine.",
        "学习率在训练中如何下降。默认 cosine。",
    ),
    "tune.h.warmup_ratio": (
        "Share of the run in which the learning rate rises first. Default 0.05.",
        "开始时学习率逐渐升高的阶段所占比例。默认 0.05。",
    ),
    "tune.h.num_train_epochs": (
        "How often all data is gone through. Default 1.",
        "把全部数据学几遍。默认 1。",
    ),
    "tune.h.max_steps": (
        "Ends after so many steps; -1: as num_train_epochs says. Default -1.",
        "达到这么多步就结束；-1 表示按 num_train_epochs。默认 -1。",
    ),
    "tune.h.optim": (
        "What turns gradients into steps; 8 bits or sgd take less memory. Default adamw_torch.",
        "把梯度变成更新的优化器；8 位或 sgd 占用更少内存。默认 adamw_torch。",
    ),
    "tune.h.weight_decay": (
        "Pulls the adapter towards zero, against learning by heart. Default 0.",
        "使适配器趋向零，避免死记硬背。默认 0。",
    ),
    "tune.h.max_grad_norm": (
        "Longer gradients are shortened to this. Default 1.",
        "超过此长度的梯度会被缩短。默认 1。",
    ),
    "tune.h.neftune_noise_alpha": (
        "Noise on what is read, which can make replies freer; 0 is none. Default 0.",
        "在输入上加噪声，可使回复更自然；0 为不加。默认 0。",
    ),
    "tune.h.beta": (
        "DPO: how near the model stays to its base; higher is nearer. Default 0.1.",
        "DPO：模型与基础模型保持多近；越大越接近。默认 0.1。",
    ),
    "tune.h.seed": (
        "The same seed gives the same order and beginning. Default 0.",
        "相同的种子得到相同的顺序和起点。默认 0。",
    ),
    "tune.h.per_device_train_batch_size": (
        "Samples at once; with packing, rows of max_length. Default 4.",
        "一次处理的样本数；启用 packing 时为 max_length 长的行数。默认 4。",
    ),
    "tune.h.gradient_accumulation_steps": (
        "So many batches make one step: like a larger batch in less memory. Default 1.",
        "累积多少批才更新一步：相当于更大的批，但更省内存。默认 1。",
    ),
    "tune.h.packing": (
        "Puts short samples side by side into a row: faster, kept apart. Default yes.",
        "把短样本拼在同一行：更快，且互不干扰。默认是。",
    ),
    "tune.h.max_length": (
        "Tokens; what is longer is cut off at its end, and plain text is parted. Default 512.",
        "词元数；超过的部分从末尾截断，纯文本则分段。默认 512。",
    ),
    "tune.h.gradient_checkpointing": (
        "Computes some things twice: far less memory, a third slower. Default no.",
        "部分内容计算两次：内存少得多，约慢三分之一。默认否。",
    ),
    "tune.h.device": ("Where it is trained. Default auto.", "在哪个设备上训练。默认 auto。"),
    "tune.h.threads": (
        "Of the processor; 0: all but what chat needs. Default 0.",
        "处理器线程数；0 表示除对话所需之外的全部。默认 0。",
    ),
    "tune.h.num_processes": (
        "Processes that train together, one for each GPU. Default 1.",
        "共同训练的进程数，每个 GPU 一个。默认 1。",
    ),
    "tune.h.heldout": (
        "Share of the data that is not learned and measures what was learned. Default 0.1.",
        "不参与学习、用来衡量效果的数据比例。默认 0.1。",
    ),
    "tune.h.evaluations": (
        "How often that is measured in the course of a run. Default 5.",
        "训练过程中衡量几次。默认 5。",
    ),
}
