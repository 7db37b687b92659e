"""What keeps people and programs out, in Chinese: accounts, links, keys, quotas."""

from __future__ import annotations

SENTENCES: tuple[tuple[str, str], ...] = (
    ("{} is {}. Write a number from 0 on.", "{0} 是 {1}。请填写不小于 0 的数。"),
    ("There is an account {} already. Choose another name.", "已有名为 {0} 的账户。请换一个名字。"),
    (
        "The rooms are {}. Choose among: {}.",
        "房间是 {0}。请从中选择：{1}。",
    ),
    ("The link would be over already. Choose a later time.", "该链接已经过期。请选择更晚的时间。"),
    ("The scopes are {}. Choose among: {}.", "权限是 {0}。请从中选择：{1}。"),
    ("It does not exist (any more). Look at the list again.", "它（已）不存在。请再看一下列表。"),
    (
        "This account does not exist (any more). Look at the list again.",
        "该账户（已）不存在。请再看一下列表。",
    ),
    ("This link does not exist (any more). Look at the list again.", "该链接（已）不存在。请再看一下列表。"),
    ("{} cannot be used ({}). Free some space, or restore it.", "{0} 无法使用（{1}）。请释放空间，或从备份恢复。"),
    ("The name is {}. Write one of 1 to {} characters.", "名称是 {0}。请填写 1 到 {1} 个字符。"),
    ("The password has {} characters. Choose one of at least {}.", "密码有 {0} 个字符。请至少用 {1} 个。"),
    ("The password repeats very few characters. Choose another.", "密码只是重复很少几个字符。请换一个。"),
    ("The password has more than {} characters. Choose a shorter one.", "密码超过 {0} 个字符。请换短一些的。"),
    (
        "What you send has more than {} MB. Send less of it at once, or as a file.",
        "您发送的内容超过 {0} MB。请分几次发送，或改用文件。",
    ),
    ("No files are taken here. Write or paste the text instead.", "这里不接受文件。请直接输入或粘贴文字。"),
    (
        "Nothing can be saved on this machine at the moment. Tell its owner, then try again.",
        "这台机器目前无法保存任何内容。请告知其所有者，然后重试。",
    ),
    ("What you sent did not come in time. Try again.", "您发送的内容未能及时到达。请重试。"),
    ("Too much of yours is open here at once. Close some of its pages.", "您在这里同时打开的太多。请关闭一些页面。"),
    ("You have left. Come in again.", "您已离开。请重新进入。"),
    ("This key was revoked. Ask the owner for another one.", "此密钥已被撤销。请向所有者索取新的密钥。"),
    (
        "Too many keep what they wrote by this link. Come in without keeping it.",
        "通过此链接保留内容的人太多。请不勾选保留再进入。",
    ),
    (
        "Nobody could come in yet. Start without --host, make a link or an account in the Share tab and open the "
        "address there; or add --share.",
        "还没有人能进入。请先不带 --host 启动，在“分享”页创建链接或账户并在那里开放地址；或加上 --share。",
    ),
    (
        "A tunnel cannot be had: Gradio's servers, or the program for it, could not be reached. Share in your own "
        "network with --host, or let a tunnel of your own lead to 127.0.0.1:{}.",
        "无法建立隧道：连不上 Gradio 的服务器，或得不到所需的程序。请用 --host 在自己的网络中分享，"
        "或让您自己的隧道指向 127.0.0.1:{0}。",
    ),
    ("Too many people are here at the moment. Try again later.", "目前人数太多。请稍后再试。"),
    ("Too many wait for the model at the moment. Try again in a minute.", "目前等待模型的人太多，请一分钟后再试。"),
    (
        "Too much of yours waits already. Wait until some of it is done, or stop it.",
        "您已有太多任务在等待。请等其中一些完成，或将其停止。",
    ),
    (
        "Too many of your texts are being translated. Wait until one of them is done.",
        "您有太多文本正在翻译。请等其中一个完成。",
    ),
    ("The model of sentences was unloaded meanwhile. Try again.", "句子模型已被卸载。请重试。"),
    (
        "Too much of yours is at work already. Wait until one of it is done.",
        "您已有太多任务在进行。请等其中一个完成。",
    ),
    ("{} {} an hour are used up. Try again in {} minutes.", "每小时 {0} 的限额（{1}）已用完。请 {2} 分钟后再试。"),
    ("Only the owner of this machine can do this. Ask them.", "只有这台机器的主人可以这样做。请联系他。"),
    (
        "No model is loaded at the moment. Ask the owner of this machine to load one.",
        "目前没有加载任何模型。请让这台机器的主人加载一个。",
    ),
    ("{} is not loaded here. Choose one that is.", "{0} 在这里没有加载。请选择已加载的模型。"),
    ("Nobody could come in. Make a link or an account first.", "没有人能进入。请先创建链接或账户。"),
    ("The address is open already. Close it first, then open it anew.", "地址已经打开。请先关闭，再重新打开。"),
    ("There is no reach {}. Choose one of those that are offered.", "没有范围 {0}。请从所列的中选择。"),
    ("The time is {}. Choose one of those that are offered.", "时间是 {0}。请从所列的中选择。"),
    (
        "The outside address is {}. Write one such as https://chat.example.org.",
        "外部地址是 {0}。请填写例如 https://chat.example.org 的地址。",
    ),
    ("The shared address could not be opened in time. Try again.", "未能及时打开共享地址。请重试。"),
    ("No port from {} to {} is free. Choose one{}.", "从 {0} 起没有空闲端口。请选择一个。"),
    (
        "That is not right, or it is over. Ask whoever invited you.",
        "不正确，或已经过期。请询问邀请您的人。",
    ),
    ("Too many wrong attempts. Try again in {} minutes.", "错误次数太多。请 {0} 分钟后再试。"),
    (
        "Port {} on {} is not free ({}). Choose another with --port, or none.",
        "{1} 上的端口 {0} 已被占用（{2}）。请用 --port 换一个，或不指定。",
    ),
    (
        "Port {} needs administrator rights. Choose one above 1023 with --port.",
        "端口 {0} 需要管理员权限。请用 --port 选择 1023 以上的端口。",
    ),
    (
        "host {} is not an address of this machine. Try 127.0.0.1.",
        "host {0} 不是这台机器的地址。请试 127.0.0.1。",
    ),
    ("What is yours here has more than {} MB. Delete some of it.", "您在此处的内容超过 {0} MB。请删除一些。"),
    ("The file has more than {} MB. Choose a smaller one.", "文件超过 {0} MB。请选择更小的文件。"),
)
