"""The words of a training that has begun, in English and Chinese."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # The head and its commands
    "pr.state": ("State of the training", "训练状态"),
    "pr.bar": ("Progress of the training", "训练进度"),
    "pr.pause": ("Pause", "暂停"),
    "pr.resume": ("Resume", "继续"),
    "pr.keep": ("Stop and keep", "停止并保留"),
    "pr.keep.about": ("End now, and keep what was learned so far", "现在结束，并保留已学到的内容"),
    "pr.again": ("Train again with changes", "修改后重新训练"),
    "pr.again.about": ("A draft with the same data and settings", "用相同的数据和设置新建草稿"),
    "pr.stop": ("Stop", "停止"),
    "pr.stopped": ("Stopped.", "已停止。"),
    "pr.queued": ("Waits for the other training to end", "等待另一个训练结束"),
    "pr.pausing": ("Pausing: a checkpoint is being written", "正在暂停：正在写入检查点"),
    "pr.stopping": ("Ending after this step; what was learned is kept", "本步结束后停止；已学到的内容会保留"),
    "pr.phase.waiting": ("Getting ready", "准备中"),
    "pr.phase.loading": ("Loading the model and the data", "正在加载模型和数据"),
    "pr.phase.training": ("Training", "训练中"),
    "pr.measuring": ("Measuring the base before the first step", "第一步之前先测量基础模型"),
    "pr.step": ("step {step} of {of}", "第 {step} / {of} 步"),
    "pr.loss": ("loss {loss}", "损失 {loss}"),
    "pr.steps": ("{n} steps", "{n} 步"),
    "pr.steps_one": ("1 step", "1 步"),
    "pr.epochs": ("{n} epochs", "{n} 轮"),
    "pr.epochs_one": ("1 epoch", "1 轮"),
    "pr.task.text": ("Text", "文本"),
    "pr.data": (
        "{samples} samples to learn from, {heldout} held out · {tokens} tokens · {device}, {precision}",
        "{samples} 个训练样本，{heldout} 个留出 · {tokens} 词元 · {device}，{precision}",
    ),
    "pr.paused": ("Paused at step {step} of {of}.", "已暂停在第 {step} / {of} 步。"),
    "pr.elsewhere": (
        "This is being trained by another window or command, or the app ended meanwhile.",
        "另一个窗口或命令正在训练，或应用曾中途退出。",
    ),
    "pr.complete": ("Done: {n} steps", "完成：{n} 步"),
    "pr.complete_one": ("Done: 1 step", "完成：1 步"),
    "pr.stopped_early": ("Ended early and kept: {n} steps", "提前结束并保留：{n} 步"),
    "pr.stopped_early_one": ("Ended early and kept: 1 step", "提前结束并保留：1 步"),
    "pr.kept": ("the best one is kept, of step {n_}", "保留了最佳的一次（第 {n_} 步）"),
    "pr.skipped": (
        "{names} was torn; it went on from checkpoint-{step}.",
        "{names} 已损坏；从 checkpoint-{step} 继续。",
    ),
    "pr.skipped_all": (
        "{names} was torn and there was no other, so it began anew.",
        "{names} 已损坏且没有其他检查点，因此重新开始。",
    ),
    "pr.unusable": (
        "{n} rows of the data were left out, as nothing could be learned from them.",
        "数据中有 {n} 行无法学习，已被略过。",
    ),
    "pr.unusable_one": (
        "1 row of the data was left out, as nothing could be learned from it.",
        "数据中有 1 行无法学习，已被略过。",
    ),
    "pr.unusable.rows": ("Row {rows}: {why}", "第 {rows} 行：{why}"),
    "pr.warning.diverged": (
        "At step {step} the loss had risen to {loss} from {lowest}: the training diverges. Stop it and train again "
        "with a third of learning_rate, or a higher warmup_ratio.",
        "第 {step} 步时损失从 {lowest} 升到 {loss}：训练正在发散。请停止，并把 learning_rate 降到三分之一或提高 "
        "warmup_ratio 后重新训练。",
    ),
    "pr.warning.overfitting": (
        "At step {step} the loss on what was held out has risen to {loss} from {lowest}: the samples are being learned "
        "by heart. Press Stop and keep: the best adapter so far is the one that is kept. Then fewer epochs, or more "
        "data.",
        "到第 {step} 步，留出数据的损失从 {lowest} 升到 {loss}：模型正在死记样本。请按“停止并保留”，将保留目前最佳的"
        "适配器；之后可减少轮数或增加数据。",
    ),
    # Curves
    "pr.plots": ("Curves", "曲线"),
    "pr.numbers": ("The numbers as a table", "以表格显示数值"),
    "pr.chart.step": ("step", "步"),
    "pr.chart.loss": ("Loss (nats per token)", "损失（每词元奈特）"),
    "pr.chart.raw": ("each step", "每一步"),
    "pr.chart.smoothed": ("training, smoothed", "训练（平滑）"),
    "pr.chart.train": ("training", "训练"),
    "pr.chart.heldout": ("held out", "留出数据"),
    "pr.chart.base": ("base, held out", "基础模型（留出数据）"),
    "pr.chart.best": ("best", "最佳"),
    "pr.chart.lost": ("Step {x}: no number (NaN)", "第 {x} 步：不是数值（NaN）"),
    "pr.chart.learning_rate": ("learning_rate", "learning_rate（学习率）"),
    "pr.chart.grad_norm": ("Gradient norm", "梯度范数"),
    "pr.chart.tokens_per_second": ("Tokens per second", "每秒词元"),
    "pr.chart.memory": ("Memory", "内存"),
    "pr.chart.eval_loss": ("Loss", "损失"),
    "pr.chart.eval_loss.about": ("nats per token, lower is better", "每词元奈特，越低越好"),
    "pr.chart.dpo_loss": ("Loss of DPO", "DPO 损失"),
    "pr.chart.dpo_loss.about": ("0.693 of the base, lower is better", "基础模型为 0.693，越低越好"),
    "pr.chart.perplexity": ("Perplexity", "困惑度"),
    "pr.chart.perplexity.about": (
        "as if choosing among so many words, lower is better",
        "相当于在这么多词中选择，越低越好",
    ),
    "pr.chart.top1": ("Top-1", "Top-1"),
    "pr.chart.top1.about": ("the right word is its first choice", "首选即为正确的词"),
    "pr.chart.accuracy": ("Preference accuracy", "偏好准确率"),
    "pr.chart.accuracy.about": ("prefers the better reply more than its base does", "比基础模型更偏好较好的回复"),
    "pr.chart.margin": ("Margin", "间隔"),
    "pr.chart.margin.about": ("how much more", "偏好程度之差"),
    "pr.chart.general_loss": ("Loss, other things", "其他内容的损失"),
    "pr.chart.general_top1": ("Top-1, other things", "其他内容的 Top-1"),
    # Samples and the log
    "pr.samples": ("What it says", "它的回答"),
    "pr.samples.about": (
        "The same questions at each evaluation, the newest first. Words that the base does not say are marked.",
        "每次评估时提同样的问题，最新的在前。与基础模型不同的词已标出。",
    ),
    "pr.samples.step": ("step {n_}", "第 {n_} 步"),
    "pr.base": ("Base", "基础模型"),
    "pr.adapter": ("Adapter", "适配器"),
    "pr.log": ("Log: the last 200 lines", "日志：最后 200 行"),
    # Proof
    "pr.proof": ("Is it better?", "是否更好？"),
    "pr.measured": ("On what was held out; the adapter of step {n_}", "在留出数据上；第 {n_} 步的适配器"),
    "pr.not_measured": (
        "The adapter was not measured: the training ended before its first evaluation.",
        "适配器未经测量：训练在首次评估之前就结束了。",
    ),
    "pr.nothing_measured": (
        "Nothing was held out, so there is nothing to measure by. Compare replies below.",
        "没有留出数据，因此无从测量。请在下面比较回复。",
    ),
    "pr.better": (
        "On data it has not learned from, the loss went from {before} to {after}.",
        "在未学习过的数据上，损失从 {before} 降到 {after}。",
    ),
    "pr.not_better": (
        "On data it has not learned from it is no better than its base: the loss was {before} and is {after}. More or "
        "cleaner data helps most.",
        "在未学习过的数据上并不比基础模型好：损失原为 {before}，现为 {after}。更多或更干净的数据最有帮助。",
    ),
    "pr.forgetting": ("What it forgot", "它忘记了什么"),
    "pr.forgot": (
        "On things that have nothing to do with your data it would choose {percent} of the words as before (the base "
        "itself: {base}).",
        "在与您的数据无关的内容上，它有 {percent} 的词与之前的选择相同（基础模型自身为 {base}）。",
    ),
    "pr.forgot_much": (
        "That is much less than before. If it shall keep what it could: fewer epochs, a lower learning_rate or a "
        "lower r.",
        "比之前低了许多。若要保留原有能力：请减少轮数，或降低 learning_rate 或 r。",
    ),
    "pr.forgot_loss": (
        "Loss on the base's own replies: {before} before, {after} after.",
        "对基础模型自身回复的损失：之前 {before}，之后 {after}。",
    ),
    "pr.blind": ("Which is better?", "哪个更好？"),
    "pr.sides": ("Side by side", "并排对照"),
    "pr.lens": ("What the adapter changed, word by word", "适配器逐词改变了什么"),
    "pr.pick": ("A question that was held out", "留出的问题"),
    "pr.own": ("One of my own", "自己写一个"),
    "pr.prompt": ("Question", "问题"),
    "pr.sides.ask": ("Ask both", "同时提问"),
    "pr.asking": ("Answering, {n_} of 2", "正在回答，第 {n_} / 2 个"),
    "pr.blind.about": (
        "Base and adapter answer the same held-out question. Which is which is told after your vote. "
        "{n} questions are left.",
        "基础模型和适配器回答同一个留出的问题，投票后才揭晓各是谁。还剩 {n} 个问题。",
    ),
    "pr.blind.about_one": (
        "Base and adapter answer the same held-out question. Which is which is told after your vote. "
        "1 question is left.",
        "基础模型和适配器回答同一个留出的问题，投票后才揭晓各是谁。还剩 1 个问题。",
    ),
    "pr.blind.begin": ("Begin", "开始"),
    "pr.blind.more": ("Go on", "继续"),
    "pr.blind.all": ("All held-out questions have been compared.", "所有留出的问题都已比较过。"),
    "pr.blind.own": ("Or a question of your own", "或自己写一个问题"),
    "pr.blind.ask": ("Compare on this", "用它比较"),
    "pr.blind.which": ("Which is better?", "哪个更好？"),
    "pr.blind.first": ("The first", "第一个"),
    "pr.blind.second": ("The second", "第二个"),
    "pr.blind.tie": ("Neither", "不相上下"),
    "pr.blind.same": ("Both say the same.", "两者回答相同。"),
    "pr.blind.was": (
        "“{prompt}”: the first was: {first}. You chose: {chosen}.",
        "“{prompt}”：第一个是：{first}。您选择了：{chosen}。",
    ),
    "pr.blind.rate": (
        "The adapter wins {rate} of {n} votes (with 95 % certainty between {low} and {high}).",
        "适配器在 {n} 票中胜率 {rate}（95% 置信区间 {low} 至 {high}）。",
    ),
    "pr.blind.rate_one": (
        "The adapter wins {rate} of 1 vote (with 95 % certainty between {low} and {high}).",
        "适配器在 1 票中胜率 {rate}（95% 置信区间 {low} 至 {high}）。",
    ),
    "pr.blind.counts": ("{wins} won, {losses} lost, {ties} neither.", "{wins} 胜，{losses} 负，{ties} 平。"),
    "pr.blind.few": ("{left} more votes until this says something.", "再投 {left} 票，结果才有意义。"),
    "pr.blind.won": ("You prefer the adapter: this is hardly chance.", "您更喜欢适配器：这不太可能是偶然。"),
    "pr.blind.lost": ("You prefer the base: this is hardly chance.", "您更喜欢基础模型：这不太可能是偶然。"),
    "pr.blind.open": (
        "This may still be chance. More votes decide it, or there is no difference to speak of.",
        "这仍可能是偶然。需要更多投票，或两者并无明显差别。",
    ),
    "pr.lens.about": (
        "How likely each word of a text is to base and adapter. Green with a line: likelier by the adapter. Red with "
        "a wave: less likely. Point at a word for its figures.",
        "一段文字中每个词在基础模型和适配器下的可能性。绿色加直线：适配器认为更可能；红色加波浪线：更不可能。指向词可看数值。",
    ),
    "pr.lens.text": ("Reply to look at", "要查看的回复"),
    "pr.lens.look": ("Compare the words", "对比各词"),
    "pr.lens.loading": ("Loading base and adapter, then comparing", "正在加载基础模型和适配器，然后对比"),
    "pr.lens.up": ("likelier", "更可能"),
    "pr.lens.down": ("less likely", "更不可能"),
    "pr.lens.sums": (
        "{n} tokens: {up} became likelier, {down} less likely. Perplexity {before} → {after}.",
        "{n} 个词元：{up} 个更可能，{down} 个更不可能。困惑度 {before} → {after}。",
    ),
    "pr.lens.sums_one": ("1 token. Perplexity {before} → {after}.", "1 个词元。困惑度 {before} → {after}。"),
    "pr.lens.token": ("base {before}, adapter {after}", "基础模型 {before}，适配器 {after}"),
    # Use and export
    "pr.use": ("Use it", "使用"),
    "pr.use.about": (
        "It is kept with its model under the name {name}. Chosen in Chat, it is also the model that summarizes, and "
        "that translates where no translation model is chosen.",
        "它与其模型一起保存，名为 {name}。在对话中选用后，摘要也用它；未选翻译模型时，翻译也用它。",
    ),
    "pr.use.about_kept": (
        "What was learned before it broke off is kept. Press Use in Chat to try it.",
        "中断前学到的内容已保留。按“在对话中使用”试用。",
    ),
    "pr.use.chat": ("Use in Chat", "在对话中使用"),
    "pr.use.chosen": ("It is in use now.", "正在使用中。"),
    "pr.card": ("Model card", "模型卡"),
    "pr.export": ("Export", "导出"),
    "pr.export.make": ("Export", "导出"),
    "pr.export.again": ("Export again", "重新导出"),
    "pr.kind.adapter": ("Adapter", "适配器"),
    "pr.kind.adapter.about": ("small; for PEFT, needs its base", "体积小；用于 PEFT，需要基础模型"),
    "pr.kind.merged": ("Merged model", "合并后的模型"),
    "pr.kind.merged.about": (
        "safetensors, needs no adapter; for transformers, vLLM",
        "safetensors，无需适配器；用于 transformers、vLLM",
    ),
    "pr.kind.gguf-f16": ("GGUF, f16", "GGUF，f16"),
    "pr.kind.gguf-f16.about": ("for llama.cpp, Ollama, LM Studio", "用于 llama.cpp、Ollama、LM Studio"),
    "pr.kind.gguf-q8_0": ("GGUF, Q8_0", "GGUF，Q8_0"),
    "pr.kind.gguf-q8_0.about": ("half as large, nearly as exact", "体积减半，几乎同样精确"),
    "pr.step.load": ("loading the base", "正在加载基础模型"),
    "pr.step.merge": ("merging", "正在合并"),
    "pr.step.compare": ("comparing", "正在比较"),
    "pr.step.write": ("writing", "正在写入"),
    "pr.step.gguf": ("writing the GGUF", "正在写入 GGUF"),
    "pr.step.zip": ("packing", "正在打包"),
    "pr.step.check": ("checking that it says the same", "正在检查回答是否一致"),
    "pr.check.copied": ("The weights are copied as they are.", "权重原样复制。"),
    "pr.check.same": (
        "{same} of {tokens} words as before ({percent}).",
        "{tokens} 个词中有 {same} 个与之前相同（{percent}）。",
    ),
    "pr.check.cut": ("It cuts text into other tokens than before.", "它切分文字的方式与之前不同。"),
    "pr.check.failed": ("It was not compared.", "未做比较。"),
}
