"""Sentences about adapters, engines, the Hub, downloads and servers, as they are raised and in Chinese.

Used by `reasons`, which puts sentences together again. Knows nothing of when they are raised.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    # Adapters
    ("This engine cannot use adapters, so {} was not attached.", "此引擎不能使用适配器，因此没有附加 {0}。"),
    (
        "{} holds no adapter: adapter_config.json and adapter_model.safetensors are needed.",
        "{0} 中没有适配器：需要 adapter_config.json 和 adapter_model.safetensors。",
    ),
    ("{} is no adapter.", "{0} 不是适配器。"),
    ("{} has no adapter {}.", "{0} 没有适配器 {1}。"),
    ("There is no adapter at {}.", "{0} 处没有适配器。"),
    ("The adapter {} is not attached.", "没有附加适配器 {0}。"),
    ("The adapter {} is not attached to this model.", "此模型没有附加适配器 {0}。"),
    ("llama.cpp cannot use {}.", "llama.cpp 不能使用 {0}。"),
    ("Adapters for models of the kind {} cannot be used by llama.cpp here.", "llama.cpp 不能使用 {0} 类模型的适配器。"),
    ("The adapter {} needs more than llama.cpp can do ({}).", "适配器 {0} 需要 llama.cpp 没有的功能（{1}）。"),
    ("The adapter {} is empty.", "适配器 {0} 是空的。"),
    ("The adapter {} changes {}, which this model lacks.", "适配器 {0} 修改 {1}，而此模型没有它。"),
    (
        "The adapter {} is for another model: {} is {}x{} there, {}x{} here.",
        "适配器 {0} 属于另一个模型：{1} 在那里是 {2}x{3}，这里是 {4}x{5}。",
    ),
    ("{} is no LoRA adapter.", "{0} 不是 LoRA 适配器。"),
    ("{} is no LoRA adapter: it needs a PEFT {} and {}.", "{0} 不是 LoRA 适配器：需要 PEFT 的 {1} 和 {2}。"),
    ("The adapter {} holds {}, which llama.cpp cannot use.", "适配器 {0} 含有 llama.cpp 不能使用的 {1}。"),
    ("{} is no LoRA adapter: {} is missing.", "{0} 不是 LoRA 适配器：缺少 {1}。"),
    ("{} is no LoRA adapter: {} is missing there.", "{0} 不是 LoRA 适配器：其中缺少 {1}。"),
    ("{} is damaged: {}.", "{0} 已损坏：{1}。"),
    ("{} is an adapter for another model ({}).", "{0} 是另一个模型（{1}）的适配器。"),
    ("Use the transformers engine for it.", "请改用 transformers 引擎。"),
    (
        "The adapter {} changes more than LoRA matrices (whole layers, tokens, or DoRA), which cannot be switched off "
        "and on here. Merge it into its base model with PEFT, and load the result.",
        "适配器 {0} 不只修改 LoRA 矩阵（还有整层、词元或 DoRA），在此不能开关。"
        "请用 PEFT 把它合并进基础模型，再加载结果。",
    ),
    (
        "The adapter {} was saved with a changed base ({}). Save it again with PEFT's "
        "path_initial_model_for_weight_conversion, which makes a plain LoRA of it.",
        "适配器 {0} 保存时改动了基础模型（{1}）。"
        "请用 PEFT 的 path_initial_model_for_weight_conversion 重新保存成普通 LoRA。",
    ),
    (
        "{} is no adapter for this engine: a folder with {} and {} is needed. "
        "Choose another folder, or load a GGUF model for a GGUF adapter.",
        "{0} 不是此引擎的适配器：需要含 {1} 和 {2} 的文件夹。请另选文件夹；GGUF 适配器请配 GGUF 模型。",
    ),
    ("The adapter {} lacks its weights, {}.", "适配器 {0} 缺少权重 {1}。"),
    ("The adapter {} is of the kind {}; only LORA is known here.", "适配器 {0} 的种类是 {1}；这里只支持 LoRA。"),
    ("The adapter {} is damaged or incomplete ({}).", "适配器 {0} 已损坏或不完整（{1}）。"),
    (
        "The adapter {} does not fit this model: its layers have other names or sizes.{} "
        "Load the model it was trained on, or choose another adapter.",
        "适配器 {0} 与此模型不符：各层的名称或大小不同。{1} 请加载训练时所用的模型，或另选适配器。",
    ),
    (
        "The adapter {} does not fit this model: its layers have other names or sizes.",
        "适配器 {0} 与此模型不符：各层的名称或大小不同。",
    ),
    (
        "The adapter {} is a pickle file, which can carry program code and is never loaded here. "
        "Save it again with PEFT as safetensors.",
        "适配器 {0} 是 pickle 文件，可能夹带程序代码，从不加载。请用 PEFT 重新保存为 safetensors。",
    ),
    ("The adapter {} has no readable {}.", "适配器 {0} 没有可读的 {1}。"),
    # Engines at work
    ("This model does not know the language {}. It knows: {}.", "此模型不认识语言 {0}。它认识：{1}。"),
    (
        "This model translates between many languages and was not told which. "
        "Write the pair as the system prompt, for example: en > fr",
        "此模型支持多种语言互译，但没有说明是哪两种。请把语言对写进系统提示，例如：en > fr",
    ),
    ("CTranslate2 failed: {}.", "CTranslate2 出错：{0}。"),
    (
        "{} is of a kind ({}) that the ctranslate2 engine cannot use: it takes Marian, T5, MADLAD, M2M100 and NLLB.",
        "{0} 的种类（{1}）不能用于 ctranslate2 引擎：它支持 Marian、T5、MADLAD、M2M100 和 NLLB。",
    ),
    ("CTranslate2 does not know the precision {}.", "CTranslate2 不支持精度 {0}。"),
    (
        "{} holds no model: config.json and *.safetensors are needed, or a CTranslate2 model.bin.",
        "{0} 中没有模型：需要 config.json 和 *.safetensors，或 CTranslate2 的 model.bin。",
    ),
    (
        "CTranslate2 needs a place for the converted model, and was given none.",
        "CTranslate2 需要存放转换后模型的位置，但没有得到。",
    ),
    (
        "CTranslate2 needs up to {} GB in {} to convert this model, but {} GB are free.",
        "CTranslate2 转换此模型最多需要在 {1} 中有 {0} GB，而可用 {2} GB。",
    ),
    ("llama.cpp could not be started again.", "llama.cpp 无法重新启动。"),
    ("The address of a server must not hold a password.", "服务器地址中不能含有密码。"),
    ("Give the key apart.", "请另外填写密钥。"),
    ("llama.cpp does not answer ({}).", "llama.cpp 没有回应（{0}）。"),
    ("Load the model anew.", "请重新加载模型。"),
    ("llama.cpp failed: {}.", "llama.cpp 出错：{0}。"),
    ("llama.cpp cannot be loaded: {}.", "llama.cpp 无法加载：{0}。"),
    (
        "llama.cpp cannot load {}: damaged, of an unknown kind, or too large for the memory.",
        "llama.cpp 无法加载 {0}：文件损坏、种类未知或内存不足。",
    ),
    ("The model's chat template refuses these messages: {}", "模型的对话模板不接受这些消息：{0}"),
    (
        "The model's chat template refuses these messages: {}. "
        "Change the system prompt or the order of the messages, or choose another model.",
        "模型的对话模板不接受这些消息：{0}。请修改系统提示或消息顺序，或另选模型。",
    ),
    (
        "The echo engine has no model {}. Write echo, echo@40 (tokens/s) or echo-b+64 (MB).",
        "echo 引擎没有模型 {0}。请写 echo、echo@40（词元/秒）或 echo-b+64（MB）。",
    ),
    ("The echo engine failed, because it was told to.", "echo 引擎按要求出错了。"),
    # The Hub and downloads
    ("There is nothing to search for. Write a name, or a part of one.", "没有要搜索的内容。请写出名称或其一部分。"),
    (
        "The Hub is not {}, because of --offline. Start without it, or use what is here.",
        "应用以 --offline 启动，不会询问 Hub。请不带此选项启动，或使用本机已有的模型。",
    ),
    (
        "{} cannot be downloaded with --offline. Start Playground without it.",
        "{0} 在 --offline 下不能下载。请不带此选项启动。",
    ),
    (
        "There is no download {}. It may have ended; look at the list again.",
        "没有下载 {0}。它可能已结束；请重新查看列表。",
    ),
    (
        "{} is being downloaded already, perhaps by another Playground. Wait.",
        "{0} 已在下载，可能由另一个 Playground 进行。请等待。",
    ),
    ("The download failed ({}).", "下载失败（{0}）。"),
    (
        "{} has its weights only as a pickle, a format that can carry programs. Playground reads it without "
        "running anything and converts it once; allow it (--allow-pickle), or choose a model with safetensors.",
        "{0} 的权重只有 pickle，此格式可能夹带程序。"
        "本应用读取时不运行任何内容，并转换一次；请同意，或选择有 safetensors 的模型。",
    ),
    (
        "{} could not be fetched: {}. Connect to the network and try again (what came so far is kept), or put a GGUF "
        "file on this machine and start with --model PATH.",
        "无法获取 {0}：{1}。请连接网络后重试（已下载的部分会保留），或在本机放一个 GGUF 文件并按路径添加。",
    ),
    ("{} could not be fetched: {}.", "无法获取 {0}：{1}。"),
    ("{} could not be fetched: {}. {}", "无法获取 {0}：{1}。{2}"),
    (
        "{} needs {} MB more on the disk that holds {}, which has {} MB free. "
        "Free some space, or choose another folder with --data-dir.",
        "{0} 还需要 {1} MB，而 {2} 所在磁盘可用 {3} MB。请腾出空间，或用 --data-dir 另选文件夹。",
    ),
    (
        "{} is not the name of a model on the Hub. Write organisation/name, with @revision or "
        "/file.gguf behind it if need be, such as Qwen/Qwen3-0.6B@main.",
        "{0} 不是 Hub 上的模型名。请写 组织/名称，需要时在后面加 @版本 或 /文件.gguf，例如 Qwen/Qwen3-0.6B@main。",
    ),
    ("{} holds GGUF files. {}", "{0} 含有多个 GGUF 文件。{1}"),
    ("{} has no file {}. {}", "{0} 没有文件 {1}。{2}"),
    ("Choose one: {}.", "请选择：{0}。"),
    ("It holds no GGUF file at all.", "其中没有 GGUF 文件。"),
    ("{} is in {} parts, of which the Hub has only {}.", "{0} 分为 {1} 部分，Hub 上只有 {2} 部分。"),
    (
        "{} holds no model that can be used here (no safetensors, GGUF or pytorch_model.bin).",
        "{0} 中没有可用的模型（既无 safetensors，也无 GGUF 或 pytorch_model.bin）。",
    ),
    ("{} is a link, or lies outside of {}.", "{0} 是链接，或在 {1} 之外。"),
    ("There is no model {} in {} to be removed. There are: {}.", "{1} 中没有可删除的模型 {0}。现有：{2}。"),
    ("This is not a name that the Hub takes: {}", "Hub 不接受此名称：{0}"),
    ("the Hub at {} cannot be reached ({})", "无法连接 {0} 的 Hub（{1}）"),
    ("The Hub at {} cannot be reached ({}).", "无法连接 {0} 的 Hub（{1}）。"),
    (
        "Check the network, or name a mirror with HF_ENDPOINT, and try again.",
        "请检查网络，或用 HF_ENDPOINT 指定镜像后重试。",
    ),
    ("{}, also after {} more tries", "{0}，又试了 {1} 次仍如此"),
    ("the {} cannot be reached ({})", "无法连接 {0}（{1}）"),
    ("the {} does not answer", "{0} 没有回应"),
    ("the {} broke off ({})", "{0} 中断（{1}）"),
    ("the {} answers with error {}", "{0} 返回错误 {1}"),
    ("The {} answers with error {}.", "{0} 返回错误 {1}。"),
    ("the Hub does not answer in time ({})", "Hub 没有及时回应（{0}）"),
    ("what answers at {} is not the Hub or a mirror of it", "{0} 处的回应者不是 Hub 或其镜像"),
    ("What answers at {} is not the Hub or a mirror of it.", "{0} 处的回应者不是 Hub 或其镜像。"),
    ("the Hub's file is another one now", "Hub 上的文件已换成另一个"),
    ("the Hub's {} has changed ({})", "Hub 上的 {0} 已改变（{1}）"),
    ("what the {} sent is not the expected file (wrong SHA-256)", "{0} 发来的不是应有的文件（SHA-256 不符）"),
    ("what the {} sends is not the expected file ({} bytes, not {})", "{0} 发来的不是应有的文件（{1} 字节，应为 {2}）"),
    ("the Hub has no {} with the revision {}", "Hub 上没有版本为 {1} 的 {0}"),
    ("The Hub has no {} with the revision {}.", "Hub 上没有版本为 {1} 的 {0}。"),
    ("Check the name, or search for it.", "请检查名称，或搜索它。"),
    (
        "the Hub refuses access to {} (error {}): it is gated or private, or does not exist",
        "Hub 拒绝访问 {0}（错误 {1}）：它需要授权、是私有的，或不存在",
    ),
    (
        "The Hub refuses access to {} (error {}): it is gated or private, or does not exist.",
        "Hub 拒绝访问 {0}（错误 {1}）：它需要授权、是私有的，或不存在。",
    ),
    (
        "If you may have it: accept its conditions at {}, make a token there under Settings, and start Playground with "
        "HF_TOKEN=<the token>.",
        "若您有权使用：请在 {0} 接受其条款，在 Settings 中创建令牌，并以 HF_TOKEN=<令牌> 启动。",
    ),
    ("the {}'s file is not the expected one", "{0} 的文件不是应有的"),
    ("the {}'s file is not the expected one ({} holds something else)", "{0} 的文件不是应有的（{1} 中是别的内容）"),
    ("the {} does not answer, or does not have the model's package {}", "{0} 没有回应，或没有模型的软件包 {1}"),
    ("the {} has the model's package {} in no form that can be used", "{0} 中模型的软件包 {1} 没有可用的形式"),
    ("the {}'s archive does not hold the expected model", "{0} 的压缩包中没有应有的模型"),
    ("the {}'s archive is damaged ({})", "{0} 的压缩包已损坏（{1}）"),
    # Servers
    (
        "{} names no model of a server. Write http://host:8000/v1#model, or give --remote-url and --model.",
        "{0} 没有指明服务器上的模型。请写 http://主机:8000/v1#模型。",
    ),
    (
        "{} answers, but not with a list of models, so it is no OpenAI-compatible API.",
        "{0} 有回应，但不是模型列表，因此不是兼容 OpenAI 的 API。",
    ),
    ("Check the address: it usually ends in /v1.", "请检查地址：通常以 /v1 结尾。"),
    ("{} has no model {}. It has: {}.", "{0} 没有模型 {1}。它有：{2}。"),
    ("{} broke the connection off in the middle.", "{0} 中途断开了连接。"),
    ("What came before is kept; try again.", "之前的内容已保留；请重试。"),
    (
        "The server's address is not one. Write it like http://localhost:8000/v1.",
        "服务器地址无效。请写成 http://localhost:8000/v1 的形式。",
    ),
    ("The key holds characters that no key has, such as a space.", "密钥中含有不该有的字符，例如空格。"),
    (
        "{} sent something in the middle of the reply that is not part of the API ({}).",
        "{0} 在回复中途发来了不属于 API 的内容（{1}）。",
    ),
    (
        "{} answers with {} ({}), not with an OpenAI-compatible API.",
        "{0} 的回应是 {1}（{2}），不是兼容 OpenAI 的 API。",
    ),
    ("{} sends its callers on to {}. Give that address, if you trust it.", "{0} 转向 {1}。若您信任该地址，请填写它。"),
    (
        "{} refuses the key ({}). {} in the environment variable PLAYGROUND_API_KEY.",
        "{0} 拒绝此密钥（{1}）。请检查密钥。",
    ),
    (
        "{} has too much to do, or your quota is used up (429). Try again {}.",
        "{0} 太忙，或您的配额已用完（429）。请稍后重试。",
    ),
    (
        "{} does not answer. Check the address, and whether a firewall is in between.",
        "{0} 没有回应。请检查地址，以及中间是否有防火墙。",
    ),
    (
        "{} was silent for too long, so the call was given up. It may be overloaded; try again later.",
        "{0} 太久没有回应，已放弃。它可能过载；请稍后重试。",
    ),
    (
        "{} cannot be found: no machine has this name. Check the address and the network.",
        "找不到 {0}：没有这个名称的主机。请检查地址和网络。",
    ),
    (
        "{} cannot be reached ({}). Start the server there, or correct the address.",
        "无法连接 {0}（{1}）。请启动那里的服务器，或更正地址。",
    ),
    ("{} could not be used ({}). Check the address and the proxy.", "{0} 不能使用（{1}）。请检查地址和代理。"),
    (
        "{} cannot be trusted: its TLS certificate was refused ({}). Use a certificate that this machine knows "
        "(SSL_CERT_FILE names one of your own), or http inside a network you trust.",
        "{0} 不可信：其 TLS 证书被拒绝（{1}）。请使用本机认可的证书（SSL_CERT_FILE 可指定），或在可信网络内使用 http。",
    ),
    ("Try again later, or look into its log.", "请稍后重试，或查看其日志。"),
    ("Change the request, or the model.", "请修改请求，或另选模型。"),
    ("{} failed{}: {}. {}", "{0} 出错{1}：{2}。{3}"),
    ("{} failed: {}. {}", "{0} 出错：{1}。{2}"),
    ("There is no command {}.", "没有命令 {0}。"),
    ("The record says how another prompt was read.", "记录的是另一段提示的读取方式。"),
    ("The record of how the prompt was read is damaged.", "提示读取方式的记录已损坏。"),
    ("Replay it without that, or ask anew.", "请不用它重放，或重新提问。"),
)
"""Whole messages, sentences that messages are made of, and reasons that stand inside of them."""
